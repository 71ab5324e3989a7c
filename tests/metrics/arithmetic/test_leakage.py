"""How near synthetic images are to training images, beside held-out people."""

import io

import numpy as np
import pytest
import scipy.stats
from PIL import Image

from metrics.arithmetic.leakage import (
    authenticity,
    cells_of,
    copying_statistic,
    copying_z,
    leakage_beside,
    nearest_pictures,
    quantiles_beside,
    shares_above,
    small_pictures,
)
from tests.unit_vectors import all_pairs, unit_rows

THRESHOLDS = 0.5, 0.65


def people(random, groups, count):
    """Unit vectors of some people, whose centres are given."""
    rows = groups[random.randint(len(groups), size=count)] + unit_rows(random, count, groups.shape[1]) * 0.8
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope='module')
def sets():
    """Training images, other images of other people, held-out ones, and copies of the training images."""
    random = np.random.RandomState(0)
    groups = unit_rows(random, 100, 32)
    training = people(random, groups, 600)
    return {
        'training': training,
        'others': people(random, unit_rows(random, 5000, 32), 500),
        'held-out': people(random, unit_rows(random, 5000, 32), 500),
        'same people': people(random, groups, 500),
        'copies': training[random.permutation(600)[:500]],
    }


@pytest.fixture(scope='module')
def scores(sets):
    """{name: (score, number) of the nearest training image}."""
    found = {name: all_pairs(rows, sets['training']).rows for name, rows in sets.items() if name != 'training'}
    return {name: (rows.scores, rows.nearest) for name, rows in found.items()}


def test_disjoint_people_leak_nothing_and_training_people_do(scores):
    held_out = scores['held-out'][0]
    difference, low, high = leakage_beside(scores['others'][0], held_out, THRESHOLDS)
    assert (low < 0).all() and (high > 0).all() and (abs(difference) < 0.06).all()
    for leaking in ('same people', 'copies'):
        _, low, _ = leakage_beside(scores[leaking][0], held_out, THRESHOLDS)
        assert (low > 0.1).all()


def test_shares_are_counted_from_the_threshold_on():
    found = shares_above([0.1, 0.5, 0.5, 0.9], [0.5, 0.50001, 1])
    assert found.shares.tolist() == [0.75, 0.25, 0]
    assert (found.low <= found.shares).all() and found.high[2] > 0.4


def test_quantiles_beside_held_out_people(scores):
    random = np.random.RandomState(0)
    ours, theirs, difference, low, high = quantiles_beside(
        scores['same people'][0], scores['held-out'][0], [0.5, 0.99], random, repeats=200
    )
    assert (difference == ours - theirs).all() and (low > 0).all() and (low <= difference).all()
    assert (difference <= high).all()
    _, _, _, low, high = quantiles_beside(scores['others'][0], scores['held-out'][0], [0.5], random, repeats=200)
    assert low[0] < 0 < high[0]
    values = np.arange(11)[::-1]
    assert quantiles_beside(values, values, [0, 0.5, 1], random, repeats=2)[0].tolist() == [0, 5, 10]


def test_authenticity(sets, scores):
    among_training = all_pairs(sets['training']).rows.scores
    assert authenticity(*scores['copies'], among_training) == 0
    shares = [authenticity(*scores[name], among_training) for name in ('others', 'same people')]
    assert shares[0] > 0.9 and 0.2 < shares[1] < 0.8
    # Strict: an image exactly as near as the nearest training image is no authentic one.
    assert authenticity([0.5, 0.4, 0.6], [0, 1, 1], [0.5, 0.5]) == pytest.approx(1 / 3)


# ----------------------------------------------------------------------------------------------------------------------
# The test for copying.


def test_z_is_the_statistic_of_mann_and_whitney():
    random = np.random.RandomState(0)
    distances, held_out = random.randint(20, size=40), random.randint(25, size=30)
    u = scipy.stats.mannwhitneyu(distances, held_out, alternative='greater').statistic
    assert copying_z(distances, held_out) == pytest.approx((u - 600) / np.sqrt(1200 * 71 / 12))
    assert copying_z([1], [2]) == pytest.approx(-1) and copying_z([2], [1]) == pytest.approx(1)
    assert copying_z([1], [1]) == 0


def test_copies_are_far_below_zero_and_other_people_are_not(sets, scores):
    cells = dict(zip(sets, cells_of(sets['training'], list(sets.values()), 5, seed=1)))

    def statistic(name, **settings):
        return copying_statistic(-scores[name][0], -scores['held-out'][0], cells[name], cells['held-out'], **settings)

    assert statistic('copies') < -8 and statistic('same people') < -8 and abs(statistic('others')) < 3
    assert np.isnan(statistic('others', least_share=1))
    again = cells_of(sets['training'], [sets['others']], 5, seed=1)[0]
    np.testing.assert_array_equal(again, cells['others'])


def test_parts_count_by_the_share_of_the_held_out_images():
    distances, cells = [1, 1, 3, 3], [0, 0, 1, 2]
    held_out, held_out_cells = [2, 2, 2, 2], [0, 0, 0, 1]
    first, second = copying_z([1, 1], [2, 2, 2]), copying_z([3], [2])
    assert copying_statistic(distances, held_out, cells, held_out_cells) == pytest.approx(0.75 * first + 0.25 * second)
    assert copying_statistic(distances, held_out, cells, held_out_cells, least_share=0.25) == pytest.approx(first)


# ----------------------------------------------------------------------------------------------------------------------
# Copies by pixels.


def pictures(random, count, side):
    """uint8 [count, 3, side, side], smooth."""
    coarse = random.randint(256, size=(count, 5, 5, 3)).astype(np.uint8)
    smooth = [np.asarray(Image.fromarray(each).resize((side, side), Image.BICUBIC)) for each in coarse]
    return np.stack(smooth).transpose(0, 3, 1, 2)


@pytest.mark.parametrize('side', [16, 128])
def test_a_planted_copy_its_mirror_image_and_its_jpeg_are_the_nearest(side):
    random = np.random.RandomState(0)
    training, synthetic = pictures(random, 40, side), pictures(random, 20, side)
    synthetic[3] = training[17]
    synthetic[8] = training[17][..., ::-1]
    file = io.BytesIO()
    Image.fromarray(training[17].transpose(1, 2, 0)).save(file, 'JPEG', quality=90, subsampling=0)
    synthetic[11] = np.asarray(Image.open(file)).transpose(2, 0, 1)
    found = nearest_pictures(small_pictures(synthetic), small_pictures(training))
    assert set(np.argsort(found.rms)[:3]) == {3, 8, 11} and found.nearest[[3, 8, 11]].tolist() == [17, 17, 17]
    assert found.flipped[[3, 8, 11]].tolist() == [False, True, False]
    assert found.rms[[3, 8]].tolist() == [0, 0] and 0 < found.rms[11] < 5 < np.sort(found.rms)[3]


def test_the_difference_of_pictures_is_in_levels():
    black = np.zeros((1, 1, 64, 64), np.uint8)
    grey = black + 10
    assert nearest_pictures(small_pictures(black), small_pictures(grey)).rms.tolist() == [10]
    assert small_pictures(black).shape == (1, 1, 32, 32)
