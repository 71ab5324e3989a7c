"""The measuring parts of the benchmarks."""

import mmap
import os

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from benchmarks import audit
from benchmarks.data import published_rate
from benchmarks.frechet import make_statistics, root_distance
from benchmarks.memory import memory_of
from dnnlib import tflib
from metrics.arithmetic.frechet import frechet_distance
from tests.step_memory import traced_peak
from training.plan import PAPER_DAYS, V100_DAYS


@pytest.mark.parametrize('gpus, days', [(2, PAPER_DAYS), (8, V100_DAYS)])
def test_published_rates_of_all_phases_add_up_to_the_published_days(gpus, days):
    kimg = {8: 600, 16: 1200, 32: 1200, 64: 1200, 128: 1200, 256: 19600}
    seconds = sum(length * 1000 / published_rate(resolution, gpus, days) for resolution, length in kimg.items())
    assert seconds / 86400 == pytest.approx(days[256][gpus])


@pytest.mark.optimized
def test_the_traced_peak_is_what_is_alive_at_once(session):
    size = tf.placeholder(tf.int32, [])
    tensors = [tf.random.uniform([size, 1000]) for _ in range(3)]  # 3 alive at once, and what multiplying makes
    product = tf.matmul(tf.matmul(tensors[0], tensors[1], transpose_a=True), tensors[2], transpose_b=True)
    peak = traced_peak(lambda: tflib.run(tf.reduce_sum(product), {size: 1000}))
    assert 3 * 4e6 <= peak <= 5 * 4e6


def test_resident_memory_follows_what_is_allocated():
    before = memory_of(os.getpid())[0]
    block = np.frombuffer(mmap.mmap(-1, 200 * 10**6), np.uint8)  # of the system, not of memory that was freed before
    block[:] = 1
    after, peak = memory_of(os.getpid())
    assert after - before == pytest.approx(block.nbytes / 1e6, rel=0.1) and peak >= after
    assert memory_of(2**30) is None


def test_both_ways_to_the_frechet_distance_give_the_same():
    random = np.random.RandomState(2)
    a, b = (make_statistics(random, 300, 40) for _ in range(2))
    assert frechet_distance(a, b) == pytest.approx(root_distance(a, b), rel=1e-6)


def test_tiles_and_a_plain_loop_find_the_same_neighbours():
    vectors = audit.make_vectors(2100, 64, np.random.RandomState(3))
    (nearest, counts), (their_nearest, their_counts) = audit.in_tiles(vectors), audit.in_a_loop(vectors)
    np.testing.assert_array_equal(nearest, their_nearest)
    np.testing.assert_array_equal(counts, their_counts)
    assert counts.sum() >= 4


def test_the_memory_of_a_tile_is_that_of_its_blocks():
    """A block of scores has 4 MiB, and its places up to twice as much."""
    vectors = audit.make_vectors(4200, 16, np.random.RandomState(3))
    small, large = (audit.memory_of_a_tile(vectors[:count]) for count in (2050, 4200))
    assert 4 << 20 <= small <= 40 << 20 and large <= 1.1 * small
