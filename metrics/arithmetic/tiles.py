"""Tiles: rectangles of the matrix of all pairs, which can be examined one by one, anywhere, in any order.

A tile begins at multiples of `BLOCK`, and ends there or at the end of the set. So the blocks that are multiplied are
the same whatever the tiles are, and no answer depends on how the matrix was shared out.
"""

from typing import NamedTuple

BLOCK = 1024  # rows, and columns, that are multiplied at a time
LEAST_BLOCKS_A_SIDE = 4  # unless the set is smaller; what is found for a row is looked at again for each tile
MOST_TILES_A_SIDE = 32  # what is kept of an image, is kept for each tile that it is in


class Tile(NamedTuple):
    """Rows `row_start` to `row_stop` - 1 beside columns `column_start` to `column_stop` - 1."""

    row_start: int
    row_stop: int
    column_start: int
    column_stop: int


def tiles(num_rows, num_columns=None, side=None):
    """The tiles of all pairs between two sets, or within one.

    Args:
        num_rows: Size of the first set.
        num_columns: Size of the second set. None: the pairs within one set, each once, the lower number in the row.
            Then the tiles cover half of the matrix, and those on its diagonal hold pairs above the diagonal only.
        side: Rows, and columns, of a tile: a multiple of `BLOCK`. None: at most `MOST_TILES_A_SIDE` tiles a side.

    Returns:
        List of `Tile`, never empty: a set of nobody has one tile without rows.
    """
    same = num_columns is None
    num_columns = num_rows if same else num_columns
    row_ranges, column_ranges = (_ranges(count, side) for count in (num_rows, num_columns))
    return [
        Tile(*rows, *columns)
        for rows in row_ranges
        for columns in column_ranges
        if not same or columns[0] >= rows[0]  # both have the same ranges
    ]


def _ranges(count, side):
    side = side or BLOCK * max(LEAST_BLOCKS_A_SIDE, -(-count // (MOST_TILES_A_SIDE * BLOCK)))
    if side % BLOCK:
        raise ValueError(f'the side of a tile, {side}, is not a multiple of {BLOCK}')
    return [(start, min(start + side, count)) for start in range(0, max(count, 1), side)]


def blocks(tile, same):
    """The blocks of a tile, `Tile` each, row by row; for one set, only those that reach above the diagonal."""
    for row in range(tile.row_start, tile.row_stop, BLOCK):
        for column in range(tile.column_start, tile.column_stop, BLOCK):
            column_stop = min(column + BLOCK, tile.column_stop)
            if not same or column_stop - 1 > row:
                yield Tile(row, min(row + BLOCK, tile.row_stop), column, column_stop)
