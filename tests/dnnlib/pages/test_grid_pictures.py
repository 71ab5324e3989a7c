"""Which grids a page has, and how small they are."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dnnlib.pages.grid_pictures import LARGEST, LONGEST_SIDE, GridPictures, choose

KIMGS = st.lists(st.integers(0, 100000), min_size=1, max_size=80, unique=True).map(sorted)


@given(KIMGS, st.integers(1, 9), st.data())
def test_what_is_chosen_is_even_and_later_on_known_already(kimgs, most, data):
    wanted = data.draw(st.sampled_from(kimgs))
    chosen = choose(kimgs, [wanted, -1], most)
    assert chosen == sorted(set(chosen)) and set(chosen) <= set(kimgs)
    assert len(chosen) <= most + 2 and {kimgs[0], kimgs[-1], wanted} <= set(chosen)
    earlier = kimgs[: data.draw(st.integers(1, len(kimgs)))]
    assert set(chosen) & set(earlier) <= {*choose(earlier, (), most), wanted, kimgs[-1]}


def test_all_of_a_few_and_none_of_none():
    assert choose([0, 3, 4, 90], most=60) == [0, 3, 4, 90] and choose([], [5]) == []
    assert choose(range(0, 25001, 40)) == sorted({*(-(-kimg // 40) * 40 for kimg in range(0, 25001, 512)), 25000})


@pytest.mark.parametrize('size, mode', [((2000, 1500), 'RGB'), ((100, 30000), 'L')])
def test_pictures_are_bounded_in_sides_and_bytes_whatever_they_show(tmp_path, size, mode):
    # Noise, which nothing makes small.
    shape = size[::-1] + (3,) * (mode == 'RGB')
    Image.fromarray(np.random.RandomState(0).randint(0, 256, shape).astype(np.uint8)).save(str(tmp_path / 'a.png'))
    (picture,) = GridPictures(str(tmp_path)).get(['a.png']).values()
    assert len(picture.data) <= LARGEST and max(picture.width, picture.height) <= LONGEST_SIDE
    image = Image.open(io.BytesIO(picture.data))
    assert image.size == (picture.width, picture.height) and image.mode == mode
    assert picture.height / picture.width == pytest.approx(size[1] / size[0], rel=0.2)


def test_small_grids_keep_their_size_and_their_colours(tmp_path):
    pixels = np.zeros([32, 48, 3], np.uint8)
    pixels[:, 1::2] = 255, 0, 0
    Image.fromarray(pixels).save(str(tmp_path / 'a.png'))
    (picture,) = GridPictures(str(tmp_path)).get(['a.png']).values()
    seen = np.asarray(Image.open(io.BytesIO(picture.data)))
    assert seen.shape == pixels.shape and np.abs(seen.astype(int) - pixels).mean() < 10
