"""What an audit computes, on one core: face embeddings beside TensorFlow, and all pairs beside a plain loop of numpy.

Embeddings: images of 256x256 of noise, by ONNX Runtime and by the network's own frozen graph in TensorFlow.

Pairs: the vectors are like embeddings of faces, unit vectors of about 52 effective dimensions; some look alike. Both
ways give the nearest neighbour of each image and the number of neighbours above a threshold. The tiles also give a
histogram of all scores and a list of the pairs, and decide in float64 where float32 would not do.
"""

import dnnlib.quiet  # noqa: F401, I001  first: silences TensorFlow before anything imports it

import os
import time
import tracemalloc

import click
import numpy as np
from threadpoolctl import threadpool_limits

from dnnlib.progress import Progress
from metrics.arithmetic.pairs import examine_tile, merge
from metrics.arithmetic.tiles import tiles
from metrics.features.embeddings import BATCH, open_embedding

EFFECTIVE = 52  # dimensions of the default embedding on LFW
THRESHOLD = 0.724  # of the default embedding at a false accept rate of 1e-6
LOOP_ROWS = 1024  # that the loop multiplies at a time
ROUNDS = 3  # in which embeddings are computed both ways; the shortest counts


@click.command(epilog='\b\nExample:\n  python -m benchmarks.audit --images 20000')
@click.option('--images', default=100_000, show_default=True, help='Size of the set whose pairs are compared; 0: none.')
@click.option('--size', default=512, show_default=True, help='Numbers of a vector.')
@click.option('--faces', default=96, show_default=True, help='Images that are embedded in a round; 0: none.')
def main(images, size, faces):
    """Measure both ways in one run, on one core, with the same input; compare their answers."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # before TensorFlow counts the cores
    if faces:
        measure_embeddings(faces)
    if images:
        measure_pairs(images, size)


# ----------------------------------------------------------------------------------------------------------------------
# Embeddings.


def measure_embeddings(faces):
    """Prints images a second, and CPU time an image, of both ways to embed."""
    from metrics.features.facenet_in_tensorflow import TensorFlowFacenet  # here: pairs need no TensorFlow

    embedding, graph = open_embedding('facenet'), TensorFlowFacenet()
    images = np.random.RandomState(1).randint(256, size=[faces, 3, 256, 256]).astype(np.uint8)

    def by_graph():
        parts = [images[start : start + BATCH] for start in range(0, faces, BATCH)]
        return np.concatenate([graph(embedding.prepare(part)) for part in parts])

    ways = {'ONNX Runtime': lambda: embedding.embed(images), "TensorFlow's graph": by_graph}
    vectors = [compute() for compute in ways.values()]  # the first call prepares more than the next ones
    shortest = dict.fromkeys(ways, (np.inf, np.inf))
    for _ in range(ROUNDS):
        for name, compute in ways.items():
            begin, begin_cpu = time.perf_counter(), time.process_time()
            compute()
            spent = time.perf_counter() - begin, time.process_time() - begin_cpu
            shortest[name] = tuple(map(min, shortest[name], spent))
    for name, (seconds, cpu) in shortest.items():
        print(f'{name}: {faces / seconds:.1f} images/s, {1000 * cpu / faces:.1f} ms of CPU time an image')
    (_, ours), (_, theirs) = shortest.values()
    difference = np.abs(vectors[0] - vectors[1]).max()
    print(f'  {theirs / ours:.2f} times as fast by CPU time; largest difference of a number {difference:.1e}')


# ----------------------------------------------------------------------------------------------------------------------
# Pairs.


def measure_pairs(images, size):
    """Prints the time of all pairs in tiles and in a loop, and the memory of a tile."""
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
