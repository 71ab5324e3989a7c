"""The state file."""

import os

import numpy as np
import pytest

from dnnlib.errors import UserError
from training import checkpoint


def test_state_comes_back(tmp_path):
    run = str(tmp_path)
    assert checkpoint.load_state(run) is None
    assert checkpoint.load_counters(run) is None
    variables = {'G/4x4/Conv/weight': np.arange(6, dtype=np.float32).reshape(2, 3), 'G/lod': np.float32(1.5)}
    checkpoint.save_state(run, variables, {'cur_nimg': 7, 'stats_sums': {'G_loss': 0.5}})
    loaded, counters = checkpoint.load_state(run)
    assert counters == {'cur_nimg': 7, 'stats_sums': {'G_loss': 0.5}} == checkpoint.load_counters(run)
    assert loaded.keys() == variables.keys()
    for name, value in variables.items():
        np.testing.assert_array_equal(loaded[name], value)


def test_failed_write_leaves_the_old_state(tmp_path):
    run = str(tmp_path)
    checkpoint.save_state(run, {'a': np.zeros(3)}, {'cur_nimg': 1})

    class Unwritable:
        def __array__(self):
            raise RuntimeError('no')

    with pytest.raises(RuntimeError):
        checkpoint.save_state(run, {'a': Unwritable()}, {'cur_nimg': 2})
    assert checkpoint.load_counters(run) == {'cur_nimg': 1}
    assert os.listdir(run) == [checkpoint.STATE_FILE]


@pytest.mark.parametrize('keep', [0, 10, 200])
def test_damaged_file_is_named(tmp_path, keep):
    checkpoint.save_state(str(tmp_path), {'a': np.zeros(1000)}, {'cur_nimg': 1})
    path = tmp_path / checkpoint.STATE_FILE
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(UserError, match=checkpoint.STATE_FILE):
        checkpoint.load_state(str(tmp_path))
