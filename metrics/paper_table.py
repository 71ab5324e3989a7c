"""Table I of the paper, with the numbers of a network beside the paper's: as text, Markdown, CSV and LaTeX."""

import csv
import io
import os

from tabulate import tabulate

import config
from dnnlib.errors import disk_errors
from dnnlib.files import atomic_write
from metrics.registry import METRICS

NOTE = (
    "Lower is better, if nothing else is said. The paper's networks for CelebA and CASIA-WebFace make "
    '256x256 images; the FFHQ network of Karras et al. makes 1024x1024 images. "diff" is this network\'s number minus '
    "the paper's."
)
NOTE_ALONE = (
    'Lower is better, if nothing else is said. The paper has no numbers for these metrics. Its numbers '
    'for other metrics cannot be compared with them.'
)
NOT_MEASURED = 'not measured'


def collect(records, snapshot, with_paper=True):
    """A network's numbers for the table.

    Args:
        records: Records from `metrics.results.read_results`, oldest first. A value of None means that it could not be
            measured.
        snapshot: File name of the network.
        with_paper: Whether to list all values of the paper's table, measured or not.

    Returns:
        Dict of the names of values to the newest number measured with today's settings of that name, or to 'failed', or
        to 'not measured'. The values of the paper's table come first, in its order.
    """
    found = dict.fromkeys(config.PAPER_TABLE if with_paper else (), NOT_MEASURED)
    for metric in METRICS.values():
        settings = metric.settings()
        for record in records:
            if (
                record['snapshot'] == snapshot
                and record['metric'] in metric.value_names
                and all(record['settings'].get(field) == setting for field, setting in settings.items())
            ):
                found[record['metric']] = 'failed' if record['value'] is None else record['value']
    return found


def make_rows(network, numbers):
    """The table as rows of text cells, the headings first.

    Args:
        network: Name of this network.
        numbers: Dict from `collect`. Without values of the paper's table, its columns are left out.
    """
    descriptions = {
        value: description
        for metric in METRICS.values()
        for value, description in zip(metric.value_names, metric.descriptions)
    }
    with_paper = not config.PAPER_TABLE.keys().isdisjoint(numbers)
    networks = config.PAPER_NETWORKS if with_paper else ()
    rows = [['Metric', network, *(heading for name in networks for heading in (name, 'diff')), 'Description']]
    for value, number in numbers.items():
        label, published = config.PAPER_TABLE.get(value, (value, [None] * len(networks)))
        is_measured = not isinstance(number, str)
        row = [label, f'{number:.4f}' if is_measured else number]
        for theirs in published:
            compares = is_measured and theirs is not None
            row += ['-' if theirs is None else f'{theirs:.4f}', f'{number - theirs:+.4f}' if compares else '-']
        rows.append(row + [descriptions[value]])
    return rows


def note(rows):
    """The sentences below a table of `make_rows`."""
    return NOTE if _has_paper(rows) else NOTE_ALONE


def _has_paper(rows):
    return len(rows[0]) > 3


def as_text(rows):
    """Aligned columns, and a note below. With the paper's numbers there is no space for descriptions."""
    text_note, described = note(rows), not _has_paper(rows)
    rows = rows if described else [row[:-1] for row in rows]
    alignments = ['left', *['right'] * (len(rows[0]) - 1)]
    if described:
        alignments[-1] = 'left'
    return tabulate(rows, tablefmt='plain', colalign=alignments, disable_numparse=True) + '\n' + text_note


def as_markdown(rows):
    """A table of Markdown, and a note below."""
    rule = ['---', *['---:'] * (len(rows[0]) - 2), '---']
    lines = ['| ' + ' | '.join(cell.replace('|', '\\|') for cell in row) + ' |' for row in [rows[0], rule, *rows[1:]]]
    return '\n'.join([*lines, '', note(rows), ''])


def as_csv(rows):
    """Comma-separated values. The heading of a difference names the network that is subtracted."""
    headings = [f'diff to {rows[0][column - 1]}' if cell == 'diff' else cell for column, cell in enumerate(rows[0])]
    text = io.StringIO()
    csv.writer(text, lineterminator='\n').writerows([headings, *rows[1:]])
    return text.getvalue()


def as_latex(rows):
    """A LaTeX tabular, which needs no package."""
    lines = [' & '.join(map(_escaped, row)) + r' \\' for row in rows]
    columns = 'l' + 'r' * (len(rows[0]) - 2) + 'l'
    return '\n'.join(
        [
            rf'\begin{{tabular}}{{{columns}}}',
            r'\hline',
            lines[0],
            r'\hline',
            *lines[1:],
            r'\hline',
            r'\end{tabular}',
            '% ' + note(rows),
            '',
        ]
    )


def _escaped(cell):
    signed = f'${cell}$' if cell[0] in '+-' and len(cell) > 1 else cell  # a minus, not a hyphen
    for character in '_%&#':
        signed = signed.replace(character, '\\' + character)
    return signed


FILES = {'table1.md': as_markdown, 'table1.csv': as_csv, 'table1.tex': as_latex}


def write_files(folder, rows):
    """Writes `FILES` to a folder. The folder is made if it does not exist.

    Returns:
        Paths of the files.

    Raises:
        UserError: The folder cannot be written.
    """
    paths = []
    with disk_errors('written', folder, 'or name another folder with --write'):
        os.makedirs(folder, exist_ok=True)
        for name, form in FILES.items():
            paths.append(os.path.join(folder, name))
            with atomic_write(paths[-1]) as file:
                file.write(form(rows).encode('utf-8'))
    return paths
