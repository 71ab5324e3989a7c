"""Sources and runs of the filter for tests. What its processes import too is in `oracles`."""

import atexit
import contextlib
import pickle
from unittest import mock

from oracles import Oracle, ShelfReader

from dnnlib.jobs.workers import Workers
from prefilter import pipeline
from prefilter.options import DatasetOptions
from prefilter.sources.index import Index
from prefilter.sources.source import Source

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


def options(size=8, margin=10, target=None, **others):
    return DatasetOptions(source='shelf', out=target, format='shelf', size=size, margin=margin, device='cpu', **others)


def run(source, target, oracle=None, workers=1, cluster=None, **flags):
    """`make_dataset` with an `Oracle`; in processes if there are several, or one is to die."""
    oracle = oracle or Oracle()
    dies = oracle.deadly or oracle.once
    with mock.patch.object(pipeline, 'Workers', Workers if dies else shared if workers > 1 else Here):
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


_started = {}  # (number, pickled detector) -> `Workers`
_ending = contextlib.ExitStack()
atexit.register(_ending.close)


@contextlib.contextmanager
def shared(count, prepare, environments=None):
    """Stands for `Workers`: yields processes that all runs with the same number and the same detector share."""
    key = count, pickle.dumps(prepare)
    if key not in _started:
        _started[key] = _ending.enter_context(Workers(count, prepare))
    try:
        yield _started[key]
    except BaseException:
        del _started[key]  # they may be busy
        raise


def files_of(folder):
    """The bytes of all files below a folder, by relative path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob('*') if path.is_file()}
