"""Thresholds of face embeddings: the score from which two faces count as one person, by the rate of false accepts.

A score is the cosine of two embeddings. Mated pairs show one person, non-mated pairs two. The false accept rate (FAR)
is the share of non-mated pairs that reach the threshold, the true accept rate (TAR) the share of mated pairs.
"""

from typing import List, NamedTuple, Optional, Sequence

import numpy as np
import scipy.optimize

PAIRS_FOR_ONE = 10  # false accepts that an observed threshold needs: fewer say little about their rate
LEAST_PAIRS = 10**5  # non-mated pairs that an extrapolated threshold needs
LEAST_IN_TAIL = 10  # different scores that a tail is fitted to
NO_LIMIT = -1.0  # the smallest cosine


def can_observe(pairs: int, far: float) -> bool:
    """Whether so many non-mated pairs are enough to observe the threshold of a FAR: 10 / FAR."""
    return pairs * far >= PAIRS_FOR_ONE * (1 - 1e-9)


def threshold_at(scores: np.ndarray, far: float, total: Optional[int] = None) -> float:
    """The smallest threshold that at most a share of the non-mated pairs reach.

    Args:
        scores: float [N] of non-mated pairs, in any order: of all, or of those with the highest scores.
        far: The share.
        total: Number of all non-mated pairs; N if None.

    Returns:
        A pair is a match if its score is at least this, compared in the type of `scores`.

    Raises:
        ValueError: `scores` are too few: the threshold is below them.
    """
    falling = np.sort(scores)[::-1]
    counts = np.arange(1, len(falling) + 1)
    [threshold] = thresholds_at(falling, counts, [far], len(falling) if total is None else total)
    return threshold


def thresholds_at(falling: np.ndarray, counts: np.ndarray, fars: Sequence[float], total: float) -> List[float]:
    """As `threshold_at`, for several shares, and for pairs that count more or less than once.

    Args:
        falling: float [N], the scores from the highest on.
        counts: float or int [N], how many pairs have this place or one before it.
        fars: The shares.
        total: How many pairs there are.
    """
    thresholds = []
    for far in fars:
        place = np.searchsorted(counts, far * total * (1 + 1e-12), side='right')  # of the first pair that is too many
        if place < len(falling):
            thresholds.append(float(np.nextafter(falling[place], np.array(2, falling.dtype))))
        elif len(counts) and counts[-1] >= total * (1 - 1e-12):
            thresholds.append(NO_LIMIT)
        else:
            raise ValueError('the threshold is below the scores')
    return thresholds


def tar_at(mated: np.ndarray, threshold: float) -> float:
    """The share of mated scores, float [N], that reach a threshold; NaN if there are none."""
    return float(np.mean(mated >= np.array(threshold, mated.dtype))) if len(mated) else float('nan')


def eer(mated: np.ndarray, counts: np.ndarray, edges: np.ndarray) -> float:
    """The equal error rate: the errors at the edge of the histogram where FAR and 1 - TAR differ least.

    NaN without mated scores.

    Args:
        mated: float [M], scores.
        counts: int [B], of non-mated scores: those from an edge on, and below the next edge.
        edges: float [B], rising; the first is below all scores.
    """
    if not len(mated):
        return float('nan')
    accepted = np.cumsum(counts[::-1])[::-1] / counts.sum()
    missed = np.searchsorted(np.sort(mated), edges, side='left') / len(mated)
    nearest = np.argmin(np.abs(missed - accepted))
    return float((missed[nearest] + accepted[nearest]) / 2)


class Tail(NamedTuple):
    """A generalised Pareto distribution of the scores above `start`, which `share` of all scores reach."""

    start: float
    share: float
    shape: float
    scale: float

    def threshold_at(self, far: float) -> float:
        """The score that a share of all scores reach; `far` is at most `share`."""
        ratio = np.log(self.share / far)
        rise = ratio if abs(self.shape) < 1e-9 else np.expm1(self.shape * ratio) / self.shape
        return float(self.start + self.scale * rise)


def fit_tail(scores: np.ndarray, start: float, share: float, weights: Optional[np.ndarray] = None) -> Tail:
    """Fits the tail of a distribution of scores by maximum likelihood.

    Pickands, "Statistical Inference Using Extreme Order Statistics", 1975. The likelihood is maximised over the ratio
    of shape and scale alone, which gives both: Grimshaw, "Computing Maximum Likelihood Estimates for the Generalized
    Pareto Distribution", 1993.

    Args:
        scores: float [N]; those below `start` are left out.
        start: Where the tail begins.
        share: Of all scores that reach `start`.
        weights: float [N], how often each score counts; 1 if None.

    Raises:
        ValueError: Fewer than `LEAST_IN_TAIL` different scores are above the start.
    """
    weights = np.ones(len(scores)) if weights is None else weights
    counted = (scores >= start) & (weights > 0)
    excess, weights = scores[counted].astype(np.float64) - start, weights[counted].astype(np.float64)
    if len(np.unique(excess)) < LEAST_IN_TAIL:
        raise ValueError('too few scores above the start of the tail')
    weights, largest = weights / weights.sum(), excess.max()

    def shape_of(ratio):
        return np.dot(weights, np.log1p(ratio * excess))

    def cost(ratio):
        if abs(ratio * largest) < 1e-9:
            return np.log(np.dot(weights, excess)) + 1
        shape = shape_of(ratio)
        return np.log(shape / ratio) + shape + 1

    # A ratio below -1 / largest would forbid the largest score; near it, the likelihood has no maximum.
    bounds = (-0.95 / largest, 5 / np.dot(weights, excess))
    ratio = scipy.optimize.minimize_scalar(cost, bounds=bounds, method='bounded', options={'xatol': 1e-9}).x
    if abs(ratio * largest) < 1e-9:
        return Tail(float(start), share, 0.0, float(np.dot(weights, excess)))
    shape = shape_of(ratio)
    return Tail(float(start), share, float(shape), float(shape / ratio))


def pairs_of_identities(sizes: np.ndarray, weights: np.ndarray) -> float:
    """How many non-mated pairs there are.

    Args:
        sizes: int [K], images of each identity.
        weights: float [K], how often each identity counts. A pair counts as often as the product for its two.
    """
    images = weights * sizes
    return float((images.sum() ** 2 - (images**2).sum()) / 2)
