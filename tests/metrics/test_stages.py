"""Chunks: one pass for several readings, what was killed goes on, and what is no number is not kept."""

import numpy as np
import pytest

from dnnlib.errors import UserError
from metrics import stages
from metrics.cache import StageCache
from metrics.stages import Column, read


class Source:
    """Images that are their numbers; a look multiplies them."""

    def __init__(self, fails_at=None):
        self.asked, self.fails_at = [], fails_at

    def __call__(self, begin, end, looks):
        for start in range(begin, end, 4):
            if start == self.fails_at:
                raise KeyboardInterrupt
            self.asked.append((start, tuple(looks)))
            yield [np.arange(start, start + 4, dtype=np.float32)[:, np.newaxis] * look for look in looks]


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(stages, 'CHUNK', 6)  # so 8, whole minibatches of 4


@pytest.fixture
def cache(tmp_path):
    return StageCache(str(tmp_path))


def reading(look, count, **key):
    return Column('fakes', {'look': look, **key}, count, look)


def expected(look, count):
    return np.arange(count, dtype=np.float32)[:, np.newaxis] * look


def test_readings_of_different_numbers_share_one_pass(cache):
    source = Source()
    first, second = read([reading(2, 21), reading(3, 9)], 4, source, cache)
    np.testing.assert_array_equal(first, expected(2, 21))
    np.testing.assert_array_equal(second, expected(3, 9))
    assert source.asked == [(start, (2, 3)) for start in (0, 4, 8, 12)] + [(start, (2,)) for start in (16, 20)]


def test_what_was_killed_goes_on_where_it_was(cache):
    with pytest.raises(KeyboardInterrupt):
        read([reading(2, 21)], 4, Source(fails_at=12), cache)
    source = Source()
    np.testing.assert_array_equal(read([reading(2, 21)], 4, source, cache)[0], expected(2, 21))
    assert source.asked[0] == (8, (2,))
    again = Source()
    read([reading(2, 21)], 4, again, cache)
    assert again.asked == []


def test_whole_chunks_serve_another_number_of_images_and_another_reading_reads_its_own(cache):
    read([reading(2, 21)], 4, Source(), cache)
    source = Source()
    both = read([reading(2, 18), reading(3, 18)], 4, source, cache)
    for array, look in zip(both, (2, 3)):
        np.testing.assert_array_equal(array, expected(look, 18))
    assert source.asked == [(0, (3,)), (4, (3,)), (8, (3,)), (12, (3,)), (16, (2, 3))]


def test_another_key_is_another_reading(cache):
    read([reading(2, 8, seed=1)], 4, Source(), cache)
    source = Source()
    read([reading(2, 8, seed=2)], 4, source, cache)
    assert len(source.asked) == 2


def test_what_is_no_number_is_not_kept(cache):
    with pytest.raises(UserError, match='not a number'):
        read([reading(np.nan, 8)], 4, Source(), cache)
    assert cache.size() == 0


def test_without_a_cache_everything_is_read(cache):
    for _ in range(2):
        source = Source()
        np.testing.assert_array_equal(read([reading(2, 9)], 4, source, StageCache(None))[0], expected(2, 9))
        assert [start for start, _ in source.asked] == [0, 4, 8]


class Bar:
    def __init__(self, total):
        self.n, self.initial, self.total, self.disable = 0, 0, total, False

    def update(self, count):
        self.n += count


def test_progress_ends_at_the_number_of_images_and_counts_apart_what_was_there(cache):
    with pytest.raises(KeyboardInterrupt):
        read([reading(2, 21)], 4, Source(fails_at=8), cache)
    bar = Bar(21)
    read([reading(2, 21)], 4, Source(), cache, bar)
    assert (bar.n, bar.initial) == (21, 8)
