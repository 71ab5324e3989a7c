"""Vectors of length 1 that stand for embeddings, and all their pairs."""

import numpy as np

from metrics.arithmetic.pairs import examine_tile, merge
from metrics.arithmetic.tiles import tiles


def unit_rows(random, count, size):
    rows = random.randn(count, size)
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def clustered(count, size, seed=1):
    """Unit vectors with look-alikes: some pairs have scores near 1, and some images are there twice or three times."""
    random = np.random.RandomState(seed)
    rows = unit_rows(random, count, size)
    for place in range(0, count - 2, 7):
        rows[place + 1] = unit_rows(random, 1, size) * 0.3 + rows[place]
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    rows[count // 2 :: 50] = rows[3 % count]
    return rows


def all_pairs(a, b=None, thresholds=(0.3, 0.5, 0.8), side=None, shuffle=False, **settings):
    """The answer from tiles; b is None for pairs within a."""
    parts = tiles(len(a), None if b is None else len(b), side)
    if shuffle:
        parts = parts[::-1]
    other = a if b is None else b
    return merge(
        examine_tile(
            a[tile.row_start : tile.row_stop],
            other[tile.column_start : tile.column_stop],
            tile,
            thresholds,
            b is None,
            **settings,
        )
        for tile in parts
    )
