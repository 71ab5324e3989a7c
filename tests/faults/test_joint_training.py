"""Two processes train together: they stop together, end together, and come to what one process comes to."""

import contextlib
import os
import signal
from unittest import mock

import pytest

from tests.faults.toy_training import differences, only_run, start_joint, train_here, wait_for_ticks
from tests.toy_run import make_dataset
from training.log import RunLog

pytestmark = pytest.mark.slow  # several processes that start TensorFlow

KIMG = 1
FLAGS = ['--gpus', 2, '--kimg', KIMG, '--resolution', 4, '--mapping-layers', 1, '--snapshot-ticks', 2]


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    return make_dataset(str(tmp_path_factory.mktemp('joint') / 'toy'))


@contextlib.contextmanager
def sigterm_at(line):
    """A block in which a line of the log that begins so sends this process SIGTERM."""
    say = RunLog.say

    def say_and_stop(log, text):
        say(log, text)
        if text.startswith(line):
            os.kill(os.getpid(), signal.SIGTERM)

    with mock.patch.object(RunLog, 'say', say_and_stop):
        yield


@pytest.mark.thorough
def test_stopped_alone_stopped_together_and_gone_on_with_alone_is_the_undisturbed_run(
    data, engine, built_steps, tmp_path
):
    whole, joint = tmp_path / 'whole', tmp_path / 'joint'
    assert 'Trained' in train_here(built_steps, data, whole, *FLAGS).output
    with sigterm_at('tick 1 '):
        assert 'Stopped at kimg' in train_here(built_steps, data, joint, *FLAGS).output

    processes = start_joint(engine, data, joint, *FLAGS)
    assert wait_for_ticks(processes, joint, 2), processes.end()
    processes.send_signal(1, signal.SIGTERM)
    texts, statuses = processes.end()
    output = ''.join(texts)
    assert not any(statuses), output
    assert output.count('; the same command goes on from there') == 1 and 'Traceback' not in output
    assert output.count('Going on') == 1  # the chief alone talks

    output = train_here(built_steps, data, joint, *FLAGS).output
    assert 'Going on' in output and 'Trained' in output
    assert differences(only_run(whole), only_run(joint)) == []


def test_what_the_chief_refuses_ends_all_and_is_told_once(data, engine, tmp_path):
    results = tmp_path / 'results'
    if engine == 'horovod':  # a launcher gives all processes the same command
        texts, statuses = start_joint(engine, data, data, *FLAGS).end()
        assert all(statuses) and ''.join(texts).count(' is a dataset; name the folder that takes the runs.') == 1, texts
        return
    other = make_dataset(str(tmp_path / 'toy'), count=13)
    texts, statuses = start_joint(engine, data, results, *FLAGS, other_data=other).end()
    assert statuses == [1, 1], texts
    assert 'Error: the fingerprint of the dataset is ' in texts[0]
    assert '(rank 0), but ' in texts[0] and '(rank 1): give the same command, dataset and versions' in texts[0]
    assert 'Error' not in texts[1] and not results.exists()
