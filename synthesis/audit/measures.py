"""Numbers of each image of a dataset, by a resumable job; the cache keeps them, whole or not at all.

A `Measure` says which numbers. They depend on the pixels of an image alone, so the cache knows them by the fingerprint
of the dataset and the identity of the measure: a dataset that was made anew under its name is measured anew.
"""

import contextlib
import dataclasses
import functools
import os
import time
from typing import Any, Callable, Dict, Sequence, Tuple

import numpy as np

import config
from dnnlib.errors import UserError
from dnnlib.files import atomic_write
from dnnlib.folders import unfinished_folder
from dnnlib.jobs.job import Job, Supply, Work
from dnnlib.jobs.run import make_shards
from dnnlib.jobs.shards import Entry, ShardFile, ShardPlan, finished_shards, shard_path, write_shard
from dnnlib.jobs.tasks import tried_again
from dnnlib.jobs.workers import Workers
from dnnlib.records.datasets import open_dataset
from dnnlib.records.tfrecords import fingerprint

SHARD_IMAGES = 256  # a whole number of the batches of 16
BATCH = 16  # images that a process reads and measures at a time
DIGITS = 32  # of fingerprints in names of folders

Columns = Dict[str, np.ndarray]


class Measure:
    """Which numbers an image has. It is picklable.

    Attributes:
        name: Of the folder in the cache, a file name.
        identity: Hexadecimal digits that change with everything that the numbers depend on beside the images.
        doing: What the progress bar says.
        columns: {name: (dtype, shape)} of the numbers of an image.
        files, environment: As of `dnnlib.jobs.job.Work`.
    """

    name, identity, doing = '', '', ''
    columns: Dict[str, Tuple[str, Tuple[int, ...]]] = {}
    files: Sequence[str] = ()
    environment: Dict[str, str] = {}

    def with_files(self, paths: Sequence[str]) -> 'Measure':
        """The same measure with copies of `files`, in their order."""
        return self

    def open(self) -> Callable[[np.ndarray], Columns]:
        """A function from images, uint8 [N, C, H, W], to {name: array [N, ...]}. Called once in each process."""
        raise NotImplementedError

    @property
    def image_bytes(self) -> int:
        """Bytes of the numbers of an image."""
        sizes = [np.dtype(dtype).itemsize * int(np.prod(shape)) for dtype, shape in self.columns.values()]
        return sum(sizes)


def measured(path, measure, processes, cluster=None):
    """The numbers of all images of a dataset: from the cache, or measured by a job that goes on where it ended.

    Args:
        path: Of a dataset that `dnnlib.records.datasets.open_dataset` opens.
        measure: `Measure`.
        processes: `synthesis.generate.Processes`.
        cluster: `dnnlib.jobs.beam_runner.Cluster` whose workers do it instead; or None.

    Returns:
        (folder, fingerprint): the folder has a file NAME.npy for each column, an array [number of images, ...]; the
        fingerprint is of the dataset.

    Raises:
        UserError: There is no such dataset, the disk refuses, or the measure does not take the images.
        KeyboardInterrupt, SystemExit: Passed on; the finished shards are kept for the next call.
    """
    with open_dataset(path) as dataset:
        known_as = fingerprint(dataset)
        folder = folder_of(known_as, measure)
        if _is_whole(folder, measure, dataset.num_images):
            return folder, known_as
        is_damaged = os.path.isdir(folder)
        with unfinished_folder(folder, _plan_of(known_as, measure), {}, replace=is_damaged) as work:
            if work.result is None:
                job = MeasureJob(path, dataset, known_as, measure)
                with _pool(job.work, processes, cluster) as pool:
                    make_shards(job, work, pool, cluster)
                if dataset_stamp(path) != dataset.stamp():
                    work.discard()
                    raise UserError(f'{path} was changed while it was read: give the same command again.')
                _join(job, work.parts, work.begin_content())
                work.complete('whole')
    return folder, known_as


def dataset_stamp(path):
    """The stamp of the dataset that is at a path now."""
    with open_dataset(path) as dataset:
        return dataset.stamp()


def is_measured(dataset_fingerprint, measure):
    """Whether the cache has the numbers of a dataset."""
    return _is_whole(folder_of(dataset_fingerprint, measure), measure)


def _is_whole(folder, measure, count=None):
    """Whether a folder of the cache has all columns, in full; somebody may have removed or cut files."""
    for name, (dtype, shape) in measure.columns.items():
        try:
            found = np.load(column_path(folder, name), mmap_mode='r', allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return False
        if found.dtype != np.dtype(dtype) or found.shape[1:] != tuple(shape) or count not in (None, len(found)):
            return False
    return os.path.isdir(folder)


def folder_of(dataset_fingerprint, measure):
    """The folder in the cache with the numbers of a dataset."""
    name = f'{dataset_fingerprint[:DIGITS]}-{measure.identity[:DIGITS]}'
    return os.path.join(config.CACHE_DIR, measure.name, name)


def keep_measured(path, measure, columns):
    """Keeps the numbers of all images of a dataset that are known already: {name: array [number of images, ...]}."""
    with open_dataset(path) as dataset:
        known_as = fingerprint(dataset)
    folder = folder_of(known_as, measure)
    if _is_whole(folder, measure):
        return
    with unfinished_folder(folder, _plan_of(known_as, measure), {}, replace=os.path.isdir(folder)) as work:
        if work.result is None:
            content = work.begin_content()
            for name, values in columns.items():
                np.save(column_path(content, name), values)
            work.complete('whole')


def _plan_of(dataset_fingerprint, measure):
    return {'the images': dataset_fingerprint, 'the measure': measure.identity}


def seconds_an_image(path, measure, processes):
    """How long a process takes for an image, when it works alone; errors of the measure show here, early."""
    with open_dataset(path) as dataset:
        reader = DatasetReader(os.path.abspath(path), fingerprint(dataset))
        task = TimeMeasure(reader, min(BATCH, dataset.num_images))
    environments = processes.environments and processes.environments[:1]
    with Workers(1, measure.open, environments) as pool:
        [(_, seconds)] = pool.run([task])
    return seconds


def _pool(work, processes, cluster):
    if cluster is not None:
        return contextlib.nullcontext()
    environments = processes.environments or [work.environment] * processes.count
    return Workers(processes.count, work.prepare, environments)


def _join(job, parts, folder):
    """Writes the columns from the shard files; memory does not grow with the dataset."""
    with contextlib.ExitStack() as opened:
        files = {}
        for name, (dtype, shape) in job.work.measure.columns.items():
            files[name] = opened.enter_context(open(column_path(folder, name), 'wb'))
            header = {'descr': np.dtype(dtype).str, 'fortran_order': False, 'shape': (job.shards.num_images, *shape)}
            np.lib.format.write_array_header_1_0(files[name], header)
        for shard in job.shards:
            path = shard_path(parts, shard.number)
            with _open(path) as file:
                for name, target in files.items():
                    target.write(file.column(name).tobytes())


def _open(path):
    try:
        return ShardFile(path)
    except ValueError as error:
        os.remove(path)
        raise UserError(f'{path} was damaged ({error}) and is removed: the same command makes it again.') from error


def column_path(folder, name):
    """The file of a column."""
    return os.path.join(folder, name + '.npy')


# ----------------------------------------------------------------------------------------------------------------------
# The job.


@dataclasses.dataclass(frozen=True)
class MeasureImages(Work):
    """What processes do.

    Attributes:
        measure: `Measure`.
    """

    measure: Measure

    @property
    def environment(self):
        """Of the measure."""
        return self.measure.environment

    @property
    def files(self):
        """Of the measure."""
        return self.measure.files

    def with_files(self, paths):
        """The same work with copies of the files of the measure."""
        return dataclasses.replace(self, measure=self.measure.with_files(paths))

    @property
    def prepare(self):
        """Opens the measure."""
        return self.measure.open

    def task(self, number, path, reader, items):
        """As `dnnlib.jobs.job.Work.task`; items are [start, stop] of the shard."""
        return MeasureShard(number, path, reader, *items)

    def open_items(self, path):
        """Reads the images of a shard that were sent."""
        return SentImages(path)


@dataclasses.dataclass(frozen=True)
class MeasureShard:
    """Measures the images of a shard and writes its file.

    Attributes:
        number: Of the shard.
        path: Of the file to write.
        reader: `DatasetReader` or `SentImages`.
        start, stop: The images are `start` to before `stop`.
        deaths: Number of processes that died with this shard.
    """

    number: int
    path: str
    reader: Any
    start: int
    stop: int
    deaths: int = 0

    def run(self, measure, report):
        """Returns an empty list: there is no image to name. Reports ('together', number of images measured)."""
        report(('together', 0))
        entries = []
        for begin in range(self.start, self.stop, BATCH):
            columns = measure(self.reader.read(begin, min(begin + BATCH, self.stop)))
            names = list(columns)
            entries += [Entry({}, numbers=dict(zip(names, row))) for row in zip(*columns.values())]
            report(('together', len(entries)))
        with atomic_write(self.path) as file:
            write_shard(file, entries)
        return []

    def after_death(self, report):
        """The task to try next."""
        return tried_again(self, 'looks at images')


@dataclasses.dataclass(frozen=True)
class TimeMeasure:
    """Measures a few images twice, to know the time of an image; the first time opens the network.

    Attributes:
        reader: `DatasetReader`.
        count: Number of images.
        deaths: Number of processes that died with it.
    """

    reader: Any
    count: int
    deaths: int = 0

    def run(self, measure, report):
        """Returns the seconds of an image."""
        images = self.reader.read(0, self.count)
        measure(images)
        started = time.perf_counter()
        measure(images)
        return (time.perf_counter() - started) / self.count

    def after_death(self, report):
        """The task to try next."""
        return tried_again(self, 'looks at images')


@dataclasses.dataclass(frozen=True)
class DatasetReader:
    """Reads images of a dataset in any process that reaches it.

    Attributes:
        path: Of the dataset.
        fingerprint: Of it: a process that has read another one of this path opens it anew.
    """

    path: str
    fingerprint: str

    def read(self, begin, end):
        """Images `begin` to before `end`: uint8 [N, C, H, W]."""
        return _opened(self.path, self.fingerprint).read_many(range(begin, end))


@functools.lru_cache(maxsize=1)
def _opened(path, fingerprint):
    return open_dataset(path)


class SentImages:
    """Reads the images of one shard from a file.

    Args:
        path: Of the file, which `send` writes.
    """

    def __init__(self, path):
        self.path = path

    @classmethod
    def send(cls, path, shard, dataset):
        """Writes the images of a `Shard`. Returns their reader."""
        with open(path, 'wb') as file:
            np.savez(file, start=shard.start, images=dataset.read_many(range(shard.start, shard.stop)))
        return cls(path)

    def read(self, begin, end):
        """As of `DatasetReader`."""
        with np.load(self.path, allow_pickle=False) as sent:
            start = int(sent['start'])
            return sent['images'][begin - start : end - start]


class MeasureSupply(Supply):
    """Hands out ranges of images, and files with the images if they must be sent."""

    def __init__(self, dataset, reader, folder, always):
        self._dataset, self._reader, self._folder, self._always = dataset, reader, folder, always

    def take(self, shard):
        """(reader, [start, stop])."""
        reader = self._reader
        if self._always:
            reader = SentImages.send(os.path.join(self._folder, f'{shard.number}.npz'), shard, self._dataset)
        return reader, [shard.start, shard.stop]

    def free(self, reader):
        """Removes the file."""
        if self._always:
            os.remove(reader.path)


class MeasureJob(Job):
    """The images of a dataset.

    Args:
        path: Of the dataset.
        dataset: It, open.
        fingerprint: Of it.
        measure: `Measure`.
    """

    has_items = quiet = True
    done = 'done'

    def __init__(self, path, dataset, fingerprint, measure):
        self.work, self._dataset = MeasureImages(measure), dataset
        self.shards = ShardPlan(dataset.num_images, SHARD_IMAGES)
        self.doing, self.name = measure.doing, measure.name
        self.reader = DatasetReader(os.path.abspath(path), fingerprint)

    def supply(self, folder, always=False):
        """As `dnnlib.jobs.job.Job.supply`."""
        return contextlib.nullcontext(MeasureSupply(self._dataset, self.reader, folder, always))

    def supply_bytes(self, shard):
        """Bytes of the images of a shard."""
        return (shard.stop - shard.start) * int(np.prod(self._dataset.shape))

    def room(self, count):
        """Room for the shard files now, and for the columns later."""
        size = self.work.measure.image_bytes
        return [('the numbers in parts', count * (size + 64))], [('the numbers', self.shards.num_images * size)]

    def finished(self, folder):
        """The shards with a file."""
        return finished_shards(folder)
