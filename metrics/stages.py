"""Arrays over many images, read in chunks that each have a cached twin, so that what was killed goes on."""

import contextlib
from typing import NamedTuple, Tuple

import numpy as np

from dnnlib.errors import UserError
from metrics.cache import digest

CHUNK = 1000  # images, rounded up to whole minibatches: the most that a killed measurement loses


class Column(NamedTuple):
    """One of the arrays [count, ...] that a pass over images fills."""

    kind: str  # of the images, names a folder of the cache
    key: dict  # what it depends on beside the number of images, fit for JSON
    count: int
    look: object  # what looks at the images; passed on to the source of batches

    @property
    def place(self) -> Tuple[str, str]:
        """Its folders in the cache."""
        return self.kind, digest(self.key)


def read(columns, minibatch_size, batches, cache, bar=None):
    """Fills several columns of the same images in one pass.

    Args:
        columns: List of `Column`.
        minibatch_size: Of the batches.
        batches: Generator function of (begin, end, looks) that yields, for whole minibatches from image `begin` on
            until `end` is among them, a list of arrays [N, ...], one for each look. It is asked only for what is not
            in the cache.
        cache: `metrics.cache.StageCache`.
        bar: Progress bar over the largest number of images.

    Returns:
        List of arrays [count, ...], one for each column.

    Raises:
        UserError: Something is not a number.
    """
    step, total = -(-CHUNK // minibatch_size) * minibatch_size, max(column.count for column in columns)
    results = [None] * len(columns)
    for begin in range(0, total, step):
        ends = [min(begin + step, column.count) for column in columns]
        pieces = {
            index: _load(cache, column, begin, ends[index])
            for index, column in enumerate(columns)
            if begin < column.count
        }
        missing = [index for index, piece in pieces.items() if piece is None]
        if missing:
            looks = [columns[index].look for index in missing]
            # Closed at once, whatever happens: the source puts back what it has changed, such as noise.
            with contextlib.closing(batches(begin, max(ends[index] for index in missing), looks)) as chunk:
                arrays = _read_chunk(chunk, bar)
            for index, array in zip(missing, arrays):
                pieces[index] = array[: ends[index] - begin]
                _save(cache, columns[index], begin, ends[index], pieces[index])
        elif bar is not None:
            if not bar.disable:
                bar.initial += step  # what comes from the cache takes no time, so the time left does not count it
            _advance(bar, step)
        for index, piece in pieces.items():
            if results[index] is None:
                results[index] = np.empty([columns[index].count, *piece.shape[1:]], piece.dtype)
            results[index][begin : ends[index]] = piece
    return results


def _read_chunk(batches, bar):
    """Concatenates the batches' arrays, one by one."""
    collected = []
    for arrays in batches:
        if not all(np.isfinite(array).all() for array in arrays):
            raise UserError(
                'What is read from the images is not a number: their pixels are not numbers, or too large; '
                'measure an earlier snapshot.'
            )
        collected.append(arrays)
        if bar is not None:
            _advance(bar, len(arrays[0]))
    return [np.concatenate(pieces) for pieces in zip(*collected)]


def _advance(bar, count):
    bar.update(min(count, bar.total - bar.n))  # whole minibatches may go beyond the end


def _chunk_key(column, begin, end):
    return {**column.key, 'begin': begin, 'end': end}


def _load(cache, column, begin, end):
    arrays = cache.load(column.place, _chunk_key(column, begin, end))
    return None if arrays is None else arrays['values']


def _save(cache, column, begin, end, values):
    cache.save(column.place, _chunk_key(column, begin, end), values=values)
