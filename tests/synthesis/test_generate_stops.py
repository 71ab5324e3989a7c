"""Signals and dead processes: each is a sentence, and nothing is lost or half written."""

import os
import signal
from unittest import mock

import pytest
from painted_sets import command, sentence
from sets import NETWORK, options

from dnnlib.errors import UserError
from dnnlib.jobs import run as job_run
from dnnlib.jobs.workers import Workers
from synthesis import generate, volumes
from synthesis.tasks import MakeShard


@pytest.fixture
def ctrl_c():
    """Ctrl-C stops this process, as in a terminal; it is ignored where the tests run in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def at_once(function, number, calls=1):
    """Sends a signal to this process in a call of a function."""
    count = []

    def stopped(*args, **kwargs):
        count.append(args)
        if len(count) == calls:
            os.kill(os.getpid(), number)
        return function(*args, **kwargs)

    return stopped


@pytest.mark.parametrize(
    'module, name, calls, keeps, number',
    [
        (generate, '_say', 1, False, signal.SIGINT),  # the network was tried, no image is made yet
        (generate, '_say', 1, False, signal.SIGTERM),
        (job_run.JobProgress, 'on_done', 2, True, signal.SIGINT),
        (job_run.JobProgress, 'on_done', 2, True, signal.SIGTERM),
        (volumes, 'write_zip', 1, True, signal.SIGTERM),
        (generate, 'place_volumes', 1, True, signal.SIGINT),
        (generate, 'write_report', 1, True, signal.SIGTERM),
        (generate, 'write_card', 1, True, signal.SIGINT),
    ],
)
def test_a_stop_says_how_to_go_on(painted, ctrl_c, tmp_path, module, name, calls, keeps, number):
    args = NETWORK, '--out', tmp_path / 'set', '--identities', 200
    with mock.patch.object(module, name, at_once(getattr(module, name), number, calls)):
        said = sentence(command(*args), 128 + number)
    assert ('The same command goes on from here' if keeps else 'before anything was worth keeping') in said
    assert [path.name for path in tmp_path.iterdir()] == ['.set.unfinished'] * keeps
    again = sentence(command(*args), 0)
    assert ('Going on with an unfinished run' in again) == keeps
    assert [path.name for path in tmp_path.iterdir()] == ['set']


class Deadly:
    """A state whose process dies of each task."""

    def maker(self, options, given):
        os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.slow
def test_a_shard_that_three_processes_die_of_ends_in_a_sentence(tmp_path):
    task = MakeShard(0, str(tmp_path / 'shard'), 0, 80, options(tmp_path))
    with Workers(1, Deadly) as pool, pytest.raises(UserError, match='Every process that makes images dies, perhaps'):
        list(pool.run([task]))
    assert not list(tmp_path.iterdir())
