"""Which images stay."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.arithmetic.pairs import NOBODY
from metrics.arithmetic.pruning import MOST_CONNECTED, ORDERS, SEED, prune


def kept(num_images, pairs, order, **settings):
    return np.flatnonzero(prune(num_images, pairs, order, **settings).kept).tolist()


@st.composite
def graphs(draw):
    """(number of images, pairs, barred)."""
    num_images = draw(st.integers(0, 14))
    if num_images < 2:
        return num_images, [], [False] * num_images
    images = st.integers(0, num_images - 1)
    pair = st.tuples(images, images).filter(lambda pair: pair[0] != pair[1])
    barred = st.lists(st.booleans(), min_size=num_images, max_size=num_images)
    return num_images, draw(st.lists(pair, max_size=40)), draw(st.one_of(st.just([False] * num_images), barred))


@pytest.mark.parametrize(
    'pairs, by_seed, most_connected',
    [
        ([(0, 1), (1, 2)], [0, 2], [0, 2]),  # a path, from its end
        ([(0, 1), (0, 2)], [0], [1, 2]),  # a path, from its middle: the order decides
        ([(0, 1), (0, 2), (0, 3)], [0], [1, 2, 3]),  # a star
        ([(0, 1), (1, 2), (0, 2)], [0], [0]),  # a triangle: later ones go first
        ([(0, 1), (2, 3)], [0, 2], [0, 2]),  # two components
        ([], [0, 1, 2, 3], [0, 1, 2, 3]),
    ],
)
def test_small_graphs(pairs, by_seed, most_connected):
    num_images = 1 + max((max(pair) for pair in pairs), default=3)
    assert kept(num_images, pairs, SEED) == by_seed
    assert kept(num_images, pairs, MOST_CONNECTED) == most_connected


def test_what_became_free_comes_back():
    """Image 0, of the most pairs, goes first; then all whom it was paired with go too."""
    hubs = range(1, 5)
    pairs = [(0, hub) for hub in hubs] + [(hub, 2 + 3 * hub + leaf) for hub in hubs for leaf in range(3)]
    assert kept(17, pairs, MOST_CONNECTED) == [0, *range(5, 17)]


@settings(max_examples=50)
@given(graphs(), st.sampled_from(ORDERS))
def test_what_is_kept_is_independent_and_maximal(graph, order):
    num_images, pairs, barred = graph
    found = prune(num_images, pairs, order, barred)
    near = np.zeros((num_images, num_images), bool)
    for one, other in pairs:
        near[one, other] = near[other, one] = True
    kept, barred = found.kept, np.array(barred, bool)
    assert not near[np.ix_(kept, kept)].any() and not (kept & barred).any()
    with_kept = near[:, kept].any(axis=1)
    assert (kept | with_kept | barred).all()
    because = [
        int(np.flatnonzero(near[image] & kept)[0]) if not (kept | barred)[image] else NOBODY
        for image in range(num_images)
    ]
    assert found.because.tolist() == because


@settings(max_examples=50)
@given(graphs(), st.integers(0, 14))
def test_the_first_decisions_of_a_longer_set_are_those_of_the_shorter(graph, shorter):
    num_images, pairs, barred = graph
    shorter = min(shorter, num_images)
    inside = [pair for pair in pairs if max(pair) < shorter]
    longer = prune(num_images, pairs, SEED, barred).kept
    assert longer[:shorter].tolist() == prune(shorter, inside, SEED, barred[:shorter]).kept.tolist()


@settings(max_examples=50)
@given(graphs(), st.sampled_from(ORDERS), st.randoms())
def test_the_order_of_the_pairs_changes_nothing(graph, order, random):
    num_images, pairs, barred = graph
    others = [pair if random.random() < 0.5 else pair[::-1] for pair in pairs]
    random.shuffle(others)
    assert kept(num_images, pairs, order, barred=barred) == kept(num_images, others + others[:1], order, barred=barred)


def test_a_barred_image_takes_out_nobody():
    assert kept(3, [(0, 1), (1, 2)], SEED, barred=[True, False, False]) == [1]
    assert kept(3, [(0, 1), (1, 2)], MOST_CONNECTED, barred=[False, True, False]) == [0, 2]


def test_what_makes_no_sense_is_refused():
    for pairs, words in (([(0, 3)], 'not one of 3'), ([(-1, 0)], 'not one of 3'), ([(1, 1)], 'the same image twice')):
        with pytest.raises(ValueError, match=words):
            prune(3, pairs)
    with pytest.raises(ValueError, match="'alphabet' is neither seed nor most-connected"):
        prune(3, [], 'alphabet')
