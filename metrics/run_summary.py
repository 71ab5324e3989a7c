"""Reads the files of a training run. Some may be missing or damaged; the others are read."""

import json
import math
import os
from typing import Dict, List, NamedTuple, Optional

from dnnlib.errors import UserError, disk_error, disk_errors
from dnnlib.run_dir import BEST_PICKLE, LOG_FILE, STATS_FILE, fakes_kimg, read_options
from metrics.registry import METRICS, decisive_value
from metrics.results import Snapshot, best_result, find_equal, find_measured, read_results, series

LONGEST_LINE = 1 << 14  # bytes of the last line of a log that are read


class RunSummary(NamedTuple):
    """What the files of a run say."""

    name: str  # name of its directory
    options: dict  # from options.json; empty if the file cannot be read
    total_kimg: Optional[float]  # length of the run, thousands of reals; None: unknown
    ticks: List[Dict[str, float]]  # lines of stats.jsonl; NaN for all that is no number; each has a kimg
    curves: Dict[str, List[dict]]  # metric -> its records, see `metrics.results.series`
    records: List[dict]  # all records of metrics.jsonl
    decisive: Optional[str]  # the value that decides which snapshot is best
    best: Optional[dict]  # the record of the best snapshot
    best_is_copied: bool  # whether network-best.pkl is a copy of the best snapshot
    fakes: Dict[float, str]  # kimg, as in the name -> file name of the grid, sorted by kimg
    ending: Optional[str]  # the line of the log with which the run ended, by an error or a signal; None: it did not
    problems: List[str]  # sentences about missing or damaged files

    @property
    def kimg(self):
        """Thousands of reals shown so far, from the newest tick; without ticks, from the newest grid."""
        return self.ticks[-1]['kimg'] if self.ticks else max(self.fakes, default=0)

    def grid_at(self, kimg):
        """The kimg in the name of the grid that was made at `kimg`: the same, or rounded down."""
        return kimg if kimg in self.fakes else int(kimg)

    @property
    def is_finished(self):
        """Whether the newest tick is at the end of the run."""
        return bool(self.ticks) and self.total_kimg is not None and self.kimg >= self.total_kimg


def summarise_run(run_dir):
    """The `RunSummary` of a run's directory. Its problems name the files that cannot be read.

    Raises:
        UserError: The directory does not exist or cannot be read.
    """
    problems = []
    options = _read_or_note(lambda: read_options(run_dir), {}, problems)
    records = _read_or_note(lambda: read_results(run_dir), [], problems)
    placed = [record for record in records if record['kimg'] is not None]
    curves = {metric: series(placed, metric) for metric in find_measured(placed)}
    decisive = _decisive(options.get('metrics'), curves)
    best = best_result(curves.get(decisive, []))
    total_kimg = _number(options.get('total_kimg'))
    return RunSummary(
        name=os.path.basename(os.path.abspath(run_dir)),
        options=options,
        total_kimg=total_kimg if math.isfinite(total_kimg) and total_kimg > 0 else None,
        ticks=_read_ticks(run_dir, problems),
        curves=curves,
        records=records,
        decisive=decisive,
        best=best,
        best_is_copied=best is not None and _is_copied(run_dir, best),
        fakes=_find_fakes(run_dir),
        ending=_read_ending(run_dir),
        problems=problems,
    )


def _read_or_note(read, otherwise, problems):
    try:
        return read()
    except UserError as error:
        problems.append(error.message)
        return otherwise


def _decisive(names, curves):
    """The value that decides in training; for a run without metrics, the value that was measured first."""
    known = [METRICS[name] for name in names if name in METRICS] if isinstance(names, list) else []
    return decisive_value(known) or next(iter(curves), None)


def _is_copied(run_dir, best):
    try:
        return find_equal(run_dir, [Snapshot(best['snapshot'], best['kimg'])], BEST_PICKLE) is not None
    except (OSError, ValueError):  # one of the two is gone, or no file can have such a name
        return False


def _read_ending(run_dir):
    """The last line of the log, without its time, if it says that the run ended before its time; else None."""
    try:
        with open(os.path.join(run_dir, LOG_FILE), 'rb') as file:
            file.seek(max(os.path.getsize(file.name) - LONGEST_LINE, 0))
            last = file.read().decode('utf-8', 'replace').rstrip('\n').rpartition('\n')[2]
    except OSError:  # the page shows what there is
        return None
    line = last.partition('  ')[2]
    return line if line.startswith(('Error: ', 'Stopped at kimg')) else None


def _read_ticks(run_dir, problems):
    path = os.path.join(run_dir, STATS_FILE)
    try:
        with open(path, 'rb') as file:
            lines = file.read().split(b'\n')
    except FileNotFoundError:
        return []
    except OSError as error:
        problems.append(disk_error(error, 'read', path).message)
        return []
    ticks = [_parse_tick(line) for line in lines if line.strip()]
    damaged = ticks.count(None)
    if damaged:
        problems.append(
            f'{damaged} {"line" if damaged == 1 else "lines"} of {STATS_FILE} cannot be read, as after a '
            'power cut or on a full disk; the rest is shown.'
        )
    return [tick for tick in ticks if tick is not None]


def _parse_tick(line):
    try:
        tick = {name: _number(value) for name, value in json.loads(line.decode('utf-8')).items()}
    except (ValueError, AttributeError, RecursionError):
        return None
    return tick if math.isfinite(tick.get('kimg', math.nan)) else None


def _number(value):
    """A number from JSON as a float. NaN for anything else, and for numbers too large for a float."""
    try:
        return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else math.nan
    except OverflowError:
        return math.nan


def _find_fakes(run_dir):
    with disk_errors('read', run_dir, 'or name the folder of a training run'):
        kimgs = {fakes_kimg(name): name for name in os.listdir(run_dir)}
    return {kimg: kimgs[kimg] for kimg in sorted(kimg for kimg in kimgs if kimg is not None)}
