"""What the files of a training run say about it, however little that is: nothing yet, or half of it damaged."""

import json
import math
import os
from typing import Dict, List, NamedTuple, Optional

from dnnlib.errors import UserError, disk_error, disk_errors
from dnnlib.run_dir import BEST_PICKLE, FAKES_PATTERN, STATS_FILE, read_options
from metrics.registry import METRICS, decisive_value
from metrics.results import Snapshot, best_result, find_equal, find_measured, read_results, series


class RunSummary(NamedTuple):
    """A run as its directory shows it."""

    name: str  # of its directory
    options: dict  # of options.json; empty if that cannot be read
    total_kimg: Optional[float]  # length of the run, thousands of reals; None: unknown
    ticks: List[Dict[str, float]]  # lines of stats.jsonl, NaN for what is no number; each has a kimg
    curves: Dict[str, List[dict]]  # metric -> its records by growing kimg, see `metrics.results.series`
    records: List[dict]  # all of metrics.jsonl
    decisive: Optional[str]  # the metric that tells which snapshot is best
    best: Optional[dict]  # that snapshot's record
    best_is_copied: bool  # whether network-best.pkl is a copy of that snapshot
    fakes: Dict[int, str]  # kimg -> file name of the grid, by growing kimg
    problems: List[str]  # sentences about what is missing or damaged

    @property
    def kimg(self):
        """How far the run is, thousands of reals: by the newest tick, before the first one by the newest grid."""
        return self.ticks[-1]['kimg'] if self.ticks else max(self.fakes, default=0)

    @property
    def is_finished(self):
        """Whether the newest tick is at the end of the run."""
        return bool(self.ticks) and self.total_kimg is not None and self.kimg >= self.total_kimg


def summarise_run(run_dir):
    """The `RunSummary` of a run's directory; what cannot be read is among its problems.

    Raises:
        UserError: There is no such directory, or it cannot be read.
    """
    problems = []
    options = _attempt(lambda: read_options(run_dir), {}, problems)
    records = [
        record
        for record in _attempt(lambda: read_results(run_dir), [], problems)
        if math.isfinite(_number(record['value']))
    ]
    placed = [record for record in records if math.isfinite(_number(record['kimg']))]
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
        problems=problems,
    )


def _attempt(read, otherwise, problems):
    try:
        return read()
    except UserError as error:
        problems.append(error.message)
        return otherwise


def _decisive(names, curves):
    """As training has it; of a run without metrics, the value measured first."""
    known = [METRICS[name] for name in names if name in METRICS] if isinstance(names, list) else []
    return decisive_value(known) or next(iter(curves), None)


def _is_copied(run_dir, best):
    try:
        return find_equal(run_dir, [Snapshot(best['snapshot'], best['kimg'])], BEST_PICKLE) is not None
    except (OSError, ValueError):  # either is gone; or a name that no file can have
        return False


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
    """A number of JSON as a float; NaN for what is none, or too large for one."""
    try:
        return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else math.nan
    except OverflowError:
        return math.nan


def _find_fakes(run_dir):
    with disk_errors('read', run_dir, 'or name the folder of a training run'):
        matches = [match for match in map(FAKES_PATTERN.fullmatch, os.listdir(run_dir)) if match]
    return {int(match.group(1)): match.group(0) for match in sorted(matches, key=lambda match: int(match.group(1)))}
