"""The files of the state."""

import os

import numpy as np
import pytest

from dnnlib.errors import UserError
from dnnlib.run_dir import state_name
from training.checkpoint import Checkpoints, load_counters


def save(run, nimg, checkpoints=None):
    (checkpoints or Checkpoints(run)).save({'a': np.full(1000, nimg)}, {'cur_nimg': nimg})


def load(run, damages=None):
    said = []
    state = Checkpoints(run).load(said.append)
    assert len(said) == (damages or 0)
    return state[1]['cur_nimg'], said


def flip_byte(path, position):
    content = bytearray(path.read_bytes())
    content[position] ^= 0x55
    path.write_bytes(bytes(content))


def test_state_comes_back(tmp_path):
    run = str(tmp_path)
    assert Checkpoints(run).load(print) is None
    assert load_counters(run) is None
    variables = {'G/4x4/Conv/weight': np.arange(6, dtype=np.float32).reshape(2, 3), 'G/lod': np.float32(1.5)}
    Checkpoints(run).save(variables, {'cur_nimg': 7, 'stats_sums': {'G_loss': 0.5}})
    loaded, counters = Checkpoints(run).load(print)
    assert counters == {'cur_nimg': 7, 'stats_sums': {'G_loss': 0.5}} == load_counters(run)
    assert loaded.keys() == variables.keys()
    for name, value in variables.items():
        np.testing.assert_array_equal(loaded[name], value)
        assert loaded[name].dtype == value.dtype


def test_two_newest_states_are_kept(tmp_path):
    checkpoints = Checkpoints(str(tmp_path))
    for nimg in (0, 0, 64, 128, 128):
        save(str(tmp_path), nimg, checkpoints)
    assert sorted(os.listdir(str(tmp_path))) == [state_name(64), state_name(128)]


def test_failed_write_leaves_the_old_states(tmp_path):
    run = str(tmp_path)
    checkpoints = Checkpoints(run)
    save(run, 1, checkpoints)
    save(run, 2, checkpoints)

    class Unwritable:
        def __array__(self):
            raise OSError('no')

    with pytest.raises(OSError):
        checkpoints.save({'a': Unwritable()}, {'cur_nimg': 3})
    assert load(run)[0] == 2
    assert sorted(os.listdir(run)) == [state_name(1), state_name(2)]


@pytest.mark.parametrize('keep', [0, 10, 200, 4000])
def test_run_goes_on_from_the_state_before_a_truncated_one_and_says_so(tmp_path, keep):
    run, path = str(tmp_path), tmp_path / state_name(2)
    save(run, 1)
    save(run, 2)
    path.write_bytes(path.read_bytes()[:keep])
    nimg, (said,) = load(run, damages=1)
    assert nimg == 1 == load_counters(run)['cur_nimg']
    assert f'{path} is damaged (' in said and f'going on from {state_name(1)}, the one before' in said


def test_flipped_byte_in_an_array_is_found(tmp_path):
    save(str(tmp_path), 1)
    save(str(tmp_path), 2)
    flip_byte(tmp_path / state_name(2), 4000)
    nimg, (said,) = load(str(tmp_path), damages=1)
    assert nimg == 1 and 'CRC' in said


def test_no_flipped_byte_passes_for_another_state(tmp_path):
    run, path = str(tmp_path), tmp_path / state_name(2)
    save(run, 1)
    save(run, 2)
    content = path.read_bytes()
    for position in range(0, len(content), 61):  # all parts of the archive: headers, arrays, directory
        flip_byte(path, position)
        variables, counters = Checkpoints(run).load(lambda text: None)
        assert set(variables) == {'a'} and np.all(variables['a'] == counters['cur_nimg']), position
        path.write_bytes(content)


def test_a_state_that_was_passed_over_goes_only_when_two_whole_ones_are_there(tmp_path):
    run = str(tmp_path)
    save(run, 64)
    save(run, 128)
    flip_byte(tmp_path / state_name(128), 4000)
    checkpoints = Checkpoints(run)
    checkpoints.load(lambda text: None)
    save(run, 64, checkpoints)
    assert len(os.listdir(run)) == 2
    save(run, 96, checkpoints)
    assert sorted(os.listdir(run)) == [state_name(64), state_name(96)]


def test_a_state_that_cannot_be_opened_is_not_passed_over(tmp_path):
    save(str(tmp_path), 1)
    path = tmp_path / state_name(2)
    path.symlink_to(path)  # refuses everybody
    for read in (load_counters, load):
        with pytest.raises(UserError, match=f'{path} cannot be read .*: check the disk, or move it away'):
            read(str(tmp_path))


def test_all_states_damaged_are_named_with_the_hint(tmp_path):
    for nimg in (1, 2):
        save(str(tmp_path), nimg)
        (tmp_path / state_name(nimg)).write_bytes(b'PK')
    for read in (load_counters, load):
        with pytest.raises(UserError, match=f'{state_name(2)} is damaged .*{state_name(1)} is damaged .* --new-run'):
            read(str(tmp_path))
