"""The Vendi score: how many different images a set has in effect (Friedman & Dieng 2023). Pure arithmetic."""

import numpy as np
import scipy.linalg

from metrics.arithmetic.products import columns_by_columns

_ROWS = 4096  # that are in memory in float64 at a time


def vendi_score(vectors):
    """exp of the entropy of the eigenvalues of the matrix of all cosines, divided by N.

    These are the eigenvalues of X^T X / N, [F, F], which takes one pass. Only the scores of sets of one size compare.

    Args:
        vectors: float [N, F], rows of length 1; may be a memory map.

    Returns:
        A float: N for orthogonal rows, 1 for equal ones, 0 without any.
    """
    count = len(vectors)
    if count == 0:
        return 0.0
    products = np.zeros((vectors.shape[1], vectors.shape[1]))
    for start in range(0, count, _ROWS):
        rows = np.ascontiguousarray(vectors[start : start + _ROWS], np.float64)
        products += columns_by_columns(rows)
    eigenvalues = scipy.linalg.eigvalsh(products / count)
    eigenvalues = eigenvalues[eigenvalues > 0]  # rounding makes zeros negative
    return float(np.exp(-(eigenvalues * np.log(eigenvalues)).sum()))
