"""The Frechet distance at infinitely many fakes (Chong & Forsyth 2020, "Effectively Unbiased FID")."""

import numpy as np

from metrics.arithmetic.frechet import frechet_distance, statistics


def sizes_between(smallest, largest, num_sizes):
    """Numbers of fakes, evenly spaced from the smallest to the largest: list of int."""
    return np.linspace(smallest, largest, num_sizes).astype(int).tolist()


def intercept(sizes, distances):
    """Fits a line, by least squares, to distances over 1 / size. Returns its value at 1 / size = 0, a float."""
    return float(np.polyfit(1 / np.asarray(sizes, np.float64), distances, 1)[1])


def frechet_infinity(fakes, reals, smallest, num_sizes, random, progress=lambda sizes: sizes):
    """Extrapolates the distance to infinitely many fakes. It is too large by about c / N, for N fakes and some c.

    Args:
        fakes: float [N, F], features.
        reals: `metrics.arithmetic.frechet.Statistics` of the reals.
        smallest: Fewest fakes, at least 2.
        num_sizes: How many numbers of fakes, from the fewest to all.
        random: `numpy.random.RandomState`, which draws each subset of the fakes anew.
        progress: Takes the iterable of sizes and returns it, such as a progress bar.

    Returns:
        (distance at infinity, dict of size to distance). For equal distributions the first may be below 0.
    """
    sizes = sizes_between(smallest, len(fakes), num_sizes)
    distances = [
        frechet_distance(statistics(fakes[random.permutation(len(fakes))[:size]]), reals) for size in progress(sizes)
    ]
    return intercept(sizes, distances), dict(zip(sizes, distances))
