"""The label file of a dataset, `NAME-rxx.labels`: a NumPy array file, float32 [number of images, label size]."""

import glob
import os
from typing import Optional

import numpy as np

from dnnlib.errors import UserError
from dnnlib.records.record_file import HINT
from dnnlib.wrong_files import HEAD_BYTES, name_of_bytes

_ONE_HOT = 'it must be numbers [{}, K], one row for each image; one-hot for classes, as from numpy.eye(K)[numbers]'


def write_labels(folder: str, name: str, labels: np.ndarray) -> None:
    """Writes the label file of a dataset: [number of images, label size], in the order of the records, as float32."""
    with open(os.path.join(folder, name + '-rxx.labels'), 'wb') as file:
        np.save(file, labels.astype(np.float32))


def read_labels(folder: str, num_images: int) -> Optional[np.ndarray]:
    """The labels of a dataset, float32 [num_images, label size]; None if it has no label file.

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
        raise UserError(f'{paths[0]} is not an array of numbers: {_ONE_HOT.format(num_images)}.')
    if not np.isfinite(labels).all():
        raise UserError(f'{paths[0]} holds values that are not numbers: {HINT}.')
    if labels.ndim != 2:
        what = 'class numbers, ' if labels.shape == (num_images,) else ''
        raise UserError(f'{paths[0]} has {what}the shape {list(labels.shape)}: {_ONE_HOT.format(num_images)}.')
    if len(labels) != num_images:
        raise UserError(
            f'{paths[0]} has the shape {list(labels.shape)} but the dataset has {num_images} images: {HINT}.'
        )
    return labels.astype(np.float32, copy=False)


def _what_it_is(path, error):
    """The rest of the sentence about a file that is no NumPy array file."""
    head = b''
    if not isinstance(error, OSError):
        with open(path, 'rb') as file:
            head = file.read(HEAD_BYTES)
    what = name_of_bytes(head, HINT) if head and not head.startswith(b'\x93NUMPY') else None
    return f' ({error}): {HINT}' if what is None else f'; it is {what}'
