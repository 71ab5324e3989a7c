"""Truncation and steps of w."""

import numpy as np
import pytest

from metrics.arithmetic.dlatents import move, truncate


def test_truncation_pulls_the_coarse_layers_to_the_average():
    dlatents, average = np.float32([[[4, 8]] * 3, [[0, 0]] * 3]), np.float32([2, 4])
    truncated = truncate(dlatents, average, 0.5, 2)
    np.testing.assert_array_equal(truncated[0], [[3, 6], [3, 6], [4, 8]])
    np.testing.assert_array_equal(truncated[1], [[1, 2], [1, 2], [0, 0]])
    np.testing.assert_array_equal(truncate(dlatents, average, 0, 9), np.broadcast_to(average, [2, 3, 2]))
    assert truncated.dtype == np.float32


@pytest.mark.parametrize('psi, cutoff', [(1, 8), (0.5, 0)])
def test_without_truncation_w_is_left_as_it_is(psi, cutoff):
    dlatents = np.random.RandomState(0).randn(2, 3, 4).astype(np.float32)
    np.testing.assert_array_equal(truncate(dlatents, np.float32([1] * 4), psi, cutoff), dlatents)


def test_a_step_moves_its_layers_only():
    dlatents = np.float32([[[1, 1]] * 3, [[2, 2]] * 3])
    moved = move(dlatents, [0, 2], [[0, 1], [10, 0]])
    np.testing.assert_array_equal(moved, [[[1, 2], [1, 1], [1, 2]], [[12, 2], [2, 2], [12, 2]]])
    assert moved.dtype == np.float32 and dlatents[0, 0, 1] == 1
