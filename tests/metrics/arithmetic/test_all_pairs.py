"""All pairs, against brute force in float64."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.arithmetic import pairs as pairs_module
from metrics.arithmetic import tiles as tiles_module
from metrics.arithmetic.pairs import BINS, EDGES, NOBODY, TileResult, exact_scores, examine_tile, histogram_of, merge
from metrics.arithmetic.products import rows_by_rows
from metrics.arithmetic.tiles import tiles
from tests.unit_vectors import all_pairs, clustered, unit_rows


def brute_force(a, b, thresholds):
    """The same from one matrix of float64 scores, in which -inf is no pair. The scores are those of `exact_scores`."""
    same, b = b is None, a if b is None else b
    rows, columns = (places.ravel() for places in np.indices((len(a), len(b))))
    scores = exact_scores(a, b, rows, columns).reshape(len(a), len(b))
    np.testing.assert_allclose(scores, a.astype(np.float64) @ b.astype(np.float64).T, rtol=0, atol=1e-14)
    if same:
        np.fill_diagonal(scores, -np.inf)
    listed = np.argwhere(scores >= min(thresholds))
    listed = listed[listed[:, 0] < listed[:, 1]] if same else listed
    counted = scores[np.triu_indices(len(a), 1)] if same else scores
    return {
        'pairs': listed,
        'pair_scores': scores[tuple(listed.T)],
        'histogram': np.histogram(np.clip(counted, EDGES[0], EDGES[-2]), EDGES)[0],
        'rows': neighbours(scores, thresholds),
        'columns': neighbours(scores.T, thresholds),
    }


def neighbours(scores, thresholds):
    found = scores.max(axis=1) > -np.inf
    above = scores[:, :, np.newaxis] >= np.asarray(thresholds)
    return {
        'nearest': np.where(found, scores.argmax(axis=1), NOBODY),
        'scores': scores.max(axis=1),
        'counts': above.sum(axis=1),
        'first': np.where(above.any(axis=1), above.argmax(axis=1), NOBODY),
    }


def assert_is(found, wanted, histogram=True):
    for name in ('pairs', 'pair_scores'):
        np.testing.assert_array_equal(getattr(found, name), wanted[name], err_msg=name)
    for side in ('rows', 'columns'):
        for name, value in wanted[side].items():
            np.testing.assert_array_equal(getattr(getattr(found, side), name), value, err_msg=f'{side} {name}')
    if histogram:
        np.testing.assert_array_equal(found.histogram, wanted['histogram'])


def assert_same_bits(one, other):
    for name in ('thresholds', 'histogram', 'pairs', 'pair_scores'):
        assert getattr(one, name).tobytes() == getattr(other, name).tobytes(), name
    for mine, theirs in ((one.rows, other.rows), (one.columns, other.columns)):
        for name in mine._fields:
            assert getattr(mine, name).tobytes() == getattr(theirs, name).tobytes(), name


@pytest.fixture
def small_blocks(monkeypatch):
    """Blocks of 8 rows, so that small sets have many."""

    def set_block(size):
        monkeypatch.setattr(tiles_module, 'BLOCK', size)

    set_block(8)
    return set_block


# ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize('block', [1, 3, 64, 100, 499, 500, 1024])
def test_all_pairs_of_500_vectors_whatever_the_size_of_the_tiles(small_blocks, block):
    """Numbers, nearest neighbours and pairs are those of brute force in float64."""
    small_blocks(block)
    vectors = clustered(min(500, 12 * block), 48)
    wanted = brute_force(vectors, None, (0.3, 0.5, 0.8))
    assert len(wanted['pairs'])
    for factor in (1, 2, 5):
        found = all_pairs(vectors, side=block * factor, shuffle=factor == 2)
        assert_is(found, wanted, histogram=False)
        # Below the lowest threshold, a score may be counted beside an edge that rounding takes it over.
        at = np.searchsorted(EDGES, 0.3)
        np.testing.assert_array_equal(found.histogram[at:], wanted['histogram'][at:])
        assert found.histogram.sum() == len(vectors) * (len(vectors) - 1) // 2
        assert np.abs(np.cumsum(found.histogram - wanted['histogram'])).max() <= 2


@pytest.mark.parametrize('other', [None, 130])
def test_no_bit_depends_on_the_tiles(other):
    """Blocks are the same in all tiles, so even the histogram of float32 scores is."""
    vectors = clustered(2100, 64)
    others = None if other is None else clustered(other, 64, seed=2)
    first, *rest = (
        all_pairs(vectors, others, side=tiles_module.BLOCK * blocks, shuffle=shuffle)
        for blocks, shuffle in ((1, False), (2, True), (3, False))
    )
    for each in rest:
        assert_same_bits(first, each)


def test_two_sets(small_blocks):
    a, b = clustered(41, 16), clustered(67, 16, seed=2)
    b[5], b[60] = a[7], a[7]
    found = all_pairs(a, b, side=16)
    assert_is(found, brute_force(a, b, (0.3, 0.5, 0.8)), histogram=False)
    assert found.rows.nearest[7] == 5 and found.rows.counts[7, 2] >= 2
    assert found.histogram.sum() == 41 * 67


def test_exact_counts_of_5000():
    vectors = clustered(5000, 16)
    found = all_pairs(vectors, thresholds=(0.6, 0.9))
    scores = vectors.astype(np.float64) @ vectors.astype(np.float64).T
    np.fill_diagonal(scores, -np.inf)
    for place, threshold in enumerate((0.6, 0.9)):
        np.testing.assert_array_equal(found.rows.counts[:, place], (scores >= threshold).sum(axis=1))
    np.testing.assert_allclose(found.rows.scores, scores.max(axis=1), rtol=0, atol=1e-15)
    assert len(found.pairs) == (scores >= 0.6).sum() // 2


# ----------------------------------------------------------------------------------------------------------------------
# Thresholds to the last bit, ties, nobody.


@pytest.mark.parametrize('size', [2, 512])
def test_a_score_at_the_threshold_to_the_last_bit(size):
    """A score of exactly the threshold is above; one that is lower by the last bit of float64 is not."""
    random = np.random.RandomState(3)
    vectors = unit_rows(random, 300, size)
    vectors[200:] = vectors[:100]  # each score comes more than once
    rows, columns = np.triu_indices(300, 1)
    scores = exact_scores(vectors, vectors, rows, columns)
    for threshold in np.sort(scores)[[-1, -101, -500, -20000]]:
        above = np.nextafter(threshold, 2)
        found = all_pairs(vectors, thresholds=(threshold, above), listed_from=np.inf)
        assert found.rows.counts.sum(axis=0).tolist() == [2 * (scores >= each).sum() for each in (threshold, above)]
        assert (scores == threshold).sum() >= 1
        assert found.rows.counts[:, 0].sum() > found.rows.counts[:, 1].sum()


def test_float32_would_decide_otherwise():
    """The test above means something: some scores of float32 lie on the other side of a float64 threshold."""
    vectors = unit_rows(np.random.RandomState(3), 300, 512)
    rows, columns = np.triu_indices(300, 1)
    exact, quick = exact_scores(vectors, vectors, rows, columns), rows_by_rows(vectors, vectors)[rows, columns]
    assert any((quick >= threshold).sum() != (exact >= threshold).sum() for threshold in np.sort(exact)[-200:])


def test_of_equal_neighbours_the_lowest_is_the_nearest(small_blocks):
    vectors = np.zeros((30, 4), np.float32)
    vectors[:, 0] = 1
    found = all_pairs(vectors, thresholds=(1, 1 + 1e-12), side=8, shuffle=True)
    assert found.rows.nearest.tolist() == [1] + 29 * [0]
    assert found.rows.counts.tolist() == 30 * [[29, 0]]
    assert found.rows.first[:, 0].tolist() == [1] + 29 * [0] and (found.rows.first[:, 1] == NOBODY).all()
    assert len(found.pairs) == 30 * 29 // 2 and (found.pair_scores == 1).all()


def test_copies_longer_than_one_are_in_the_last_bin():
    """Float32 makes a row a little longer than 1."""
    row = unit_rows(np.random.RandomState(0), 1000, 512)
    row = row[np.argmax(exact_scores(row, row, np.arange(1000), np.arange(1000)))]
    found = all_pairs(np.stack([row, row, -row]), thresholds=(1,))
    assert found.pair_scores.tolist() > [1.0] and found.histogram[[0, -1]].tolist() == [2, 1]
    assert found.histogram.sum() == 3


def test_zero_vectors_are_like_nobody():
    vectors = np.zeros((3, 8), np.float32)
    vectors[1, 0] = 1
    found = all_pairs(vectors)
    assert found.rows.nearest.tolist() == [1, 0, 0] and found.rows.scores.tolist() == [0, 0, 0]
    assert len(found.pairs) == 0 and not found.rows.counts.any()
    assert found.histogram[np.searchsorted(EDGES, 0)] == 3


@pytest.mark.parametrize('count', [0, 1])
def test_nobody_and_one_image(count):
    found = all_pairs(np.eye(count, 8, dtype=np.float32))
    assert found.rows.nearest.tolist() == count * [NOBODY] and found.rows.scores.tolist() == count * [-np.inf]
    assert found.rows.counts.tolist() == count * [[0, 0, 0]] and len(found.pairs) == found.histogram.sum() == 0
    between = all_pairs(np.eye(count, 8, dtype=np.float32), np.eye(3, 8, dtype=np.float32))
    assert between.rows.scores.tolist() == count * [1] and len(between.columns.nearest) == 3
    assert between.histogram.sum() == 3 * count


def test_a_score_is_in_the_bin_from_whose_edge_it_is():
    counts = histogram_of(np.array([-2, -1, 0, np.nextafter(0.5, 0), 0.5, 0.9999, 1, 1.0005, 3]))
    assert counts[[0, BINS - 1]].tolist() == [2, 3] and counts.sum() == 9
    at = np.searchsorted(EDGES, 0.5)
    assert EDGES[at] == 0.5 and counts[[at - 1, at]].tolist() == [1, 1]


def test_what_is_no_unit_vector_is_refused():
    vectors = np.eye(3, 4, dtype=np.float32)
    for value in (np.nan, np.inf, 1.01):
        vectors[2, 1] = value
        with pytest.raises(ValueError, match='row 2 of a block has a length of'):
            all_pairs(vectors)


# ----------------------------------------------------------------------------------------------------------------------
# What is kept of a tile.


def test_pairs_are_listed_from_a_score_of_their_own():
    vectors = clustered(200, 16)
    all_of_them = all_pairs(vectors, thresholds=(0.5, 0.8))
    few = all_pairs(vectors, thresholds=(0.5, 0.8), listed_from=0.8)
    assert 0 < len(few.pairs) < len(all_of_them.pairs)
    np.testing.assert_array_equal(few.pairs, all_of_them.pairs[all_of_them.pair_scores >= 0.8])
    np.testing.assert_array_equal(few.rows.counts, all_of_them.rows.counts)
    assert len(all_pairs(vectors, listed_from=np.inf).pairs) == 0
    further = all_pairs(vectors, thresholds=(0.8,), listed_from=0.5)
    np.testing.assert_array_equal(further.pairs, all_of_them.pairs)
    assert len(all_pairs(vectors, thresholds=()).pairs) == 0


def test_a_result_is_kept_in_a_file(tmp_path):
    vectors = clustered(50, 16)
    (tile,) = tiles(50)
    result = examine_tile(vectors, vectors, tile, (0.5,), True)
    np.savez(tmp_path / 'tile.npz', **result._asdict())
    with np.load(tmp_path / 'tile.npz') as file:
        read = TileResult(**{name: file[name] for name in TileResult._fields})
    assert_same_bits(merge([read]), merge([result]))


def test_memory_does_not_grow_with_the_tile(monkeypatch):
    """One block of scores is there at a time."""
    shapes = []

    def product(a, b):
        shapes.append((len(a), len(b)))
        return rows_by_rows(a, b)

    monkeypatch.setattr(pairs_module, 'rows_by_rows', product)
    all_pairs(clustered(3000, 4), side=3 * tiles_module.BLOCK, listed_from=np.inf)
    assert max(shapes) == (tiles_module.BLOCK, tiles_module.BLOCK) and len(shapes) == 6


# ----------------------------------------------------------------------------------------------------------------------
# Tiles.


@settings(deadline=None)
@given(st.integers(0, 60), st.one_of(st.none(), st.integers(0, 60)), st.integers(1, 5), st.integers(1, 9))
def test_tiles_hold_each_pair_once(rows, columns, blocks_a_side, block):
    before, tiles_module.BLOCK = tiles_module.BLOCK, block
    try:
        parts = tiles(rows, columns, blocks_a_side * block)
        cells = [
            cell
            for tile in parts
            for part in tiles_module.blocks(tile, columns is None)
            for cell in itertools.product(range(*part[:2]), range(*part[2:]))
        ]
    finally:
        tiles_module.BLOCK = before
    wanted = itertools.product(range(rows), range(rows if columns is None else columns))
    if columns is None:
        cells = [(row, column) for row, column in cells if row < column]
        wanted = [(row, column) for row, column in wanted if row < column]
    assert sorted(cells) == list(wanted)
    assert parts


def test_a_large_set_has_few_tiles():
    assert len(tiles(10**6)) <= 32 * 33 // 2 and len(tiles(10**5, 10**6)) <= 32**2
    with pytest.raises(ValueError, match='the side of a tile, 1000, is not a multiple of 1024'):
        tiles(10, side=1000)


def test_products_are_those_of_numpy():
    random = np.random.RandomState(0)
    a, b = random.randn(5, 7).astype(np.float32), random.randn(9, 7).astype(np.float32)
    product = rows_by_rows(a, b)
    assert product.dtype == np.float32 and product.flags.c_contiguous
    np.testing.assert_allclose(product, a @ b.T, rtol=0, atol=1e-5)
    np.testing.assert_allclose(
        rows_by_rows(a[::2, 1:], b[::-1, 1:].astype(np.float64)), a[::2, 1:] @ b[::-1, 1:].T, atol=1e-5
    )
    for rows, columns, size in ((0, 3, 4), (3, 0, 4), (2, 3, 0)):
        assert not rows_by_rows(np.ones((rows, size)), np.ones((columns, size))).any()
