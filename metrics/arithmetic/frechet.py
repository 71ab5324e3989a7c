"""Features to Gaussian statistics, and two Gaussians to the Frechet distance. Pure arithmetic."""

from typing import NamedTuple

import numpy as np
import scipy.linalg
from threadpoolctl import threadpool_limits

RELATIVE_ERROR = 1e-7  # of the quick way to a distance; where it may be larger, the slow way is taken


class Statistics(NamedTuple):
    """The Gaussian that stands for a set of features."""

    mean: np.ndarray  # [F], the features' dtype
    covariance: np.ndarray  # [F, F], float64


def statistics(features):
    """Mean and covariance of features, with the original code's conventions.

    Args:
        features: Float array [N, F], N at least 2.

    Returns:
        Statistics: the mean in the features' own precision, the unbiased (N - 1) covariance in float64.
    """
    return Statistics(np.mean(features, axis=0), np.cov(features, rowvar=False).reshape(2 * features.shape[1:]))


def frechet_distance(a, b):
    """Squared Frechet distance between two Gaussians (Heusel et al. 2017, reference [23] of the paper).

    |mean_a - mean_b|^2 + trace(A + B - 2 sqrt(A B)). The trace of the square root is the sum of the square roots of the
    eigenvalues of A B. These are computed as the eigenvalues of the symmetric L^T A L, with L L^T = B. Singular
    covariances, which arise as soon as there are fewer different images than features, would show their rounding in the
    result. There the trace is the sum of the singular values of sqrt(A) sqrt(B): the same number, slower, but exact.

    Args:
        a, b: Statistics over the same F features, of finite numbers.

    Returns:
        The distance as a float, at least 0. It is symmetric in its arguments.
    """
    # On busy cores the threads of BLAS wait for each other, spinning, for longer than one thread computes.
    with threadpool_limits(1, user_api='blas'):
        return _distance(a, b)


def _distance(a, b):
    without_root = np.square(a.mean - b.mean).sum() + np.trace(a.covariance) + np.trace(b.covariance)
    root, error = _trace_of_root(a.covariance, b.covariance)
    if not 2 * error <= RELATIVE_ERROR * (without_root - 2 * root):
        root = np.linalg.svd(_square_root(a.covariance).T @ _square_root(b.covariance), compute_uv=False).sum()
    return max(float(without_root - 2 * root), 0.0)  # rounding may leave equal Gaussians a hair below zero


def _trace_of_root(a, b):
    """(trace of sqrt(a b), its error by rounding); the error is infinite where a b seems singular."""
    try:
        values = scipy.linalg.eigvalsh(a, b, type=2)
    except np.linalg.LinAlgError:
        return np.nan, np.inf
    if not values[0] > 0:
        return np.nan, np.inf
    # Each eigenvalue is rounded by about the unit of the largest, either way, and its square root by that over twice
    # the root.
    roots = np.sqrt(values)
    return roots.sum(), np.linalg.norm(np.finfo(np.float64).eps * values[-1] / (2 * roots))


def _square_root(covariance):
    """A matrix R with R R^T = covariance, [F, F]."""
    values, vectors = scipy.linalg.eigh(covariance)
    return vectors * np.sqrt(np.maximum(values, 0))  # rounding makes zeros negative
