"""SeFa's directions from weights that are known."""

import numpy as np

from metrics.arithmetic.directions import closed_form_directions


def test_the_dominant_direction_comes_first_and_its_largest_component_is_positive():
    random = np.random.RandomState(0)
    dominant = np.float32([0.6, -0.8, 0])
    weight = np.outer(dominant, random.randn(40)) + 0.01 * random.randn(3, 40)
    directions, eigenvalues = closed_form_directions([weight.astype(np.float32)])
    assert directions.dtype == np.float32 and directions.shape == (3, 3)
    np.testing.assert_allclose(directions[0], [-0.6, 0.8, 0], atol=0.02)
    np.testing.assert_allclose(directions @ directions.T, np.eye(3), atol=1e-6)
    assert (np.diff(eigenvalues) <= 0).all() and abs(eigenvalues.sum() - 40) < 1e-6  # 40 columns of length 1
    assert (directions[np.arange(3), np.abs(directions).argmax(axis=1)] > 0).all()


def test_each_column_counts_the_same_whatever_its_length():
    weights = [
        np.float32([[100, 0, 0], [0, 1, 1]]),
        np.float32([[0, 0], [0.01, 7]]),
    ]  # one column along x, four along y
    directions, eigenvalues = closed_form_directions(weights)
    np.testing.assert_allclose(directions, [[0, 1], [1, 0]], atol=1e-7)
    np.testing.assert_allclose(eigenvalues, [4, 1], atol=1e-9)


def test_layers_are_taken_together():
    first, second = np.float32([[1, 1, 0], [0, 0, 1]]), np.float32([[0, 0], [3, 3]])
    assert np.argmax(closed_form_directions([first])[0][0]) == 0
    assert np.argmax(closed_form_directions([first, second])[0][0]) == 1


def test_columns_of_zeros_change_nothing():
    weight = np.float32([[2, 0, 0], [0, 1, 0], [0, 1, 0]])
    directions, eigenvalues = closed_form_directions([np.concatenate([weight, np.zeros([3, 5], np.float32)], axis=1)])
    np.testing.assert_allclose(eigenvalues, [1, 1, 0], atol=1e-9)
    assert np.isfinite(directions).all()
