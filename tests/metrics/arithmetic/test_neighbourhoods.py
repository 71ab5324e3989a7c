"""Distances and balls, against brute force in float64."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.arithmetic import neighbourhoods as neighbourhoods_module
from metrics.arithmetic.density_coverage import density_coverage
from metrics.arithmetic.neighbourhoods import exact_squared_distances, nearest_rows, squared_radii, within
from tests.unit_vectors import clustered


def matrix(a, b):
    """All squared distances, float64, of the same bits."""
    rows, columns = (places.ravel() for places in np.indices((len(a), len(b))))
    return exact_squared_distances(a, b, rows, columns).reshape(len(a), len(b))


@settings(max_examples=50)
@given(st.integers(0, 10000), st.integers(1, 5), st.integers(6, 40), st.integers(1, 40), st.integers(1, 40))
def test_answers_are_those_of_float64_in_blocks_of_any_size(seed, neighbours, count, rows, columns):
    """Some rows are equal, and whole numbers make distances equal, so many points are on the surface of a ball."""
    random = np.random.RandomState(seed)
    points, centres = random.randint(-2, 3, size=(15, 4)), random.randint(-2, 3, size=(count, 4))
    points, centres = (each.astype(np.float32) * np.float32(0.1) + 10 for each in (points, centres))
    others = matrix(centres, centres)
    np.fill_diagonal(others, np.inf)
    radii = np.sort(others, axis=1)[:, neighbours - 1]
    distances = matrix(points, centres)
    before = neighbourhoods_module.ROWS, neighbourhoods_module.PART_BYTES
    try:
        neighbourhoods_module.ROWS, neighbourhoods_module.PART_BYTES = rows, 4 * 4 * columns
        np.testing.assert_array_equal(squared_radii(centres, neighbours), radii)
        for strict, inside in ((True, distances < radii), (False, distances <= radii)):
            counts, hit = within(points, centres, radii, strict)
            np.testing.assert_array_equal(counts, inside.sum(axis=1))
            np.testing.assert_array_equal(hit, inside.any(axis=0))
        nearest, squared = nearest_rows(points, centres)
        np.testing.assert_array_equal(nearest, distances.argmin(axis=1))
        np.testing.assert_array_equal(squared, distances.min(axis=1))
    finally:
        neighbourhoods_module.ROWS, neighbourhoods_module.PART_BYTES = before


def test_density_and_coverage_of_a_set_beside_itself():
    """Each image is in its own ball and in those of the images whose nearest it is among: k - 1 others, on average."""
    random = np.random.RandomState(0)
    rows = random.randn(700, 64).astype(np.float32)
    assert density_coverage(rows, rows) == (1, 1)
    assert density_coverage(rows, rows, radii=squared_radii(rows, 5)) == (1, 1)
    assert density_coverage(rows + 50, rows) == (0, 0)
    assert density_coverage(np.tile(rows[:1], [9, 1]), rows).coverage < 0.1


def test_sets_that_are_too_small():
    rows = clustered(20, 8)
    for synthetic, training in ((rows[:0], rows), (rows, rows[:5])):
        with pytest.raises(ValueError, match='1 and 6 are needed'):
            density_coverage(synthetic, training)
    assert density_coverage(rows[:1], rows[:6]).density >= 0
