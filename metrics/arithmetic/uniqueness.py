"""How many different people a set shows: the curves K(n) and U(n), what is accidental in them, and extrapolation.

K(n) is the number of images that are kept, in order, among the first n, when no two kept ones may have a score of at
least a threshold (`metrics.arithmetic.pruning`, order `seed`). U(n) is the share of the first n images that have no
other one of them at or above the threshold. Among real people too, images look alike by accident: each pair of
different people is above the threshold with the probability FAR. So both curves belong beside those of as many real
people.
"""

from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq

from metrics.arithmetic.intervals import CONFIDENCE, difference_interval, normal_quantile, wilson_interval
from metrics.arithmetic.pairs import exact_scores, rounding_error
from metrics.arithmetic.products import rows_by_rows
from metrics.arithmetic.tiles import BLOCK

ACCIDENTS = 0.1  # a threshold tells people apart in a set of N images where N x FAR is at most this

_LOG_RATES = -80.0, 12.0  # between which a rate is looked for


# ----------------------------------------------------------------------------------------------------------------------
# Curves.


def unique_shares(first, sizes):
    """U(n): the share of the first n images without another one of them above a threshold.

    Args:
        first: int64 [N, T], from `metrics.arithmetic.pairs.Neighbours`: the lowest number of a neighbour.
        sizes: int [S], each n, from 1 to N.

    Returns:
        float64 [S, T].
    """
    first = np.asarray(first)
    # The size at which an image meets its first neighbour: when both are there.
    met = np.maximum(first, np.arange(len(first))[:, np.newaxis])
    return np.array([(met[:size] >= size).mean(axis=0) for size in sizes]).reshape(len(sizes), met.shape[1])


def unique_interval(share, size, confidence=CONFIDENCE):
    """The interval of U(n), as a property of the generator.

    Two images are doubles of each other, so doubles come by twos, and their number varies as if there were half as many
    images: this is Wilson's interval for n / 2 images. In simulations, 94 to 99 % of the intervals held the expected
    share, also where a generator shows some people far more often than others.

    Args:
        share: float array, U(n).
        size: int array of the same shape, or an int: n.

    Returns:
        (low, high), float64.
    """
    return wilson_interval(share, np.asarray(size) / 2, confidence)


def excess_doubles(share, size, real_share, real_size, confidence=CONFIDENCE):
    """How much larger the share of images with a double is than among real people.

    Args:
        share, size: U(n) of the synthetic images, and n.
        real_share, real_size: U(n) of real people, an image each, and n: the same n, or the excess means nothing.

    Returns:
        (excess, low, high): U of the real less U of the synthetic, and its interval.
    """
    interval, real_interval = (unique_interval(*side, confidence) for side in ((share, size), (real_share, real_size)))
    return (real_share - share, *difference_interval(real_share, real_interval, share, interval))


def kept_counts(kept, sizes):
    """K(n): the number of kept images among the first n, int64 [S].

    Args:
        kept: bool [N], kept in order (`prune` with the order `seed`, or `keep_in_order`).
        sizes: int [S], each n, from 0 to N.
    """
    return np.concatenate([[0], np.cumsum(kept, dtype=np.int64)])[np.asarray(sizes, np.int64)]


def keep_in_order(vectors, threshold, progress=lambda starts: starts, people=None):
    """The images that are kept in order, from their vectors, without a list of pairs.

    This is for thresholds with more pairs than fit into memory. Each image is compared with the kept ones only.

    Args:
        vectors: float32 [N, F], rows of length 1; may be a memory map.
        threshold: The score from which on two images are too much alike.
        progress: Takes the iterable of blocks and returns it, such as a progress bar.
        people: int [N], ascending: who is in each image. Then a person is kept, with all images, unless an image is too
            much alike one of a kept person. None: each image shows another person.

    Returns:
        bool [N]: the same as `prune` gives with all pairs of at least the threshold.
    """
    count = len(vectors)
    people = np.arange(count) if people is None else np.asarray(people)
    kept = np.zeros(count, bool)
    starts = np.unique(np.searchsorted(people, people[::BLOCK]))  # no block begins within a person
    for start, stop in progress(list(zip(starts, [*starts[1:], count]))):
        block = np.ascontiguousarray(vectors[start:stop], np.float32)
        person = np.unique(people[start:stop], return_inverse=True)[1]
        free = np.ones(person[-1] + 1, bool)
        before = np.flatnonzero(kept[:start])
        for begin in range(0, len(before), BLOCK):
            rows = np.flatnonzero(free[person])
            alike = _above(block[rows], vectors[before[begin : begin + BLOCK]], threshold).any(axis=1)
            free[person[rows[alike]]] = False
        rows = np.flatnonzero(free[person])
        stays = _keep_in_block(_above(block[rows], block[rows], threshold), person[rows])
        kept[start + rows] = stays
    return kept


def _keep_in_block(alike, person):
    """As `keep_in_order`, from all answers: `alike` is bool [R, R], `person` int [R], ascending. Returns bool [R]."""
    stays = np.zeros(len(person), bool)
    firsts = np.flatnonzero(np.diff(person, prepend=-1))
    for first, stop in zip(firsts, [*firsts[1:], len(person)]):
        stays[first:stop] = not alike[first:stop, :first][:, stays[:first]].any()
    return stays


def _above(a, b, threshold):
    """Whether each score is at least the threshold, decided in float64: bool [N, M]."""
    scores = rows_by_rows(a, b)
    above = scores >= threshold
    near = np.nonzero(np.abs(scores - threshold) <= rounding_error(a.shape[1]))
    above[near] = exact_scores(a, np.asarray(b, np.float32), *near) >= threshold
    return above


# ----------------------------------------------------------------------------------------------------------------------
# Accidents: real people.


def accidental_doubles(size, far):
    """The expected share of n different people who have a double by accident: 1 - (1 - FAR)^(n - 1), float64.

    Args:
        size: n.
        far: False accept rate of the threshold, among pairs of different people.
    """
    return -np.expm1((np.asarray(size, np.float64) - 1) * np.log1p(-np.asarray(far, np.float64)))


def usable_far(size, accidents=ACCIDENTS):
    """The largest false accept rate at which a set of n images has few doubles by accident: n x FAR = 0.1."""
    return accidents / max(size, 1)


# ----------------------------------------------------------------------------------------------------------------------
# Extrapolation.


class Rate(NamedTuple):
    """How fast new images meet kept ones: each misses each kept one with the probability exp(-rate)."""

    rate: float
    low: float
    high: float  # of the interval
    deviation: float  # standard deviation of `rate`; infinity if no image has met another one


def expected_kept(size, rate):
    """K(n) = ln(1 + rate n) / rate, for a rate of 0 K(n) = n: float64 of the broadcast shape.

    Args:
        size: n.
        rate: lambda, at least 0.
    """
    size, rate = np.broadcast_arrays(np.asarray(size, np.float64), np.asarray(rate, np.float64))
    safe = np.where(rate > 0, rate, 1)
    return np.where(rate * size > 1e-12, np.log1p(safe * size) / safe, size)


def kept_deviation(size, rate):
    """The standard deviation of K(n), from one set of the same kind to another.

    Each new image is kept with the probability q = exp(-rate K). The variance V then grows by
    dV/dn = -2 rate q V + q (1 - q), whose solution is V = rate n^2 / 2 / (1 + rate n)^2.
    """
    size = np.asarray(size, np.float64)
    return np.sqrt(rate / 2) * size / (1 + rate * size)


def fit_rate(kept, size, confidence=CONFIDENCE):
    """The rate at which K(n) is what was found.

    Args:
        kept: K(n), from 1 to n.
        size: n.

    Returns:
        `Rate`; its interval holds the rates for which K(n) would deviate from the found one by less than 1.96
        standard deviations.
    """
    if not 1 <= kept <= size:
        raise ValueError(f'{kept} images cannot be what was kept of {size}')
    if size == 1:
        return Rate(0.0, 0.0, np.inf, np.inf)
    z = normal_quantile(confidence)
    rate = _root(lambda rate: kept - expected_kept(size, rate))
    high = _root(lambda rate: kept - expected_kept(size, rate) - z * kept_deviation(size, rate))
    low = _root(lambda rate: kept - expected_kept(size, rate) + z * kept_deviation(size, rate))
    if rate == 0:
        return Rate(0.0, 0.0, high, np.inf)
    slope = size / (rate * (1 + rate * size)) - np.log1p(rate * size) / rate**2  # of K(n), by the rate; below 0
    return Rate(rate, low, high, float(kept_deviation(size, rate) / -slope))


def _root(excess):
    """Where a function of a rate, which rises from below 0, is 0; 0 if it is not below 0 for the smallest rate."""
    low, high = _LOG_RATES
    if excess(np.exp(low)) >= 0:
        return 0.0
    return float(np.exp(brentq(lambda log_rate: excess(np.exp(log_rate)), low, high)))


def extrapolate(rate, sizes):
    """How many people larger sets would show: at least so many, for the rate falls as sets grow.

    Fitted to 318 real people, K was foretold too low for 1,271, by 2 to 11 %.

    Args:
        rate: `Rate`.
        sizes: int [S], each n.

    Returns:
        (K, low, high): float64 [S] each; low and high for the ends of the rate's interval.
    """
    return tuple(expected_kept(sizes, value) for value in (rate.rate, rate.high, rate.low))
