"""Thresholds by the rate of false accepts: counts, ties, the tail."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from metrics.arithmetic.thresholds import (
    NO_LIMIT,
    can_observe,
    eer,
    fit_tail,
    pairs_of_identities,
    tar_at,
    threshold_at,
    thresholds_at,
)


@given(st.lists(st.sampled_from(np.linspace(-1, 1, 9)), min_size=1, max_size=40), st.floats(1e-3, 1))
def test_threshold_is_the_smallest_that_few_enough_pairs_reach(scores, far):
    scores = np.array(scores, np.float32)
    threshold = threshold_at(scores, far)
    allowed = far * len(scores) * (1 + 1e-12)
    assert (scores >= threshold).sum() <= allowed
    if threshold != NO_LIMIT:
        assert (scores >= np.nextafter(np.float32(threshold), np.float32(-2))).sum() > allowed


def test_known_scores_and_ties():
    scores = np.array([0.9, 0.8, 0.8, 0.8, 0.1, 0.0, -0.5, -0.5, -0.6, -0.7])
    assert threshold_at(scores, 0.1) == np.nextafter(0.8, 1) == threshold_at(scores, 0.3)
    assert threshold_at(scores, 0.4) == np.nextafter(0.1, 1)
    assert threshold_at(scores, 0.05) == np.nextafter(0.9, 1)
    assert threshold_at(scores, 1.0) == NO_LIMIT


def test_the_highest_scores_are_enough():
    scores = np.random.RandomState(0).randn(1000).astype(np.float32) / 5
    highest = np.sort(scores)[-100:]
    for far in (0.001, 0.01, 0.09):
        assert threshold_at(highest, far, total=1000) == threshold_at(scores, far)
    with pytest.raises(ValueError, match='below the scores'):
        threshold_at(highest, 0.1, total=1000)


def test_pairs_that_count_twice_count_as_two():
    falling = np.array([0.9, 0.7, 0.5, 0.3])
    twice = thresholds_at(falling, np.cumsum([2.0, 0, 1, 1]), [0.25, 0.5, 0.75], 4)
    assert twice == [threshold_at(np.array([0.9, 0.9, 0.5, 0.3]), far) for far in (0.25, 0.5, 0.75)]


def test_rates_of_accepts_and_errors():
    mated, edges = np.array([0.2, 0.6, 0.8, 0.9]), np.linspace(-1, 1, 21)
    nonmated = np.array([-0.3, 0.0, 0.1, 0.25])
    assert [tar_at(mated, threshold) for threshold in (0.1, 0.6, 0.7, 1.0)] == [1, 0.75, 0.5, 0]
    assert np.isnan(tar_at(mated[:0], 0.5))
    counts = np.bincount(np.searchsorted(edges, nonmated, side='right') - 1, minlength=len(edges))
    assert eer(mated, counts, edges) == 0.25  # from 0.2 to 0.25 one of four is wrong on either side
    assert eer(mated[1:], counts, edges) == 0


def test_an_observed_threshold_needs_ten_false_accepts():
    for far in (1e-1, 1e-2, 1e-3, 1e-5, 1e-7):
        assert can_observe(round(10 / far), far) and not can_observe(round(10 / far) - 1, far)


def test_the_tail_is_that_of_scipy():
    scores = scipy.stats.beta(6, 14).rvs(200_000, random_state=1)
    start = np.quantile(scores, 0.99)
    tail = fit_tail(scores, start, 0.01)
    shape, _, scale = scipy.stats.genpareto.fit(scores[scores >= start] - start, floc=0)
    np.testing.assert_allclose((tail.shape, tail.scale), (shape, scale), rtol=1e-3)
    np.testing.assert_allclose(tail.threshold_at(1e-3), np.quantile(scores, 1 - 1e-3), atol=2e-3)
    beyond = start + scipy.stats.genpareto.isf(1e-6 / 0.01, tail.shape, 0, tail.scale)
    np.testing.assert_allclose(tail.threshold_at(1e-6), beyond, atol=1e-9)


def test_weights_of_the_tail_count_scores_several_times():
    random = np.random.RandomState(2)
    scores, weights = random.exponential(size=20_000), random.randint(0, 3, 20_000)
    tail, same = fit_tail(scores, 1.0, 0.1, weights), fit_tail(np.repeat(scores, weights), 1.0, 0.1)
    np.testing.assert_allclose(tail, same, rtol=1e-6)
    weights[np.argsort(scores)[-20:]] = 0  # the highest are not drawn
    same = fit_tail(np.repeat(scores, weights), 1.0, 0.1)
    np.testing.assert_allclose(fit_tail(scores, 1.0, 0.1, weights), same, rtol=1e-6)
    assert abs(tail.shape) < 0.05 and abs(tail.scale - 1) < 0.05  # an exponential distribution has shape 0
    with pytest.raises(ValueError, match='too few scores'):
        fit_tail(scores, np.sort(scores)[-9], 0.1)


def test_pairs_of_two_people():
    sizes = np.array([3, 1, 2])
    assert pairs_of_identities(sizes, np.ones(3)) == 3 * 1 + 3 * 2 + 1 * 2
    assert pairs_of_identities(sizes, np.array([2.0, 1, 0])) == 6 * 1
