"""The task of the filter's processes: to examine a shard."""

import dataclasses
import functools
import time

from dnnlib.files import atomic_write
from dnnlib.jobs.run import SHOWN_REFUSALS
from dnnlib.jobs.shards import write_shard
from prefilter.options import DatasetOptions
from prefilter.reasons import WITHOUT_PIXELS
from prefilter.shards import NO_VIEWS, examine_shard, shard_entry
from prefilter.sources import faults

REPORT_SECONDS = 0.2  # between two reports of progress; each costs the leading process some work
TOGETHER_TRIES = 2  # tries of a shard before its images are tried one by one
ALONE_TRIES = 3  # tries of an image alone; several, because something else may have killed the process


def open_detector(device):
    """The detector of a process, for the device 'cpu' or 'gpu'; None if `device` is None."""
    if device is None:
        return None
    from dnnlib.faces.detector import FaceDetector

    return FaceDetector(device)


def detector_maker(options):
    """A picklable function that makes the detector for some `DatasetOptions`."""
    return functools.partial(open_detector, options.device)


@dataclasses.dataclass(frozen=True)
class ExamineShard:
    """Examines a shard and writes its file.

    A process may die because of one image, or because of the machine. So the shard is first tried again as it is. If
    that fails, its images are tried one by one, to find those that kill the process. Then the other images are tried
    together, which gives the same results as without a death. If that fails too, the images are examined one at a time.

    Attributes:
        number: Of the shard.
        path: Of the file to write.
        reader, items, options: As for `prefilter.shards.examine_shard`.
        views: As for `prefilter.shards.examine_shard`.
        deaths: Number of processes that died with this shard.
        condemned: Places of the images that kill processes.
        cleared: Number of images, from the first on, that were examined alone without a death.
        suspect: Place of the last image that killed a process that examined it alone.
        alone_deaths: Number of processes in a row that died of `suspect`.
        apart: Whether the images are examined one at a time for good.
    """

    number: int
    path: str
    reader: object
    items: list
    options: DatasetOptions
    views: int = NO_VIEWS
    deaths: int = 0
    condemned: frozenset = frozenset()
    cleared: int = 0
    suspect: int = None
    alone_deaths: int = 0
    apart: bool = False

    def run(self, detector, report):
        """Examines the shard. Returns a list of (path, `Refusal`) of the first few images without pixels.

        The list has every image that a fault of the machine may have refused.

        Reports ('alone', place) before each image that is examined alone. Otherwise reports, now and then,
        ('together', number of images done).
        """
        if self.apart:
            results = self._one_by_one(detector, report, 0)
        else:
            if self.deaths >= TOGETHER_TRIES:
                for _ in self._one_by_one(detector, report, self.cleared):
                    pass
            results = self._together(detector, report)
        named = []
        with atomic_write(self.path) as file:
            write_shard(file, map(shard_entry, self._noting(results, named)))
        return named

    def after_death(self, report):
        """The task to try next."""
        changes = {'deaths': self.deaths + 1}
        if report is not None and report[0] == 'alone':
            place = report[1]
            tries = self.alone_deaths + 1 if place == self.suspect else 1
            guilty = {place} if tries == ALONE_TRIES else set()
            changes.update(condemned=self.condemned | guilty, cleared=place, suspect=place, alone_deaths=tries)
        elif self.deaths >= TOGETHER_TRIES and report is not None:
            changes.update(apart=True)
        return dataclasses.replace(self, **changes)

    def _together(self, detector, report):
        report(('together', 0))
        reported = time.monotonic()
        results = examine_shard(self.reader, self.items, self.options, detector, self.condemned, self.views)
        for done, result in enumerate(results, 1):
            yield result
            if time.monotonic() - reported >= REPORT_SECONDS:
                report(('together', done))
                reported = time.monotonic()

    def _one_by_one(self, detector, report, first):
        for place in range(first, len(self.items)):
            report(('alone', place))
            condemned = {0} if place in self.condemned else ()
            yield from examine_shard(self.reader, [self.items[place]], self.options, detector, condemned, self.views)

    def _noting(self, results, named):
        for result in results:
            refusal = result.refusal
            is_shown = len(named) < SHOWN_REFUSALS or (refusal and refusal.detail in faults.WORDS)
            if refusal and refusal.reason in WITHOUT_PIXELS and is_shown:
                named.append((result.verdict['path'], refusal))
            yield result
