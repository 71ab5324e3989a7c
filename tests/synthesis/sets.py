"""Synthetic sets for tests, made by processes that all tests of a session share."""

import contextlib
import functools
import os
from unittest import mock

from dnnlib.jobs.workers import Workers
from synthesis import generate
from synthesis.generate import Processes, make_set
from synthesis.given import NOTHING
from synthesis.options import GenerateOptions
from synthesis.source import find_network

HERE = os.path.dirname(os.path.abspath(__file__))
NETWORK = os.path.join(HERE, '..', 'golden', 'crossing', 'tensorflow-1.15', 'run', 'network-final.pkl')  # 8x8, RGB

_started = {}  # what makes the state of a process -> `Workers`
_ending = contextlib.ExitStack()


@contextlib.contextmanager
def shared(count, prepare, environments=None):
    """Stands for `Workers`: yields processes that all sets of one network share, whatever their options."""
    key = prepare.func, prepare.args, count
    if key not in _started:
        _started[key] = _ending.enter_context(Workers(count, prepare, environments))
    try:
        yield _started[key]
    except BaseException:
        del _started[key]  # they may be busy, or have raised the error
        raise


def end_shared():
    """Ends the processes."""
    _ending.close()
    _started.clear()


def options(out, **changes):
    """Options of a small set; psi is 1 because the network has hardly been trained."""
    given = {'identities': 100, 'psi': 1.0, 'device': 'cpu', 'minibatch': 16, **changes}
    return GenerateOptions(network=NETWORK, out=str(out), **given)


def make(out, workers=1, cluster=None, given=NOTHING, **changes):
    """Makes a set with `make_set`; returns its result."""
    processes = Processes.planned(workers, None, given)
    with mock.patch.object(generate, 'Workers', shared):
        return make_set(network(), options(out, **changes), processes, cluster)


@functools.lru_cache(maxsize=None)
def network():
    """The network of the sets."""
    return find_network(NETWORK)


def files_of(folder):
    """The bytes of all files below a folder, by relative path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob('*') if path.is_file()}
