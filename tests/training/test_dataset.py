"""The stream of reals: whole, shuffled, repeatable."""

import os
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dnnlib.errors import UserError
from dnnlib.exports.forms import ExportOptions, write_form
from dnnlib.exports.images import DatasetImages
from dnnlib.records.datasets import open_dataset
from dnnlib.records.tfrecords import MultiResolutionWriter, write_labels
from training.dataset import Prefetcher, TrainingSet

COUNT = 7


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """A dataset of 8x8 px; record i is uniformly of the value 10 i + 5, and labelled [i, -i, 1]."""
    folder = tmp_path_factory.mktemp('datasets') / 'set'
    folder.mkdir()
    with MultiResolutionWriter(str(folder), 'set') as writer:
        for index in range(COUNT):
            writer.add(np.full([3, 8, 8], 10 * index + 5, np.uint8))
        writer.add_labels(np.float32([[index, -index, 1] for index in range(COUNT)]))
    return str(folder)


def records_of(images):
    return (images[:, 0, 0, 0] // 10).tolist()


@settings(max_examples=20, database=None)
@given(seed=st.integers(0, 2**31), epoch=st.integers(0, 10**6), sizes=st.lists(st.integers(1, 10), min_size=1))
def test_every_epoch_has_every_record_once_however_it_is_cut(folder, seed, epoch, sizes):
    training_set = TrainingSet(folder, seed=seed)
    begin = epoch * COUNT
    seen = []
    for size in sizes + [3 * COUNT]:
        seen += records_of(training_set.minibatch(begin + len(seen), size)[0])
    for first in range(0, len(seen) - COUNT, COUNT):
        assert sorted(seen[first : first + COUNT]) == list(range(COUNT))
    position = len(seen) // 2
    again = TrainingSet(folder, seed=seed).minibatch(begin + position, len(seen) - position)[0]
    assert records_of(again) == seen[position:]


def test_epochs_and_seeds_have_orders_of_their_own(folder):
    orders = {
        tuple(records_of(TrainingSet(folder, seed=seed).minibatch(epoch * COUNT, COUNT)[0]))
        for seed in range(5)
        for epoch in range(5)
    }
    assert len(orders) == 25


def test_the_order_is_the_same_at_every_level(folder):
    training_set = TrainingSet(folder, seed=3)
    assert training_set.shape == [3, 8, 8] and training_set.num_images == COUNT
    full, half = training_set.minibatch(5, 6, lod=0)[0], training_set.minibatch(5, 6, lod=1)[0]
    assert (full.shape, half.shape) == ((6, 3, 8, 8), (6, 3, 4, 4)) and full.dtype == half.dtype == np.uint8
    assert records_of(full) == records_of(half)
    small = TrainingSet(folder, resolution=4, seed=3)
    assert small.shape == [3, 4, 4]
    np.testing.assert_array_equal(small.minibatch(5, 6)[0], half)


@pytest.mark.parametrize('max_label_size, columns', [(0, 0), (1, 1), (2, 2), ('full', 3), (9, 3)])
def test_labels_belong_to_their_images(folder, max_label_size, columns):
    training_set = TrainingSet(folder, max_label_size=max_label_size)
    images, labels, _ = training_set.minibatch(0, COUNT)
    assert training_set.label_size == columns and labels.dtype == np.float32
    np.testing.assert_array_equal(labels, np.float32([[i, -i, 1] for i in records_of(images)])[:, :columns])
    drawn = training_set.random_labels(100, np.random.RandomState(0))
    assert drawn[:].shape == (100, columns)
    if columns:
        assert set(drawn[:][:, 0]) == set(range(COUNT))


@pytest.mark.parametrize('max_label_size, columns', [(0, 0), (2, 2), ('full', 3)])
def test_class_numbers_are_rows_in_a_minibatch(folder, tmp_path, max_label_size, columns):
    numbers = np.arange(COUNT) % 3
    for file in os.listdir(folder):
        if file.endswith('.tfrecords'):
            os.symlink(os.path.join(folder, file), str(tmp_path / file))
    write_labels(str(tmp_path), 'set', numbers)
    training_set = TrainingSet(str(tmp_path), max_label_size=max_label_size)
    images, labels, _ = training_set.minibatch(0, COUNT)
    assert training_set.label_size == columns and labels.dtype == np.float32
    np.testing.assert_array_equal(labels, np.eye(3)[numbers[records_of(images)]][:, :columns])
    drawn = training_set.random_labels(100, np.random.RandomState(0))
    assert drawn[10:20].shape == (10, columns) and len(drawn) == 100


def test_a_set_without_labels_has_none(tmp_path):
    with MultiResolutionWriter(str(tmp_path), 'bare') as writer:
        writer.add(np.zeros([1, 4, 4], np.uint8))
    training_set = TrainingSet(str(tmp_path), max_label_size='full')
    assert training_set.minibatch(0, 2)[1].shape == (2, 0) and training_set.shape == [1, 4, 4]


def test_mirroring_is_drawn_for_each_image_from_seed_and_position(folder):
    training_set = TrainingSet(folder, mirror=True, seed=1)
    draws = training_set.minibatch(20, 1000)[2]
    assert draws.dtype == np.float32 and draws.shape == (1000,)
    assert draws.min() >= 0 and draws.max() < 1 and abs((draws >= 0.5).mean() - 0.5) < 0.08
    np.testing.assert_array_equal(TrainingSet(folder, mirror=True, seed=1).minibatch(20, 1000)[2], draws)
    for seed, position in [(2, 20), (1, 21)]:
        assert (TrainingSet(folder, mirror=True, seed=seed).minibatch(position, 1000)[2] != draws).mean() > 0.99
    assert not TrainingSet(folder, seed=1).minibatch(20, 10)[2].any()


def test_a_missing_dataset_is_refused(tmp_path):
    with pytest.raises(UserError, match='nowhere'):
        TrainingSet(str(tmp_path / 'nowhere'))


# ---------------------------------------------------------------------------------------------------------------------
# Prefetcher


def test_prefetched_minibatches_are_those_of_the_set(folder):
    training_set = TrainingSet(folder, max_label_size='full', mirror=True, seed=5)
    prefetcher = Prefetcher(TrainingSet(folder, max_label_size='full', mirror=True, seed=5))
    requests = [(0, 4, 1), (4, 4, 1), (8, 4, 1), (8, 2, 0), (10, 2, 0), (3, 5, 1), (3, 5, 1), (8, 5, 1)]
    for request in requests:
        for actual, expected in zip(prefetcher.minibatch(*request), training_set.minibatch(*request)):
            np.testing.assert_array_equal(actual, expected)


def test_processes_read_and_draw_their_shares_of_the_same_minibatch(folder):
    training_set = TrainingSet(folder, max_label_size='full', mirror=True, seed=5)
    whole = training_set.minibatch(3, 9)
    prefetchers = [
        Prefetcher(TrainingSet(folder, max_label_size='full', mirror=True, seed=5), share_of)
        for share_of in (lambda size: slice(0, size // 3), lambda size: slice(size // 3, size))
    ]
    shares = [prefetcher.minibatch(3, 9, 0) for prefetcher in prefetchers]
    assert [len(share[0]) for share in shares] == [3, 6]
    for together, *parts in zip(whole, *shares):
        np.testing.assert_array_equal(np.concatenate(parts), together)


class Recorded:
    """Stands in for a training set: remembers who asked for what; position 20 cannot be read."""

    def __init__(self):
        self.asked = []

    def minibatch(self, position, size, lod, share):
        self.asked.append((position, threading.current_thread() is threading.main_thread()))
        if position == 20:
            raise UserError('record 20 is damaged')
        return position


def test_the_next_minibatch_is_read_in_a_thread_meanwhile():
    recorded = Recorded()
    prefetcher = Prefetcher(recorded)
    assert [prefetcher.minibatch(position, 5, 0) for position in (0, 5, 10)] == [0, 5, 10]
    assert recorded.asked[:3] == [(0, True), (5, False), (10, False)]


def test_errors_reach_who_asks_and_nobody_else():
    prefetcher = Prefetcher(Recorded())
    assert prefetcher.minibatch(10, 10, 0) == 10
    with pytest.raises(UserError, match='record 20'):
        prefetcher.minibatch(20, 10, 0)
    assert prefetcher.minibatch(10, 10, 0) == 10
    assert prefetcher.minibatch(40, 10, 0) == 40  # the guess, 20, failed; nobody asked for it


def test_zip_files_give_the_minibatches_of_tfrecords(tmp_path):
    images = np.random.RandomState(6).randint(0, 256, [12, 3, 8, 8]).astype(np.uint8)
    (tmp_path / 'toy').mkdir()
    with MultiResolutionWriter(str(tmp_path / 'toy'), 'toy') as writer:
        for image in images:
            writer.add(image)
        writer.add_labels(np.arange(12) % 3)
    with open_dataset(tmp_path / 'toy') as dataset:
        write_form('zips', DatasetImages(dataset), str(tmp_path / 'zips'), {'': np.arange(12)}, ExportOptions())
    options = {'max_label_size': 'full', 'mirror': True, 'seed': 3}
    with TrainingSet(str(tmp_path / 'toy'), **options) as records, TrainingSet(
        str(tmp_path / 'zips'), **options
    ) as zips:
        for lod in (0, 1):
            for expected, found in zip(records.minibatch(5, 9, lod), zips.minibatch(5, 9, lod)):
                assert found.dtype == expected.dtype
                np.testing.assert_array_equal(found, expected)
