"""What the figures share: canvases, layers, and noise that a seed says."""

import numpy as np
import PIL.Image
import pytest

from metrics.figures.drawing import fine_layers, run, save_png, tile
from tests.toy_run import noisy_generator


@pytest.mark.parametrize('num_layers, first_fine', [(18, 8), (14, 8), (10, 8), (8, 4), (4, 2)])
def test_fine_layers_start_at_64_pixels_or_half_way(num_layers, first_fine):
    assert fine_layers(num_layers) == range(first_fine, num_layers)


def test_tiles_go_row_by_row_and_white_fills_the_rest():
    canvas = tile(np.uint8([1, 2, 3]).reshape(3, 1, 1, 1), columns=2, rows=2)
    np.testing.assert_array_equal(canvas[:, :, 0], [[1, 2], [3, 255]])


@pytest.mark.parametrize('channels', [1, 3])
def test_png_files_hold_the_canvas(tmp_path, channels):
    canvas = np.random.RandomState(0).randint(0, 256, [5, 7, channels]).astype(np.uint8)
    save_png(str(tmp_path / 'x.png'), canvas)
    stored = np.asarray(PIL.Image.open(str(tmp_path / 'x.png')))
    np.testing.assert_array_equal(stored.reshape(canvas.shape), canvas)


def test_fresh_noise_is_that_of_its_seed_and_differs_between_all_images(session):
    Gs = noisy_generator(9)
    latents = np.repeat(np.random.RandomState(0).randn(1, 8), 20, axis=0)  # more than one minibatch
    first, other, again = (run(Gs, latents, None, noise_seed=seed) for seed in (1, 2, 1))
    np.testing.assert_array_equal(again, first)
    assert len(np.unique(np.concatenate([first, other]).reshape(40, -1), axis=0)) == 40
