"""What a study of sizes writes: a table, the numbers, and a figure."""

import json
import os

from matplotlib.ticker import NullLocator
from tabulate import tabulate

from dnnlib.errors import disk_errors
from dnnlib.files import atomic_write
from dnnlib.pages import plots
from synthesis.study.size import common_size, metrics_of, remarks_of

NUMBERS_FILE, TABLE_FILE, FIGURE_FILE = FILES = 'size.json', 'size.md', 'size.png'
FIGURE_SIZE = 1000, 760  # px
UNKNOWN = '–'


def table_of(rows):
    """The table: (headings, rows of text)."""
    names, count = metrics_of(rows), common_size(rows)
    headings = ['run or set', 'training images', *names, 'kimg', 'hours', 'identities', 'FAR', 'with a look-alike']
    headings += ['real people', 'like a training person', 'held-out people', 'recall of the set']
    headings += [] if count is None else [f'K({count:,})']
    table = []
    for row in rows:
        line = [row.name, _shown(row.images, ',')]
        line += [_shown(row.metrics[name]['value'] if name in row.metrics else None, '.4g') for name in names]
        line += [_shown(row.kimg, 'g'), _shown(row.hours, '.2f'), _shown(row.people, ','), _shown(row.far, 'g')]
        line += [_shown(share, '.2%') for share in (row.alike, row.real_alike, row.leaked, row.held_out)]
        line.append(_shown(row.recall, '.3f'))
        table.append(line + ([] if count is None else [_shown(row.kept_of(count), ',')]))
    return headings, table


def _shown(value, form):
    return UNKNOWN if value is None else format(value, form)


def text_of(rows, form='plain'):
    """The table as text, in a form of tabulate, with what is to be known."""
    headings, table = table_of(rows)
    shown = tabulate(
        [headings, *table],
        headers='firstrow',
        tablefmt=form,
        colalign=['left'] + ['right'] * (len(headings) - 1),
        disable_numparse=True,
    )
    return '\n\n'.join([shown, *remarks_of(rows)]) + '\n'


def write_size(folder, rows):
    """Writes the numbers, the table and the figure into an existing folder. Raises UserError if the disk refuses."""
    record = {'remarks': remarks_of(rows), 'rows': [row._asdict() for row in rows]}
    with disk_errors('written', folder, 'or choose another --out'):
        for name, content in (
            (NUMBERS_FILE, json.dumps(record, indent=2).encode() + b'\n'),
            (TABLE_FILE, text_of(rows, 'github').encode()),
            (FIGURE_FILE, draw(rows)),
        ):
            with atomic_write(os.path.join(folder, name)) as file:
                file.write(content)


def draw(rows):
    """The figure: the bytes of a PNG."""
    placed = [row for row in rows if row.images is not None]
    metrics, counts = metrics_of(rows), sorted({row.images for row in placed})
    with plots.new_figure(*FIGURE_SIZE) as figure:
        (top, right), (left, last) = figure.subplots(2, 2)
        for name in metrics[:2]:
            _curve(top, placed, name, lambda row, name=name: row.metrics.get(name, {}).get('value'))
        top.set(title='Metrics', ylabel='value')
        _curve(right, placed, 'with a look-alike', lambda row: row.alike)
        _curve(right, placed, 'real people', lambda row: row.real_alike)
        right.set(title='Look-alikes within the set', ylabel='share of identities')
        _curve(left, placed, 'synthetic people', lambda row: row.leaked)
        _curve(left, placed, 'held-out people', lambda row: row.held_out)
        left.set(title='Like a person of the training set', ylabel='share of identities')
        for axes in (top, right, left):
            axes.set(xlabel='training images', xscale='log')
            axes.set_xticks(counts)
            axes.set_xticklabels([f'{count:,}' for count in counts])
            axes.xaxis.set_minor_locator(NullLocator())
            axes.set_ylim(bottom=0)
            plots.style_axes(axes)
        for row in rows:
            if row.sizes:
                last.plot(row.sizes, row.kept, label=row.name if row.images is None else f'{row.images:,} images')
        last.set(title='Different people among n identities', xlabel='n', ylabel='K(n)')
        plots.style_axes(last)
        return plots.as_png(figure)


def _curve(axes, rows, name, value_of):
    points = [(row.images, value_of(row)) for row in rows if value_of(row) is not None]
    if points:
        axes.plot(*zip(*points), marker='.', label=name)
