"""The Frechet distance at infinitely many fakes (Chong & Forsyth 2020, "Effectively Unbiased FID")."""

import numpy as np

from metrics.arithmetic.frechet import frechet_distance, statistics


def sizes_between(smallest, largest, num_sizes):
    """Numbers of fakes, evenly from the smallest to the largest: list of int."""
    return np.linspace(smallest, largest, num_sizes).astype(int).tolist()


def intercept(sizes, distances):
    """Where a straight line through the distances over 1 / size, by least squares, meets 1 / size = 0: a float."""
    return float(np.polyfit(1 / np.asarray(sizes, np.float64), distances, 1)[1])


def frechet_infinity(fakes, reals, smallest, num_sizes, random, progress=lambda sizes: sizes):
    """Extrapolates the distance, which is too large by about a constant over the number of fakes.

    Args:
        fakes: float [N, F], features.
        reals: `metrics.arithmetic.frechet.Statistics` of the reals.
        smallest: Fewest fakes, at least 2.
        num_sizes: How many numbers of fakes.
        random: `numpy.random.RandomState`; each number of fakes is drawn anew from all.
        progress: Takes the iterable of sizes and returns it, such as a progress bar.

    Returns:
        (distance at infinity, dict of sizes to their distances). The former may fall below 0 for equal distributions.
    """
    sizes = sizes_between(smallest, len(fakes), num_sizes)
    distances = [
        frechet_distance(statistics(fakes[random.permutation(len(fakes))[:size]]), reals) for size in progress(sizes)
    ]
    return intercept(sizes, distances), dict(zip(sizes, distances))
