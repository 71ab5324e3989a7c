"""The page about a training run, `report.html` in its directory, and the command `python -m metrics.run_report`."""

from dnnlib.verb import Verb  # noqa: I001  first: Ctrl-C shows no traceback, and TensorFlow keeps quiet

import functools
import math
import os
import shlex
import time
from typing import List, NamedTuple

import click

from dnnlib.errors import disk_errors
from dnnlib.files import atomic_write
from dnnlib.folder_kinds import DATASET, RUN, check_kind, kind_of
from dnnlib.pages import charts
from dnnlib.pages import html_page as page
from dnnlib.pages.grid_pictures import GridPicture, GridPictures, choose
from dnnlib.progress import Progress
from dnnlib.run_dir import BEST_PICKLE, REPORT_FILE
from dnnlib.util import format_duration
from metrics import paper_table
from metrics.registry import is_lower_better
from metrics.results import best_result
from metrics.run_summary import summarise_run

# Titles of charts and fields of the log.
PENALTIES = (
    ('R1 penalty', 'r1_penalty'),
    ('R2 penalty', 'r2_penalty'),
    ('Gradient penalty', 'gradient_penalty'),
)
TEMPLATE = os.path.splitext(os.path.abspath(__file__))[0] + '.html'
STYLE, SCRIPT = page.read_beside(__file__, '.css'), page.read_beside(__file__, '.js')
WIDEST = 1056  # px; width up to which grids are enlarged
NONE = '–'


class RunReport:
    """Writes the page about a run. It may be written again and again; each picture is made once.

    Args:
        run_dir: Folder of the run.
    """

    def __init__(self, run_dir):
        self._run_dir = run_dir
        self._pictures = GridPictures(run_dir)

    def write(self, progress=iter):
        """Writes `report.html` from the other files of the directory. The page says what is missing or damaged.

        Args:
            progress: See `GridPictures.get`.

        Returns:
            Path of the page.

        Raises:
            UserError: The directory does not exist or cannot be read, or it is a dataset, which has its own page.
            OSError: The page cannot be written.
        """
        if kind_of(self._run_dir) == DATASET:
            _check_is_run(self._run_dir)
        run = summarise_run(self._run_dir)
        names = [run.fakes[kimg] for kimg in choose([*run.fakes], _wanted(run))]
        html = make_page(run, self._pictures.get(names, progress))
        path = os.path.join(self._run_dir, REPORT_FILE)
        with atomic_write(path) as file:
            file.write(html)
        return path

    def write_or_warn(self, say):
        """Writes the page, or says why it cannot be written. Never raises, so that the run goes on.

        Args:
            say: Function that takes a sentence.
        """
        try:
            self.write()
        except Exception as error:
            say(
                f'Warning: {os.path.join(self._run_dir, REPORT_FILE)} is not written ({_reason(error)}). Everything '
                f'else goes on. To write it: python -m metrics.run_report {shlex.quote(self._run_dir)}'
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
    """The kimg in the name of the best snapshot's grid; a list, empty without a best snapshot."""
    return [run.grid_at(run.best['kimg'])] if run.best else []


# ----------------------------------------------------------------------------------------------------------------------
# What the template shows.


class Grid(NamedTuple):
    """A grid of fakes on the page."""

    kimg: float
    picture: GridPicture
    factor: int  # by which it is enlarged; whole, so that pixels stay square
    facts: List[str]  # what its caption says
    is_best: bool  # whether it shows the best snapshot


def make_page(run, pictures):
    """The bytes of the page.

    Args:
        run: `metrics.run_summary.RunSummary`.
        pictures: Dict of the file name of a grid to its `GridPicture`, or to the reason why there is none.
    """
    shown = [(kimg, name) for kimg, name in run.fakes.items() if name in pictures]
    marks = _marks(run)
    network = run.best or (run.records[-1] if run.records else None)
    measured = 'this run' if network is None else network['snapshot']
    paper = paper_table.make_rows(page.printable(measured), paper_table.collect(run.records, measured))
    return page.page(
        TEMPLATE,
        STYLE,
        SCRIPT,
        run=run,
        state=_state(run),
        written=time.strftime('%Y-%m-%d %H:%M %z'),
        numbers=_numbers(run),
        failed=[(name, pictures[name]) for _, name in shown if not isinstance(pictures[name], GridPicture)],
        grids=[
            _grid(run, kimg, name, pictures[name]) for kimg, name in shown if isinstance(pictures[name], GridPicture)
        ],
        charts=_charts(run, marks),
        has_marks=bool(marks),
        lost_steps=sum(steps for _, steps in _points(run, 'nonfinite_steps') if math.isfinite(steps)),
        which=run.best and ('lowest' if is_lower_better(run.decisive) else 'highest'),
        best_pickle=BEST_PICKLE,
        metrics=[(metric, _values(run, records)) for metric, records in run.curves.items()] if run.best else [],
        paper_titles=paper[0],
        paper_rows=paper[1:],
        paper_note=paper_table.note(paper),
    )


def _state(run):
    whole = '' if run.total_kimg is None else f' of {run.total_kimg:,g}'
    if not run.ticks:
        rest = 'no log line yet.' if run.ending is None else run.ending
        return f'At kimg {run.kimg:,}{whole}: {rest}'
    tick = run.ticks[-1]
    if run.is_finished:
        return f'Trained to its end, kimg {run.kimg:,.1f}, in {_duration(tick.get("total_sec"))}.'
    if run.ending is not None:
        return (
            f'Ended at kimg {run.kimg:,.1f}{whole}, after {_duration(tick.get("total_sec"))} of training. {run.ending}'
        )
    share = '' if run.total_kimg is None else f', {100 * run.kimg / run.total_kimg:.1f} %'
    return (
        f'At kimg {run.kimg:,.1f}{whole}{share}, after {_duration(tick.get("total_sec"))} of training. This '
        'page is written at each snapshot; the log is more recent.'
    )


def _numbers(run):
    """Yields the tiles of the page: (number, what it is)."""
    tick = run.ticks[-1] if run.ticks else {}
    if run.best:
        yield f'{run.best["value"]:.4g}', f'{run.best["metric"]}, best, at kimg {run.best["kimg"]:,g}'
    yield f'{run.kimg:,.1f}', f'kimg of {run.total_kimg:,g}' if run.total_kimg else 'kimg'
    if tick:
        if run.is_finished:
            yield _duration(tick.get('total_sec')), 'time of the run'
        elif run.ending is None:
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


def _grid(run, kimg, name, picture):
    tick = next((tick for tick in reversed(run.ticks) if run.grid_at(tick['kimg']) == kimg), {'kimg': kimg})
    is_best = kimg in _wanted(run)
    factor = max(WIDEST // picture.width, 1)
    return Grid(tick['kimg'], picture, factor, [*_facts(run, kimg, tick, name, is_best)], is_best)


def _facts(run, kimg, tick, name, is_best):
    """Yields the facts in the caption of a grid."""
    yield f'kimg {kimg:,}'
    if math.isfinite(tick.get('resolution', math.nan)):
        yield 'trained at {0:.0f}×{0:.0f}'.format(tick['resolution'])
    for metric, records in run.curves.items():
        values = [record['value'] for record in records if run.grid_at(record['kimg']) == kimg]
        if values:
            yield page.printable(f'{metric} {values[-1]:.4f}')
    if is_best:
        yield 'best snapshot'
    yield name


def _charts(run, marks):
    span = _span(run)
    if span is None:
        return []
    measured = [
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
    if not run.ticks:
        return measured

    def lines(**fields):
        return [charts.Line(name.strip('_'), _points(run, field)) for name, field in fields.items()]

    return measured + [
        charts.chart('Losses', lines(G='G_loss', D='D_loss'), span, marks),
        charts.chart('D’s scores', lines(reals='real_scores', fakes='fake_scores'), span, marks),
        *(
            charts.chart(title, lines(_=field), span, marks, may_be_logarithmic=True)
            for title, field in PENALTIES
            if field == 'r1_penalty' or any(field in tick for tick in run.ticks)
        ),
        *(
            charts.chart(title, lines(reals=f'C_real_{what}', fakes=f'C_fake_{what}'), span, marks)
            for title, what in (('C’s loss', 'loss'), ('Labels that C reads right', 'accuracy'))
            if any(f'C_real_{what}' in tick for tick in run.ticks)
        ),
        charts.chart('Seconds per kimg', lines(_='sec_per_kimg'), span, marks, may_be_logarithmic=True),
    ]


def _span(run):
    """(first, last) kimg that the charts show, or None without data."""
    kimgs = [tick['kimg'] for tick in run.ticks] + [record['kimg'] for curve in run.curves.values() for record in curve]
    return (min(kimgs), max(kimgs)) if kimgs else None


def _points(run, field):
    return [(tick['kimg'], tick.get(field, math.nan)) for tick in run.ticks]


def _point(record):
    return record['kimg'], record['value']


def _marks(run):
    """Marks where the resolution or the minibatch changes. The first mark is where the charts begin."""
    marks, before = [], None
    for tick in run.ticks:
        stage = tick.get('resolution', math.nan), tick.get('minibatch', math.nan)
        if all(map(math.isfinite, stage)) and stage != before:
            kimg = _span(run)[0] if before is None else tick['kimg']
            label = f'{stage[0]:.0f}' if before is None or stage[0] != before[0] else ''
            title = f'from kimg {kimg:g}: {stage[0]:.0f}×{stage[0]:.0f}, minibatch {stage[1]:.0f}'
            marks.append(charts.Mark(kimg, label, title))
            before = stage
    return marks


def _values(run, records):
    """A metric in words: its value for the best snapshot, its own best value, its newest value."""
    of_best = next((f'{record["value"]:.4f}' for record in records if record['snapshot'] == run.best['snapshot']), None)
    return [of_best or paper_table.NOT_MEASURED, *map(_value_and_kimg, (best_result(records), records[-1]))]


def _value_and_kimg(record):
    return f'{record["value"]:.4f} at kimg {record["kimg"]:,g}'


def _duration(seconds):
    return format_duration(seconds) if seconds is not None and 0 <= seconds < math.inf else NONE


def _decimal(value, form, unit=''):
    return NONE if value is None or not math.isfinite(value) else f'{value:{form}}{unit}'


# ----------------------------------------------------------------------------------------------------------------------
# The verb.


@click.command(cls=Verb, epilog='Example: python -m metrics.run_report results/00000-demo')
@click.argument('run_dir', metavar='RUN', type=click.Path(exists=True))
def main(run_dir):
    """Write report.html, the page about RUN, the directory of a training run.

    Training writes it at each snapshot, and run_metrics.py after it has measured. The page shows what is in the other
    files of the directory. Missing files do not matter.
    """
    _check_is_run(run_dir)
    with disk_errors('written', run_dir):
        path = RunReport(run_dir).write(functools.partial(Progress, desc='Grids', unit=' grids', leave=False))
    click.echo(f'{path} is written.')


if __name__ == '__main__':
    main(prog_name='python -m metrics.run_report')
