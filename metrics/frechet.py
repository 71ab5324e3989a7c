"""Features to Gaussian statistics, and two of those to the Frechet distance. Pure arithmetic."""

from typing import NamedTuple

import numpy as np
import scipy.linalg


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

    |mean_a - mean_b|^2 + trace(A + B - 2 sqrt(A B)). The trace of the square root is computed as the sum of the
    singular values of sqrt(A) sqrt(B): the same number, but real and finite for singular covariances as well, which
    arise as soon as there are fewer different images than features.

    Args:
        a, b: Statistics over the same F features, of finite numbers.

    Returns:
        The distance as a float, at least 0. It is symmetric in its arguments.
    """
    root_of_product = np.linalg.svd(_square_root(a.covariance).T @ _square_root(b.covariance), compute_uv=False).sum()
    squared_shift = np.square(a.mean - b.mean).sum()
    distance = squared_shift + np.trace(a.covariance) + np.trace(b.covariance) - 2 * root_of_product
    return max(float(distance), 0.0)  # rounding may leave equal Gaussians a hair below zero


def _square_root(covariance):
    """A matrix R with R R^T = covariance, [F, F]."""
    values, vectors = scipy.linalg.eigh(covariance)
    return vectors * np.sqrt(np.maximum(values, 0))  # rounding makes zeros negative
