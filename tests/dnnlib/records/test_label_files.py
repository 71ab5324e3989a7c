"""Label files: rows of numbers or class numbers; others are refused in a sentence."""

import os
import re
import tracemalloc

import numpy as np
import pytest
from small_datasets import refusal, some_images, write

from dnnlib.errors import UserError
from dnnlib.records.labels import Labels
from dnnlib.records.tfrecords import (
    MultiResolutionDataset,
)


def test_refuses_labels_that_do_not_fit(tmp_path):
    with pytest.raises(UserError, match='one row for each, or one class number for each'):
        write(tmp_path, some_images(3), labels=np.zeros([2, 4], np.float32))


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


def test_labels_without_numbers(folder):
    with open(os.path.join(folder, 'set-rxx.labels'), 'wb') as file:
        np.save(file, np.array([['a']] * 5))
    assert 'is not an array of numbers' in refusal(folder)


def test_labels_that_are_no_numbers(folder):
    with open(os.path.join(folder, 'set-rxx.labels'), 'wb') as file:
        np.save(file, np.full([5, 2], np.nan, np.float32))
    assert 'not numbers' in refusal(folder)
