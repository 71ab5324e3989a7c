"""How near synthetic images are to images of the training set, beside how near held-out real people are.

Scores are cosines, from `metrics.arithmetic.pairs`: the score of an image is its score with the nearest training image.
Held-out images show other people than the training set, and were made by the same filter.
"""

from typing import NamedTuple

import numpy as np
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits

from metrics.arithmetic.intervals import CONFIDENCE, difference_interval, wilson_interval
from metrics.arithmetic.neighbourhoods import nearest_rows

PIXELS = 32  # side of the pictures that are compared pixel by pixel

_MOST_IN_FIT = 20_000  # training images that cells are fitted to
_ROWS = 4096  # that are in memory in float64 at a time


# ----------------------------------------------------------------------------------------------------------------------
# Shares above a threshold.


class Leakage(NamedTuple):
    """Shares of images whose nearest training image has a score of at least each threshold, float64 [T] each."""

    shares: np.ndarray
    low: np.ndarray  # of Wilson's interval
    high: np.ndarray


def shares_above(scores, thresholds, confidence=CONFIDENCE):
    """`Leakage` of images.

    Args:
        scores: float [N], N at least 1.
        thresholds: float [T].
    """
    shares = (np.asarray(scores)[:, np.newaxis] >= np.asarray(thresholds, np.float64)).mean(axis=0)
    return Leakage(shares, *wilson_interval(shares, len(scores), confidence))


def leakage_beside(scores, held_out, thresholds, confidence=CONFIDENCE):
    """How much larger the share above each threshold is among synthetic images than among held-out people.

    The interval is Newcombe's, for a resampled share of 0 has no width.

    Args:
        scores, held_out: float [N] and [M], of the two sets against the same training images.
        thresholds: float [T].

    Returns:
        (difference, low, high): float64 [T] each.
    """
    ours, theirs = (shares_above(each, thresholds, confidence) for each in (scores, held_out))
    return (ours.shares - theirs.shares, *difference_interval(ours.shares, ours[1:], theirs.shares, theirs[1:]))


def quantiles_beside(scores, held_out, probabilities, random, repeats=1000, confidence=CONFIDENCE):
    """How much larger the quantiles of the scores of synthetic images are than those of held-out people.

    Args:
        scores, held_out: float [N] and [M].
        probabilities: float [Q].
        random: `numpy.random.RandomState`, for the bootstrap over images.
        repeats: Times that both sets are drawn anew.

    Returns:
        (quantiles, those of the held-out, difference, low, high): float64 [Q] each.
    """
    ours, theirs = np.sort(scores), np.sort(held_out)
    drawn = [
        _drawn_quantiles(ours, probabilities, random) - _drawn_quantiles(theirs, probabilities, random)
        for _ in range(repeats)
    ]
    values = [quantiles_of(each, probabilities) for each in (ours, theirs)]
    ends = np.quantile(drawn, [0.5 - confidence / 2, 0.5 + confidence / 2], axis=0)
    return (*values, values[0] - values[1], *ends)


def quantiles_of(scores, probabilities):
    """Quantiles without interpolation: the lowest score that at least such a share of the scores does not exceed.

    Args:
        scores: float [N], N at least 1.
        probabilities: float [Q].

    Returns:
        float [Q].
    """
    return _quantiles(np.sort(scores), np.arange(1, len(scores) + 1), probabilities)


def _drawn_quantiles(values, probabilities, random):
    """Quantiles of as many values, drawn with replacement from sorted ones."""
    times = np.bincount(random.randint(len(values), size=len(values)), minlength=len(values))
    return _quantiles(values, np.cumsum(times), probabilities)


def _quantiles(values, ranks, probabilities):
    """The lowest of sorted values whose rank is at least a share of the last rank."""
    return values[np.searchsorted(ranks, np.maximum(np.asarray(probabilities) * ranks[-1], 1))]


# ----------------------------------------------------------------------------------------------------------------------
# Copying.


def authenticity(scores, nearest, training_scores):
    """The share of images that are no copies (Alaa et al. 2022, "How Faithful is your Synthetic Data?").

    An image is authentic if its nearest training image has another training image that is nearer to it.

    Args:
        scores: float [N], N at least 1: the score of each image with its nearest training image.
        nearest: int [N], the number of that training image.
        training_scores: float [M], the score of each training image with its nearest other one.

    Returns:
        A float in [0, 1]; 0 for copies of different training images.
    """
    return float((np.asarray(scores) < np.asarray(training_scores)[nearest]).mean())


def copying_z(distances, held_out):
    """Whether images are nearer to the training set than held-out ones (Meehan et al. 2020, the test statistic Z_U).

    Args:
        distances: float [M], of synthetic images to their nearest training image: any number that rises with it, such
            as the score with the sign changed. M at least 1.
        held_out: float [N], of held-out images, likewise.

    Returns:
        A float: (U - N M / 2) / sqrt(N M (N + M + 1) / 12), where U counts the pairs in which the synthetic image is
        farther, equal ones half. About 0 for equal distributions; far below 0: copies; far above 0: the images are not
        like the training set.
    """
    m, n = len(distances), len(held_out)
    ordered = np.sort(held_out)
    farther = np.searchsorted(ordered, distances, 'left') + np.searchsorted(ordered, distances, 'right')
    return float((farther.sum() / 2 - n * m / 2) / np.sqrt(n * m * (n + m + 1) / 12))


def copying_statistic(distances, held_out, cells, held_out_cells, least_share=0.0):
    """C_T: the mean of Z over parts of the space, weighted by the share of the held-out images (Meehan et al. 2020).

    Args:
        distances, held_out: As for `copying_z`.
        cells, held_out_cells: int [M] and [N], the part that each image is in, from `cells_of`.
        least_share: Parts with a share of the synthetic images of at most this are left out: tau of the paper.

    Returns:
        A float; NaN if no part is left.
    """
    cells, held_out_cells = np.asarray(cells), np.asarray(held_out_cells)
    distances, held_out = np.asarray(distances), np.asarray(held_out)
    total, weights = 0.0, 0.0
    for cell in np.unique(held_out_cells):
        inside, others = cells == cell, held_out_cells == cell
        if inside.any() and inside.mean() > least_share:
            total += others.mean() * copying_z(distances[inside], held_out[others])
            weights += others.mean()
    return total / weights if weights else float('nan')


def cells_of(training, sets, num_cells, seed):
    """Parts of the space, by k-means on the training set.

    Args:
        training: float32 [M, F], at least `num_cells` rows. At most 20,000 of them, evenly spaced, are fitted to.
        sets: List of float32 [N, F].
        num_cells: How many parts.
        seed: Of the first centres.

    Returns:
        List of int [N], the part that each row is in.
    """
    step = -(-len(training) // _MOST_IN_FIT)
    with threadpool_limits(1):  # threads would add up in another order each time
        fitted = KMeans(num_cells, n_init=1, random_state=seed).fit(np.asarray(training[::step], np.float64))
        return [_cells(fitted, each) for each in sets]


def _cells(fitted, rows):
    parts = (np.asarray(rows[start : start + _ROWS], np.float64) for start in range(0, len(rows), _ROWS))
    return np.concatenate([np.empty(0, np.int64), *(fitted.predict(part) for part in parts)])


# ----------------------------------------------------------------------------------------------------------------------
# Pixels.


class PixelCopies(NamedTuple):
    """The nearest training image of each image, by pixels."""

    nearest: np.ndarray  # int64 [N]
    rms: np.ndarray  # float64 [N], root of the mean square difference at 32x32, in levels of 255
    flipped: np.ndarray  # bool [N], whether the mirror image is nearer than the image


def small_pictures(images):
    """Pictures of at most 32x32: means over squares of pixels.

    Args:
        images: uint8 [N, C, H, W], H and W equal powers of two.

    Returns:
        uint8 [N, C, S, S], S = min(32, H).
    """
    factor = max(images.shape[2] // PIXELS, 1)
    count, channels, height, width = images.shape
    parts = images.reshape(count, channels, height // factor, factor, width // factor, factor)
    return np.rint(parts.mean(axis=(3, 5))).astype(np.uint8)


def nearest_pictures(pictures, training):
    """The nearest training picture of each picture or of its mirror image.

    Args:
        pictures, training: uint8 [N, C, S, S] and [M, C, S, S] from `small_pictures`, M at least 1.

    Returns:
        `PixelCopies`.
    """
    flat = training.reshape(len(training), -1)
    found = [nearest_rows(each.reshape(len(each), -1), flat) for each in (pictures, pictures[..., ::-1])]
    (nearest, squared), (nearest_flipped, squared_flipped) = found
    flipped = squared_flipped < squared
    rms = np.sqrt(np.minimum(squared, squared_flipped) / flat.shape[1])
    return PixelCopies(np.where(flipped, nearest_flipped, nearest), rms, flipped)
