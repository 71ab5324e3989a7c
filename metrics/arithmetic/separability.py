"""Linear separability: how well a plane in latent space separates two classes of images.

Karras et al. (reference [3] of the paper), section 4.2; the paper's Table I.
"""

import os
import warnings
from typing import NamedTuple, Tuple

import joblib
import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.svm import LinearSVC

from dnnlib.random_streams import SEPARABILITY_FITS, seed_from

_BYTES_OF_FIT = 28  # for each number of the points: a float32, a float64, and a node of LIBLINEAR


class Separability(NamedTuple):
    """How separable attributes are in a space."""

    score: float  # 2 to the power of the sum of the entropies, at least 1
    entropies: Tuple[float, ...]  # one for each attribute, bits
    failed: Tuple[int, ...]  # positions of attributes for which no plane could be fitted; their entropy is 0


# ----------------------------------------------------------------------------------------------------------------------
# Arithmetic


def most_certain(predictions, num_keep):
    """The samples whose class is most certain, and their classes.

    Args:
        predictions: float32 [N, 2]: probabilities of two classes.
        num_keep: How many samples.

    Returns:
        (indices, targets), each int [num_keep]: the samples, sorted by falling probability of their likelier class;
        and these classes. Samples with equal probabilities stay in order.
    """
    indices = np.argsort(-predictions.max(axis=1), kind='stable')[:num_keep]
    return indices, predictions[indices].argmax(axis=1)


def joint_counts(predicted, targets):
    """How often each prediction (row) occurs with each target (column), int [2, 2]."""
    return np.bincount(2 * predicted + targets, minlength=4).reshape(2, 2)


def conditional_entropies(tables):
    """The conditional entropy of the target, given the prediction.

    Args:
        tables: float [..., 2, 2]: counts or probabilities. Rows are predictions, columns are targets.

    Returns:
        float64 [...], bits, at least 0.
    """
    tables = np.asarray(tables, np.float32)
    tables = tables / tables.sum(axis=(-2, -1), keepdims=True)
    rows, columns = tables.sum(axis=-1), tables.sum(axis=-2)
    information = _entropy(rows, 1) + _entropy(columns, 1) - _entropy(tables, 2)
    return np.maximum(_entropy(columns, 1) - information, 0)


def _entropy(p, num_axes):
    p = p.astype(np.float64)
    terms = -p * np.log2(np.where(p > 0, p, 1))
    return terms.sum(axis=tuple(range(-num_axes, 0)))


# ----------------------------------------------------------------------------------------------------------------------
# Fitting planes


def separability(points_of_spaces, predictions, num_keep, seed, num_processes=1, progress=lambda fits: fits):
    """Separability in each of several spaces.

    Args:
        points_of_spaces: List of float32 [N, L], the samples in each space.
        predictions: List of float32 [N, 2] for each attribute, probabilities of its two classes.
        num_keep: How many samples are used for an attribute; its classifier is most certain of them.
        seed: Seed of the fits.
        num_processes: How many fits run at a time.
        progress: Takes the iterable of finished fits and returns it, such as a progress bar.

    Returns:
        List of `Separability`, one for each space.
    """
    chosen = [most_certain(prediction, num_keep) for prediction in predictions]
    tasks = (
        joblib.delayed(_fit)(points, indices, targets, seed_from(seed, SEPARABILITY_FITS, space, attribute))
        for attribute, (indices, targets) in enumerate(chosen)
        for space, points in enumerate(points_of_spaces)
    )
    # All worker processes map the same file of points into memory.
    fits = list(progress(joblib.Parallel(num_processes, return_as='generator', mmap_mode='r')(tasks)))
    results = []
    for space in range(len(points_of_spaces)):
        of_space = fits[space :: len(points_of_spaces)]
        entropies = [float(entropy) for entropy in conditional_entropies([counts for counts, _ in of_space])]
        failed = tuple(position for position, (_, has_failed) in enumerate(of_space) if has_failed)
        results.append(Separability(float(2 ** np.sum(entropies)), tuple(entropies), failed))
    return results


def _fit(points, indices, targets, seed):
    """(joint counts, whether the fit failed). If it failed, the predictions count as equal to the targets."""
    kept = points[indices]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore', ConvergenceWarning)  # the limit of 1000 rounds is part of the metric
            predicted = LinearSVC(random_state=seed).fit(kept, targets).predict(kept)
    except ValueError:  # for example, all targets are the same
        return joint_counts(targets, targets), True
    return joint_counts(predicted, targets), False


def fit_processes(num_keep, size):
    """How many fits may run at a time: one on each core, but all within half of the main memory.

    Args:
        num_keep: Points of a fit.
        size: Numbers in a point.
    """
    memory = os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') // 2
    return max(min(len(os.sched_getaffinity(0)), memory // (num_keep * (size + 1) * _BYTES_OF_FIT)), 1)
