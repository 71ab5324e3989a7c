"""A run's measured numbers, `metrics.jsonl`, and the snapshot they single out, `network-best.pkl`."""

import filecmp
import json
import math
import os
import shutil
from typing import NamedTuple, Optional

from dnnlib.errors import UserError
from dnnlib.files import atomic_write
from dnnlib.run_dir import BEST_PICKLE, FINAL_PICKLE, SNAPSHOT_PATTERN

METRICS_FILE = 'metrics.jsonl'


class Snapshot(NamedTuple):
    """A network pickle of a run."""

    name: str  # file name
    kimg: Optional[float]  # thousands of real images shown until then; None where nothing tells


def find_snapshots(run_dir, final_kimg=None):
    """The network pickles of a run, by growing kimg.

    Args:
        run_dir: Folder of the run.
        final_kimg: The training length of a finished run, for a `network-final.pkl` that equals no snapshot.

    Returns:
        List of `Snapshot`; the final network is left out when the last snapshot is the same file by content.
    """
    names = sorted(os.listdir(run_dir))
    found = [Snapshot(name, int(match.group(1))) for name, match in (
        (name, SNAPSHOT_PATTERN.fullmatch(name)) for name in names) if match]
    found.sort(key=lambda snapshot: snapshot.kimg)
    if FINAL_PICKLE in names and not (found and filecmp.cmp(
            os.path.join(run_dir, FINAL_PICKLE), os.path.join(run_dir, found[-1].name), shallow=False)):
        found.append(Snapshot(FINAL_PICKLE, final_kimg))
    return found


def append_result(run_dir, snapshot, result):
    """Adds one line to the run's metrics file, durably.

    Args:
        run_dir: Folder of the run.
        snapshot: The `Snapshot` that was measured.
        result: Its `metrics.Result`.

    Returns:
        The record: a dict of `snapshot` (file name), `kimg`, `metric`, `value`, `seconds` and `settings`.

    Raises:
        UserError: The file cannot be written.
    """
    record = {'snapshot': snapshot.name, 'kimg': snapshot.kimg, **result._asdict()}
    path = os.path.join(run_dir, METRICS_FILE)
    try:
        # Appended rather than rewritten, so that a training run and a measurement beside it lose no line.
        with open(path, 'a', encoding='utf-8') as file:
            file.write(json.dumps(record, allow_nan=False) + '\n')
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise UserError(f'{path} cannot be written: {error.strerror}.') from error
    return record


def read_results(run_dir):
    """All records of a run's metrics file, oldest first; none when there is no file.

    Raises:
        UserError: A line is damaged.
    """
    path = os.path.join(run_dir, METRICS_FILE)
    if not os.path.exists(path):
        return []
    with open(path, encoding='utf-8') as file:
        lines = file.read().splitlines()
    records = []
    for number, line in enumerate(lines, 1):
        try:
            record = json.loads(line)
            record['snapshot'], record['kimg'], record['metric'], float(record['value']), record['settings']
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(f'{path} line {number} is damaged: delete that line and measure again.') from error
        records.append(record)
    return records


def find_result(records, snapshot_name, metric, settings):
    """The newest record of that snapshot, metric and settings, or None."""
    return next((record for record in reversed(records) if (
        record['snapshot'], record['metric'], record['settings']) == (snapshot_name, metric, settings)), None)


def series(records, metric, settings=None):
    """One record for each snapshot, all measured alike, by growing kimg.

    Args:
        records: As from `read_results`.
        metric: Name of the metric.
        settings: Settings the records must have; None takes those of the newest record of the metric.

    Returns:
        List of records; of several of one snapshot the newest counts.
    """
    records = [record for record in records if record['metric'] == metric]
    if records and settings is None:
        settings = records[-1]['settings']
    by_snapshot = {record['snapshot']: record for record in records if record['settings'] == settings}
    return sorted(by_snapshot.values(), key=lambda record: math.inf if record['kimg'] is None else record['kimg'])


def best_result(records):
    """The record of the lowest value, the earliest of equals; None when there is none."""
    return min(records, key=lambda record: record['value'], default=None)


def keep_best(run_dir, metric, settings=None):
    """Copies the snapshot with the lowest value to `network-best.pkl` (the paper's rule, section III.C), in one step.

    Args:
        run_dir: Folder of the run.
        metric: Name of the metric that decides.
        settings: As in `series`.

    Returns:
        The best snapshot's record, or None when nothing has been measured.

    Raises:
        UserError: The snapshot is gone, and so is the copy made of it; or the disk refuses the copy.
    """
    best = best_result(series(read_results(run_dir), metric, settings))
    if best is None:
        return None
    source, target = os.path.join(run_dir, best['snapshot']), os.path.join(run_dir, BEST_PICKLE)
    if not os.path.exists(source):
        if os.path.exists(target):
            return best  # whoever deleted it to save space has it as the copy that was made when it became the best
        raise UserError(f'{source} has the best {metric} but is gone: delete its line in {METRICS_FILE}.')
    try:
        with open(source, 'rb') as original, atomic_write(target) as copy:
            shutil.copyfileobj(original, copy, 1 << 20)
    except OSError as error:
        raise UserError(f'{target} cannot be written: {error.strerror}.') from error
    return best


def find_measured(records):
    """Names of the metrics in records, in the order of their first one."""
    return list(dict.fromkeys(record['metric'] for record in records))


def format_table(records, best=None):
    """Results as lines of text, one each, below a line of headings.

    Args:
        records: As from `read_results`.
        best: The record to mark, or None.
    """
    rows = [('snapshot', 'kimg', 'metric', 'value', 'seconds', '')]
    for record in records:
        kimg = '-' if record['kimg'] is None else f'{record["kimg"]:g}'
        mark = '<- best' if record == best else ''
        value, seconds = f'{record["value"]:.4f}', f'{record["seconds"]:.1f}'
        rows.append((record['snapshot'], kimg, record['metric'], value, seconds, mark))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    numbers = (1, 3, 4)  # columns aligned to the right
    return '\n'.join('  '.join(
        cell.rjust(width) if column in numbers else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(row, widths))).rstrip() for row in rows)
