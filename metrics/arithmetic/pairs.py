"""All pairs of two sets of unit vectors, or within one: counts, nearest neighbours, and the pairs above a threshold.

A score is the scalar product of two rows of length 1, so the cosine of the angle between them, in [-1, 1]. It is
computed in float32. Wherever rounding could change an answer, the score is computed again in float64, by
`exact_scores`: beside a threshold, among the candidates for a nearest neighbour, and for the pairs that are listed. So
the answers are those of float64. They do not depend on the tiles, bit for bit.

An image or a score that is not there is `NOBODY`, or minus infinity.
"""

from typing import NamedTuple

import cv2
import numpy as np
from threadpoolctl import threadpool_limits

from metrics.arithmetic.products import rows_by_rows
from metrics.arithmetic.tiles import Tile, blocks

NOBODY = np.iinfo(np.int64).max  # instead of the number of an image; no array has this place
LONGEST = 1.0001  # length of a row; float32 makes rows that are a little longer than 1

# A histogram counts the scores from an edge to below the next one. What lies outside is counted in the outermost bins.
# Edges are whole 1024ths: float32 holds them exactly, so no score is in a wrong bin by the rounding of an edge.
BINS_OF_ONE = 1024
EDGES = np.arange(-BINS_OF_ONE, BINS_OF_ONE + 2) / BINS_OF_ONE  # the last bin, from 1 on, counts copies
BINS = len(EDGES) - 1

_MOST_CANDIDATES = 1 << 20  # for nearest neighbours, that are kept before they are compared
_NO_CANDIDATES = np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32)
_EXACT_NUMBERS = 1 << 20  # numbers of each of two sets of rows whose scores are computed at a time


class Neighbours(NamedTuple):
    """What was found for each image of a set: its neighbours are images of the other set, or others of its own."""

    nearest: np.ndarray  # int64 [N], number of the nearest neighbour; the lowest of those with the same score
    scores: np.ndarray  # float64 [N], its score
    counts: np.ndarray  # int64 [N, T], how many neighbours have a score of at least each threshold
    first: np.ndarray  # int64 [N, T], the lowest number of such a neighbour


class TileResult(NamedTuple):
    """What was found in a tile. All fields are arrays, so that `numpy.savez(file, **result._asdict())` keeps it."""

    tile: np.ndarray  # int64 [4]
    same: np.ndarray  # bool [], whether rows and columns are one set
    thresholds: np.ndarray  # float64 [T]
    histogram: np.ndarray  # int64 [BINS], of all scores
    pairs: np.ndarray  # int64 [P, 2], numbers of row and column of the pairs that are listed, sorted
    pair_scores: np.ndarray  # float64 [P]
    row_nearest: np.ndarray  # the fields of `Neighbours` for each row
    row_scores: np.ndarray
    row_counts: np.ndarray
    row_first: np.ndarray
    column_nearest: np.ndarray  # and for each column
    column_scores: np.ndarray
    column_counts: np.ndarray
    column_first: np.ndarray


class AllPairs(NamedTuple):
    """What was found in all tiles."""

    thresholds: np.ndarray  # float64 [T]
    histogram: np.ndarray  # int64 [BINS]
    pairs: np.ndarray  # int64 [P, 2], sorted
    pair_scores: np.ndarray  # float64 [P]
    rows: Neighbours
    columns: Neighbours  # within one set the same as `rows`: both count all neighbours of an image


# ----------------------------------------------------------------------------------------------------------------------
# Scores.


def exact_scores(a, b, rows, columns):
    """The scores of some pairs, by float64 sums whose order does not depend on the other pairs.

    Args:
        a, b: float32 [N, F] and [M, F].
        rows, columns: int [P], places in a and b.

    Returns:
        float64 [P].
    """
    scores = np.empty(len(rows))
    step = max(_EXACT_NUMBERS // max(a.shape[1], 1), 1)
    for start in range(0, len(rows), step):
        part = slice(start, start + step)
        products = a[rows[part]].astype(np.float64)
        products *= b[columns[part]]
        scores[part] = products.sum(axis=1)
    return scores


def rounding_error(size):
    """The largest difference of a float32 score from the exact one, whatever the order of its sum.

    Args:
        size: Numbers in a row, F.
    """
    # |error| <= F u |a| |b| / (1 - F u), Higham 2002, equation 3.5; the rest is for thresholds rounded to float32.
    return (size + 16) * 2.0**-24 * LONGEST**2 * (1 + 2.0**-10)


def histogram_of(scores):
    """Counts scores.

    Args:
        scores: float64 array of any shape.

    Returns:
        int64 [BINS], see `EDGES`.
    """
    places = np.searchsorted(EDGES, np.ravel(scores), side='right') - 1
    return np.bincount(np.clip(places, 0, BINS - 1), minlength=BINS)


# ----------------------------------------------------------------------------------------------------------------------
# A tile.


def examine_tile(a_rows, b_columns, tile, thresholds, same, listed_from=None, row_numbers=None):
    """Compares each row of a tile with each column.

    One block of scores is in memory at a time, whatever the size of the tile.

    Args:
        a_rows: float32 [R, F], the rows of the tile, of length 1, or zero: a zero row has a score of 0 with everybody.
        b_columns: float32 [C, F], its columns, likewise.
        tile: `metrics.arithmetic.tiles.Tile`.
        thresholds: Scores; each answer is given for each of them. Neighbours of a threshold have at least that score.
        same: Whether rows and columns are one set. Then a pair is looked at when its row has the lower number.
        listed_from: The least score of a pair that is listed. None: the lowest threshold. Infinity: none is listed.
        row_numbers: For rows that are a sample of the columns' set: int [R], their numbers in it, rising. No image is
            compared with itself then, and `TileResult.pairs` has these numbers. `tile` and `same` (False) concern the
            sample.

    Returns:
        `TileResult`.

    Raises:
        ValueError: A row is longer than 1, or holds a NaN; or a row and a column differ in size.
    """
    tile = Tile(*(int(bound) for bound in tile))
    examined = _Tile(a_rows, b_columns, tile, thresholds, same, listed_from, row_numbers)
    # Threads of BLAS spin while they wait for each other. What has two cores examines two tiles at a time.
    with threadpool_limits(1, user_api='blas'):
        for block in blocks(tile, same):
            examined.examine(block)
    return examined.result()


class _Side:
    """The neighbours that were found so far for the rows, or the columns, of a tile."""

    def __init__(self, count, num_thresholds):
        self.nearest = np.full(count, NOBODY, np.int64)
        self.scores = np.full(count, -np.inf)
        self.counts = np.zeros((count, num_thresholds), np.int64)
        self.first = np.full((count, num_thresholds), NOBODY, np.int64)

    def add_nearest(self, places, numbers, scores):
        """Takes the nearest of some candidates: their places, their numbers in the other set, exact scores."""
        order = np.lexsort((numbers, -scores, places))
        places, numbers, scores = places[order], numbers[order], scores[order]
        best = np.flatnonzero(np.diff(places, prepend=-1))
        places, numbers, scores = places[best], numbers[best], scores[best]
        _take_nearer(self, places, numbers, scores)

    def add_neighbours(self, threshold, places, numbers):
        """Counts some neighbours of a threshold, in an order in which the numbers of each place rise."""
        self.counts[:, threshold] += np.bincount(places, minlength=len(self.nearest))
        # When a place occurs more than once, the last assignment holds: the lowest number.
        lowest = np.full(len(self.nearest), NOBODY, np.int64)
        lowest[places[::-1]] = numbers[::-1]
        np.minimum(self.first[:, threshold], lowest, out=self.first[:, threshold])


def _take_nearer(side, places, numbers, scores):
    """Replaces the nearest neighbours at `places`, an index without repetitions, by those that are nearer."""
    known, known_scores = side.nearest[places], side.scores[places]
    nearer = (scores > known_scores) | ((scores == known_scores) & (numbers < known))
    side.nearest[places] = np.where(nearer, numbers, known)
    side.scores[places] = np.where(nearer, scores, known_scores)


class _Candidates:
    """Pairs that may be the nearest ones of the rows (axis 0), or columns (axis 1), of a tile, by float32 scores."""

    def __init__(self, count, error):
        self._largest = np.full(count, -np.inf, np.float32)
        self._least_below = 2 * error  # how far below the largest score of float32 the largest exact one may be
        self._found, self.count = [], 0

    def add(self, axis, first_row, first_column, scores):
        """Looks for candidates in a block, float32 [R, C], in which -inf is no pair."""
        largest = scores.max(axis=1 - axis)
        first = (first_row, first_column)[axis]
        known = self._largest[first : first + len(largest)]
        np.maximum(known, largest, out=known)
        here = np.flatnonzero((largest > -np.inf) & (largest >= known - self._least_below))
        least = np.expand_dims(known[here] - self._least_below, 1 - axis)
        if 2 * len(here) < len(largest):
            rows, columns = np.nonzero(scores.take(here, axis=axis) >= least)
            rows, columns = (here[rows], columns) if axis == 0 else (rows, here[columns])
        else:  # the same without a copy of the scores; the places of a flat array are found faster
            bounds = np.full(len(largest), np.inf, np.float32)
            bounds[here] = least.ravel()
            rows, columns = np.divmod(np.flatnonzero(scores >= np.expand_dims(bounds, 1 - axis)), scores.shape[1])
        self._found.append((rows + first_row, columns + first_column, scores[rows, columns]))
        self.count += len(rows)

    def take(self, axis):
        """Takes out the rows and columns of the pairs that are still candidates."""
        rows, columns, scores = (np.concatenate(parts) for parts in zip(*self._found, _NO_CANDIDATES))
        self._found, self.count = [], 0
        stay = scores >= self._largest[(rows, columns)[axis]] - self._least_below
        return rows[stay], columns[stay]


class _Tile:
    def __init__(self, a_rows, b_columns, tile, thresholds, same, listed_from, row_numbers):
        self._tile, self._same = tile, same
        self._a, self._b = np.asarray(a_rows, np.float32), np.asarray(b_columns, np.float32)
        self._thresholds = np.asarray(thresholds, np.float64).reshape(-1)
        lowest = self._thresholds.min(initial=np.inf)
        self._listed_from = lowest if listed_from is None else listed_from
        self._lowest = min(lowest, self._listed_from)
        self._numbers = np.arange(tile.row_start, tile.row_stop) if row_numbers is None else np.asarray(row_numbers)
        self._sampled = row_numbers is not None
        self._error = rounding_error(a_rows.shape[1])
        self._rows, self._columns = (_Side(len(side), len(self._thresholds)) for side in (a_rows, b_columns))
        self._candidates = _Candidates(len(a_rows), self._error), _Candidates(len(b_columns), self._error)
        self._histogram = np.zeros(BINS, np.int64)
        self._pairs, self._pair_scores = [np.empty((0, 2), np.int64)], [np.empty(0)]

    def examine(self, block):
        tile = self._tile
        rows = slice(block.row_start - tile.row_start, block.row_stop - tile.row_start)
        columns = slice(block.column_start - tile.column_start, block.column_stop - tile.column_start)
        a, b = self._a[rows], self._b[columns]
        _check_lengths(a)
        _check_lengths(b)
        scores = rows_by_rows(a, b)
        self._histogram += _quick_histogram(scores)
        left_out = self._left_out(block, rows, scores.shape)
        self._histogram -= _quick_histogram(scores[left_out])
        scores[left_out] = -np.inf
        self._find_nearest(rows, columns, scores)
        self._find_above(a, b, rows, columns, scores)

    def _left_out(self, block, rows, shape):
        """Places of the scores of the block that are no pairs: (rows, columns)."""
        if self._sampled:
            places = self._numbers[rows] - block.column_start
            inside = np.flatnonzero((places >= 0) & (places < shape[1]))
            return inside, places[inside]
        if self._same and block.column_start < block.row_stop:
            return np.nonzero(np.tri(*shape, block.row_start - block.column_start, dtype=bool))
        return np.empty(0, np.int64), np.empty(0, np.int64)

    def _find_nearest(self, rows, columns, scores):
        for axis, candidates in enumerate(self._candidates):
            candidates.add(axis, rows.start, columns.start, scores)
            if candidates.count > _MOST_CANDIDATES:
                self._compare_candidates(axis)

    def _compare_candidates(self, axis):
        rows, columns = self._candidates[axis].take(axis)
        exact = exact_scores(self._a, self._b, rows, columns)
        if axis == 0:
            self._rows.add_nearest(rows, columns + self._tile.column_start, exact)
        else:
            self._columns.add_nearest(columns, self._numbers[rows], exact)

    def _find_above(self, a, b, rows, columns, scores):
        if not self._lowest < np.inf:
            return
        places = np.flatnonzero(scores >= self._lowest - self._error)
        if not len(places):
            return
        values = scores.ravel()[places]
        at_rows, at_columns = np.divmod(places, scores.shape[1])
        values = self._decide(a, b, at_rows, at_columns, values)
        row_numbers = self._numbers[rows][at_rows]
        column_numbers = at_columns + columns.start + self._tile.column_start
        for threshold, least in enumerate(self._thresholds):
            above = np.flatnonzero(values >= least)
            self._rows.add_neighbours(threshold, at_rows[above] + rows.start, column_numbers[above])
            self._columns.add_neighbours(threshold, at_columns[above] + columns.start, row_numbers[above])
        listed = np.flatnonzero(values >= self._listed_from)
        self._pairs.append(np.stack([row_numbers[listed], column_numbers[listed]], axis=1))
        self._pair_scores.append(values[listed])

    def _decide(self, a, b, at_rows, at_columns, values):
        """The scores, float64, exact where an answer may depend on it. The histogram follows."""
        decided = values >= self._listed_from - self._error
        for threshold in self._thresholds:
            decided |= np.abs(values - threshold) <= self._error
        decided = np.flatnonzero(decided)
        exact = exact_scores(a, b, at_rows[decided], at_columns[decided])
        self._histogram += histogram_of(exact) - _quick_histogram(values[decided])
        values = values.astype(np.float64)
        values[decided] = exact
        return values

    def result(self):
        for axis in range(2):
            self._compare_candidates(axis)
        pairs, scores = np.concatenate(self._pairs), np.concatenate(self._pair_scores)
        order = np.lexsort((pairs[:, 1], pairs[:, 0]))
        return TileResult(
            np.array(self._tile, np.int64),
            np.array(bool(self._same)),
            self._thresholds,
            self._histogram,
            pairs[order],
            scores[order],
            *(getattr(side, name) for side in (self._rows, self._columns) for name in Neighbours._fields),
        )


def _check_lengths(rows):
    lengths = np.nan_to_num(np.sqrt(np.einsum('nf,nf->n', rows, rows)), nan=np.inf)
    if lengths.max(initial=0) > LONGEST:
        place = lengths.argmax()
        raise ValueError(f'row {place} of a block has a length of {lengths[place]}, not 1')


def _quick_histogram(scores):
    """As `histogram_of`, for float32."""
    if scores.size == 0:
        return np.zeros(BINS, np.int64)
    counts = cv2.calcHist([scores.reshape(1, -1)], [0], None, [BINS], [EDGES[0], EDGES[-1]])
    counts = counts.ravel().astype(np.int64)  # a block has fewer scores than float32 can count
    missing = scores.size - counts.sum()
    if missing:  # outside of the edges
        above = int((scores >= EDGES[-1]).sum())
        counts[-1] += above
        counts[0] += missing - above
    return counts


# ----------------------------------------------------------------------------------------------------------------------
# All tiles.


def merge(results):
    """Puts together what was found in all tiles.

    Args:
        results: Iterable of the `TileResult` of each tile of `metrics.arithmetic.tiles.tiles`, in any order. One at a
            time is in memory, beside the whole.

    Returns:
        `AllPairs`.
    """
    rows, columns = _Merged(), _Merged()
    histogram, pairs, scores, thresholds, same = np.zeros(BINS, np.int64), [], [], None, False
    for result in results:
        thresholds, same = result.thresholds, bool(result.same)
        tile = Tile(*result.tile.tolist())
        histogram += result.histogram
        pairs.append(result.pairs)
        scores.append(result.pair_scores)
        found = list(result[TileResult._fields.index('row_nearest') :])
        rows.add(tile.row_start, tile.row_stop, Neighbours(*found[:4]))
        (rows if same else columns).add(tile.column_start, tile.column_stop, Neighbours(*found[4:]))
    pairs, scores = np.concatenate(pairs), np.concatenate(scores)
    order = np.lexsort((pairs[:, 1], pairs[:, 0]))
    rows = rows.neighbours()
    return AllPairs(thresholds, histogram, pairs[order], scores[order], rows, rows if same else columns.neighbours())


class _Merged:
    """The neighbours of a set, which grows as tiles come."""

    def __init__(self):
        self._side = None

    def add(self, start, stop, found):
        if self._side is None:
            self._side = _Side(0, found.counts.shape[1])
        side, missing = self._side, stop - len(self._side.nearest)
        if missing > 0:
            more = _Side(missing, found.counts.shape[1])
            for name in Neighbours._fields:
                setattr(side, name, np.concatenate([getattr(side, name), getattr(more, name)]))
        _take_nearer(side, slice(start, stop), found.nearest, found.scores)
        side.counts[start:stop] += found.counts
        side.first[start:stop] = np.minimum(side.first[start:stop], found.first)

    def neighbours(self):
        return Neighbours(*(getattr(self._side, name) for name in Neighbours._fields))
