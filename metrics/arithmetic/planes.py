"""Planes that divide points by a score, such as w by an attribute of their images: named directions. Pure arithmetic.

Shen et al., "Interpreting the Latent Space of GANs for Semantic Face Editing" (InterFaceGAN), sections 2 and 3.
"""

import warnings
from typing import NamedTuple

import numpy as np
from scipy.stats import rankdata
from sklearn.exceptions import ConvergenceWarning
from sklearn.svm import LinearSVC

FITTED = 0.7  # of the points with extreme scores; the others show how good the plane is
LEAST_POINTS = 10  # with high scores, and as many with low ones
LEAST_IMAGES = 5  # with an attribute, and as many without it, that a classifier is fitted to


class Plane(NamedTuple):
    """A plane that divides points with high scores from points with low ones.

    Attributes:
        normal: float32 [W], of length 1; it points to higher scores.
        accuracy: The share of the held-out points that lie on the right side.
        correlation: Spearman's rank correlation of the score and the distance to the plane, over all points that the
            plane was not fitted to: 1 if the plane orders them as the score does, 0 if it knows nothing of them.
    """

    normal: np.ndarray
    accuracy: float
    correlation: float


class Classifier(NamedTuple):
    """A linear classifier of feature vectors.

    Attributes:
        weights, bias: float64 [F] and float. The score is `features @ weights + bias`; above 0 stands for yes.
        accuracy: Mean of the shares of the held-out images with and without the attribute that it recognises.
    """

    weights: np.ndarray
    bias: float
    accuracy: float

    def scores(self, features):
        """float64 [N] for features, float [N, F]."""
        return features.astype(np.float64) @ self.weights + self.bias


def fit_plane(points, scores, share, seed):
    """Fits a plane to the points whose scores are the highest and the lowest.

    Args:
        points: float32 [N, W].
        scores: float [N].
        share: Share of the points that counts as high, and that counts as low; at most 0.5. FITTED of both are
            fitted, the others are held out.
        seed: Of the choice of the held-out points.

    Returns:
        `Plane`.

    Raises:
        ValueError: There are fewer than LEAST_POINTS with high scores, or all scores are equal. The sentence has no
            subject.
    """
    extreme = min(max(round(share * len(points)), 0), len(points) // 2)
    if extreme < LEAST_POINTS:
        raise ValueError(f'needs {LEAST_POINTS} images with high scores and as many with low ones, and gets {extreme}')
    order = np.argsort(scores, kind='stable')
    low, high = order[:extreme], order[-extreme:]
    if scores[low[-1]] >= scores[high[0]]:
        raise ValueError('gives the same score to too many images')
    centred = points.astype(np.float64) - points.mean(axis=0, dtype=np.float64)
    scale = np.sqrt(np.square(centred).mean())
    if not scale > 0:
        raise ValueError('has only one w: the network makes one image')
    centred /= scale
    chosen, targets = np.concatenate([low, high]), np.repeat([0, 1], extreme)
    fitted = _choose(targets, FITTED, seed)
    weights, bias = _machine(centred[chosen[fitted]], targets[fitted])
    distances = centred @ weights + bias
    held_out = chosen[~fitted]
    unseen = np.ones(len(points), bool)
    unseen[chosen[fitted]] = False
    return Plane(
        (weights / np.linalg.norm(weights)).astype(np.float32),
        float(((distances[held_out] > 0) == targets[~fitted]).mean()),
        _rank_correlation(scores[unseen], distances[unseen]),
    )


def fit_classifier(features, has_it, seed):
    """Fits a linear classifier of an attribute to features of images.

    Args:
        features: float32 [N, F].
        has_it: bool [N]: whether an image has the attribute.
        seed: Of the choice of the held-out images.

    Returns:
        `Classifier`.

    Raises:
        ValueError: There are fewer than LEAST_IMAGES with or without the attribute. The sentence has no subject.
    """
    fewest = min(int(has_it.sum()), int((~has_it).sum()))
    if fewest < LEAST_IMAGES:
        raise ValueError(f'needs {LEAST_IMAGES} images with the attribute and as many without, and has {fewest} of one')
    mean, deviation = features.mean(axis=0, dtype=np.float64), features.std(axis=0, dtype=np.float64)
    deviation[deviation == 0] = 1
    scaled = (features - mean) / deviation
    fitted = _choose(has_it.astype(int), FITTED, seed)
    weights, bias = _machine(scaled[fitted], has_it[fitted])
    found, true = scaled[~fitted] @ weights + bias > 0, has_it[~fitted]
    accuracy = (found[true].mean() + (~found[~true]).mean()) / 2
    return Classifier(weights / deviation, bias - float(mean @ (weights / deviation)), float(accuracy))


def orthogonalise(normals):
    """Takes from each direction what the others share with it, so that it changes them as little as it can.

    Each becomes its part that is orthogonal to all the other directions as they were, again of length 1.

    Args:
        normals: float [K, W], linearly independent.

    Returns:
        float32 [K, W].

    Raises:
        ValueError: A direction lies in the span of the others. The only argument of the error is its number.
    """
    normals = np.asarray(normals, np.float64)
    results = np.empty_like(normals)
    for number, normal in enumerate(normals):
        others = np.delete(normals, number, axis=0)
        basis = np.linalg.svd(others, full_matrices=False)[2]
        rest = normal - basis.T @ (basis @ normal)
        length = np.linalg.norm(rest)
        if length < 1e-3:
            raise ValueError(number)
        results[number] = rest / length
    return results.astype(np.float32)


def _machine(points, targets):
    """Weights float64 [W] and bias of a linear support vector machine; both classes weigh the same.

    The mean square of the points should be 1. Errors count on average, not in sum: C is 1 / N. Of 1e-4 to 1, that came
    nearest to directions that were planted in 512 dimensions, whether the scores were noisy or not.
    `intercept_scaling` keeps the bias from being pulled to 0.
    """
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', ConvergenceWarning)  # the held-out points show how good it is
        machine = LinearSVC(C=1 / len(points), dual=False, class_weight='balanced', intercept_scaling=100).fit(
            points, targets
        )
    return machine.coef_[0], float(machine.intercept_[0])


def _choose(targets, share, seed):
    """Chooses a share of each class at random: bool [N]."""
    chosen, random = np.zeros(len(targets), bool), np.random.RandomState(seed)
    for target in np.unique(targets):
        places = random.permutation(np.flatnonzero(targets == target))
        chosen[places[: round(share * len(places))]] = True
    return chosen


def _rank_correlation(a, b):
    a, b = rankdata(a), rankdata(b)
    a, b = a - a.mean(), b - b.mean()
    lengths = np.linalg.norm(a) * np.linalg.norm(b)
    return float(a @ b / lengths) if lengths > 0 else 0.0
