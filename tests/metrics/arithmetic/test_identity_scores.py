"""Scores of mated pairs."""

import numpy as np
import pytest

from metrics.arithmetic.identity_scores import genuine_accept_rates, mated_pairs, pairs_by_kind


def test_all_pairs_of_an_identity_whatever_the_order():
    assert mated_pairs([7, 0, 7, 3, 7, 0]).tolist() == [[0, 2], [0, 4], [1, 5], [2, 4]]
    assert mated_pairs([7, 0, 7, 3, 7, 0], most_images=2).tolist() == [[0, 2], [1, 5]]
    assert mated_pairs([]).shape == mated_pairs([1]).shape == mated_pairs([1, 2]).shape == (0, 2)


def test_pairs_are_grouped_by_what_was_varied():
    pairs = mated_pairs([0, 0, 0, 1, 1])
    groups = pairs_by_kind(pairs, ['base', 'noise', 'fine', 'base', 'noise'], 'base')
    assert {kind: pairs[places].tolist() for kind, places in groups.items()} == {
        'fine': [[0, 2]],
        'fine / noise': [[1, 2]],
        'noise': [[0, 1], [3, 4]],
    }
    assert pairs_by_kind(pairs[:1], ['base', 'base'], 'base')['base'].tolist() == [0]


def test_accept_rates_and_their_intervals():
    scores = np.array([0.2, 0.4, 0.4, 0.9])
    found = genuine_accept_rates(scores, [5, 5, 8, 9], [0.1, 0.4, 0.90001, 0.9], np.random.RandomState(0))
    assert found.value.tolist() == [1, 0.75, 0, 0.25]
    assert found.low[0] < 0.5 and found.high[0] == 1 and found.low[2] == 0 and found.high[2] > 0.5
    assert found.low[1] < 0.75 < found.high[1]


def test_intervals_hold_the_rate_though_pairs_depend_on_their_identity():
    """Identities differ in how well their pairs match, and have many pairs each: as if 100 images, not 1,000 pairs."""
    random, held, widths = np.random.RandomState(0), [], []
    for _ in range(200):
        levels = np.repeat(random.rand(100), 10)
        found = genuine_accept_rates(
            (random.rand(1000) < levels).astype(float), np.repeat(np.arange(100), 10), [0.5], random, repeats=200
        )
        held.append(found.low[0] <= 0.5 <= found.high[0])
        widths.append(found.high[0] - found.low[0])
    assert np.mean(held) >= 0.9
    assert np.mean(widths) == pytest.approx(2 * 1.96 * np.sqrt((1 / 12 + 1 / 60) / 100), rel=0.1)
