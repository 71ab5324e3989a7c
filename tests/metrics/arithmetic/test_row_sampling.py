"""Estimates from a sample of rows: how often their intervals hold the truth."""

import numpy as np
import pytest

from metrics.arithmetic.pairs import examine_tile, merge
from metrics.arithmetic.row_sampling import pair_rate, sample_rows, share_with_neighbour
from metrics.arithmetic.tiles import tiles
from tests.unit_vectors import all_pairs, clustered

THRESHOLDS = 0.5, 0.8


def sampled_pairs(vectors, rows):
    return merge(
        examine_tile(
            vectors[rows[tile.row_start : tile.row_stop]],
            vectors[tile.column_start : tile.column_stop],
            tile,
            THRESHOLDS,
            False,
            row_numbers=rows[tile.row_start : tile.row_stop],
        )
        for tile in tiles(len(rows), len(vectors), 1024)
    )


def test_sampled_rows_have_the_neighbours_that_they_have_in_the_set():
    """Over several blocks; no image is its own neighbour."""
    vectors = clustered(2300, 16)
    rows = sample_rows(2300, 1500, np.random.RandomState(0))
    assert len(np.unique(rows)) == 1500 and (np.diff(rows) > 0).all()
    everything, sample = all_pairs(vectors, thresholds=THRESHOLDS), sampled_pairs(vectors, rows)
    for name in ('nearest', 'scores', 'counts', 'first'):
        np.testing.assert_array_equal(getattr(sample.rows, name), getattr(everything.rows, name)[rows], err_msg=name)
    assert sample.histogram.sum() == 1500 * 2299
    assert (sample.pairs[:, 0] != sample.pairs[:, 1]).all() and np.isin(sample.pairs[:, 0], rows).all()


def test_a_sample_of_all_is_the_set():
    vectors = clustered(300, 16)
    rows = sample_rows(300, 1000, np.random.RandomState(0))
    assert rows.tolist() == list(range(300))
    everything, sample = all_pairs(vectors, thresholds=THRESHOLDS), sampled_pairs(vectors, rows)
    np.testing.assert_array_equal(sample.histogram, 2 * everything.histogram)
    rate, share = pair_rate(sample.rows.counts, 300), share_with_neighbour(sample.rows.counts, 300)
    pairs = [(everything.pair_scores >= threshold).sum() for threshold in THRESHOLDS]
    np.testing.assert_allclose(rate.value, np.array(pairs) / (300 * 299 / 2), rtol=1e-12)
    np.testing.assert_array_equal(share.value, (everything.rows.counts > 0).mean(axis=0))
    for estimate in (rate, share):
        np.testing.assert_array_equal(estimate.low, estimate.value)
        np.testing.assert_array_equal(estimate.high, estimate.value)


def test_intervals_hold_the_truth_as_often_as_they_say():
    """Neighbours in a set of groups of all sizes: far from independent pairs."""
    random, size, sampled = np.random.RandomState(0), 20000, 500
    groups = random.geometric(0.5, size=size)
    counts = np.repeat(groups, groups)[:size, np.newaxis] - 1  # of neighbours, for each image
    true_rate, true_share = counts.mean() / (size - 1), (counts > 0).mean()
    held = []
    for _ in range(1000):
        rows = counts[sample_rows(size, sampled, random)]
        rate, share = pair_rate(rows, size), share_with_neighbour(rows, size)
        held.append([(rate.low <= true_rate <= rate.high).all(), (share.low <= true_share <= share.high).all()])
    assert np.mean(held, axis=0) == pytest.approx(0.95, abs=0.02)


def test_a_single_row_says_little():
    rate = pair_rate(np.array([[3]]), 100)
    assert (rate.value, rate.low, rate.high) == (pytest.approx(3 / 99), 0, 1)
