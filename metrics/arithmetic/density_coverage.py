"""Density and coverage of features (Naeem et al. 2020, "Reliable Fidelity and Diversity Metrics"). Pure arithmetic.

Each image of the training set is the centre of a ball, which reaches to its k-th nearest neighbour in that set. A point
on the surface of a ball lies outside, as in the authors' code. In `metrics.arithmetic.precision_recall` it lies inside.
"""

from typing import NamedTuple

from metrics.arithmetic.neighbourhoods import squared_radii, within

NEIGHBOURS = 5  # k of the paper


class DensityCoverage(NamedTuple):
    """Both are floats."""

    density: float  # balls around a synthetic image, divided by k: about 1 for equal distributions; has no upper end
    coverage: float  # share of the balls that hold a synthetic image, in [0, 1]


def density_coverage(vectors, training, neighbours=NEIGHBOURS, radii=None):
    """Density and coverage.

    Args:
        vectors: float32 [N, F], of synthetic images, N at least 1.
        training: float32 [M, F], M more than `neighbours`.
        neighbours: k.
        radii: float64 [M], what `squared_radii(training, neighbours)` gave, if it is known.

    Returns:
        `DensityCoverage`. For equal sets without equal rows both are 1.

    Raises:
        ValueError: One of the sets is too small.
    """
    if not len(vectors) or len(training) <= neighbours:
        raise ValueError(f'{len(vectors)} images beside {len(training)} of training: 1 and {neighbours + 1} are needed')
    radii = squared_radii(training, neighbours) if radii is None else radii
    counts, hit = within(vectors, training, radii)
    return DensityCoverage(float(counts.sum() / (neighbours * len(vectors))), float(hit.mean()))
