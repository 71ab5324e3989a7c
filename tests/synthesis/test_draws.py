"""What is drawn for an image: the numbers are those of the formulas, in every NumPy, and no two images share them."""

import itertools
import pathlib
import re

import numpy as np
import pytest

from synthesis.draws import (
    BALANCED,
    LIKE_REALS,
    MOST_DRAWS,
    MOST_IDENTITIES,
    MOST_IMAGES,
    Classes,
    ImageDraw,
    distances_of,
    fine_latents_of,
    latents_of,
    near_weights_of,
    noise_seeds,
    spread_latents_of,
)
from synthesis.variations import SPREAD

SEED, IMAGE = 7, ImageDraw(identity=123456, variation=3, draw=2, first_draw=1)


@pytest.mark.parametrize(
    'drawn, dtype, expected',
    [
        (latents_of(SEED, 123456, 1, 3), np.float32, [-0.6099532842636108, 0.17797349393367767, 0.491127610206604]),
        (fine_latents_of(SEED, IMAGE, 3), np.float32, [-0.816219687461853, -1.140084981918335, 0.6595302224159241]),
        (near_weights_of(SEED, IMAGE, 2), np.float64, [-1.1029430539629517, -0.36479346743319047]),
        (distances_of(SEED, IMAGE, 3), np.float64, [-0.569037516540915, -0.8963870846985942, 0.9393698686615777]),
        (spread_latents_of(5, 2), np.float32, [-0.26220089197158813, 0.3461366891860962]),
    ],
)
def test_numbers_are_the_same_in_every_numpy(drawn, dtype, expected):
    assert drawn.dtype == dtype
    np.testing.assert_array_equal(drawn, np.array(expected, dtype))


def test_noise_seeds_follow_the_formula_and_fit_the_network():
    assert noise_seeds(SEED, 123456, 3, 2) == (1401304599, 3074)
    a, b = noise_seeds(2**32 - 1, MOST_IDENTITIES - 1, MOST_IMAGES - 1, MOST_DRAWS - 1)
    assert 0 <= a < 2**31 and b == 2**26 - 1 and b * 32 + 31 == 2**31 - 1


def test_no_two_images_share_their_noise_beyond_67_million_images():
    identities = (0, 1, 67_108_863, 67_108_864, 67_108_865, 2**30, MOST_IDENTITIES - 1)
    variations, draws = (0, 1, 2, MOST_IMAGES - 1), (0, 1, MOST_DRAWS - 1)
    for seed in (0, 1, 2**31, 2**32 - 1):
        pairs = [noise_seeds(seed, *numbers) for numbers in itertools.product(identities, variations, draws)]
        assert len(set(pairs)) == len(pairs)
    assert noise_seeds(0, 5, 0, 0) != noise_seeds(1, 5, 0, 0)


@pytest.mark.parametrize('other', [ImageDraw(123457, 3, 2, 1), ImageDraw(123456, 4, 2, 1), ImageDraw(123456, 3, 1, 1)])
@pytest.mark.parametrize('draw', [fine_latents_of, near_weights_of, distances_of])
def test_every_number_of_a_variation_changes_what_is_drawn(draw, other):
    assert (draw(SEED, IMAGE, 4) != draw(SEED, other, 4)).all()
    assert (draw(SEED, IMAGE, 4) != draw(SEED + 1, IMAGE, 4)).all()
    np.testing.assert_array_equal(draw(SEED, IMAGE, 4), draw(SEED, ImageDraw(123456, 3, 2, 0), 4))


def test_every_identity_and_each_draw_of_it_has_latents_of_its_own():
    rows = np.stack([latents_of(*numbers, 4) for numbers in itertools.product((0, 1), (0, 1, 2**31 - 1), (0, 1))])
    assert len(np.unique(rows, axis=0)) == 12
    many = np.concatenate([latents_of(0, identity, 0, 64) for identity in range(1000)])
    assert abs(many.mean()) < 0.02 and abs(many.std() - 1) < 0.02


def test_distances_fill_their_range():
    distances = np.concatenate([distances_of(0, ImageDraw(0, 1, draw, 0), 8) for draw in range(500)])
    assert -1 <= distances.min() < -0.99 and 0.99 < distances.max() < 1 and abs(distances.mean()) < 0.04


def test_the_first_image_is_its_own_first_draw():
    assert ImageDraw(4, draw=6) == ImageDraw(4, 0, 6, 6) == ImageDraw(4, 2, 1, 6).first
    for wrong in ((0, 1, 0), (0, 0, 1, 0), (0, 0, MOST_DRAWS), (0, MOST_IMAGES, 0, 0), (MOST_IDENTITIES,), (-1,)):
        with pytest.raises(ValueError, match='must be'):
            ImageDraw(*wrong)


def test_classes_take_turns():
    assert [Classes((3, 7), 10).of(0, identity) for identity in range(5)] == [3, 7, 3, 7, 3]
    assert [Classes(BALANCED, 3).of(9, identity) for identity in range(5)] == [0, 1, 2, 0, 1]


def test_classes_like_reals_come_as_often_as_in_the_training_set():
    classes = Classes(LIKE_REALS, 4, [5, 0, 3, 2])
    drawn = [classes.of(SEED, identity) for identity in range(4000)]
    assert drawn[:20] == [0, 0, 2, 3, 2, 3, 0, 3, 0, 0, 0, 3, 2, 0, 0, 2, 3, 0, 2, 0]
    counts = np.bincount(drawn, minlength=4)
    assert counts[1] == 0 and np.abs(counts / 4000 - [0.5, 0, 0.3, 0.2]).max() < 0.025  # 3 deviations
    assert [classes.of(SEED + 1, identity) for identity in range(20)] != drawn[:20]


def test_the_formulas_in_the_documents_give_the_same_numbers():
    page = pathlib.Path(__file__).parents[2] / 'docs' / 'synthesis.md'
    table = page.read_text(encoding='utf-8').split('| what | formula |')[1].split('\n\n')[0]
    formulas = [
        re.findall('`([^`]*)`', row.split('|')[2])[0] for row in table.splitlines() if 'seed' in row or '%' in row
    ]
    classes, counts = (3, 7), [5, 0, 3, 2]
    names = {'np': np, 'seed': SEED, 'identity': 123456, 'first_draw': 1, 'variation': 3, 'draw': 2, 'Z': 16, 'K': 5}
    latents, first_noise, noise, fine, near, distances, balanced, listed, like_reals = (
        eval(formula, {**names, 'classes': classes, 'counts': counts}) for formula in formulas
    )
    np.testing.assert_array_equal(latents, latents_of(SEED, 123456, 1, 16))
    assert first_noise == noise_seeds(SEED, 123456, 0, 1) and noise == noise_seeds(SEED, 123456, 3, 2)
    np.testing.assert_array_equal(fine, fine_latents_of(SEED, IMAGE, 16))
    np.testing.assert_array_equal(near, near_weights_of(SEED, IMAGE, SPREAD))
    np.testing.assert_array_equal(distances, distances_of(SEED, IMAGE, 5))
    assert balanced == Classes(BALANCED, 5).of(SEED, 123456) and listed == Classes(classes, 10).of(SEED, 123456)
    assert like_reals == Classes(LIKE_REALS, 4, counts).of(SEED, 123456)
    assert '[35, n]' in page.read_text(encoding='utf-8')
