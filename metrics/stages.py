"""Arrays over many images, read in chunks. Each chunk is cached, so that a measurement that was killed goes on."""

import contextlib
from typing import NamedTuple, Tuple

import numpy as np

from dnnlib.errors import UserError
from metrics.cache import digest

CHUNK = 1000  # images, rounded up to whole minibatches; a killed measurement loses no more


class Column(NamedTuple):
    """An array [count, ...] that a pass over images fills."""

    kind: str  # kind of images; the name of a folder of the cache
    key: dict  # what the array depends on, besides the number of images; fit for JSON
    count: int
    extractor: object  # what computes the array from images; passed on to `batches` of `read`

    @property
    def place(self) -> Tuple[str, str]:
        """The folders of its chunks in the cache."""
        return self.kind, digest(self.key)


def read(columns, minibatch_size, batches, cache, bar=None):
    """Fills several columns of the same images in one pass.

    Args:
        columns: List of `Column`.
        minibatch_size: Images in a minibatch.
        batches: Generator function of (begin, end, extractors). For each minibatch from image `begin` on, it yields a
            list of arrays [N, ...], one for each extractor. Minibatches are whole; the last may go beyond `end`. It is
            called only for images that are not in the cache.
        cache: `metrics.cache.StageCache`.
        bar: Progress bar over the largest number of images.

    Returns:
        List of arrays [count, ...], one for each column.

    Raises:
        UserError: A value that was read is NaN or infinite.
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
            extractors = [columns[index].extractor for index in missing]
            # Closed at once, even after an error: closing restores what `batches` has changed, such as noise variables.
            with contextlib.closing(batches(begin, max(ends[index] for index in missing), extractors)) as chunk:
                arrays = _read_chunk(chunk, bar)
            for index, array in zip(missing, arrays):
                pieces[index] = array[: ends[index] - begin]
                _save(cache, columns[index], begin, ends[index], pieces[index])
        elif bar is not None:
            if not bar.disable:
                bar.initial += step  # reading the cache takes no time; the time left must not count it
            _advance(bar, step)
        for index, piece in pieces.items():
            if results[index] is None:
                results[index] = np.empty([columns[index].count, *piece.shape[1:]], piece.dtype)
            results[index][begin : ends[index]] = piece
    return results


def _read_chunk(batches, bar):
    """Concatenates the arrays of all batches: a list with an array for each extractor."""
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
    bar.update(min(count, bar.total - bar.n))  # the last minibatch may go beyond the end


def _chunk_key(column, begin, end):
    return {**column.key, 'begin': begin, 'end': end}


def _load(cache, column, begin, end):
    arrays = cache.load(column.place, _chunk_key(column, begin, end))
    return None if arrays is None else arrays['values']


def _save(cache, column, begin, end, values):
    cache.save(column.place, _chunk_key(column, begin, end), values=values)
