import numpy as np
import pytest

from dnnlib.pages.gallery import CELL, GAP, choose_evenly, draw_gallery, thumbnail


def test_samples_are_spread_evenly():
    assert choose_evenly(0) == []
    assert choose_evenly(1) == [0]
    assert choose_evenly(48) == list(range(48))
    chosen = choose_evenly(2400)
    assert len(chosen) == 48 and chosen[0] == 0 and chosen[-1] == 2399
    assert set(np.diff(chosen)) <= {51, 52}


@pytest.mark.parametrize(
    'shape, size', [((300, 600, 3), (128, 64)), ((32, 32, 3), (128, 128)), ((1, 5000, 3), (128, 1))]
)
def test_thumbnails_are_whole_and_fit_a_cell(shape, size):
    assert thumbnail(np.zeros(shape, np.uint8)).size == size


def test_images_stand_in_rows_of_eight():
    images = [thumbnail(np.full([16, 16, 3], 5 * index, np.uint8)) for index in range(10)]
    gallery = np.asarray(draw_gallery(images))
    step = CELL + GAP
    assert gallery.shape == (2 * step + GAP, 8 * step + GAP, 3)
    middles = gallery[GAP + CELL // 2 :: step, GAP + CELL // 2 :: step, 0]
    assert middles.ravel().tolist() == [*range(0, 50, 5), *[255] * 6]


def test_no_image_is_a_gallery_too():
    assert np.asarray(draw_gallery([])).min() < 50  # the ink of a sentence; newer versions of Pillow soften its edges
