import concurrent.futures
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import tracemalloc

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dnnlib.errors import UserError
from dnnlib.records.labels import Labels
from dnnlib.records.levels import pyramid
from dnnlib.records.tfrecords import (
    MultiResolutionDataset,
    MultiResolutionWriter,
    allocate_records,
    dataset_bytes,
    fingerprint,
    is_old_fingerprint,
    old_fingerprint,
    write_records,
)
from tests.goldens.kinds import assert_agreement, golden_cases
from tests.tensorflow_records import serialized

ROOT = pathlib.Path(__file__).parents[3]
WRONG_FILES = [
    (b'version https://git-lfs.github.com/spec/v1\noid sha256:f2\n', 'a Git LFS pointer'),
    (
        b'<!DOCTYPE html><html><title>Google Drive - Quota exceeded</title>Too many users',
        'a web page, which Google Drive',
    ),
    (b'\x1f\x8b' + bytes(50), 'compressed by gzip: decompress it with gunzip'),
]


def write(folder, images, name='set', labels=None):
    os.makedirs(str(folder), exist_ok=True)
    with MultiResolutionWriter(str(folder), name) as writer:
        for image in images:
            writer.add(image)
        if labels is not None:
            writer.add_labels(labels)
    return str(folder)


def some_images(count=5, resolution=16, channels=3):
    return np.random.RandomState(1).randint(0, 256, [count, channels, resolution, resolution]).astype(np.uint8)


def some_levels(index, side):
    return {level.shape[1]: level for level in pyramid(some_images()[index])}[side]


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


def test_a_fingerprint_is_that_of_the_pixels_their_number_and_their_shape(tmp_path):
    images, folders = some_images(200, 4), iter(range(100))

    def of(images, resolution=None):
        folder = write(tmp_path / str(next(folders)), images)
        with MultiResolutionDataset(folder, resolution) as dataset:
            return fingerprint(dataset)

    assert of(images) == of(images) and len(of(images)) == 64
    first, unsampled = images.copy(), images.copy()
    first[0, 0, 0, 0] ^= 1
    unsampled[197, 0, 0, 0] ^= 1
    larger = some_images(3, 8)
    others = [first, unsampled, images[:199], images[:3], images[:3, :1], images[::-1], larger]
    assert len({of(images), of(larger, resolution=4), *map(of, others)}) == 9


def test_labels_count_for_a_fingerprint_where_they_are_trained_on(tmp_path):
    found, labels = [], np.eye(3)
    for number, content in enumerate((labels, labels[::-1], None)):
        folder = write(tmp_path / str(number), some_images(3, 4), labels=content)
        with MultiResolutionDataset(folder) as dataset:
            found.append([fingerprint(dataset, with_labels) for with_labels in (True, False)])
    assert found[0][1] == found[1][1] == found[2][1] == found[2][0] and len({pair[0] for pair in found}) == 3


def test_a_fingerprint_of_the_old_kind_is_told_by_its_length(tmp_path):
    with MultiResolutionDataset(write(tmp_path, some_images(3, 4))) as dataset:
        old, new = old_fingerprint(dataset), fingerprint(dataset)
    assert is_old_fingerprint(old) and not is_old_fingerprint(new) and not is_old_fingerprint(None)


def test_a_content_digest_is_that_of_every_image_and_their_order(tmp_path):
    images, folders = some_images(200, 4), iter(range(100))

    def of(images, count=199):
        with MultiResolutionDataset(write(tmp_path / str(next(folders)), images)) as dataset:
            return dataset.content_digest(count)

    found = {of(images), of(images, 200)}
    for index in (0, 1, 77, 198):
        changed = images.copy()
        changed[index, 2, 3, 3] ^= 1
        found.add(of(changed))
    found.add(of(images[np.r_[1, 0, 2:200]]))
    assert len(found) == 7
    changed = images.copy()
    changed[199] ^= 1
    assert of(changed) == of(images)  # the last one does not count


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


# ----------------------------------------------------------------------------------------------------------------------
# Bad images and bad files: each a sentence that names what is wrong.


@pytest.mark.parametrize(
    'image, sentence',
    [
        (np.zeros([16, 16], np.uint8), 'Image 1 of dataset set has the shape [16, 16]: give 1 (grey) or 3 (RGB)'),
        (np.zeros([4, 16, 16], np.uint8), 'has the shape [4, 16, 16]: give 1 (grey) or 3 (RGB)'),
        (np.zeros([3, 16, 8], np.uint8), 'is 8 pixels wide and 16 high: make it square'),
        (np.zeros([3, 12, 12], np.uint8), 'is 12 pixels wide and 12 high: make it square'),
        (np.zeros([3, 8, 8], np.uint8), 'has the shape [3, 8, 8] but those before it [3, 16, 16]'),
        (np.full([3, 16, 16], np.nan), 'holds values that are not numbers'),
    ],
)
def test_refuses_images_that_do_not_fit(tmp_path, image, sentence):
    with MultiResolutionWriter(str(tmp_path), 'set') as writer:
        writer.add(some_images()[0])
        with pytest.raises(UserError) as error:
            writer.add(image)
    assert sentence in error.value.message


def test_refuses_labels_that_do_not_fit(tmp_path):
    with pytest.raises(UserError, match='one row for each, or one class number for each'):
        write(tmp_path, some_images(3), labels=np.zeros([2, 4], np.float32))


def test_an_unwritable_folder_is_a_sentence(tmp_path):
    with pytest.raises(UserError, match='cannot be written .No such file or directory.'):
        write_into_missing_folder(tmp_path / 'missing')


def write_into_missing_folder(folder):
    with MultiResolutionWriter(str(folder), 'set') as writer:
        writer.add(some_images()[0])


@pytest.fixture
def folder(tmp_path):
    return write(tmp_path / 'set', some_images(5, 16), labels=np.zeros([5, 2], np.float32))


def damage(path, position, value):
    with open(path, 'r+b') as file:
        file.seek(position)
        file.write(value)


def refusal(folder, **kwargs):
    with pytest.raises(UserError) as error:
        MultiResolutionDataset(folder, **kwargs)
    message = error.value.message
    assert message.endswith('.') and '\n' not in message
    return message


def test_missing_folder(tmp_path):
    assert 'There is no folder' in refusal(str(tmp_path / 'nowhere'))


def test_folder_without_tfrecords(tmp_path):
    assert 'has no *.tfrecords files' in refusal(str(tmp_path))


def test_missing_resolution(folder):
    os.remove(os.path.join(folder, 'set-r03.tfrecords'))
    assert 'lacks the resolution 8x8 (a file *-r03.tfrecords)' in refusal(folder)


@pytest.mark.parametrize('resolution', [32, 12, 2, 0])
def test_resolution_that_is_not_there(folder, resolution):
    assert f'has no resolution {resolution}: choose a power of two from 4 to 16' in refusal(
        folder, resolution=resolution
    )


def test_unequal_counts(folder):
    path = os.path.join(folder, 'set-r02.tfrecords')
    os.truncate(path, os.path.getsize(path) // 5 * 4)
    message = refusal(folder)
    assert 'set-r04.tfrecords has 5 records but' in message and 'set-r02.tfrecords has 4' in message


@pytest.mark.parametrize('cut', [1, 20, 800, 820])
def test_truncated_last_record(folder, cut):
    path = os.path.join(folder, 'set-r04.tfrecords')
    os.truncate(path, os.path.getsize(path) - cut)
    message = refusal(folder)
    assert message.startswith('Record 4 (counted from 0) of') and 'the file ends before the record does' in message
    assert path in message and 'copy it again' in message


def test_a_file_that_cannot_be_opened(folder):
    os.mkdir(os.path.join(folder, 'x.tfrecords'))
    assert 'x.tfrecords cannot be read (Is a directory): ' in refusal(folder)


def test_empty_file(folder):
    path = os.path.join(folder, 'set-r04.tfrecords')
    os.truncate(path, 0)
    assert refusal(folder).startswith(
        f'Record 0 (counted from 0) of {path} is damaged, the file ends before the record does'
    )


def test_file_of_something_else(folder):
    with open(os.path.join(folder, 'set-r04.tfrecords'), 'wb') as file:
        file.write(b'no TFRecords at all ' * 100)
    assert 'set-r04.tfrecords holds no TFRecords; it is text: download' in refusal(folder)


def test_records_of_something_else(folder):
    with tf.io.TFRecordWriter(os.path.join(folder, 'set-r04.tfrecords')) as writer:
        writer.write(b'no image')
    assert 'it is no tf.train.Example' in refusal(folder)
    with tf.io.TFRecordWriter(os.path.join(folder, 'set-r04.tfrecords')) as writer:
        writer.write(tf.train.Example().SerializeToString())
    assert 'Record 0' in refusal(folder)


def test_two_datasets_in_one_folder(folder):
    shutil.copy(os.path.join(folder, 'set-r03.tfrecords'), os.path.join(folder, 'other-r03.tfrecords'))
    assert 'both hold 8x8 images' in refusal(folder)


def test_unequal_channels(folder, tmp_path):
    grey = write(tmp_path / 'grey', some_images(5, 4, channels=1))
    shutil.copy(os.path.join(grey, 'set-r02.tfrecords'), folder)
    assert 'has 3 channels but' in refusal(folder)


def test_labels_with_a_wrong_count(folder):
    with open(os.path.join(folder, 'set-rxx.labels'), 'wb') as file:
        np.save(file, np.zeros([4, 2], np.float32))
    assert 'has the shape [4, 2] but the dataset has 5 images' in refusal(folder)


@pytest.mark.parametrize('content', [b'', b'text', b'\x93NUMPY\x01\x00'])
def test_damaged_labels(folder, content):
    with open(os.path.join(folder, 'set-rxx.labels'), 'wb') as file:
        file.write(content)
    assert 'is not a whole NumPy array file' in refusal(folder)


@pytest.mark.parametrize(
    'shape, sentence',
    [
        (
            [5, 2, 1],
            r'has the shape \[5, 2, 1\]: it must be numbers \[5, K\], one row for each image, or class numbers',
        ),
        ([], r'has the shape \[\]: it must be numbers \[5, K\]'),
    ],
)
def test_labels_of_another_form_are_refused_with_the_form_that_is_expected(folder, shape, sentence):
    with open(os.path.join(folder, 'set-rxx.labels'), 'wb') as file:
        np.save(file, np.zeros(shape, np.int64))
    assert re.search('set-rxx.labels ' + sentence, refusal(folder))


@pytest.mark.parametrize('dtype', [np.int32, np.int64, np.uint8])
def test_class_numbers_are_read_as_the_rows_that_they_stand_for(folder, tmp_path, dtype):
    numbers = np.array([0, 3, 1, 3, 0], dtype)
    with open(os.path.join(folder, 'set-rxx.labels'), 'wb') as file:
        np.save(file, numbers)
    again = write(tmp_path / 'again', some_images(), labels=numbers)
    assert np.load(os.path.join(again, 'set-rxx.labels')).dtype == np.int32
    for path in (folder, again):
        with MultiResolutionDataset(path) as dataset:
            labels = dataset.labels
        assert labels.numbers.dtype == np.int32 and labels.shape == (5, 4)
        np.testing.assert_array_equal(labels[:], np.eye(4)[numbers])
        assert labels[[1, 2]].dtype == np.float32 and labels[1].tolist() == [0, 0, 0, 1]


@pytest.mark.parametrize(
    'numbers, sentence',
    [
        (np.zeros(4, np.int32), r'has the shape \[4\] but the dataset has 5 images: copy it again'),
        (
            np.zeros(5, np.float32),
            r'has the shape \[5\] and float32: it must be .* class numbers, integers \[5\] from 0',
        ),
        (np.arange(5) - 1, 'has the class number -1: number the classes from 0 on'),
        (np.full(5, 2**31 - 1), 'has the class number 2147483647: number the classes from 0 on'),
    ],
)
def test_class_numbers_that_are_none_are_refused(folder, numbers, sentence):
    with open(os.path.join(folder, 'set-rxx.labels'), 'wb') as file:
        np.save(file, numbers)
    assert re.search('set-rxx.labels ' + sentence, refusal(folder))


def test_a_million_class_numbers_take_megabytes():
    numbers = np.random.RandomState(0).permutation(10**6)
    tracemalloc.start()
    labels = Labels(numbers)
    rows = labels.select(np.arange(0, 10**6, 2))[:4]
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert rows.shape == (4, 10**6) and rows.argmax(axis=1).tolist() == numbers[:8:2].tolist()
    assert labels.array.nbytes == 4 * 10**6 and most < 40e6


def test_class_numbers_count_for_a_fingerprint(tmp_path):
    found = set()
    for number, labels in enumerate(([0, 1, 2], [0, 2, 1], np.eye(3))):
        with MultiResolutionDataset(
            write(tmp_path / str(number), some_images(3, 4), labels=np.array(labels))
        ) as dataset:
            found.add(fingerprint(dataset, with_labels=True))
    assert len(found) == 3


@pytest.mark.parametrize('content, what', WRONG_FILES)
@pytest.mark.parametrize('name', ['set-rxx.labels', 'set-r03.tfrecords'])
def test_a_file_of_another_kind_is_called_by_its_name(folder, name, content, what):
    with open(os.path.join(folder, name), 'wb') as file:
        file.write(content)
    path = os.path.join(folder, name)
    missing = 'is not a whole NumPy array file' if name.endswith('.labels') else 'holds no TFRecords'
    assert refusal(folder).startswith(f'{path} {missing}; it is {what}')


def test_labels_without_numbers(folder):
    with open(os.path.join(folder, 'set-rxx.labels'), 'wb') as file:
        np.save(file, np.array([['a']] * 5))
    assert 'is not an array of numbers' in refusal(folder)


def test_damage_in_the_middle_is_named_when_read(folder):
    path = os.path.join(folder, 'set-r04.tfrecords')
    step = os.path.getsize(path) // 5
    damage(path, 2 * step, struct.pack('<Q', 99))
    damage(path, 3 * step + 12, b'\xff\xff\xff')
    with MultiResolutionDataset(folder) as dataset:
        dataset.read(1)
        with pytest.raises(UserError, match='Record 2 .* the checksum of its length is wrong'):
            dataset.read(2)
        with pytest.raises(UserError, match='Record 3 .* it is no tf.train.Example'):
            dataset.read(3)
        dataset.read(4)


def test_damage_around_the_pixels_is_found_when_read_or_changes_nothing(folder):
    path = os.path.join(folder, 'set-r02.tfrecords')
    content = pathlib.Path(path).read_bytes()
    step = len(content) // 5
    pixels = [some_levels(index, 4) for index in range(5)]
    begin = content.index(pixels[3].tobytes())
    refused = 0
    for position in [*range(3 * step, begin), *range(begin + 48, 4 * step)]:
        damage(path, position, bytes([content[position] ^ 64]))
        with MultiResolutionDataset(folder) as dataset:
            np.testing.assert_array_equal(dataset.read(2, lod=2), pixels[2])
            try:
                np.testing.assert_array_equal(dataset.read(3, lod=2), pixels[3])
            except UserError as error:
                assert f'Record 3 (counted from 0) of {path} is damaged' in error.message
                refused += 1
        damage(path, position, content[position : position + 1])
    assert refused > 12  # the length and its checksum, and more


def test_labels_that_are_no_numbers(folder):
    with open(os.path.join(folder, 'set-rxx.labels'), 'wb') as file:
        np.save(file, np.full([5, 2], np.nan, np.float32))
    assert 'not numbers' in refusal(folder)


@settings(max_examples=200)
@given(st.binary(max_size=60))
def test_any_bytes_are_an_image_or_a_sentence(payload):
    with tempfile.TemporaryDirectory() as folder:
        with tf.io.TFRecordWriter(os.path.join(folder, 'set-r02.tfrecords')) as writer:
            writer.write(payload)
        refusal(folder)
