"""The curves K(n) and U(n), and extrapolation from them."""

import numpy as np
import pytest

from metrics.arithmetic.intervals import difference_interval, wilson_interval
from metrics.arithmetic.pairs import NOBODY
from metrics.arithmetic.pruning import prune
from metrics.arithmetic.uniqueness import (
    accidental_doubles,
    excess_doubles,
    expected_kept,
    extrapolate,
    fit_rate,
    keep_in_order,
    kept_counts,
    kept_deviation,
    unique_interval,
    unique_shares,
    usable_far,
)
from tests.unit_vectors import all_pairs, clustered

SIZES = [1, 2, 5, 40, 300]


def brute_force_curve(vectors, threshold, sizes):
    """(U, K) from the matrix of all scores."""
    near = vectors.astype(np.float64) @ vectors.astype(np.float64).T >= threshold
    np.fill_diagonal(near, False)
    kept = []
    for image in range(len(vectors)):
        if not near[image, kept].any():
            kept.append(image)
    return (
        [1 - near[:size, :size].any(axis=1).mean() for size in sizes],
        [sum(image < size for image in kept) for size in sizes],
    )


def test_curves_are_those_of_brute_force():
    vectors, thresholds = clustered(300, 16), (0.5, 0.8)
    found = all_pairs(vectors, thresholds=thresholds)
    shares = unique_shares(found.rows.first, SIZES)
    assert shares.shape == (5, 2)
    for place, threshold in enumerate(thresholds):
        unique, kept = brute_force_curve(vectors, threshold, SIZES)
        np.testing.assert_allclose(shares[:, place], unique, rtol=0, atol=1e-15)
        stays = prune(300, found.pairs[found.pair_scores >= threshold]).kept
        assert kept_counts(stays, SIZES).tolist() == kept
        np.testing.assert_array_equal(keep_in_order(vectors, threshold), stays)
    assert kept_counts(stays, [0]).tolist() == [0] and unique_shares(found.rows.first, []).shape == (0, 2)


def test_images_are_kept_in_order_without_a_list_of_pairs():
    """Over several blocks, with copies, at a threshold that is a score to the last bit."""
    vectors = clustered(2300, 12)
    everything = all_pairs(vectors, thresholds=(0.7,))
    threshold = np.sort(everything.pair_scores)[len(everything.pairs) // 2]
    wanted = prune(2300, everything.pairs[everything.pair_scores >= threshold]).kept
    assert 100 < wanted.sum() < 2200
    np.testing.assert_array_equal(keep_in_order(vectors, threshold), wanted)
    assert keep_in_order(vectors[:0], 0.5).tolist() == [] and keep_in_order(vectors[:1], 0.5).tolist() == [True]


def test_people_with_several_images_are_kept_in_order():
    """A person is kept if none of the images is like an image of a kept person; blocks do not begin within a person."""
    vectors, threshold = clustered(2300, 12), 0.75
    people = np.repeat(np.arange(400), np.random.RandomState(1).multinomial(2300, np.full(400, 1 / 400)))
    everything = all_pairs(vectors, thresholds=(threshold,))
    pairs = people[everything.pairs]
    wanted = prune(400, pairs[pairs[:, 0] != pairs[:, 1]]).kept
    assert 5 < wanted.sum() < 395
    np.testing.assert_array_equal(keep_in_order(vectors, threshold, people=people), wanted[people])


def test_the_curve_of_one_and_of_nobody():
    assert unique_shares(np.full((1, 1), NOBODY), [1]).tolist() == [[1]]
    assert kept_counts(np.zeros(0, bool), [0]).tolist() == [0]


# ----------------------------------------------------------------------------------------------------------------------
# Simulated sets: each new image misses each kept one with the probability 1 - p.


def simulated(probability, size, random, sets):
    """K(size) of each set, int [sets]."""
    kept = np.zeros(sets)
    for _ in range(size):
        kept += random.rand(sets) < (1 - probability) ** kept
    return kept


@pytest.mark.parametrize('probability, size', [(1e-4, 1000), (1e-3, 2000), (0.02, 500)])
def test_the_rate_of_simulated_sets_is_found(probability, size):
    """Within 3 deviations, and about 95 % of the intervals hold it."""
    random, true = np.random.RandomState(0), -np.log1p(-probability)
    rates = [fit_rate(kept, size) for kept in simulated(probability, size, random, 150)]
    deviation = kept_deviation(size, true)
    slope = (expected_kept(size, true * 1.001) - expected_kept(size, true)) / (0.001 * true)
    assert all(abs(rate.rate - true) <= 4 * deviation / -slope for rate in rates)
    assert np.mean([abs(rate.rate - true) <= 3 * rate.deviation for rate in rates]) >= 0.98
    assert 0.91 <= np.mean([rate.low <= true <= rate.high for rate in rates]) <= 0.99
    assert np.std([rate.rate for rate in rates]) == pytest.approx(deviation / -slope, rel=0.2)


def test_a_fitted_rate_gives_back_the_number_and_foretells_more():
    rate = fit_rate(300, 400)
    assert expected_kept(400, rate.rate) == pytest.approx(300, abs=1e-6) and rate.low < rate.rate < rate.high
    foretold, low, high = extrapolate(rate, np.array([400, 4000, 40000]))
    assert foretold[0] == pytest.approx(300) and (np.diff(foretold) > 0).all()
    assert (low < foretold).all() and (foretold < high).all()


def test_without_any_meeting_the_rate_has_only_an_upper_end():
    rate = fit_rate(1000, 1000)
    assert rate.rate == rate.low == 0 and rate.deviation == np.inf
    assert rate.high == pytest.approx(1.96**2 * 2 / 1000**2, rel=0.01)
    foretold, low, high = extrapolate(rate, [10**4])
    assert foretold == high == 10**4 and low[0] < 9900
    assert fit_rate(1, 1).high == np.inf
    with pytest.raises(ValueError, match='401 images cannot be what was kept of 400'):
        fit_rate(401, 400)


def test_published_example_of_one_person():
    """400 images of which 2 are kept: ten times as many would not show many more."""
    assert fit_rate(1, 400).rate > 1
    assert extrapolate(fit_rate(2, 400), [4000])[0][0] < 4


# ----------------------------------------------------------------------------------------------------------------------
# Accidents and intervals.


def test_accidental_doubles_of_different_people():
    assert accidental_doubles(1001, 1e-6) == pytest.approx(1e-3, rel=1e-3)
    assert accidental_doubles(1, 0.5) == 0 and accidental_doubles(2, 0.5) == 0.5
    assert usable_far(10**6) == pytest.approx(1e-7) and usable_far(0) == 0.1


def test_wilson_and_newcombe():
    """Examples of Newcombe 1998: 81 of 263, and 56 of 70 less 48 of 80."""
    assert np.round(wilson_interval(81 / 263, 263), 4).tolist() == [0.2553, 0.3662]
    assert np.round(wilson_interval(0, 20), 4).tolist() == [0, 0.1611]
    assert np.array(wilson_interval(0.3, 0)).tolist() == [0, 1]
    difference = difference_interval(56 / 70, wilson_interval(56 / 70, 70), 48 / 80, wilson_interval(48 / 80, 80))
    assert np.round(difference, 4).tolist() == [0.0524, 0.3339]


@pytest.mark.parametrize('pair_rate', [1e-5, 1e-4, 1e-3])
def test_the_interval_of_unique_images_holds_it(pair_rate):
    """Of sets of a generator whose images are alike at random, about 95 % of the intervals hold the expected share."""
    random, size, inside = np.random.RandomState(0), 1000, []
    expected = (1 - pair_rate) ** (size - 1)
    for _ in range(300):
        pairs = random.randint(size, size=(random.poisson(pair_rate * size * (size - 1) / 2), 2))
        doubles = np.unique(pairs[pairs[:, 0] != pairs[:, 1]])
        low, high = unique_interval(1 - len(doubles) / size, size)
        inside.append(low <= expected <= high)
    assert np.mean(inside) >= 0.92


@pytest.mark.parametrize('slope', [0, 0.7, 1])
def test_the_interval_holds_it_where_some_people_are_shown_more_often(slope):
    """The k-th person of 50,000 is shown k^-slope times as often as the first."""
    random, size, inside = np.random.RandomState(0), 1000, []
    chances = np.arange(1, 50001) ** -float(slope)
    chances /= chances.sum()
    expected = ((1 - chances) ** (size - 1) * chances).sum()
    for _ in range(200):
        people = np.searchsorted(np.cumsum(chances), random.rand(size))
        _, counts = np.unique(people, return_counts=True)
        low, high = unique_interval((counts == 1).sum() / size, size)
        inside.append(low <= expected <= high)
    assert np.mean(inside) >= 0.92


def test_excess_over_real_people():
    excess, low, high = excess_doubles(np.array([0.8, 1.0]), 1000, np.array([0.99, 1.0]), 1000)
    assert excess.tolist() == pytest.approx([0.19, 0]) and low[0] > 0.15 and high[0] < 0.24
    assert low[1] < 0 < high[1]
