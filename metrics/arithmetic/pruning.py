"""Which images of a set stay, so that no two of them look alike: maximal sets without a pair. Pure arithmetic.

Components of the graph of pairs are no identities: at a false accept rate of 1e-4 and above they chain, and hold people
who are not alike. So images are taken out one by one, never a component for one.
"""

import heapq
from typing import NamedTuple

import numpy as np

from metrics.arithmetic.pairs import NOBODY

SEED, MOST_CONNECTED = 'seed', 'most-connected'
ORDERS = SEED, MOST_CONNECTED


class Pruned(NamedTuple):
    """Which images are kept, and why others are not."""

    kept: np.ndarray  # bool [N]
    because: np.ndarray  # int64 [N], for an image that a pair took out: the lowest kept image of its pairs; or NOBODY


def prune(num_images, pairs, order=SEED, barred=None):
    """Keeps as many images as can be kept in a given order, never both images of a pair.

    Args:
        num_images: N, the images are numbered from 0.
        pairs: int [P, 2], numbers of the images that are too much alike, in any order, none with itself.
        order: `SEED`: in the order of the numbers, an image is kept unless a kept one before it is alike. When the set
            grows, the first decisions stay as they are. `MOST_CONNECTED`: again and again, the image of most pairs is
            taken out, the later one of several, until no pair is left (Varkarakis et al. 2020); then, in the order of
            the numbers, what has become free comes back. This keeps a little more.
        barred: bool [N], images that are not kept for another reason. They take out nobody.

    Returns:
        `Pruned`. No two kept images are a pair, and every other image that is not barred is in a pair with a kept one.

    Raises:
        ValueError: The order is unknown, a number is outside of [0, N), or an image is paired with itself.
    """
    if order not in ORDERS:
        raise ValueError(f'the order {order!r} is neither {SEED} nor {MOST_CONNECTED}')
    pairs = np.asarray(pairs, np.int64).reshape(-1, 2)
    if len(pairs) and not 0 <= pairs.min() <= pairs.max() < num_images:
        raise ValueError(f'a pair names an image that is not one of {num_images}')
    if (pairs[:, 0] == pairs[:, 1]).any():
        raise ValueError('a pair names the same image twice')
    allowed = np.ones(num_images, bool) if barred is None else ~np.asarray(barred, bool)
    graph = _Graph(num_images, pairs[allowed[pairs].all(axis=1)])
    candidates = allowed.copy()
    if order == MOST_CONNECTED:
        candidates &= ~_most_connected(graph)
    kept = _in_order(graph, candidates)
    if order == MOST_CONNECTED:
        kept = _in_order(graph, allowed, kept)
    return Pruned(kept, _reasons(graph, kept, allowed))


class _Graph:
    """The images that each image is paired with."""

    def __init__(self, num_images, pairs):
        # One number for each ordered pair, so that sorting them is quick.
        both = np.unique(np.concatenate([pairs @ (num_images, 1), pairs @ (1, num_images)]))
        self.images, self.neighbours = np.divmod(both, max(num_images, 1))
        self.degrees = np.bincount(self.images, minlength=num_images)
        self._stops = np.cumsum(self.degrees)

    def of(self, image):
        """Its neighbours, rising."""
        stop = self._stops[image]
        return self.neighbours[stop - self.degrees[image] : stop]


def _in_order(graph, candidates, kept=None):
    """Adds, in order, each candidate that no kept image is alike: bool [N]."""
    free = graph.degrees == 0
    kept = np.zeros(len(candidates), bool) if kept is None else kept.copy()
    kept |= candidates & free
    for image in np.flatnonzero(candidates & ~free & ~kept):
        kept[image] = not kept[graph.of(image)].any()
    return kept


def _most_connected(graph):
    """The images that are taken out, the one of most pairs first, until no pair is left: bool [N]."""
    degrees = graph.degrees.copy()
    taken = np.zeros(len(degrees), bool)
    # An entry is out of date when its image is in fewer pairs by now; then a later entry has the new number.
    heap = [(-degrees[image], -image) for image in np.flatnonzero(degrees)]
    heapq.heapify(heap)
    while heap:
        degree, image = (-number for number in heapq.heappop(heap))
        if taken[image] or degree != degrees[image]:
            continue
        taken[image] = True
        for neighbour in graph.of(image):
            if not taken[neighbour]:
                degrees[neighbour] -= 1
                if degrees[neighbour]:
                    heapq.heappush(heap, (-degrees[neighbour], -neighbour))
    return taken


def _reasons(graph, kept, allowed):
    """For each image that is neither kept nor barred, the lowest kept image of its pairs."""
    because = np.full(len(kept), NOBODY, np.int64)
    of_kept = kept[graph.neighbours]
    # Neighbours rise; the last assignment to a place holds, so they are assigned from the last to the first.
    images, neighbours = graph.images[of_kept][::-1], graph.neighbours[of_kept][::-1]
    because[images] = neighbours
    because[kept | ~allowed] = NOBODY
    return because
