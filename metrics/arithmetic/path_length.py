"""Points on paths between latents, and the path length from distances. Pure arithmetic.

Karras et al. (reference [3] of the paper), section 4.1; the paper's Table I.
"""

import math

import numpy as np

PERCENTILES = 1, 99  # distances outside are left out


def slerp(a, b, t):
    """Spherical interpolation.

    Args:
        a, b: float [N, L], not zero; only the directions of the rows count.
        t: float [N, 1]; 0 gives the direction of a, 1 the direction of b.

    Returns:
        float [N, L] of unit length.
    """
    a, b = _normalised(a), _normalised(b)
    cosine = np.sum(a * b, axis=1, keepdims=True)
    angle = t * np.arccos(np.clip(cosine, -1, 1))
    orthogonal = _normalised(b - cosine * a)
    return _normalised(a * np.cos(angle) + orthogonal * np.sin(angle))


def lerp(a, b, t):
    """Linear interpolation: a at t = 0, b at t = 1."""
    return a + (b - a) * t


def _normalised(vectors):
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.finfo(vectors.dtype).tiny)


def mean_of_inner(distances):
    """The mean of the distances from the 1st to the 99th percentile, both included. Both are elements of `distances`.

    Args:
        distances: float [N].

    Returns:
        The mean as a float.
    """
    low, high = np.array(PERCENTILES) / 100 * (len(distances) - 1)
    low, high = np.sort(distances)[[math.floor(low), math.ceil(high)]]
    return float(np.mean(distances[(low <= distances) & (distances <= high)]))
