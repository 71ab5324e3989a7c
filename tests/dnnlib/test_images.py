"""Grids and rounding."""

import numpy as np
from PIL import Image

from dnnlib.images import save_image_grid
from tests.goldens.kinds import assert_agreement, golden_cases


@golden_cases('image_utils*')
def test_grids_and_rounding_are_the_originals(open_session, kind, path, case):
    assert_agreement(kind, path, case, open_session)


def test_saved_grid_reads_back(tmp_path):
    images = np.random.RandomState(1).randint(0, 256, [4, 3, 8, 8]).astype(np.uint8)
    save_image_grid(str(tmp_path / 'grid.png'), images, (2, 2), drange=(0, 255))
    pixels = np.asarray(Image.open(str(tmp_path / 'grid.png')))
    np.testing.assert_array_equal(pixels[8:, :8], images[2].transpose(1, 2, 0))
