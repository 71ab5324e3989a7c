"""The job that measures images: a process takes a range of a dataset's images, and writes their numbers.

A `Measure` says which numbers an image has. They depend on its pixels alone. `synthesis.audit.measures` runs the job
and keeps its result.
"""

import contextlib
import dataclasses
import functools
import os
import time
from typing import Any, Callable, Dict, Sequence, Tuple

import numpy as np

from dnnlib.files import atomic_write
from dnnlib.jobs.job import Job, Supply, Work
from dnnlib.jobs.shards import Entry, ShardPlan, finished_shards, write_shard
from dnnlib.jobs.tasks import tried_again
from dnnlib.records.datasets import open_dataset

SHARD_IMAGES = 256  # a whole number of the batches of 16
BATCH = 16  # images that a process reads and measures at a time

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
