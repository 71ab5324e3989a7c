"""All pairs of a set, in tiles beside a plain loop of numpy: `python -m benchmarks.audit`.

The vectors are like embeddings of faces: unit vectors of about 52 effective dimensions, some of which look alike. Both
ways give the nearest neighbour of each image and the number of neighbours above a threshold. The tiles also give a
histogram of all scores and a list of the pairs, and decide in float64 where float32 would not do.
"""

import time
import tracemalloc

import click
import numpy as np
from threadpoolctl import threadpool_limits

from dnnlib.progress import Progress
from metrics.arithmetic.pairs import examine_tile, merge
from metrics.arithmetic.tiles import tiles

EFFECTIVE = 52  # dimensions of the default embedding on LFW
THRESHOLD = 0.724  # of the default embedding at a false accept rate of 1e-6
LOOP_ROWS = 1024  # that the loop multiplies at a time


@click.command(epilog='\b\nExample:\n  python -m benchmarks.audit --images 20000')
@click.option('--images', type=click.IntRange(min=2), default=100_000, show_default=True, help='Size of the set.')
@click.option('--size', default=512, show_default=True, help='Numbers of a vector.')
def main(images, size):
    """Measure both ways in one run, on one core, with the same vectors; compare their answers."""
    vectors = make_vectors(images, size, np.random.RandomState(1))
    for count in (max(images // 4, 2), images):
        print(f'{count} images: {memory_of_a_tile(vectors[:count]) / 1e6:.0f} MB at most beside the result of a tile')
    with threadpool_limits(1, user_api='blas'):
        seconds, ours = timed(in_tiles, vectors)
        their_seconds, theirs = timed(in_a_loop, vectors)
    rate = images * (images - 1) / 2 / seconds
    print(f'{images} x {images} at {size} numbers: {seconds:.1f} s in tiles, {rate / 1e6:.0f} million pairs a second')
    print(f'  a plain loop {their_seconds:.1f} s: the tiles are {their_seconds / seconds:.1f} times as fast')
    differing = [int((mine != other).sum()) for mine, other in zip(ours, theirs)]
    print(f'  the loop has another nearest neighbour for {differing[0]} images, other numbers for {differing[1]}')


def make_vectors(count, size, random):
    """Unit vectors, float32 [count, size]; one in a thousand is much like the one before."""
    mixing = random.randn(EFFECTIVE, size)
    vectors = np.empty((count, size), np.float32)
    for start in range(0, count, 10_000):
        part = random.randn(min(10_000, count - start), EFFECTIVE)
        part[1::1000] = part[: len(part[:-1]) : 1000][: len(part[1::1000])] + 0.3 * part[1::1000]
        part = part @ mixing + random.randn(len(part), size)
        vectors[start : start + len(part)] = part / np.linalg.norm(part, axis=1, keepdims=True)
    return vectors


def in_tiles(vectors):
    """(nearest neighbours, numbers of neighbours above the threshold) of each image, int64 [N] both."""
    found = merge(
        examine_tile(vectors[tile[0] : tile[1]], vectors[tile[2] : tile[3]], tile, [THRESHOLD], True)
        for tile in Progress(tiles(len(vectors)), desc='tiles', unit='tile')
    )
    return found.rows.nearest, found.rows.counts[:, 0]


def in_a_loop(vectors):
    """The same by a plain loop of numpy over all of the matrix."""
    nearest, counts = [], []
    for start in Progress(range(0, len(vectors), LOOP_ROWS), desc='loop', unit='block'):
        scores = vectors[start : start + LOOP_ROWS] @ vectors.T
        scores[np.arange(len(scores)), np.arange(start, start + len(scores))] = -2  # an image beside itself
        nearest.append(scores.argmax(axis=1))
        counts.append((scores >= THRESHOLD).sum(axis=1))
    return np.concatenate(nearest), np.concatenate(counts)


def memory_of_a_tile(vectors):
    """Bytes that the first tile of a set takes at most, without its result."""
    tile = tiles(len(vectors))[0]
    rows, columns = vectors[tile[0] : tile[1]], vectors[tile[2] : tile[3]]
    tracemalloc.start()
    try:
        result = examine_tile(rows, columns, tile, [THRESHOLD], True)
        return tracemalloc.get_traced_memory()[1] - sum(array.nbytes for array in result)
    finally:
        tracemalloc.stop()


def timed(compute, vectors):
    """(seconds, what it returns)."""
    begin = time.perf_counter()
    found = compute(vectors)
    return time.perf_counter() - begin, found


if __name__ == '__main__':
    main()
