"""Table I of the paper, with a network's own numbers beside those of the paper: as text, Markdown, CSV and LaTeX."""

import csv
import io
import os

import config
from dnnlib.errors import UserError
from dnnlib.files import atomic_write
from metrics.registry import METRICS

NOTE = ('Lower is better. The paper\'s networks on CelebA and CASIA-WebFace make 256x256 images, that on FFHQ, of '
        'Karras et al., 1024x1024. "diff" is this network\'s number less the paper\'s.')
NOT_MEASURED = 'not measured'


def collect(records, snapshot):
    """A network's numbers for the table.

    Args:
        records: As from `metrics.results.read_results`, oldest first; one of value None could not be measured.
        snapshot: File name of the network.

    Returns:
        Dict of the values' names, in the table's order, to the newest number measured with the settings that the name
        has today; to 'failed'; or to 'not measured'.
    """
    found = dict.fromkeys(config.PAPER_TABLE, NOT_MEASURED)
    settings = {value: metric._asdict() for metric in METRICS.values() for value in metric.values}
    for record in records:
        value = record['metric']
        if record['snapshot'] == snapshot and value in found and all(
                record['settings'].get(field) == setting for field, setting in settings[value].items()
                if field != 'name'):
            found[value] = 'failed' if record['value'] is None else record['value']
    return found


def make_rows(network, numbers):
    """The table as rows of text cells, the headings first.

    Args:
        network: What this network is called.
        numbers: From `collect`.
    """
    headings = ['Metric', network]
    for name in config.PAPER_NETWORKS:
        headings += [name, 'diff']
    rows = [headings]
    for value, (label, published) in config.PAPER_TABLE.items():
        number = numbers[value]
        is_measured = not isinstance(number, str)
        row = [label, f'{number:.4f}' if is_measured else number]
        for theirs in published:
            row += [f'{theirs:.4f}', f'{number - theirs:+.4f}' if is_measured else '-']
        rows.append(row)
    return rows


def as_text(rows):
    """Aligned columns, and a note below."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ['  '.join(cell.rjust(width) if column else cell.ljust(width)
                       for column, (cell, width) in enumerate(zip(row, widths))) for row in rows]
    return '\n'.join([*lines, NOTE])


def as_markdown(rows):
    """A table of Markdown, and a note below."""
    rule = ['---'] + ['---:'] * (len(rows[0]) - 1)
    lines = ['| ' + ' | '.join(cell.replace('|', '\\|') for cell in row) + ' |' for row in [rows[0], rule, *rows[1:]]]
    return '\n'.join([*lines, '', NOTE, ''])


def as_csv(rows):
    """Comma-separated values; each difference is headed by whom it is to."""
    headings = [f'diff to {rows[0][column - 1]}' if cell == 'diff' else cell for column, cell in enumerate(rows[0])]
    text = io.StringIO()
    csv.writer(text, lineterminator='\n').writerows([headings, *rows[1:]])
    return text.getvalue()


def as_latex(rows):
    """A tabular of LaTeX, which needs no package."""
    lines = [' & '.join(map(_escaped, row)) + r' \\' for row in rows]
    columns = 'l' + 'r' * (len(rows[0]) - 1)
    return '\n'.join([rf'\begin{{tabular}}{{{columns}}}', r'\hline', lines[0], r'\hline', *lines[1:], r'\hline',
                      r'\end{tabular}', '% ' + NOTE, ''])


def _escaped(cell):
    signed = f'${cell}$' if cell[0] in '+-' and len(cell) > 1 else cell  # a minus, not a hyphen
    for character in '_%&#':
        signed = signed.replace(character, '\\' + character)
    return signed


FILES = {'table1.md': as_markdown, 'table1.csv': as_csv, 'table1.tex': as_latex}


def write_files(folder, rows):
    """Writes `FILES` to a folder, which is made if it is not there.

    Returns:
        Their paths.

    Raises:
        UserError: The folder cannot be written.
    """
    paths = []
    try:
        os.makedirs(folder, exist_ok=True)
        for name, form in FILES.items():
            paths.append(os.path.join(folder, name))
            with atomic_write(paths[-1]) as file:
                file.write(form(rows).encode('utf-8'))
    except OSError as error:
        raise UserError(f'--write: {error.filename or folder} cannot be written ({error.strerror}): name another '
                        'folder, or mend its permissions.') from error
    return paths
