"""The processes of a run: what a launcher says about them, and the usual case of one."""

import json

import click
import pytest

from dnnlib.errors import UserError
from dnnlib.processes import ALONE, COLLECTIVES, HOROVOD, Failed, Processes, launched, usage_errors_told_once
from training.stop import Stopped

WORKERS = ['a:2222', 'b:2222']


def config(workers=WORKERS, index=1, kind='worker', cluster='worker'):
    return {'TF_CONFIG': json.dumps({'cluster': {cluster: workers}, 'task': {'type': kind, 'index': index}})}


@pytest.mark.parametrize(
    'environment, engine, rank, size, one_command',
    [
        ({'HOROVOD_SIZE': '4', 'HOROVOD_RANK': '3'}, HOROVOD, 3, 4, True),
        ({'OMPI_COMM_WORLD_SIZE': '2', 'OMPI_COMM_WORLD_RANK': '0'}, HOROVOD, 0, 2, True),
        ({'SLURM_STEP_NUM_TASKS': '2', 'PMIX_RANK': '1'}, HOROVOD, 1, 2, True),
        (config(), COLLECTIVES, 1, 2, False),
        ({**config(), 'SLURM_STEP_NUM_TASKS': '2', 'SLURM_PROCID': '1'}, COLLECTIVES, 1, 2, True),
        ({**config(), 'HOROVOD_SIZE': '4', 'HOROVOD_RANK': '0'}, HOROVOD, 0, 4, True),
    ],
)
def test_the_environment_says_how_many_processes_there_are(environment, engine, rank, size, one_command):
    launch = launched(environment)
    assert (launch.engine, launch.rank, launch.size, launch.one_command) == (engine, rank, size, one_command)


@pytest.mark.parametrize(
    'environment, told',
    [
        ({'HOROVOD_SIZE': '2', 'HOROVOD_RANK': '0'}, click.UsageError),
        ({'HOROVOD_SIZE': '2', 'HOROVOD_RANK': '1'}, Failed),
        ({**config(), 'SLURM_STEP_NUM_TASKS': '2'}, Failed),
        (config(), click.UsageError),  # whose command line may be another one
        ({}, click.UsageError),
    ],
)
def test_an_error_of_the_command_line_is_told_by_the_first_process_of_a_launcher(environment, told, monkeypatch):
    waits = []
    monkeypatch.setattr('dnnlib.processes.launched', lambda: launched(environment))
    monkeypatch.setattr('dnnlib.processes.time.sleep', waits.append)
    with pytest.raises(told) as raised, usage_errors_told_once():
        raise click.UsageError('--kimg: not a number')
    assert raised.value.exit_code == 2 and bool(waits) == (told is Failed)


@pytest.mark.parametrize(
    'environment',
    [
        {},
        {'HOROVOD_SIZE': '1', 'HOROVOD_RANK': '0'},
        {'SLURM_NTASKS': '4', 'SLURM_PROCID': '0', 'SLURM_STEP_NUM_TASKS': '1'},  # a batch script, not srun
        config(['a:2222'], 0),
        {'TF_CONFIG': ''},
    ],
)
def test_a_process_is_alone_without_others(environment):
    assert launched(environment) is None


@pytest.mark.parametrize(
    'environment',
    [
        {'TF_CONFIG': '{'},
        {'TF_CONFIG': '[]'},
        {'TF_CONFIG': '{"cluster": {"worker": 2}, "task": {"type": "worker", "index": 0}}'},
        config(index=2),
        config(index=-1),
        config(kind='ps'),
        config(cluster='chief'),
        config(['a', 'b']),
        config(['a:1', 'a:1']),
        config([1, 2]),
    ],
)
def test_a_wrong_TF_CONFIG_is_refused_with_the_right_form(environment):
    with pytest.raises(
        UserError, match='TF_CONFIG does not name the processes.* set it to .*"HOST:PORT".* or unset it'
    ):
        launched(environment)


def test_with_one_process_every_verb_is_the_identity():
    tensors, value = [object()], object()
    assert ALONE.gather(value) == [value] and ALONE.broadcast(value) is value and ALONE.sums(tensors) is tensors
    assert ALONE.any(True) is True and ALONE.any(False) is False
    assert ALONE.on_chief(lambda: value) is value
    assert ALONE.share(3) == 3
    for error in (UserError('no'), Stopped()):
        with pytest.raises(type(error)) as raised:
            ALONE.on_chief(lambda error=error: raise_(error))
        assert raised.value is error
    ALONE.check_alike(lambda: pytest.fail('asked'))


def raise_(error):
    raise error


def test_replicas_must_be_divisible_among_the_processes():
    processes = Processes()
    processes.size = 2
    assert processes.share(6) == 3
    with pytest.raises(click.UsageError, match='--gpus 3 cannot be divided among 2 processes.* a multiple of 2'):
        processes.share(3)


def test_another_process_ends_without_a_word_and_with_the_status_of_the_chief():
    assert Failed(2).exit_code == 2 and isinstance(Failed(2), click.exceptions.Exit)
