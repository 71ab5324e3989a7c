"""Bad images and bad files: each is a sentence that names what is wrong."""

import os
import pathlib
import shutil
import struct
import tempfile

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from small_datasets import damage, refusal, some_images, some_levels, write

from dnnlib.errors import UserError
from dnnlib.records.tfrecords import (
    MultiResolutionDataset,
    MultiResolutionWriter,
)

WRONG_FILES = [
    (b'version https://git-lfs.github.com/spec/v1\noid sha256:f2\n', 'a Git LFS pointer'),
    (
        b'<!DOCTYPE html><html><title>Google Drive - Quota exceeded</title>Too many users',
        'a web page, which Google Drive',
    ),
    (b'\x1f\x8b' + bytes(50), 'compressed by gzip: decompress it with gunzip'),
]


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


def test_an_unwritable_folder_is_a_sentence(tmp_path):
    with pytest.raises(UserError, match='cannot be written .No such file or directory.'):
        write_into_missing_folder(tmp_path / 'missing')


def write_into_missing_folder(folder):
    with MultiResolutionWriter(str(folder), 'set') as writer:
        writer.add(some_images()[0])


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


@pytest.mark.parametrize('content, what', WRONG_FILES)
@pytest.mark.parametrize('name', ['set-rxx.labels', 'set-r03.tfrecords'])
def test_a_file_of_another_kind_is_called_by_its_name(folder, name, content, what):
    with open(os.path.join(folder, name), 'wb') as file:
        file.write(content)
    path = os.path.join(folder, name)
    missing = 'is not a whole NumPy array file' if name.endswith('.labels') else 'holds no TFRecords'
    assert refusal(folder).startswith(f'{path} {missing}; it is {what}')


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


@settings(max_examples=200)
@given(st.binary(max_size=60))
def test_any_bytes_are_an_image_or_a_sentence(payload):
    with tempfile.TemporaryDirectory() as folder:
        with tf.io.TFRecordWriter(os.path.join(folder, 'set-r02.tfrecords')) as writer:
            writer.write(payload)
        refusal(folder)
