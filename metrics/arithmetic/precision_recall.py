"""Precision and recall of features (Kynkaanniemi et al. 2019, "Improved Precision and Recall Metric"). Pure arithmetic.

Each image of a set is the centre of a ball, which reaches to the k-th nearest neighbour of the image in the set.
"""

import numpy as np

from metrics.arithmetic.products import rows_by_rows

BLOCK_BYTES = 256 << 20  # of distances at a time


def squared_distances(a, b):
    """Squared Euclidean distances between each row of a and each row of b, float [N, M], at least 0.

    Args:
        a, b: float [N, F] and [M, F]. Their means should be near 0, because rounding grows with the lengths of rows.
    """
    distances = rows_by_rows(a, b)
    distances *= -2
    distances += np.einsum('nf,nf->n', a, a)[:, np.newaxis]
    distances += np.einsum('nf,nf->n', b, b)
    return np.maximum(distances, 0, out=distances)


def squared_radii(features, neighbours):
    """The squared radius of the ball around each row.

    Args:
        features: float [N, F], N more than `neighbours`.
        neighbours: k. A row is not its own neighbour.

    Returns:
        float [N].
    """
    features = features - features.mean(axis=0)
    radii = np.empty(len(features), features.dtype)
    for begin, end in _blocks(len(features), len(features), features.itemsize):
        distances = squared_distances(features[begin:end], features)
        distances[np.arange(end - begin), np.arange(begin, end)] = -1  # the row itself comes first, even with rounding
        radii[begin:end] = np.partition(distances, neighbours, axis=1)[:, neighbours]
    return radii


def share_within(points, centres, radii):
    """The share of points that lie in at least one ball or on its surface: a float in [0, 1].

    Args:
        points: float [N, F].
        centres: float [M, F].
        radii: float [M], squared, from `squared_radii`.
    """
    mean = centres.mean(axis=0)
    points, centres = points - mean, centres - mean
    within = 0
    for begin, end in _blocks(len(points), len(centres), points.itemsize):
        within += int((squared_distances(points[begin:end], centres) <= radii).any(axis=1).sum())
    return within / len(points)


def precision_recall(fakes, reals, fakes_radii, reals_radii):
    """(share of the fakes in balls of reals, share of the reals in balls of fakes), floats."""
    return share_within(fakes, reals, reals_radii), share_within(reals, fakes, fakes_radii)


def _blocks(rows, columns, itemsize):
    size = max(BLOCK_BYTES // (columns * itemsize), 1)
    return [(begin, min(begin + size, rows)) for begin in range(0, rows, size)]
