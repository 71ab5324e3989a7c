"""The figure of directions: a row each, the sample in the middle."""

import numpy as np

from metrics.figures.directions import COLUMNS, directions_figure, draw_directions
from tests.toy_run import noisy_generator


def test_each_row_goes_from_minus_s_over_the_sample_to_s():
    dlatent = np.float32([[100, 50], [100, 50]])
    canvas = directions_figure(  # an image is a pixel for each number of w
        lambda dlatents: dlatents.reshape(-1, 1, 4, 1).astype(np.uint8), dlatent, np.float32([[1, 0], [0, -1]]), [1], 30
    )
    assert canvas.shape == (2, 4 * COLUMNS, 1)
    rows = canvas.reshape(2, COLUMNS, 4)
    np.testing.assert_array_equal(rows[0, :, 2], [70, 80, 90, 100, 110, 120, 130])
    np.testing.assert_array_equal(rows[1, :, 3], [80, 70, 60, 50, 40, 30, 20])
    assert (rows[:, :, 0] == 100).all() and (rows[:, :, 1] == 50).all()  # layer 0 does not move
    assert (rows[0, :, 3] == 50).all() and (rows[1, :, 2] == 100).all()


def test_directions_of_a_generator_are_as_many_rows_of_one_sample(session):
    Gs = noisy_generator(0.1)
    canvas = draw_directions(Gs, seed=1, layers=range(2), count=3, distance=40)
    assert canvas.shape == (3 * 8, COLUMNS * 8, 3) and canvas.dtype == np.uint8
    middle = slice(COLUMNS // 2 * 8, (COLUMNS // 2 + 1) * 8)
    np.testing.assert_array_equal(canvas[:8, middle], canvas[8:16, middle])
    assert (canvas[:8, :8] != canvas[:8, -8:]).any() and (canvas[:8, :8] != canvas[8:16, :8]).any()
    assert draw_directions(Gs, seed=1, count=50).shape[0] == 8 * 8  # W has 8 directions
    other = draw_directions(Gs, seed=2, count=1)
    assert (other[:, middle] != canvas[:8, middle]).any()
