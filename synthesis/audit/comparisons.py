"""All pairs of two sets of embeddings, or within one, by a resumable job whose shards are tiles; kept in the cache."""

import contextlib
import dataclasses
import hashlib
import json
import os
import shutil
import sys
import zipfile
from typing import Any, Optional, Tuple

import numpy as np

import config
from dnnlib.errors import UserError, disk_errors
from dnnlib.files import atomic_write
from dnnlib.folders import unfinished_folder
from dnnlib.jobs.job import Job, Supply, Work
from dnnlib.jobs.run import make_shards
from dnnlib.jobs.shards import Entry, ShardFile, ShardPlan, finished_shards, shard_path, write_shard
from dnnlib.jobs.tasks import tried_again
from dnnlib.jobs.workers import Workers, nothing
from dnnlib.progress import Progress
from metrics.arithmetic.pairs import AllPairs, Neighbours, TileResult, examine_tile, merge
from metrics.arithmetic.tiles import Tile, tiles
from synthesis.audit.measures import DIGITS
from synthesis.job import hidden_gpus

FOLDER, RESULT = 'comparisons', 'result.npz'
WAY = 1  # goes up when the same embeddings come to give other results
ROWS, COLUMNS, NUMBERS = 'rows.npy', 'columns.npy', 'numbers.npy'


@dataclasses.dataclass(frozen=True)
class Selected:
    """Some embeddings of a dataset.

    Attributes:
        identity: Text that changes with the dataset and the embedding.
        vectors: float32 [N, size], rows of length 1.
        places: int64 [M], which of them, ascending; None: all.
    """

    identity: str
    vectors: np.ndarray
    places: Optional[np.ndarray] = None

    @property
    def count(self):
        """Number of selected embeddings."""
        return len(self.vectors if self.places is None else self.places)

    @property
    def digest(self):
        """Hexadecimal digits that change with what is selected."""
        digest = hashlib.sha256(self.identity.encode())
        if self.places is not None:
            digest.update(self.places.astype('<i8').tobytes())
        return digest.hexdigest()

    def read(self):
        """float32 [M, size]."""
        return np.asarray(self.vectors if self.places is None else self.vectors[self.places])


def compare(first, second, thresholds, listed_from, processes, cluster=None, sampled=None, doing='Comparing'):
    """Compares each embedding of one selection with each of another, or all of one with each other.

    Args:
        first: `Selected`.
        second: `Selected`; None: the pairs within `first`, each once.
        thresholds: Scores, as for `metrics.arithmetic.pairs.examine_tile`.
        listed_from: The least score of a pair that is listed.
        processes: `synthesis.generate.Processes`.
        cluster: `dnnlib.jobs.beam_runner.Cluster` whose workers do it instead; or None.
        sampled: int64 [M], ascending: only these places of `first` are compared, with all others of `first`; `second`
            is None then. None: all are.
        doing: What the progress bar says.

    Returns:
        `metrics.arithmetic.pairs.AllPairs`. Numbers are places in the selections. With `sampled`, rows are the sample.

    Raises:
        UserError: The disk refuses, or the processes die.
        KeyboardInterrupt, SystemExit: Passed on; the finished tiles are kept for the next call.
    """
    plan = {
        'the way': WAY,
        'the first set': first.digest,
        'the second set': second and second.digest,
        'the thresholds': [repr(float(value)) for value in [*thresholds, listed_from]],
        'the sample': None if sampled is None else hashlib.sha256(sampled.astype('<i8').tobytes()).hexdigest(),
    }
    name = hashlib.sha256(json.dumps(plan, sort_keys=True).encode()).hexdigest()[:DIGITS]
    folder = os.path.join(config.CACHE_DIR, FOLDER, name)
    found = _load(folder)
    if found is None:
        with unfinished_folder(folder, plan, {}) as work:
            if work.result is None:
                examine = _laid_out(work.path, first, second, sampled, thresholds, listed_from)
                job = PairsJob(examine, first.count if sampled is None else len(sampled), second, first.count, doing)
                with _pool(job.work, processes, cluster) as pool:
                    make_shards(job, work, pool, cluster)
                _save(merge(_read_tile(shard_path(work.parts, shard.number)) for shard in job.shards), work)
                work.complete('whole')
        found = _load(folder)
    return found


def _laid_out(folder, first, second, sampled, thresholds, listed_from):
    """Writes the embeddings where the processes read them. Returns `ExaminePairs`."""
    paths = [os.path.join(folder, ROWS), os.path.join(folder, COLUMNS), os.path.join(folder, NUMBERS)]
    rows = first.read()
    if sampled is not None:
        paths[1:] = [_saved(paths[1], rows), _saved(paths[2], sampled)]
        rows = rows[sampled]
    else:
        paths[1:] = [_saved(paths[1], second.read()) if second else None, None]
    _saved(paths[0], rows)
    return ExaminePairs(*paths, tuple(map(float, thresholds)), float(listed_from))


def _saved(path, array):
    with atomic_write(path) as file:
        np.save(file, array)
    return path


def _save(found, work):
    with open(os.path.join(work.begin_content(), RESULT), 'wb') as file:
        arrays = {name: getattr(found, name) for name in AllPairs._fields[:4]}
        for side in ('rows', 'columns'):
            arrays.update((f'{side}_{name}', value) for name, value in getattr(found, side)._asdict().items())
        np.savez(file, **arrays)


def _load(folder):
    """The comparisons that are kept in a folder; None if there are none. A folder that is damaged is removed."""
    if not os.path.isdir(folder):
        return None
    path = os.path.join(folder, RESULT)
    try:
        if not os.path.exists(path):
            raise ValueError('it is gone')
        with disk_errors('read', path), np.load(path, allow_pickle=False) as arrays:
            sides = [
                Neighbours(*(arrays[f'{side}_{name}'] for name in Neighbours._fields)) for side in ('rows', 'columns')
            ]
            return AllPairs(*(arrays[name] for name in AllPairs._fields[:4]), *sides)
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        Progress.write(f'{path} is damaged ({error}), so it is made again.', file=sys.stderr)
        with disk_errors('replaced', folder):
            shutil.rmtree(folder)
        return None


def _pool(work, processes, cluster):
    if cluster is not None:
        return contextlib.nullcontext()
    return Workers(processes.count, work.prepare, processes.environments)


# ----------------------------------------------------------------------------------------------------------------------
# The job.


@dataclasses.dataclass(frozen=True)
class ExaminePairs(Work):
    """What processes do.

    Attributes:
        rows, columns, numbers: Files of embeddings, and of the numbers of sampled rows; `columns` is None for the pairs
            within one set, `numbers` without a sample.
        thresholds, listed_from: As for `metrics.arithmetic.pairs.examine_tile`.
    """

    rows: str
    columns: Optional[str]
    numbers: Optional[str]
    thresholds: Tuple[float, ...]
    listed_from: float
    environment = hidden_gpus('cpu')

    @property
    def files(self):
        """Those that are there."""
        return tuple(path for path in (self.rows, self.columns, self.numbers) if path is not None)

    def with_files(self, paths):
        """The same work with copies of the files."""
        copies = dict(zip(self.files, paths))
        return dataclasses.replace(
            self, rows=copies[self.rows], columns=copies.get(self.columns), numbers=copies.get(self.numbers)
        )

    def prepare(self):
        """Nothing."""
        return nothing()

    def task(self, number, path, reader, items):
        """As `dnnlib.jobs.job.Work.task`; items are the bounds of the tile."""
        return ExamineTile(number, path, self, tuple(items))


@dataclasses.dataclass(frozen=True)
class ExamineTile:
    """Examines a tile and writes its file.

    Attributes:
        number: Of the shard.
        path: Of the file to write.
        work: `ExaminePairs`.
        tile: Its bounds, as `metrics.arithmetic.tiles.Tile`.
        reader: None, as all processes reach the files.
        deaths: Number of processes that died with this shard.
    """

    number: int
    path: str
    work: ExaminePairs
    tile: Tuple[int, int, int, int]
    reader: Any = None
    deaths: int = 0

    def run(self, state, report):
        """Returns an empty list: there is no image to name."""
        work, tile = self.work, Tile(*self.tile)
        rows = np.load(work.rows, mmap_mode='r')
        columns = rows if work.columns is None else np.load(work.columns, mmap_mode='r')
        numbers = None if work.numbers is None else np.load(work.numbers)[tile.row_start : tile.row_stop]
        result = examine_tile(
            rows[tile.row_start : tile.row_stop],
            columns[tile.column_start : tile.column_stop],
            tile,
            work.thresholds,
            work.columns is None,
            work.listed_from,
            numbers,
        )
        with atomic_write(self.path) as file:
            write_shard(file, [Entry({}, numbers=result._asdict())])
        return []

    def after_death(self, report):
        """The task to try next."""
        return tried_again(self, 'compares embeddings')


class PairsJob(Job):
    """The tiles of all pairs.

    Args:
        work: `ExaminePairs`.
        rows: Number of rows.
        second: The other selection; None for pairs within one.
        columns: Number of columns.
        doing: What the progress bar says.
    """

    name, done, unit, quiet = 'comparisons', 'compared', 'tiles', True

    def __init__(self, work, rows, second, columns, doing):
        self.work, self.doing = work, doing
        is_within = work.columns is None
        self._tiles = tiles(rows, None if is_within else second.count if second else columns)
        self.shards = ShardPlan(len(self._tiles), 1)

    def supply(self, folder, always=False):
        """Bounds of tiles, which need no reader."""
        return contextlib.nullcontext(_Bounds(self._tiles))

    def room(self, count):
        """Room for the results of tiles; the pairs that are listed come on top of it."""
        side = max(tile.row_stop - tile.row_start + tile.column_stop - tile.column_start for tile in self._tiles)
        return [('the results of tiles', count * side * (16 + 16 * len(self.work.thresholds)))], []

    def finished(self, folder):
        """The tiles with a file."""
        return finished_shards(folder)


class _Bounds(Supply):
    def __init__(self, listed):
        self._tiles = listed

    def take(self, shard):
        return None, list(self._tiles[shard.number])


def _read_tile(path):
    try:
        with ShardFile(path) as file:
            return TileResult(*(file.column(name)[0] for name in TileResult._fields))
    except (ValueError, KeyError) as error:
        os.remove(path)
        raise UserError(f'{path} was damaged ({error}) and is removed: the same command makes it again.') from error
