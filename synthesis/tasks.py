"""The tasks of the processes that make a set: to try the network, and to make the images of a shard."""

import dataclasses
import time
from typing import Any, List, NamedTuple, Optional

from dnnlib.files import atomic_write
from dnnlib.jobs.shards import write_shard
from dnnlib.jobs.tasks import tried_again
from synthesis.draws import ImageDraw
from synthesis.given import NOTHING, Given
from synthesis.options import GenerateOptions

REPORT_SECONDS = 0.2  # between two reports of progress; each costs the leading process some work


class Trial(NamedTuple):
    """What a minibatch tells about the images to come."""

    shape: List[int]  # [C, H, W] as the set keeps them
    image_bytes: int  # of a PNG, on average
    w_bytes: int  # of the w of an image
    remarks: List[str]  # sentences for a person
    seconds: Optional[float] = None  # of an image in one process, without the first minibatch; None: not measured


@dataclasses.dataclass(frozen=True)
class TryNetwork:
    """Makes a minibatch: errors of the network show here, before the set is begun.

    Attributes:
        options, given: As for `synthesis.maker.Maker`.
        measures: Whether a second minibatch is made, to measure the time; the first one builds the graph.
        deaths: Number of processes that died with it.
    """

    options: GenerateOptions
    given: Given = NOTHING
    measures: bool = False
    deaths: int = 0

    def run(self, studio, report):
        """Returns a `Trial`. The state of the process is a `synthesis.job.Studio`."""
        maker = studio.maker(self.options, self.given)
        images, seconds = list(maker.first_images(0)), None
        if self.measures:
            started = time.perf_counter()
            made = len(list(maker.first_images(1)))
            seconds = (time.perf_counter() - started) / made
        sizes = [len(image.png) for image in images]
        return Trial(list(images[0].shape), sum(sizes) // len(sizes), images[0].dlatents.nbytes, maker.remarks, seconds)

    def after_death(self, report):
        """The task to try next."""
        return tried_again(self, 'makes images')


@dataclasses.dataclass(frozen=True)
class MakeOne:
    """Makes one image again.

    Attributes:
        draw: `synthesis.draws.ImageDraw`.
        options, given: As for `synthesis.maker.Maker`.
        deaths: Number of processes that died with it.
    """

    draw: ImageDraw
    options: GenerateOptions
    given: Given = NOTHING
    deaths: int = 0

    def run(self, studio, report):
        """Returns (PNG at the full size of the network, PNG as the set keeps it)."""
        return studio.maker(self.options, self.given).make_one(self.draw)

    def after_death(self, report):
        """The task to try next."""
        return tried_again(self, 'makes images')


@dataclasses.dataclass(frozen=True)
class MakeShard:
    """Makes the images of a shard and writes its file.

    Attributes:
        number: Of the shard.
        path: Of the file to write.
        start, stop: The images are `start` to before `stop` of the set.
        options, given: As for `synthesis.maker.Maker`.
        reader: None, as the images come from nowhere.
        deaths: Number of processes that died with this shard.
    """

    number: int
    path: str
    start: int
    stop: int
    options: GenerateOptions
    given: Given = NOTHING
    reader: Any = None
    deaths: int = 0

    def run(self, studio, report):
        """Returns an empty list: there is no image to name. Reports ('together', number of images made)."""
        report(('together', 0))
        reported = time.monotonic()
        entries, refused = {}, []
        maker = studio.maker(self.options, self.given)
        for entry in maker.make(self.start, self.stop):
            line = entry.verdict
            if line['accepted']:
                entries[line['identity'], line['variation']] = entry
            else:
                refused.append(entry)
            if time.monotonic() - reported >= REPORT_SECONDS:
                report(('together', len(entries)))
                reported = time.monotonic()
        with atomic_write(self.path) as file:
            write_shard(file, [entries[key] for key in sorted(entries)] + sorted(refused, key=_by_draw))
        return []

    def after_death(self, report):
        """The task to try next."""
        return tried_again(self, 'makes images')


def _by_draw(entry):
    return [entry.verdict[name] for name in ('identity', 'variation', 'draw')]
