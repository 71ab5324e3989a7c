"""Two processes train together: they stop together, end together, and come to what one process comes to."""

import signal

import pytest

from dnnlib.processes import LOST
from tests.faults.toy_training import differences, only_run, start_joint, train_here, wait_for_ticks
from tests.toy_run import make_dataset

pytestmark = pytest.mark.slow  # several processes that start TensorFlow

KIMG = 1
FLAGS = ['--gpus', 2, '--kimg', KIMG]


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    return make_dataset(str(tmp_path_factory.mktemp('joint') / 'toy'))


def test_stopped_and_killed_together_and_gone_on_with_alone_is_the_undisturbed_run(data, engine, built_steps, tmp_path):
    whole, joint = tmp_path / 'whole', tmp_path / 'joint'
    assert 'Trained' in train_here(built_steps, data, whole, *FLAGS).output

    processes = start_joint(engine, data, joint, *FLAGS)
    assert wait_for_ticks(processes, joint, 1), processes.end()
    processes.send_signal(1, signal.SIGTERM)
    texts, statuses = processes.end()
    output = ''.join(texts)
    assert not any(statuses), output
    assert output.count('; the same command goes on from there') == 1 and 'Traceback' not in output
    assert output.count('Training for') == 1  # the chief alone talks

    processes = start_joint(engine, data, joint, *FLAGS)
    assert wait_for_ticks(processes, joint, 2), processes.end()
    processes.send_signal(0, signal.SIGKILL)
    texts, statuses = processes.end()
    assert all(statuses) and 'Going on' in ''.join(texts)
    assert engine == 'horovod' or (statuses[1] == 1 and f'Error: {LOST}' in texts[1]), texts

    output = train_here(built_steps, data, joint, *FLAGS).output
    assert 'Going on' in output and 'Trained' in output
    assert differences(only_run(whole), only_run(joint)) == []


@pytest.fixture(scope='module')
def refused(data, engine, tmp_path_factory):
    """What a process says whose partner has another dataset, and where nothing must be made."""
    if engine != 'collectives':
        pytest.skip('a launcher gives all processes the same command')
    folder = tmp_path_factory.mktemp('refused')
    other = make_dataset(str(folder / 'toy'), count=13)
    return (*start_joint(engine, data, folder / 'results', *FLAGS, other_data=other).end(), folder / 'results')


def test_another_dataset_on_another_machine_is_refused_and_told_once(refused):
    texts, statuses, results = refused
    assert statuses == [1, 1], texts
    assert 'Error: the fingerprint of the dataset is ' in texts[0]
    assert '(rank 0), but ' in texts[0] and '(rank 1): give the same command, dataset and versions' in texts[0]
    assert 'Error' not in texts[1] and not results.exists()


def test_an_error_of_the_chief_ends_all_and_is_told_once(data, engine, tmp_path):
    texts, statuses = start_joint(engine, data, data, *FLAGS).end()  # the dataset in place of the folder of the runs
    assert all(statuses) and ''.join(texts).count(' is a dataset; name the folder that takes the runs.') == 1, texts
    assert engine == 'horovod' or statuses == [2, 2]
