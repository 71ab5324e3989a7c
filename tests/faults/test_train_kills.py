"""A run that is stopped or killed again and again comes to what an undisturbed one comes to."""

import contextlib
import shutil
import signal
import time
from unittest import mock

import pytest

from tests.faults.toy_training import (
    KIMG,
    differences,
    kill_at,
    only_run,
    start_training,
    state_in_writing,
    train_here,
)
from tests.toy_run import make_dataset
from training import checkpoint

pytestmark = pytest.mark.slow


# When copies of the undisturbed run are made: the number of the state that is being written, or has just been written.
COPIES = {'in a write': 4, 'after a write': 5, 'in a later write': 8}


@pytest.fixture(scope='module')
def undisturbed(built_steps, tmp_path_factory):
    """A run to its end in this process: the dataset, and the folder of the run, not to be changed.

    Beside the latter stand copies of it, named as in COPIES: what kills at these instants would have left.
    """
    folder = tmp_path_factory.mktemp('undisturbed')
    data, whole = make_dataset(str(folder / 'toy')), folder / 'whole'
    with copies_of_states(whole):
        output = train_here(built_steps, data, whole, '--kimg', KIMG).output
    assert 'Trained' in output
    in_writing = [name for name in COPIES if state_in_writing(only_run(folder / name))]
    assert in_writing == ['in a write', 'in a later write']
    return data, whole


@contextlib.contextmanager
def copies_of_states(whole):
    """In the block, the folder `whole` of a run is copied at the instants of COPIES."""
    names = {number: name for name, number in COPIES.items()}
    written, write, save = [], checkpoint._write_arrays, checkpoint.Checkpoints.save

    def copy(now):
        name = names.get(len(written), '')
        if name.startswith(now):
            shutil.copytree(str(whole), str(whole.parent / name))

    class CopyingHalfway(dict):
        def items(self):
            for number, item in enumerate(super().items()):
                if number == len(self) // 2:
                    copy('in')
                yield item

    def save_and_copy(*args):
        written.append(None)
        save(*args)
        copy('after')

    halfway = mock.patch.object(checkpoint, '_write_arrays', lambda file, arrays: write(file, CopyingHalfway(arrays)))
    with halfway, mock.patch.object(checkpoint.Checkpoints, 'save', save_and_copy):
        yield


@pytest.mark.parametrize('instant', COPIES)
def test_what_a_kill_leaves_goes_on_to_the_end_of_the_undisturbed_run(undisturbed, built_steps, instant):
    data, whole = undisturbed
    killed = whole.parent / instant
    output = train_here(built_steps, data, killed, '--kimg', KIMG).output
    assert 'Going on' in output and 'Trained' in output
    assert differences(only_run(whole), only_run(killed)) == []


@pytest.mark.thorough
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
