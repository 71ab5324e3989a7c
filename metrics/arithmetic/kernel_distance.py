"""The kernel distance of features, KID (Binkowski et al. 2018, "Demystifying MMD GANs"). Pure arithmetic."""

import numpy as np

from metrics.arithmetic.products import rows_by_rows


def kernel(a, b):
    """The polynomial kernel (a . b / F + 1)^3 of each row of a and each row of b.

    Args:
        a, b: float [N, F] and [M, F].

    Returns:
        float64 [N, M].
    """
    return (rows_by_rows(a.astype(np.float64), b.astype(np.float64)) / a.shape[1] + 1) ** 3


def squared_discrepancy(a, b):
    """The unbiased estimate of the squared maximum mean discrepancy between two sets of equal size, a float.

    Args:
        a, b: float [N, F], N at least 2.
    """
    count = len(a)
    within_a, within_b = kernel(a, a), kernel(b, b)
    within = within_a.sum() - np.trace(within_a) + within_b.sum() - np.trace(within_b)
    return float(within / (count * (count - 1)) - 2 * kernel(a, b).mean())


def kernel_distance(fakes, reals, num_subsets, subset_size, random):
    """The kernel distance, averaged over random subsets.

    Args:
        fakes, reals: float [N, F] and [M, F].
        num_subsets: How many subsets.
        subset_size: Size of a subset, drawn without replacement; at least 2, at most N and M.
        random: `numpy.random.RandomState`.

    Returns:
        (mean, standard deviation) over the subsets. For equal distributions the mean is about 0, and may be below.
    """
    distances = [
        squared_discrepancy(
            *(features[random.choice(len(features), subset_size, replace=False)] for features in (fakes, reals))
        )
        for _ in range(num_subsets)
    ]
    return float(np.mean(distances)), float(np.std(distances))
