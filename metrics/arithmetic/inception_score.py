"""The Inception Score of probabilities (Salimans et al. 2016, "Improved Techniques for Training GANs")."""

import numpy as np


def inception_score(probabilities, num_splits):
    """exp of the mean Kullback-Leibler divergence between the classes of an image and the classes of all images.

    Args:
        probabilities: float [N, classes], rows of sum 1.
        num_splits: Number of consecutive parts; each gets its own score. At most N.

    Returns:
        (mean, standard deviation) over the parts; each score lies between 1 and the number of classes.
    """
    scores, count = [], len(probabilities)
    for split in range(num_splits):
        part = probabilities[split * count // num_splits : (split + 1) * count // num_splits].astype(np.float64)
        ratios = np.where(part > 0, part, 1) / np.maximum(part.mean(axis=0), np.finfo(np.float64).tiny)
        divergences = np.where(part > 0, part * np.log(ratios), 0).sum(axis=1)
        scores.append(np.exp(divergences.mean()))
    return float(np.mean(scores)), float(np.std(scores))
