"""A set as a job: what the engine in `dnnlib.jobs` has to know of images that a network makes."""

import contextlib
import dataclasses
import functools

from dnnlib.errors import UserError, disk_errors
from dnnlib.exports.dataset_json import IMAGES_PER_ZIP
from dnnlib.exports.forms import bytes_needed
from dnnlib.files import sha256_of_file
from dnnlib.jobs.job import Job, Supply, Work
from dnnlib.jobs.run import LINE_BYTES
from dnnlib.jobs.shards import ShardPlan
from synthesis.given import NOTHING, Given
from synthesis.maker import Maker
from synthesis.options import GenerateOptions
from synthesis.tasks import MakeShard
from synthesis.volumes import Volumes

SHARD_IMAGES = 80  # a whole number of minibatches of 16, and of shards in a .zip of 10,000


@dataclasses.dataclass(frozen=True)
class MakeImages(Work):
    """What processes do.

    Attributes:
        network: Path of the pickle.
        sha256: Of the pickle.
        options: `synthesis.options.GenerateOptions`.
        given: `synthesis.given.Given`.
    """

    network: str
    sha256: str
    options: GenerateOptions
    given: Given = NOTHING

    @property
    def environment(self):
        """On CPUs it hides GPUs."""
        return hidden_gpus(self.options.device)

    @property
    def files(self):
        """The network."""
        return (self.network,)

    def with_files(self, paths):
        """The same work with a copy of the network."""
        return dataclasses.replace(self, network=paths[0])

    @property
    def prepare(self):
        """Makes the state of a process. It does not depend on the options, so a process serves different sets."""
        return functools.partial(Studio, self.network, self.options.device, self.sha256)

    def task(self, number, path, reader, items):
        """As `dnnlib.jobs.job.Work.task`; items are [start, stop] of the shard."""
        return MakeShard(number, path, *items, self.options, self.given)


class Studio:
    """The state of a process: an open network, and what makes images with it.

    Args:
        network: Path of the pickle.
        device: 'gpu' or 'cpu'.
        sha256: Of the pickle when the run began.

    Raises:
        UserError: The file is no generator, or has changed since.
    """

    def __init__(self, network, device, sha256):
        from synthesis.generator import Generator  # here: the process that leads starts no TensorFlow

        self._generator = Generator(network, device)
        try:
            _check_unchanged(network, sha256)  # after it was read: a file that is replaced meanwhile is noticed too
        except UserError:
            self.close()
            raise
        self._makers = {}

    def close(self):
        """Closes the session."""
        self._generator.close()

    @property
    def facts(self):
        """The `synthesis.network.NetworkFacts`."""
        return self._generator.facts

    def maker(self, options, given=NOTHING):
        """The `synthesis.maker.Maker` of a set."""
        key = options, given
        if key not in self._makers:
            self._makers = {key: Maker(self._generator, options, given, self._detector(options))}
        return self._makers[key]

    def _detector(self, options):
        if not options.reject:
            return None
        from dnnlib.faces.detector import FaceDetector

        return FaceDetector('cpu')


class SetJob(Job):
    """The images of a set.

    Args:
        work: `MakeImages`.
        trial: `synthesis.tasks.Trial`.
        parts: Folder of the shard files.
    """

    name = 'synthesis'
    doing, done = 'Making images', 'made'

    def __init__(self, work, trial, parts):
        self.work, self._trial = work, trial
        self.shards = shards_of(work.options)
        self.volumes = Volumes(parts, self.shards, work.options.per_identity)

    def supply(self, folder, always=False):
        """Ranges of images, which need no reader."""
        return contextlib.nullcontext(Supply())

    def room(self, count):
        """Room for the images now, while a volume is joined from its shards too, and for the exports later."""
        options = self.work.options
        there = count + min(self.shards.num_images, IMAGES_PER_ZIP)
        return [('the images', there * room_of_image(self._trial, options))], room_of_exports(self._trial, options)

    def finished(self, folder):
        """The shards that are made, with those of finished volumes."""
        self.volumes.look()
        return self.volumes.finished()

    def on_done(self, number):
        """Joins a volume when its last shard is there."""
        self.volumes.add(number)


def hidden_gpus(device):
    """Variables of the environment of a process on a device: on the CPU it sees no GPU."""
    return {'CUDA_VISIBLE_DEVICES': ''} if device == 'cpu' else {}


def _check_unchanged(network, sha256):
    with disk_errors('read', network):
        found = sha256_of_file(network)
    if found != sha256:
        raise UserError(
            f'{network} has changed since this command began (its SHA-256 is {found[:12]}…, it was {sha256[:12]}…), as '
            'where its run trains on: name a snapshot that stays, such as a network-snapshot-*.pkl.'
        )


def shards_of(options):
    """The `ShardPlan` of a set."""
    return ShardPlan(options.count, SHARD_IMAGES)


def room_of_image(trial, options):
    """Bytes on disk of an image of the set, a tenth more than those of the trial, with its line and its w."""
    return trial.image_bytes * 11 // 10 + LINE_BYTES + (trial.w_bytes if options.keep_w else 0)


def room_of_exports(trial, options):
    """What the exports take on the disk at most: list of (what, bytes)."""
    return [('the exports', bytes_needed(options.export, options.count, trial.shape))] if options.exports else []
