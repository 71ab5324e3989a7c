"""Grids and rounding."""

import cv2
import numpy as np
import pytest
from PIL import Image

from dnnlib.images import save_image_grid, shrink
from tests.goldens.kinds import assert_agreement, golden_cases


@golden_cases('image_utils*')
def test_grids_and_rounding_are_the_originals(open_session, kind, path, case):
    assert_agreement(kind, path, case, open_session)


def test_saved_grid_reads_back(tmp_path):
    images = np.random.RandomState(1).randint(0, 256, [4, 3, 8, 8]).astype(np.uint8)
    save_image_grid(str(tmp_path / 'grid.png'), images, (2, 2), drange=(0, 255))
    pixels = np.asarray(Image.open(str(tmp_path / 'grid.png')))
    np.testing.assert_array_equal(pixels[8:, :8], images[2].transpose(1, 2, 0))


@pytest.mark.parametrize('side', [1, 7, 24, 35, 42, 64, 105, 127])
@pytest.mark.parametrize('channels', [1, 3])
def test_images_are_shrunk_by_area(channels, side):
    before = 128 - side % 2
    image = np.random.RandomState(side).randint(0, 256, [channels, before, before]).astype(np.uint8)
    expected = cv2.resize(image.transpose(1, 2, 0), (side, side), interpolation=cv2.INTER_AREA)
    found = shrink(image, side)
    assert found.dtype == np.uint8 and found.shape == (channels, side, side)
    difference = np.abs(found.astype(int) - expected.reshape(side, side, channels).transpose(2, 0, 1))
    assert difference.max() <= (1 if side == 64 else 0)  # of whole blocks, OpenCV rounds halves up


def test_an_image_shrunk_to_its_side_stays_as_it_is():
    image = np.random.RandomState(0).randint(0, 256, [3, 9, 9]).astype(np.uint8)
    np.testing.assert_array_equal(shrink(image, 9), image)
