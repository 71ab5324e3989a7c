"""Gaussian statistics of features, and the Frechet distance between two Gaussians. Pure arithmetic."""

from typing import NamedTuple

import numpy as np
import scipy.linalg
from threadpoolctl import threadpool_limits

from metrics.arithmetic.products import columns_by_columns

RELATIVE_ERROR = 1e-7  # largest error of the fast way to compute a distance; else the slow way is taken


class Statistics(NamedTuple):
    """A Gaussian with the mean and covariance of a set of features."""

    mean: np.ndarray  # [F], the features' dtype
    covariance: np.ndarray  # [F, F], float64


def statistics(features):
    """Mean and covariance of features, by the conventions of the original code.

    Args:
        features: Float array [N, F], N at least 2.

    Returns:
        Statistics: the mean in the features' own precision, the unbiased (N - 1) covariance in float64.
    """
    centred = np.asarray(features, np.float64) - np.mean(features, axis=0, dtype=np.float64)
    return Statistics(np.mean(features, axis=0), columns_by_columns(centred) / (len(features) - 1))


def frechet_distance(a, b):
    """Squared Frechet distance between two Gaussians (Heusel et al. 2017, reference [23] of the paper).

    The distance is |mean_a - mean_b|^2 + trace(A + B - 2 sqrt(A B)). The trace of the square root is the sum of the
    square roots of the eigenvalues of A B. They are computed as eigenvalues of the symmetric L^T A L, where L L^T = B.

    With fewer different images than features, a covariance is singular, and this way would show its rounding in the
    result. Then the trace is computed as the sum of the singular values of sqrt(A) sqrt(B). This is slower, but exact.

    Args:
        a, b: `Statistics` over the same F features, of finite numbers.

    Returns:
        The distance as a float, at least 0, symmetric in a and b.
    """
    # On busy cores, threads of BLAS spin while they wait for each other. One thread is faster.
    with threadpool_limits(1, user_api='blas'):
        return _distance(a, b)


def _distance(a, b):
    without_root = np.square(a.mean - b.mean).sum() + np.trace(a.covariance) + np.trace(b.covariance)
    root, error = _trace_of_root(a.covariance, b.covariance)
    if not 2 * error <= RELATIVE_ERROR * (without_root - 2 * root):
        root = np.linalg.svd(_square_root(a.covariance).T @ _square_root(b.covariance), compute_uv=False).sum()
    return max(float(without_root - 2 * root), 0.0)  # rounding may leave equal Gaussians a hair below zero


def _trace_of_root(a, b):
    """(trace of sqrt(a b), its rounding error). The error is infinite if a b seems singular."""
    try:
        values = scipy.linalg.eigvalsh(a, b, type=2)
    except np.linalg.LinAlgError:
        return np.nan, np.inf
    if not values[0] > 0:
        return np.nan, np.inf
    # The rounding error of each eigenvalue is about eps times the largest eigenvalue. The error of its square root is
    # that, divided by twice the root.
    roots = np.sqrt(values)
    return roots.sum(), np.linalg.norm(np.finfo(np.float64).eps * values[-1] / (2 * roots))


def _square_root(covariance):
    """A matrix R with R R^T = covariance, [F, F]."""
    values, vectors = scipy.linalg.eigh(covariance)
    return vectors * np.sqrt(np.maximum(values, 0))  # rounding makes zeros negative
