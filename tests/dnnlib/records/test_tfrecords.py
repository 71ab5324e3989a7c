import concurrent.futures
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from small_datasets import some_images, write

from dnnlib.records.levels import pyramid
from dnnlib.records.tfrecords import (
    MultiResolutionDataset,
    allocate_records,
    dataset_bytes,
    write_records,
)
from tests.goldens.kinds import assert_agreement, golden_cases
from tests.tensorflow_records import serialized

ROOT = pathlib.Path(__file__).parents[3]


# ----------------------------------------------------------------------------------------------------------------------
# The files of the original tool.


@golden_cases('tfrecords_expected')
def test_reads_and_writes_what_the_original_tool_does(open_session, kind, path, case):
    assert_agreement(kind, path, case, open_session)


def test_our_files_open_with_tensorflows_dataset(tmp_path):
    images = some_images()
    folder = write(tmp_path, images)
    with tf.Graph().as_default(), tf.Session() as session:
        dataset = tf.data.TFRecordDataset(os.path.join(folder, 'set-r04.tfrecords'))
        features = {'shape': tf.FixedLenFeature([3], tf.int64), 'data': tf.FixedLenFeature([], tf.string)}
        record = tf.data.make_one_shot_iterator(dataset).get_next()
        parsed = tf.parse_single_example(record, features)
        image = tf.reshape(tf.decode_raw(parsed['data'], tf.uint8), parsed['shape'])
        for original in images:
            np.testing.assert_array_equal(session.run(image), original)
        with pytest.raises(tf.errors.OutOfRangeError):
            session.run(image)


@pytest.mark.parametrize('side', [4, 8, 32, 256, 1024])
@pytest.mark.parametrize('values', [(0, 256), (127, 129), (254, 256)])  # many halves to round, and the largest sums
def test_whole_numbers_give_the_levels_of_float32(side, values):
    image = np.random.RandomState(side).randint(*values, size=[1, side, side]).astype(np.uint8)
    for level, expected in zip(pyramid(image), pyramid(image.astype(np.float32))):
        assert level.dtype == np.uint8
        np.testing.assert_array_equal(level, expected)


def write_with_tensorflow(path, images):
    with tf.io.TFRecordWriter(str(path)) as writer:
        for image in images:
            writer.write(serialized(image))


@pytest.mark.parametrize('channels', [1, 3])
@pytest.mark.parametrize('resolution', [4, 8, 64, 128, 256])  # lengths and sides of one to three bytes
def test_the_bytes_are_those_of_tensorflows_writer(tmp_path, channels, resolution):
    images = some_images(2, resolution, channels)
    folder = write(tmp_path / 'set', images)
    paths = sorted(pathlib.Path(folder).iterdir(), reverse=True)
    for lod, path in enumerate(paths):
        write_with_tensorflow(tmp_path / 'theirs', [list(pyramid(image))[lod] for image in images])
        assert path.read_bytes() == (tmp_path / 'theirs').read_bytes()
    assert len(paths) == resolution.bit_length() - 2
    assert dataset_bytes((channels, resolution, resolution), 2) == sum(path.stat().st_size for path in paths)


@given(st.permutations(range(4)), st.integers(0, 3))
@settings(max_examples=20, deadline=None)
def test_records_may_be_written_in_ranges_in_any_order_and_again(order, again):
    images = some_images(10, 16)
    with tempfile.TemporaryDirectory() as folder:
        whole = write(os.path.join(folder, 'whole'), images)
        parts = os.path.join(folder, 'parts')
        os.mkdir(parts)
        allocate_records(parts, 'set', images[0].shape, 10)
        for part in [*order, again]:
            write_records(parts, 'set', images[0].shape, 3 * part, images[3 * part : 3 * part + 3])
        for name in os.listdir(whole):
            files = [pathlib.Path(each, name).read_bytes() for each in (whole, parts)]
            assert files[0] == files[1]


def test_features_stand_in_one_order(tmp_path):
    folder = write(tmp_path, some_images(20))
    for record in tf.io.tf_record_iterator(os.path.join(folder, 'set-r03.tfrecords')):
        assert 0 < record.index(b'data') < record.rindex(b'shape')


# ----------------------------------------------------------------------------------------------------------------------
# Write and read.

square_images = st.tuples(st.sampled_from([1, 3]), st.sampled_from([4, 8, 16])).flatmap(
    lambda size: hnp.arrays(np.uint8, (size[0], size[1], size[1]))
)


@settings(max_examples=40)
@given(square_images)
def test_levels_are_block_means_rounded_once(image):
    for lod, level in enumerate(pyramid(image)):
        block = 2**lod
        side = image.shape[1] // block
        mean = image.reshape(-1, side, block, side, block).astype(np.float64).mean(axis=(2, 4))
        np.testing.assert_array_equal(level, np.rint(mean).astype(np.uint8))
    assert level.shape == (image.shape[0], 4, 4)


def test_floats_are_rounded_half_to_even_and_clipped():
    image = np.zeros([1, 4, 4], np.float32)
    image[0, 0] = [0.5, 1.5, -3, 300]
    assert next(pyramid(image))[0, 0].tolist() == [0, 2, 0, 255]


@settings(max_examples=15)
@given(st.lists(hnp.arrays(np.uint8, (3, 8, 8)), min_size=1, max_size=4), st.integers(0, 3))
def test_what_is_written_is_read(images, label_size):
    labels = np.random.RandomState(0).rand(len(images), label_size).astype(np.float32)
    with tempfile.TemporaryDirectory() as folder:
        write(folder, images, labels=labels)
        with MultiResolutionDataset(folder) as dataset:
            assert (dataset.num_images, dataset.resolution, dataset.shape) == (len(images), 8, [3, 8, 8])
            np.testing.assert_array_equal(dataset.labels[:], labels)
            assert dataset.labels.shape == labels.shape and dataset.labels.numbers is None
            for index, image in enumerate(images):
                for lod, level in enumerate(pyramid(image)):
                    np.testing.assert_array_equal(dataset.read(index, lod), level)


def test_a_smaller_resolution_ignores_the_files_above(tmp_path):
    images = some_images(resolution=32)
    folder = write(tmp_path, images)
    (tmp_path / 'set-r05.tfrecords').write_bytes((tmp_path / 'set-r05.tfrecords').read_bytes()[:-1])
    with MultiResolutionDataset(folder, resolution=16) as dataset:
        assert dataset.shape == [3, 16, 16]
        np.testing.assert_array_equal(dataset.read(2, lod=1), list(pyramid(images[2]))[2])


def test_records_of_unequal_length_are_found(tmp_path):
    # Another encoder may add a feature to some records only; the framing still tells where each begins.
    images = some_images(4, 4)
    with tf.io.TFRecordWriter(str(tmp_path / 'set-r02.tfrecords')) as writer:
        for index, image in enumerate(images):
            example = tf.train.Example()
            example.features.feature['shape'].int64_list.value.extend(image.shape)
            example.features.feature['data'].bytes_list.value.append(image.tobytes())
            if index == 1:
                example.features.feature['name'].bytes_list.value.append(b'the odd one')
            writer.write(example.SerializeToString())
    with MultiResolutionDataset(tmp_path) as dataset:
        assert dataset.num_images == 4
        for index, image in enumerate(images):
            np.testing.assert_array_equal(dataset.read(index), image)
        assert len({dataset.content_digest(count) for count in range(5)}) == 5


@given(value=st.integers(0, 255), side=st.sampled_from([4, 8]))
@settings(max_examples=40)
def test_pixels_like_the_bytes_around_them_are_read_from_their_place(value, side):
    images = [np.full([3, side, side], value, np.uint8), np.full([3, side, side], 255 - value, np.uint8)]
    with tempfile.TemporaryDirectory() as folder, MultiResolutionDataset(write(folder, images)) as dataset:
        for index, image in enumerate(images):
            np.testing.assert_array_equal(dataset.read(index), image)


def test_reads_from_many_threads(tmp_path):
    images = some_images(64, 8)
    with MultiResolutionDataset(write(tmp_path, images)) as dataset:
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            read = list(pool.map(dataset.read, list(range(64)) * 20))
        np.testing.assert_array_equal(np.reshape(read, [20, 64, 3, 8, 8])[7], images)


def test_reading_needs_no_tensorflow():
    code = 'import sys, dnnlib.records.tfrecords; sys.exit("tensorflow" in sys.modules)'
    assert subprocess.run([sys.executable, '-c', code], cwd=str(ROOT)).returncode == 0


def test_no_such_record(tmp_path):
    with MultiResolutionDataset(write(tmp_path, some_images(2, 4))) as dataset:
        for index in (-1, 2):
            with pytest.raises(IndexError):
                dataset.read(index)
