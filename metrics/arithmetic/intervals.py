"""Intervals of shares. Pure arithmetic."""

import numpy as np
from scipy.special import ndtri

CONFIDENCE = 0.95


def normal_quantile(confidence=CONFIDENCE):
    """How many standard deviations lie on either side of the middle of an interval: 1.96 for 0.95."""
    return float(ndtri(0.5 + confidence / 2))


def wilson_interval(share, count, confidence=CONFIDENCE):
    """The interval of a share (Wilson 1927).

    Args:
        share: float array, or a float, in [0, 1]: what share of the images it was.
        count: How many independent images. For 0 of them, the interval is [0, 1].

    Returns:
        (low, high), float64 of the shape of `share`, in [0, 1].
    """
    share, count = np.broadcast_arrays(np.asarray(share, np.float64), np.asarray(count, np.float64))
    z = normal_quantile(confidence)
    safe = np.where(count > 0, count, 1)
    middle = (share + z**2 / (2 * safe)) / (1 + z**2 / safe)
    half = z * np.sqrt(share * (1 - share) / safe + z**2 / (4 * safe**2)) / (1 + z**2 / safe)
    low = np.where(count > 0, np.where(share <= 0, 0, middle - half), 0)
    high = np.where(count > 0, np.where(share >= 1, 1, middle + half), 1)
    return np.clip(low, 0, 1), np.clip(high, 0, 1)


def difference_interval(share, interval, other_share, other_interval):
    """The interval of the difference of two independent shares from the interval of each (Newcombe 1998, method 10).

    Args:
        share, other_share: float arrays of one shape.
        interval, other_interval: (low, high) of each.

    Returns:
        (low, high) of share - other_share.
    """
    (low, high), (other_low, other_high) = interval, other_interval
    difference = share - other_share
    return (
        difference - np.sqrt((share - low) ** 2 + (other_high - other_share) ** 2),
        difference + np.sqrt((high - share) ** 2 + (other_share - other_low) ** 2),
    )
