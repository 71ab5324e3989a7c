"""Measures the thresholds of an embedding on images of known people."""

import contextlib
from typing import List, NamedTuple, Tuple

import numpy as np

from metrics.arithmetic.products import rows_by_rows
from metrics.arithmetic.thresholds import (
    LEAST_IN_TAIL,
    LEAST_PAIRS,
    NO_LIMIT,
    can_observe,
    eer,
    fit_tail,
    pairs_of_identities,
    tar_at,
    thresholds_at,
)

FARS = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8)
LEAST_IDENTITIES = 20  # with fewer, other people would give quite other thresholds
COPY = 0.999  # two pictures with at least this score are copies of one photograph, whatever their labels say
TAIL_SHARE, TAIL_PAIRS = 1e-3, 1000  # of the non-mated pairs, the fewest that the tail is fitted to
DRAWS = 100  # of the bootstrap
KEPT = 5 * max(FARS)  # share of the non-mated pairs that is kept, those with the highest scores
SAMPLE = 10**6  # scores that tell where this share begins
ROWS = 1024  # of a block of scores
BINS = np.linspace(-1, 1, 20001)  # lower edges of a histogram of all scores


class Threshold(NamedTuple):
    """The score from which two faces count as one person, for a rate of false accepts."""

    far: float
    cosine: float
    low: float  # from `low` to `high` is the 95 % interval, by drawing the identities anew
    high: float
    tar: float  # share of the mated pairs that reach it
    is_observed: bool  # False if it lies on the tail that was fitted to the highest scores


class Calibration(NamedTuple):
    """The thresholds of an embedding for one kind of picture, and what they were measured on."""

    images: int
    identities: int
    mated: int  # pairs
    nonmated: int
    copies: int  # pairs of copies, which count nowhere
    eer: float  # equal error rate
    thresholds: List[Threshold]


def calibrate(vectors: np.ndarray, labels: np.ndarray, extrapolate: bool = False, seed: int = 0) -> Calibration:
    """Measures thresholds on all pairs of some images.

    Args:
        vectors: float32 [N, D], rows of length 1.
        labels: int [N], who is in each image: at least `LEAST_IDENTITIES` people.
        extrapolate: Whether to add the thresholds for which the pairs are too few, if there are `LEAST_PAIRS`.
        seed: Of the bootstrap and of the order in which scores are sampled.

    Returns:
        The thresholds for `FARS`. Those for which the pairs are too few are left out, or extrapolated.
    """
    random = np.random.RandomState(seed)
    labels = np.unique(labels, return_inverse=True)[1]
    sizes = np.bincount(labels)
    pairs = _examine(vectors, labels, random)
    observed = [far for far in FARS if can_observe(pairs.nonmated, far)]
    further = [far for far in FARS if far not in observed] if extrapolate and pairs.nonmated >= LEAST_PAIRS else []
    measure = _Measure(pairs, observed, further)
    cosines = measure(np.ones(len(sizes)), pairs.nonmated)
    lows, highs = _intervals(measure, sizes, random)
    thresholds = [
        Threshold(far, cosine, low, high, tar_at(pairs.mated, cosine), far in observed)
        for far, cosine, low, high in zip(measure.fars, cosines, lows, highs)
    ]
    rate = eer(pairs.mated, pairs.counts, BINS)
    return Calibration(len(labels), len(sizes), len(pairs.mated), pairs.nonmated, pairs.copies, rate, thresholds)


class _Pairs(NamedTuple):
    mated: np.ndarray  # float32, their scores
    nonmated: int
    copies: int
    counts: np.ndarray  # int, of non-mated scores in `BINS`
    falling: np.ndarray  # float32 [M], the highest scores of non-mated pairs, falling
    labels: Tuple[np.ndarray, np.ndarray]  # int [M] each, of the two images of such a pair


def _examine(vectors, labels, random):
    """The scores of all pairs, block by block, so that they need not fit in the memory."""
    floor = _floor(vectors, labels, random)
    mated, highest, owners, others = [], [], [], []
    counts, nonmated, copies = np.zeros(len(BINS), np.int64), 0, 0
    for start in range(0, len(vectors), ROWS):
        scores = rows_by_rows(vectors[start : start + ROWS], vectors[start:])
        upper = np.arange(scores.shape[1]) > np.arange(len(scores))[:, np.newaxis]  # each pair once
        is_copy = upper & (scores >= COPY)
        same = labels[start : start + ROWS, np.newaxis] == labels[start:]
        mated.append(scores[upper & same & ~is_copy])
        differ = upper & ~same & ~is_copy
        copies += int(is_copy.sum())
        bins = np.searchsorted(BINS, scores[differ], side='right') - 1
        counts += np.bincount(bins.clip(0), minlength=len(BINS))
        nonmated += len(bins)
        rows, columns = np.nonzero(differ & (scores >= floor))
        highest.append(scores[rows, columns])
        owners.append(labels[start + rows])
        others.append(labels[start + columns])
    mated, highest, owners, others = (np.concatenate(parts) for parts in (mated, highest, owners, others))
    order = np.argsort(-highest, kind='stable')
    return _Pairs(mated, nonmated, copies, counts, highest[order], (owners[order], others[order]))


def _floor(vectors, labels, random):
    """A score that about the share `KEPT` of the non-mated pairs reach; copies do not count."""
    first, second = random.randint(len(vectors), size=[2, min(SAMPLE, 10 * len(vectors) ** 2)])
    differ = labels[first] != labels[second]
    first, second = first[differ], second[differ]
    scores = np.concatenate(
        [
            np.einsum('nd,nd->n', vectors[first[start : start + ROWS]], vectors[second[start : start + ROWS]])
            for start in range(0, len(first), ROWS)
        ]
    )
    return np.quantile(scores[scores < COPY], 1 - KEPT) if (scores < COPY).any() else NO_LIMIT


class _Measure:
    """Gives the thresholds, float [F], from how often each identity counts, float [K], and the number of pairs.

    Attributes:
        fars: Of the thresholds: those observed, then those further on the tail, if the scores have one.
    """

    def __init__(self, pairs, observed, further):
        self._pairs, self._observed, self._further = pairs, observed, further
        if further:
            self._start = pairs.falling[int(max(TAIL_SHARE * pairs.nonmated, TAIL_PAIRS))]
            if len(np.unique(pairs.falling[pairs.falling >= self._start])) < LEAST_IN_TAIL:
                self._further = []
        self.fars = [*observed, *self._further]

    def __call__(self, weights, total):
        first, second = self._pairs.labels
        weights = weights[first] * weights[second]
        counts = np.cumsum(weights)
        found = thresholds_at(self._pairs.falling, counts, self._observed, total)
        if self._further:
            share = counts[np.searchsorted(-self._pairs.falling, -self._start, side='right') - 1] / total
            tail = fit_tail(self._pairs.falling, self._start, share, weights)
            found += [tail.threshold_at(far) for far in self._further]
        return found


def _intervals(measure, sizes, random):
    """The lower and upper ends of the 95 % intervals of the thresholds, by drawing identities with replacement."""
    draws = []
    for _ in range(DRAWS):
        weights = np.bincount(random.randint(len(sizes), size=len(sizes)), minlength=len(sizes)).astype(np.float64)
        with contextlib.suppress(ValueError):  # the pairs that decide may be among those that were not kept
            draws.append(measure(weights, pairs_of_identities(sizes, weights)))
    return np.percentile(draws, [2.5, 97.5], axis=0).tolist()
