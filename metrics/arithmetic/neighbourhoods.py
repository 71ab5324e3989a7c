"""Euclidean distances between the rows of two sets, as exact as float64, from products in float32. Pure arithmetic.

Where the rounding of float32 could change an answer, a distance is computed again in float64, as the sum of the squares
of the differences. So the answers do not depend on how many rows are compared at a time.
"""

import numpy as np

from metrics.arithmetic.products import rows_by_rows

ROWS = 512  # that are compared at a time with
PART_BYTES = 64 << 20  # of the other rows, in float32

_EXACT_NUMBERS = 1 << 20  # numbers of each of two sets of rows that are compared in float64 at a time


def exact_squared_distances(a, b, rows, columns):
    """The squared distances of some pairs.

    Args:
        a, b: Arrays [N, F] and [M, F] of any type of number.
        rows, columns: int [P], places in a and b.

    Returns:
        float64 [P].
    """
    distances = np.empty(len(rows))
    step = max(_EXACT_NUMBERS // max(a.shape[1], 1), 1)
    for start in range(0, len(rows), step):
        part = slice(start, start + step)
        differences = a[rows[part]].astype(np.float64)
        differences -= b[columns[part]]
        distances[part] = np.square(differences, out=differences).sum(axis=1)
    return distances


def squared_radii(vectors, neighbours):
    """The squared distance of each row to its k-th nearest neighbour.

    Args:
        vectors: float32 [N, F], N more than `neighbours`.
        neighbours: k. A row is not its own neighbour, but an equal row is.

    Returns:
        float64 [N].
    """
    radii = np.full((len(vectors), neighbours), np.inf)  # the k nearest so far, rising
    for rows, columns, distances, error in _blocks(vectors, vectors):
        known = radii[rows]
        itself = np.arange(max(rows.start, columns.start), min(rows.stop, columns.stop))
        distances[itself - rows.start, itself - columns.start] = np.inf
        kth = min(neighbours, distances.shape[1]) - 1
        # A distance and the k-th nearest one may each be wrong by the error.
        most = np.minimum(np.partition(distances, kth, axis=1)[:, kth] + 2 * error, known[:, -1] + error)
        near = np.nonzero((distances <= most[:, np.newaxis]) & (distances < np.inf))
        exact = exact_squared_distances(vectors, vectors, rows.start + near[0], columns.start + near[1])
        places = np.arange(len(known))
        exact = np.concatenate([exact, known.ravel()])
        of_row = np.concatenate([near[0], np.repeat(places, neighbours)])
        order = np.lexsort((exact, of_row))
        firsts = np.searchsorted(of_row[order], places)
        radii[rows] = exact[order][firsts[:, np.newaxis] + np.arange(neighbours)]
    return radii[:, -1].copy()


def within(points, centres, radii, strict=True):
    """Which points lie in balls around the centres.

    Args:
        points: float32 [N, F].
        centres: float32 [M, F].
        radii: float64 [M], squared.
        strict: Whether a point on the surface of a ball lies outside of it.

    Returns:
        (int64 [N], the number of balls around each point; bool [M], whether any point lies in each ball).
    """
    counts, hit = np.zeros(len(points), np.int64), np.zeros(len(centres), bool)
    is_inside = np.less if strict else np.less_equal
    for rows, columns, distances, error in _blocks(points, centres):
        inside = is_inside(distances, radii[columns])
        near = np.nonzero(np.abs(distances - radii[columns]) <= error)
        exact = exact_squared_distances(points, centres, rows.start + near[0], columns.start + near[1])
        inside[near] = is_inside(exact, radii[columns][near[1]])
        counts[rows] += inside.sum(axis=1)
        hit[columns] |= inside.any(axis=0)
    return counts, hit


def nearest_rows(points, others):
    """The nearest of the other rows for each point.

    Args:
        points: Array [N, F] of any type of number.
        others: Array [M, F] of the same type, M at least 1.

    Returns:
        (int64 [N], the place of the nearest, the lowest of those that are equally near; float64 [N], the squared
        distance).
    """
    nearest, squared = np.zeros(len(points), np.int64), np.full(len(points), np.inf)
    for rows, columns, distances, error in _blocks(points, others):
        most = np.minimum(distances.min(axis=1) + 2 * error, squared[rows] + error)
        near = np.nonzero(distances <= most[:, np.newaxis])
        exact = exact_squared_distances(points, others, rows.start + near[0], columns.start + near[1])
        order = np.lexsort((near[1], exact, near[0]))
        best = order[np.flatnonzero(np.diff(near[0][order], prepend=-1))]  # the first of each row
        best = best[exact[best] < squared[rows][near[0][best]]]  # of equal ones, an earlier part has the lower place
        nearest[rows.start + near[0][best]] = columns.start + near[1][best]
        squared[rows.start + near[0][best]] = exact[best]
    return nearest, squared


def _blocks(a, b):
    """Parts of a beside parts of b: (slice of a, slice of b, squared distances float32, their largest error)."""
    if 0 in (len(a), len(b)):
        return
    centre = b.mean(axis=0, dtype=np.float64).astype(np.float32)  # rounding grows with the lengths of the rows
    step = max(PART_BYTES // (4 * b.shape[1]), 1)
    for column in range(0, len(b), step):
        columns = slice(column, min(column + step, len(b)))
        others, lengths = _centred(b[columns], centre)
        for row in range(0, len(a), ROWS):
            rows = slice(row, min(row + ROWS, len(a)))
            part, part_lengths = _centred(a[rows], centre)
            distances = rows_by_rows(part, others)
            distances *= -2
            distances += part_lengths[:, np.newaxis]
            distances += lengths
            # The error of a sum of F products is at most F u |a| |b| (Higham 2002, equation 3.5), for each of three
            # terms; the rows were rounded when the centre was taken off, and the terms when they were added.
            largest = (np.sqrt(part_lengths.max()) + np.sqrt(lengths.max())) ** 2
            yield rows, columns, distances, float((a.shape[1] + 32) * 2.0**-24 * largest * (1 + 2.0**-10))


def _centred(rows, centre):
    """(rows less the centre, float32; the squares of their lengths)."""
    rows = np.subtract(rows, centre, dtype=np.float32)
    return rows, np.einsum('nf,nf->n', rows, rows)
