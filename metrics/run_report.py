"""The page about a training run, `report.html` in its directory, and `python -m metrics.run_report`, which makes it."""

import dnnlib.quiet  # noqa: F401, I001  first: silences TensorFlow before anything imports it

import functools
import math
import os
import shlex
import time

import click
from tqdm import tqdm

from dnnlib.pages import html_page as page
from dnnlib.errors import disk_errors
from dnnlib.files import atomic_write
from dnnlib.folder_kinds import DATASET, RUN, check_kind, kind_of
from dnnlib.run_dir import BEST_PICKLE, REPORT_FILE
from dnnlib.util import format_duration
from dnnlib.pages import charts
from metrics import paper_table
from dnnlib.pages.grid_pictures import GridPicture, GridPictures, choose
from metrics.registry import is_lower_better
from metrics.results import best_result
from metrics.run_summary import summarise_run

WIDEST = 1056  # px, of a grid on the page
LONGEST_VALUE = 2000  # characters of an option's value
NONE = '–'


def _read_beside(ending):
    with open(os.path.splitext(__file__)[0] + ending, encoding='utf-8') as file:
        return file.read()


STYLE, SCRIPT = _read_beside('.css'), _read_beside('.js')


class RunReport:
    """Writes the page about a run, again and again as the run goes on; the pictures on it are made once.

    Args:
        run_dir: Folder of the run.
    """

    def __init__(self, run_dir):
        self._run_dir = run_dir
        self._pictures = GridPictures(run_dir)

    def write(self, progress=iter):
        """Writes `report.html` from the other files of the directory; what is missing or damaged, it says.

        Args:
            progress: As of `GridPictures.get`.

        Returns:
            Its path.

        Raises:
            UserError: There is no such directory, it cannot be read, or it is a dataset, which has a page of its own.
            OSError: The page cannot be written.
        """
        if kind_of(self._run_dir) == DATASET:
            _check_is_run(self._run_dir)
        run = summarise_run(self._run_dir)
        pictures = self._pictures.get([run.fakes[kimg] for kimg in choose([*run.fakes], _wanted(run))], progress)
        sections = [_head(run), *_grids(run, pictures), *_curves(run), _best(run), _table1(run), *_options(run)]
        path = os.path.join(self._run_dir, REPORT_FILE)
        with atomic_write(path) as file:
            file.write(page.page(f'Run {page.printable(run.name)}', sections, STYLE, SCRIPT))
        return path

    def attempt(self, say):
        """Writes the page; what keeps it from being written is only said, as no run may end for its page.

        Args:
            say: Function that takes a sentence.
        """
        try:
            self.write()
        except Exception as error:
            say(
                f'Warning: {os.path.join(self._run_dir, REPORT_FILE)} is not written ({_reason(error)}). All else goes '
                f'on; this makes it again: python -m metrics.run_report {shlex.quote(self._run_dir)}'
            )


def _check_is_run(folder):
    check_kind(
        folder,
        RUN,
        'name the directory of a training run',
        DATASET,
        f'its page is made by python -m prefilter.report {shlex.quote(folder)}',
    )


def _reason(error):
    return getattr(error, 'message', None) or getattr(error, 'strerror', None) or f'{type(error).__name__}: {error}'


def _wanted(run):
    """The kimg of the grid of the best snapshot, whose name is rounded down too."""
    return [int(run.best['kimg'])] if run.best else []


# ----------------------------------------------------------------------------------------------------------------------
# Sections.


def _head(run):
    written = time.strftime('%Y-%m-%d %H:%M %z')
    parts = [
        page.Markup('<h1>{}</h1>').format(page.printable(run.name)),
        page.Markup('<p class="state">{} Written {}.</p>').format(_state(run), written),
    ]
    parts += [
        page.Markup('<p class="problem">{}</p>').format(page.printable(problem, LONGEST_VALUE))
        for problem in run.problems
    ]
    return page.Markup('\n').join([*parts, page.tiles(_numbers(run))])


def _state(run):
    whole = '' if run.total_kimg is None else f' of {run.total_kimg:,g}'
    if not run.ticks:
        return f'At kimg {run.kimg:,}{whole}: no log line yet.'
    tick = run.ticks[-1]
    if run.is_finished:
        return f'Trained to its end, kimg {run.kimg:,.1f}, in {_duration(tick.get("total_sec"))}.'
    share = '' if run.total_kimg is None else f', {100 * run.kimg / run.total_kimg:.1f} %'
    return (
        f'At kimg {run.kimg:,.1f}{whole}{share}, after {_duration(tick.get("total_sec"))} of training. This '
        'page is written at each snapshot; the log is more recent.'
    )


def _numbers(run):
    """The tiles: (number, what it is)."""
    tick = run.ticks[-1] if run.ticks else {}
    if run.best:
        yield f'{run.best["value"]:.4g}', f'{run.best["metric"]}, best, at kimg {run.best["kimg"]:,g}'
    yield f'{run.kimg:,.1f}', f'kimg of {run.total_kimg:,g}' if run.total_kimg else 'kimg'
    if tick:
        if run.is_finished:
            yield _duration(tick.get('total_sec')), 'time of the run'
        else:
            yield _duration(tick.get('eta_sec')), 'ETA'
        yield _decimal(tick.get('sec_per_kimg'), '.4g'), 'seconds per kimg'
        yield _decimal(tick.get('images_per_sec'), '.4g'), 'images per second'
        yield (
            '{0}×{0}'.format(_decimal(tick.get('resolution'), '.0f')),
            f'pixels, lod {_decimal(tick.get("lod"), ".2f")}, minibatch {_decimal(tick.get("minibatch"), ".0f")}',
        )
        yield _decimal(tick.get('memory_gb'), '.1f', ' GB'), 'main memory, at most'
        if math.isfinite(tick.get('gpu_memory_gb', math.nan)):
            yield _decimal(tick['gpu_memory_gb'], '.1f', ' GB'), 'memory of the fullest GPU'


def _grids(run, pictures):
    shown = [(kimg, name, pictures[name]) for kimg, name in run.fakes.items() if name in pictures]
    failed = [
        page.Markup('<p class="problem">{}</p>').format(f'{name} cannot be shown: {why}.')
        for _, name, why in shown
        if not isinstance(why, GridPicture)
    ]
    shown = [entry for entry in shown if isinstance(entry[2], GridPicture)]
    if not shown:
        yield page.section('Samples', *failed, page.paragraph('There is no grid of fakes (fakesKKKKKK.png) yet.'))
        return
    words = 'The same latents at each time, by the average of the generator, without truncation.'
    if len(shown) < len(run.fakes):
        words += f' {len(shown)} of {len(run.fakes):,} grids, evenly chosen'
        words += ', the best snapshot’s and the last among them.' if run.best else ' and the last.'
    best = next((place for place, (kimg, _, _) in enumerate(shown) if kimg in _wanted(run)), None)
    figures = [
        _figure(run, *entry, is_best=place == best, is_last=place == len(shown) - 1)
        for place, entry in enumerate(shown)
    ]
    yield page.section(
        'Samples',
        *failed,
        page.paragraph('{}', words),
        page.Markup('<div class="grids">\n{}\n{}\n</div>').format(
            _controls(len(shown), best), page.Markup('\n').join(figures)
        ),
    )


def _controls(count, best):
    """What chooses a grid; hidden until the script is there that makes it work."""
    jumps = [(0, 'First')] + [(best, 'Best')] * (best is not None) + [(count - 1, 'Last')]
    buttons = [page.Markup('<button type="button" data-place="{}">{}</button>').format(*jump) for jump in jumps]
    return page.Markup(
        '<div class="controls" hidden><label><output>kimg</output><input type="range" min="0" max="{0}" value="{0}" '
        'step="1" aria-label="Time of the grid, kimg"></label>{1}<button type="button" class="play">Play</button></div>'
    ).format(count - 1, page.Markup('').join(buttons))


def _figure(run, kimg, name, picture, is_best, is_last):
    factor = max(WIDEST // picture.width, 1)  # whole, so that pixels stay square
    tick = next((tick for tick in reversed(run.ticks) if int(tick['kimg']) == kimg), {'kimg': kimg})
    return page.Markup(
        '<figure data-kimg="{}"{}><img{} src="{}" width="{}" height="{}" alt="Grid of fakes at kimg {}">'
        '<figcaption>{}</figcaption></figure>'
    ).format(
        tick['kimg'],
        page.Markup('' if is_last else ' hidden'),
        page.Markup(' class="small"' if factor > 1 else ''),
        page.uri('jpeg', picture.data),
        factor * picture.width,
        factor * picture.height,
        kimg,
        ' · '.join(_facts(run, kimg, tick, name, is_best)),
    )


def _facts(run, kimg, tick, name, is_best):
    """What is known of the moment of a grid."""
    yield f'kimg {kimg:,}'
    if math.isfinite(tick.get('resolution', math.nan)):
        yield 'trained at {0:.0f}×{0:.0f}'.format(tick['resolution'])
    for metric, records in run.curves.items():
        values = [record['value'] for record in records if int(record['kimg']) == kimg]
        if values:
            yield page.printable(f'{metric} {values[-1]:.4f}')
    if is_best:
        yield 'best snapshot'
    yield name


def _curves(run):
    kimgs = [tick['kimg'] for tick in run.ticks] + [record['kimg'] for curve in run.curves.values() for record in curve]
    if not kimgs:
        return
    span, marks = (min(kimgs), max(kimgs)), _marks(run.ticks, min(kimgs))

    def line(name, field):
        return charts.Line(name, [(tick['kimg'], tick.get(field, math.nan)) for tick in run.ticks])

    figures = [
        charts.chart(
            page.printable(metric),
            [charts.Line('', [_point(record) for record in records])],
            span,
            marks,
            _point(best_result(records)),
            may_be_logarithmic=True,
        )
        for metric, records in run.curves.items()
    ]
    if run.ticks:
        figures += [
            charts.chart('Losses', [line('G', 'G_loss'), line('D', 'D_loss')], span, marks),
            charts.chart('D’s scores', [line('reals', 'real_scores'), line('fakes', 'fake_scores')], span, marks),
            charts.chart('R1 penalty', [line('', 'r1_penalty')], span, marks, may_be_logarithmic=True),
            charts.chart('Seconds per kimg', [line('', 'sec_per_kimg')], span, marks, may_be_logarithmic=True),
        ]
    words = 'Over kimg, thousands of real images shown; numbers beside the names are the newest.'
    if marks:
        words += ' Dotted: the side in px that is trained from there on.'
    lost = sum(tick['nonfinite_steps'] for tick in run.ticks if math.isfinite(tick.get('nonfinite_steps', math.nan)))
    if lost:
        words += f' {lost:,.0f} steps were not finite and are left out.'
    yield page.section(
        'Curves',
        page.paragraph('{}', words),
        page.Markup('<div class="charts">\n{}\n</div>').format(page.Markup('\n').join(figures)),
    )


def _point(record):
    return record['kimg'], record['value']


def _marks(ticks, first):
    """Where the trained resolution or the minibatch changes; what it begins with stands at the kimg `first`."""
    marks, before = [], None
    for tick in ticks:
        stage = tick.get('resolution', math.nan), tick.get('minibatch', math.nan)
        if all(map(math.isfinite, stage)) and stage != before:
            kimg = first if before is None else tick['kimg']
            label = f'{stage[0]:.0f}' if before is None or stage[0] != before[0] else ''
            title = f'from kimg {kimg:g}: {stage[0]:.0f}×{stage[0]:.0f}, minibatch {stage[1]:.0f}'
            marks.append(charts.Mark(kimg, label, title))
            before = stage
    return marks


def _best(run):
    if run.best is None:
        return page.section(
            'Best snapshot',
            page.paragraph(
                'No snapshot has been measured yet: training does it with --metrics, {} afterwards.',
                page.code('python run_metrics.py'),
            ),
        )
    which = 'lowest' if is_lower_better(run.decisive) else 'highest'
    curve = run.curves[run.decisive]
    sentence = page.paragraph(
        '{}, kimg {}: its {} of {} is the {} of {} measured snapshots.{}',
        page.code(page.printable(run.best['snapshot'])),
        f'{run.best["kimg"]:,g}',
        page.printable(run.decisive),
        f'{run.best["value"]:.4f}',
        which,
        len(curve),
        page.Markup(' {} is a copy of it.').format(page.code(BEST_PICKLE)) if run.best_is_copied else '',
    )
    rows = [
        [
            page.printable(metric),
            _value_at(records, run.best['snapshot']),
            *(_value_and_kimg(record) for record in (best_result(records), records[-1])),
        ]
        for metric, records in run.curves.items()
    ]
    return page.section(
        'Best snapshot',
        sentence,
        page.table(['metric', 'of that snapshot', 'its own best', 'newest'], rows, right=(1, 2, 3)),
    )


def _value_at(records, snapshot):
    return next(
        (f'{record["value"]:.4f}' for record in records if record['snapshot'] == snapshot), paper_table.NOT_MEASURED
    )


def _value_and_kimg(record):
    return f'{record["value"]:.4f} at kimg {record["kimg"]:,g}'


def _table1(run):
    network = run.best or (run.records[-1] if run.records else None)
    name = 'this run' if network is None else network['snapshot']
    titles, *rows = table = paper_table.make_rows(page.printable(name), paper_table.collect(run.records, name))
    return page.section(
        'Table I of the paper',
        page.table(titles, rows, right=range(1, len(titles) - 1)),
        page.paragraph('{}', paper_table.note(table)),
    )


def _options(run):
    if run.options:
        yield page.section(
            'Options',
            page.table(
                ['option', 'value'],
                [
                    [page.code(page.printable(name)), page.in_words(value, LONGEST_VALUE)]
                    for name, value in run.options.items()
                ],
            ),
        )


def _duration(seconds):
    return format_duration(seconds) if seconds is not None and 0 <= seconds < math.inf else NONE


def _decimal(value, form, unit=''):
    return NONE if value is None or not math.isfinite(value) else f'{value:{form}}{unit}'


# ----------------------------------------------------------------------------------------------------------------------
# The verb.


@click.command(epilog='Example: python -m metrics.run_report results/00000-demo')
@click.argument('run_dir', metavar='RUN', type=click.Path(exists=True))
def main(run_dir):
    """Make report.html of RUN, the directory of a training run, again.

    Training does this at each snapshot, and run_metrics.py when it has measured; the page is made of the other files of
    the directory, of whichever there are.
    """
    _check_is_run(run_dir)
    with disk_errors('written', run_dir):
        path = RunReport(run_dir).write(functools.partial(tqdm, desc='Grids', unit=' grids', leave=False))
    click.echo(f'{path} is written.')


if __name__ == '__main__':
    main(prog_name='python -m metrics.run_report')
