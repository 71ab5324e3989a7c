"""A run's measured numbers, `metrics.jsonl`, and its best snapshot, `network-best.pkl`."""

import filecmp
import hashlib
import json
import math
import os
import shutil
from typing import NamedTuple, Optional

from tabulate import tabulate

from dnnlib.errors import UserError, disk_errors
from dnnlib.files import append_line, atomic_write, change_lines, folder_locked, keep_lines
from dnnlib.records.tfrecords import fingerprint, is_old_fingerprint, old_fingerprint
from dnnlib.run_dir import BEST_PICKLE, FINAL_PICKLE, METRICS_FILE, find_states, snapshot_kimg
from metrics.registry import is_lower_better

RECORD_FIELDS = {
    'snapshot': str,
    'kimg': (int, float, type(None)),
    'metric': str,
    'value': (int, float),
    'seconds': (int, float),
    'settings': dict,
}
FINGERPRINT = 'dataset_sha256'  # in the settings of a record: the fingerprint of the dataset
NETWORK = 'network_sha256'  # in a record: the fingerprint of the network's file
BLOCKS, BLOCK_BYTES = 32, 1 << 16  # of a network's file that its fingerprint covers


class Snapshot(NamedTuple):
    """A network pickle of a run."""

    name: str  # file name
    kimg: Optional[float]  # thousands of reals shown before it was saved; None: unknown


def find_snapshots(run_dir, final_kimg=None):
    """The network pickles of a run, sorted by kimg.

    Args:
        run_dir: Folder of the run.
        final_kimg: Length of the run, the kimg of a `network-final.pkl` that equals no snapshot.

    Returns:
        List of `Snapshot`. The final network is left out if the last snapshot has the same content.

    Raises:
        UserError: The folder, or a pickle in it, cannot be read.
    """
    with disk_errors('read', run_dir):
        names = sorted(os.listdir(run_dir))
        found = [
            Snapshot(name, kimg) for name, kimg in ((name, snapshot_kimg(name)) for name in names) if kimg is not None
        ]
        found.sort(key=lambda snapshot: snapshot.kimg)
        if FINAL_PICKLE in names and not find_equal(run_dir, found[-1:], FINAL_PICKLE):
            found.append(Snapshot(FINAL_PICKLE, final_kimg))
    return found


def find_equal(run_dir, snapshots, name):
    """The newest of `snapshots` with the same content as the file `name` in the run directory, or None."""
    path = os.path.join(run_dir, name)
    return next(
        (
            snapshot
            for snapshot in reversed(snapshots)
            if filecmp.cmp(path, os.path.join(run_dir, snapshot.name), shallow=False)
        ),
        None,
    )


def network_fingerprint(run_dir, name):
    """Identifies the content of a network pickle, also if another one has taken its name.

    Args:
        run_dir: Folder of the run.
        name: File name of the pickle.

    Returns:
        64 hexadecimal digits: the SHA-256 of its size and of 2 MiB of it, evenly spaced; of all of it if it is smaller.
        A run has many pickles of 300 MB, and two networks of a training differ in all of their weights. None if there
        is no such file.

    Raises:
        UserError: The file cannot be read.
    """
    path = os.path.join(run_dir, name)
    if not os.path.exists(path):
        return None
    with disk_errors('read', path), open(path, 'rb') as file:
        size = os.fstat(file.fileno()).st_size
        digest = hashlib.sha256(b'%d' % size)
        step = max((size - BLOCK_BYTES) // (BLOCKS - 1), BLOCK_BYTES)
        for start in range(0, size, step):
            file.seek(start)
            digest.update(file.read(BLOCK_BYTES))
    return digest.hexdigest()


def append_result(run_dir, snapshot, result):
    """Appends a record to the run's metrics file, and flushes it to the disk.

    Args:
        run_dir: Folder of the run.
        snapshot: The `Snapshot` that was measured.
        result: Its `metrics.meter.Result`.

    Returns:
        The record: a dict of `snapshot` (file name), `kimg`, `metric`, `value`, `seconds` and `settings`; for some
        metrics also `details`; and `network_sha256`, see `network_fingerprint`.

    Raises:
        UserError: The file cannot be written, or the network cannot be read.
    """
    record, found = make_record(snapshot, result), network_fingerprint(run_dir, snapshot.name)
    if found is not None:
        record[NETWORK] = found
    line = json.dumps(record, allow_nan=False).encode('utf-8')
    path = os.path.join(run_dir, METRICS_FILE)
    # Appended rather than rewritten, so that training and a measurement at the same time lose no line.
    with disk_errors('written', path), folder_locked(run_dir):
        _end_last_line(path)
        append_line(path, line)
    return record


def make_record(snapshot, result):
    """The record of a result of a `Snapshot`, see `append_result`. Without details, that field is left out."""
    record = {'snapshot': snapshot.name, 'kimg': snapshot.kimg, **result._asdict()}
    return {field: value for field, value in record.items() if (field, value) != ('details', None)}


def drop_results(run_dir, kimg):
    """Drops the records of networks at `kimg` and later, and a half-written record at the end of the file.

    Records without a kimg stay. Damaged lines stay too; `read_results` reports them.
    """

    def stays(line):
        record = _parse_record(line)
        return record is None or record['kimg'] is None or record['kimg'] < kimg

    path = os.path.join(run_dir, METRICS_FILE)
    with folder_locked(run_dir):
        _end_last_line(path)
        keep_lines(path, stays)


def renew_fingerprints(run_dir, dataset):
    """Gives the records of a dataset its fingerprint, where an earlier version wrote one of the old kind.

    A fingerprint of the old kind covers only some images. It is compared as that version did, and then replaced.

    Args:
        run_dir: Folder of the run.
        dataset: An open dataset, as from `dnnlib.records.datasets.open_dataset`.

    Raises:
        UserError: The metrics file cannot be read or written, or a line is damaged.
    """
    if not any(is_old_fingerprint(record['settings'].get(FINGERPRINT)) for record in read_results(run_dir)):
        return
    old, new = old_fingerprint(dataset), fingerprint(dataset, with_labels=True)

    def change(line):
        record = _parse_record(line)
        if record is None or record['settings'].get(FINGERPRINT) != old:
            return line
        record['settings'][FINGERPRINT] = new
        return json.dumps(record, allow_nan=False).encode('utf-8')

    path = os.path.join(run_dir, METRICS_FILE)
    with disk_errors('read or written', path), folder_locked(run_dir):
        _end_last_line(path)
        change_lines(path, change)


def _end_last_line(path):
    """Repairs a last line without line end, left by a power cut: keeps a whole record, drops any other rest."""
    if os.path.exists(path):
        with open(path, 'r+b') as file:
            rest = file.read().rpartition(b'\n')[2]
            if rest and _parse_record(rest) is None:
                file.truncate(file.tell() - len(rest))
            elif rest:
                file.write(b'\n')


def read_results(run_dir):
    """All records of a run's metrics file, oldest first; an empty list without a file.

    A part of a record at the end of the file, as a full disk leaves it, is ignored. So is a record whose value or kimg
    is no finite number, which this program never writes.

    Raises:
        UserError: The file cannot be read, or a line is damaged.
    """
    path = os.path.join(run_dir, METRICS_FILE)
    with disk_errors('read', path):
        try:
            with open(path, 'rb') as file:
                lines = file.read().split(b'\n')
        except FileNotFoundError:
            return []
    records = [_parse_record(line) for line in lines]
    if records[-1] is None:
        records.pop()
    if None in records:
        raise UserError(f'{path} line {records.index(None) + 1} is damaged: delete that line and measure again.')
    return [record for record in records if all(math.isfinite(record[field] or 0) for field in ('value', 'kimg'))]


def _parse_record(line):
    """The record in a line of bytes, or None when it is damaged."""
    try:
        record = json.loads(line.decode('utf-8'))
        values = {field: record[field] for field in RECORD_FIELDS}
        whole = all(isinstance(values[field], kinds) for field, kinds in RECORD_FIELDS.items())
        whole = whole and not any(isinstance(value, bool) for value in values.values())
        for field in ('kimg', 'value', 'seconds'):
            float(record[field] or 0)  # raises OverflowError for a whole number that is too large
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None
    return record if whole else None


def find_result(records, snapshot_name, metric, settings, fingerprint=None):
    """The newest record of a snapshot, metric and settings, or None.

    With the `network_fingerprint` of the snapshot, a record of another network of that name does not count. Records
    that earlier versions wrote have no fingerprint; the name is enough for them.
    """
    return next(
        (
            record
            for record in reversed(records)
            if (record['snapshot'], record['metric'], record['settings']) == (snapshot_name, metric, settings)
            and fingerprint in (None, record.get(NETWORK, fingerprint))
        ),
        None,
    )


def series(records, metric, settings=None):
    """A record for each snapshot, all with the same metric and settings, sorted by kimg.

    Args:
        records: Records from `read_results`.
        metric: Name of the metric.
        settings: Settings of the records; None takes the settings of the newest record of the metric.

    Returns:
        List of records: the newest one of each snapshot. Networks without a kimg are left out.
    """
    records = [record for record in records if record['metric'] == metric and record['kimg'] is not None]
    if records and settings is None:
        settings = records[-1]['settings']
    by_snapshot = {record['snapshot']: record for record in records if record['settings'] == settings}
    return sorted(by_snapshot.values(), key=lambda record: record['kimg'])


def best_result(records):
    """The record with the best value, the first of equals; None without records. All have the same metric."""
    return min(
        records,
        default=None,
        key=lambda record: record['value'] if is_lower_better(record['metric']) else -record['value'],
    )


def keep_best(run_dir, metric, settings=None):
    """Copies the snapshot with the best value to `network-best.pkl` (the paper's rule, section III.C).

    Args:
        run_dir: Folder of the run.
        metric: Name of the metric that decides.
        settings: See `series`.

    Returns:
        The best snapshot's record, or None if no snapshot with a kimg has been measured.

    Raises:
        UserError: Both the snapshot and its copy are gone, or the disk refuses the copy.
    """
    best = best_result(series(read_results(run_dir), metric, settings))
    if best is None:
        return None
    source, target = os.path.join(run_dir, best['snapshot']), os.path.join(run_dir, BEST_PICKLE)
    if not os.path.exists(source):
        if os.path.exists(target):
            return best  # deleted to save space; its copy was made when it became the best
        raise UserError(f'{source} has the best {metric} but is gone: delete its line in {METRICS_FILE}.')
    with disk_errors('read or written', target):
        if not os.path.exists(target) or not filecmp.cmp(source, target, shallow=False):
            with open(source, 'rb') as original, atomic_write(target) as copy:
                shutil.copyfileobj(original, copy, 1 << 20)
    return best


def has_best(run_dir, records):
    """Whether `network-best.pkl` equals a network of the records; True if there is no such file.

    Raises:
        UserError: A file cannot be read.
    """
    target = os.path.join(run_dir, BEST_PICKLE)
    paths = [os.path.join(run_dir, record['snapshot']) for record in records]
    with disk_errors('read', target):
        return not os.path.exists(target) or any(
            filecmp.cmp(path, target, shallow=False) for path in paths if os.path.exists(path)
        )


def delete_snapshots(run_dir, metric, keep):
    """Deletes measured snapshots, except the newest ones and the best one.

    If training goes back to its oldest state, the best snapshot up to that state becomes the best again. So it is kept
    too. Files without a kimg, such as `network-final.pkl`, are kept.

    Args:
        run_dir: Folder of the run.
        metric: Name of the metric that decides. None: the run measures nothing, and every snapshot counts as measured.
        keep: How many of the newest snapshots are kept, at least 1.
    """
    snapshots = [snapshot.name for snapshot in find_snapshots(run_dir) if snapshot.name != FINAL_PICKLE]
    kept = set()
    if metric is not None:
        records = series(read_results(run_dir), metric)
        oldest = min(find_states(run_dir), default=math.inf) / 1000
        earlier = [record for record in records if record['kimg'] <= oldest]
        kept = {best['snapshot'] for best in map(best_result, (records, earlier)) if best is not None}
        measured = {record['snapshot'] for record in records}
        snapshots = [name for name in snapshots if name in measured]
    for name in snapshots[:-keep]:
        if name not in kept:
            os.remove(os.path.join(run_dir, name))


def find_measured(records):
    """Names of the metrics in records, in the order of their first records."""
    return list(dict.fromkeys(record['metric'] for record in records))


def format_table(records, best=None):
    """Results as a table of text.

    Args:
        records: Records as from `read_results`. A value of None means that it could not be measured.
        best: The record to mark as best, or None.
    """
    rows = [('snapshot', 'kimg', 'metric', 'value', 'seconds', '')]
    for record in records:
        kimg = '-' if record['kimg'] is None else f'{record["kimg"]:g}'
        mark = '<- best' if record == best else ''
        failed = record['value'] is None
        value, seconds = ('failed', '-') if failed else (f'{record["value"]:.4f}', f'{record["seconds"]:.1f}')
        rows.append((record['snapshot'], kimg, record['metric'], value, seconds, mark))
    alignments = 'left', 'right', 'left', 'right', 'right', 'left'
    return tabulate(rows, tablefmt='plain', colalign=alignments, disable_numparse=True)
