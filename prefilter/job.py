"""The filter as a job: what the engine in `dnnlib.jobs` has to know of photographs."""

import dataclasses
from typing import Any, Callable

from dnnlib.exports.forms import bytes_needed
from dnnlib.jobs.job import Job, Work
from dnnlib.jobs.run import LINE_BYTES
from dnnlib.jobs.shards import finished_shards
from dnnlib.records.tfrecords import dataset_bytes
from prefilter.options import DatasetOptions
from prefilter.reasons import Refusal
from prefilter.shards import NO_VIEWS, VIEW_BYTES, VIEWS_OF_REFUSED, Item, plan_shards
from prefilter.sources import faults
from prefilter.spool import SpoolReader, is_forward_only, open_spool, spooled_bytes, views_to_keep
from prefilter.tasks import ExamineShard


@dataclasses.dataclass(frozen=True)
class ExaminePhotographs(Work):
    """What processes do with the photographs of a shard.

    Attributes:
        options: `prefilter.options.DatasetOptions`.
        make_detector: Picklable function that makes the detector of a process.
        views: As for `prefilter.shards.examine_shard`.
    """

    options: DatasetOptions
    make_detector: Callable[[], Any]
    views: int = NO_VIEWS
    refusal = Refusal

    def prepare(self):
        """The detector."""
        return self.make_detector()

    def task(self, number, path, reader, items):
        """As `dnnlib.jobs.job.Work.task`; items are `prefilter.shards.Item`s, or lists of their two fields."""
        return ExamineShard(number, path, reader, [Item(*item) for item in items], self.options, self.views)

    def open_items(self, path):
        """Reads the photographs of a spooled shard."""
        return SpoolReader(path)


def room_of_exports(count, options):
    """What the exports of `count` images take on the disk at most: list of (what, bytes)."""
    size = bytes_needed(options.export, count, (3, options.size, options.size))
    return [('the exports', size)] if options.exports else []


class PhotographJob(Job):
    """The photographs of a source.

    Args:
        source: As from `prefilter.sources.open_source`.
        options: `prefilter.options.DatasetOptions`.
        make_detector: As for `ExaminePhotographs`.
    """

    name = 'prefilter'
    has_items = True

    def __init__(self, source, options, make_detector):
        self._source, self._options = source, options
        self.shards = plan_shards(source)
        self.doing = 'Finding faces' if options.device else 'Reading images'
        self.reader = None if is_forward_only(source) else source.reader
        views = views_to_keep(source, options.refuses_later)
        self.work = ExaminePhotographs(options, make_detector, views)

    def supply(self, folder, always=False):
        """As `prefilter.spool.open_spool`."""
        return open_spool(self._source, folder, always)

    def supply_bytes(self, shard):
        """Bytes on disk of a spooled shard."""
        return spooled_bytes(self._source, shard)

    def room(self, count):
        """Room for the shard files now, and for the records of all later."""
        options = self._options
        kept = {NO_VIEWS: [options.crop_bytes], VIEWS_OF_REFUSED: [max(options.crop_bytes, VIEW_BYTES)]}
        # A refused image has no crop.
        image_bytes = sum(kept.get(self.work.views, [options.crop_bytes, VIEW_BYTES]))
        total = self.shards.num_images
        records = dataset_bytes((3, options.size, options.size), total)
        now = [('crops until they are records', count * (image_bytes + LINE_BYTES))]
        return now, [('the records', records), *room_of_exports(total, options)]

    def finished(self, folder):
        """The shards with a file."""
        return finished_shards(folder)

    def is_doubtful(self, refusal):
        """Whether the disk with the photographs may have caused it."""
        return refusal.detail in faults.WORDS
