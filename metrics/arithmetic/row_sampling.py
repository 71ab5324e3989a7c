"""Estimates for a set from a sample of its images, each compared with all others. Pure arithmetic.

All pairs of some millions of images are too many. A sample of m images takes m / N of the time, and its intervals are
those of m independent images; pairs are not independent of each other.
"""

from typing import NamedTuple

import numpy as np

from metrics.arithmetic.intervals import CONFIDENCE, normal_quantile, wilson_interval


class Estimate(NamedTuple):
    """A value and its interval, float64 arrays of one shape."""

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray


def sample_rows(num_images, num_rows, random):
    """Images drawn without replacement, int64 [m], rising; all of them if m is at least N.

    Args:
        num_images: N.
        num_rows: m.
        random: `numpy.random.RandomState`.
    """
    if num_rows >= num_images:
        return np.arange(num_images)
    return np.sort(random.permutation(num_images)[:num_rows])


def pair_rate(counts, num_images, confidence=CONFIDENCE):
    """The share of all pairs that are at or above each threshold.

    Args:
        counts: int [m, T], from `metrics.arithmetic.pairs.Neighbours`, of the sampled images: their neighbours among
            all others.
        num_images: N, at least 2.

    Returns:
        `Estimate` of shape [T]. Standard error: sd(counts) / sqrt(m) / (N - 1) sqrt(1 - m / N); for m = N the value is
        exact, and the interval has no width.
    """
    counts = np.asarray(counts, np.float64)
    sampled = len(counts)
    value = counts.mean(axis=0) / (num_images - 1)
    deviation = counts.std(axis=0, ddof=1) if sampled > 1 else np.full(counts.shape[1], np.inf)
    unseen = 1 - sampled / num_images
    error = deviation / np.sqrt(sampled) / (num_images - 1) * np.sqrt(unseen) if unseen > 0 else np.zeros_like(value)
    half = normal_quantile(confidence) * error
    return Estimate(value, np.clip(value - half, 0, 1), np.clip(value + half, 0, 1))


def share_with_neighbour(counts, num_images, confidence=CONFIDENCE):
    """The share of the images that have a neighbour at or above each threshold, as of one set of N images.

    Args:
        counts: int [m, T], as above.
        num_images: N.

    Returns:
        `Estimate` of shape [T]: Wilson's interval for m images; for m = N it has no width.
    """
    counts = np.asarray(counts)
    value = (counts > 0).mean(axis=0)
    if len(counts) >= num_images:
        return Estimate(value, value, value)
    return Estimate(value, *wilson_interval(value, len(counts), confidence))
