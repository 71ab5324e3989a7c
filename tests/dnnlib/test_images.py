"""Grids and rounding."""

import numpy as np
import pytest
from PIL import Image

from dnnlib.images import create_image_grid, save_image_grid, to_pil
from tests.goldens.files import FOLDER

GOLDEN = np.load(str(FOLDER / 'image_utils.npz'))


@pytest.mark.parametrize('source, size, expected', [
    ('in/rgb', None, 'out/grid_auto'), ('in/rgb', (4, 2), 'out/grid_4x2'), ('in/gray', None, 'out/grid_gray_auto')])
def test_grid_is_the_originals(source, size, expected):
    np.testing.assert_array_equal(create_image_grid(GOLDEN[source], size), GOLDEN[expected])


@pytest.mark.parametrize('source, drange, expected', [
    ('out/grid_auto', (-1, 1), 'out/pil_rgb'), ('out/grid_gray_auto', (-1, 1), 'out/pil_gray'),
    ('in/half', (0, 255), 'out/pil_half_drange255')])
def test_rounding_is_the_originals(source, drange, expected):
    np.testing.assert_array_equal(np.asarray(to_pil(GOLDEN[source], drange)), GOLDEN[expected])


def test_saved_grid_reads_back(tmp_path):
    images = np.random.RandomState(1).randint(0, 256, [4, 3, 8, 8]).astype(np.uint8)
    save_image_grid(str(tmp_path / 'grid.png'), images, (2, 2), drange=(0, 255))
    pixels = np.asarray(Image.open(str(tmp_path / 'grid.png')))
    np.testing.assert_array_equal(pixels[8:, :8], images[2].transpose(1, 2, 0))
