"""Sources, detectors and runs of the filter for tests, importable in its processes."""

import io
import os
import signal
from unittest import mock

import numpy as np
from PIL import Image

from prefilter import pipeline
from prefilter.options import DatasetOptions
from prefilter.sources.index import Index
from prefilter.sources.source import Source
from prefilter.workers import Workers

PATHS = [f'{person}/{number:02d}.png' for person in 'abc' for number in range(10)]


def shelf(paths, refused=(), same=(), forward_only=False):
    """A source in memory: each image is one colour, its red value the image's number, modulo 256.

    Args:
        paths: Names of the images.
        refused: Those that are no images.
        same: Places of images that have the colour of image 0.
        forward_only: Whether it claims to be readable forward only.
    """
    index = Index(3)
    for place, path in enumerate(sorted(paths)):
        index.add(path, place, 0 if place in same else place, path in refused)
    return Source('shelf', index, ShelfReader(forward_only))


class ShelfReader:
    def __init__(self, forward_only=False):
        self.forward_only = forward_only
        self._last = -1

    def read(self, entry):
        place, number, refused = entry
        if self.forward_only:
            assert place > self._last, 'it went back'
            self._last = place
        if refused:
            return b'no image %d' % number
        file = io.BytesIO()
        Image.new('RGB', (60, 40), (number % 256, 100, 200)).save(file, 'PNG')
        return file.getvalue()


class Oracle:
    """A detector that finds the same faces in every image whose red value is even; some red values end badly.

    Args:
        faces: Rows of boxes and scores.
        exhausting: Red value for which memory does not suffice.
        deadly: Red values that kill the process, each time.
        once: Path of a file: as long as it is not there, the process makes it and is killed.
        idle: Whether it must not be asked at all.
    """

    def __init__(self, faces=((20, 10, 40.5, 30.5, 0.9),), exhausting=None, deadly=(), once=None, idle=False):
        self.faces = np.array(faces, np.float64).reshape(-1, 5)
        self.exhausting, self.deadly, self.once, self.idle = exhausting, deadly, once, idle

    def __call__(self):
        return self

    def detect_batch(self, images):
        assert not self.idle, 'it was asked'
        reds = [int(image[0, 0, 0]) for image in images]
        if self.exhausting in reds:
            raise MemoryError('Unable to allocate 101. MiB')
        if self.once and not os.path.exists(self.once):
            open(self.once, 'w').close()
            os.kill(os.getpid(), signal.SIGKILL)
        if set(reds) & set(self.deadly):
            os.kill(os.getpid(), signal.SIGKILL)
        return [self.faces if red % 2 == 0 else np.empty([0, 5]) for red in reds]


def options(size=8, margin=10, target=None, **others):
    return DatasetOptions('shelf', target, 'shelf', size=size, margin=margin, device='cpu', **others)


def run(source, target, oracle=None, workers=1, cluster=None, **flags):
    """`make_dataset` with an `Oracle`; in processes of their own if there are several, or one is to die."""
    oracle = oracle or Oracle()
    dies = bool(oracle.deadly or oracle.once)
    pool = Workers if workers > 1 or dies or cluster else Here
    with mock.patch.object(pipeline, 'Workers', pool):
        return pipeline.make_dataset(
            source,
            options(target=str(target), **flags),
            workers,
            make_detector=oracle,
            cluster=cluster,
        )


class Here:
    """Does in this process what `Workers` have processes do, which take seconds to start."""

    def __init__(self, count, prepare, environments=None):
        self._prepare = prepare

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        pass

    def run(self, tasks, on_report=lambda task, report: None):
        state = self._prepare()
        for task in tasks:
            yield task, task.run(state, lambda report, task=task: on_report(task, report))


def files_of(folder):
    """The bytes of all files below a folder, by relative path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob('*') if path.is_file()}
