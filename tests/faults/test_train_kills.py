"""A run that is stopped or killed again and again comes to what an undisturbed one comes to."""

import signal
import time

import pytest

from tests.faults.toy_training import (
    KIMG,
    copy_after_write,
    copy_in_write,
    differences,
    kill_at,
    only_run,
    start_training,
    train_here,
    wait_for_write,
)
from tests.toy_run import make_dataset

pytestmark = pytest.mark.slow


@pytest.fixture(scope='module')
def undisturbed(tmp_path_factory):
    """A run to its end: the dataset, and the folder of the run, not to be changed.

    Beside the latter stand copies of it as kills at three instants would have left it.
    """
    folder = tmp_path_factory.mktemp('undisturbed')
    data, whole = make_dataset(str(folder / 'toy')), folder / 'whole'
    process = start_training(data, whole, '--kimg', KIMG)
    wait_for_write(process, whole, 2)
    copied = [
        copy_in_write(process, whole, folder / 'in a write'),
        copy_after_write(process, whole, folder / 'after a write'),
    ]
    wait_for_write(process, whole, 3)
    copied.append(copy_in_write(process, whole, folder / 'in a later write'))
    output = process.communicate()[0]
    assert 'Trained' in output and copied == [True, True, True], output
    return data, whole


@pytest.mark.parametrize('instant', ['in a write', 'after a write', 'in a later write'])
def test_what_a_kill_leaves_goes_on_to_the_end_of_the_undisturbed_run(undisturbed, built_steps, instant):
    data, whole = undisturbed
    killed = whole.parent / instant
    output = train_here(built_steps, data, killed, '--kimg', KIMG).output
    assert 'Going on' in output and 'Trained' in output
    assert differences(only_run(whole), only_run(killed)) == []


def test_a_stop_and_kills_in_a_write_and_while_it_starts_change_nothing(undisturbed, built_steps, tmp_path):
    data, whole = undisturbed

    def start():
        return start_training(data, tmp_path, '--kimg', KIMG)

    process = start()
    while not list(tmp_path.glob('*/stats.jsonl')):  # the first tick is over
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    output = process.communicate()[0]
    assert process.returncode == 0 and 'Stopped at kimg' in output, output
    assert 'the same command goes on from there' in output
    alive, in_write, output = kill_at(start(), tmp_path, writes=3)
    assert alive and in_write and 'Going on' in output, output
    assert kill_at(start(), tmp_path, delay=4)[0]
    output = train_here(built_steps, data, tmp_path, '--kimg', KIMG).output
    assert 'Going on' in output and 'Trained' in output
    assert differences(only_run(whole), only_run(tmp_path)) == []
