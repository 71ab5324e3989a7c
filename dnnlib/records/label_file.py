"""The label file of a dataset, `NAME-rxx.labels`: a NumPy array file in one of two forms.

float32 [number of images, label size]
    A row for each image: the form that the original StyleGAN reads.
int32 [number of images]
    The class number of each image, from 0 on: for so many classes that one-hot rows would not fit in memory.
"""

import glob
import os
from typing import Optional

import numpy as np

from dnnlib.errors import UserError
from dnnlib.records.labels import Labels
from dnnlib.records.record_file import HINT
from dnnlib.wrong_files import HEAD_BYTES, name_of_bytes

LARGEST_LABELS = 1 << 30  # bytes of rows; training holds them in memory
HEADER_BYTES = 128  # of a small NumPy array file
LARGEST_CLASS = (1 << 31) - 2  # so that the number of classes fits into int32
_FORMS = 'it must be numbers [{0}, K], one row for each image, or class numbers, integers [{0}] from 0 on'  # of images


def write_labels(folder: str, name: str, labels: np.ndarray) -> None:
    """Writes the label file of a dataset, in the order of the records.

    Args:
        folder: The dataset's folder.
        name: Prefix of the dataset's files.
        labels: [number of images, label size], stored as float32; or class numbers, integers [number of images] from 0
            on, stored as int32.
    """
    with open(os.path.join(folder, name + '-rxx.labels'), 'wb') as file:
        np.save(file, Labels(labels).array)


def one_hot_if_it_fits(numbers: np.ndarray, count: int) -> np.ndarray:
    """Labels for `write_labels`.

    Args:
        numbers: Class of each image, int [number of images], below `count`.
        count: Number of classes.

    Returns:
        float32 [number of images, count], one-hot; or the class numbers, if the rows exceed `LARGEST_LABELS` bytes.
    """
    if rows_bytes(len(numbers), count) > LARGEST_LABELS:
        return numbers
    rows = np.zeros([len(numbers), count], np.float32)
    rows[np.arange(len(numbers)), numbers] = 1
    return rows


def label_bytes(count: int, classes: int) -> int:
    """Bytes of the label file of `count` images of so many classes."""
    rows = rows_bytes(count, classes)
    return HEADER_BYTES + (rows if rows <= LARGEST_LABELS else 4 * count)


def rows_bytes(count: int, width: int) -> int:
    """Bytes of float32 rows [count, width]."""
    return count * width * 4


def read_labels(folder: str, num_images: int) -> Optional[Labels]:
    """The labels of a dataset; None if it has no label file.

    Raises:
        UserError: The file is damaged, or holds something else; the sentence says what to do.
    """
    paths = sorted(glob.glob(os.path.join(glob.escape(folder), '*.labels')))
    if not paths:
        return None
    try:
        labels = np.load(paths[0], allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise UserError(f'{paths[0]} is not a whole NumPy array file{_what_it_is(paths[0], error)}.') from error
    if not isinstance(labels, np.ndarray) or labels.dtype.kind not in 'biuf':
        raise UserError(f'{paths[0]} is not an array of numbers: {_FORMS.format(num_images)}.')
    if not np.isfinite(labels).all():
        raise UserError(f'{paths[0]} holds values that are not numbers: {HINT}.')
    if labels.ndim not in (1, 2):
        raise UserError(f'{paths[0]} has the shape {list(labels.shape)}: {_FORMS.format(num_images)}.')
    if len(labels) != num_images:
        raise UserError(
            f'{paths[0]} has the shape {list(labels.shape)} but the dataset has {num_images} images: {HINT}.'
        )
    if labels.ndim == 1:
        _check_numbers(paths[0], labels)
    return Labels(labels)


def _check_numbers(path, labels):
    if labels.dtype.kind not in 'iu':
        raise UserError(f'{path} has the shape {list(labels.shape)} and {labels.dtype}: {_FORMS.format(len(labels))}.')
    for number in (labels.min(), labels.max()):
        if not 0 <= number <= LARGEST_CLASS:
            raise UserError(f'{path} has the class number {number}: number the classes from 0 on, without gaps.')


def _what_it_is(path, error):
    """The rest of the sentence about a file that is no NumPy array file."""
    head = b''
    if not isinstance(error, OSError):
        with open(path, 'rb') as file:
            head = file.read(HEAD_BYTES)
    what = name_of_bytes(head, HINT) if head and not head.startswith(b'\x93NUMPY') else None
    return f' ({error}): {HINT}' if what is None else f'; it is {what}'
