"""The dataset format: one TFRecord file for each resolution, the same images in the same order in all of them.

A dataset is a folder. `NAME-rNN.tfrecords` holds every image at 2^NN pixels a side, from 4x4 (r02) up to the full
size; the optional `NAME-rxx.labels` holds the labels (`dnnlib.records.label_file`). A record is a serialized
`tf.train.Example` of two features: `shape`, three int64 (channels, height, width), and `data`, the uint8
pixels in that order. Level of detail (lod) 0 is the full size, each further lod has half the side. The pre-filter puts
other files beside them (a line for each photograph, pictures, a page); training does not read those.

Neither writer nor reader needs TensorFlow. All records of a file have the same length, so the place of each is known:
training can read them in any order, and several processes can write at once.
"""

import contextlib
import glob
import hashlib
import os
from typing import Dict, Iterable, List, Optional, Sequence, Union

import numpy as np

from dnnlib.errors import UserError, disk_errors
from dnnlib.folder_kinds import kind_of
from dnnlib.records.label_file import read_labels, write_labels
from dnnlib.records.levels import check_resolution, is_resolution, pyramid, resolutions
from dnnlib.records.record_file import HINT, RecordEncoder, RecordFile

OLD_FINGERPRINT_RECORDS = 64  # a fingerprint of the old kind covers so many records
OLD_FINGERPRINT_DIGITS = 16
ORDER_SEED = 123  # the seed with which StyleGAN's dataset tool shuffles images


def shuffled_order(count: int) -> np.ndarray:
    """The order in which StyleGAN's dataset tool writes `count` images: a fixed permutation of their sorted list.

    Args:
        count: Number of images.

    Returns:
        int64 [count]; record i is image `order[i]` of the sorted list.
    """
    order = np.arange(count)
    np.random.RandomState(ORDER_SEED).shuffle(order)
    return order


# ----------------------------------------------------------------------------------------------------------------------
# Writing.


class MultiResolutionWriter:
    """Writes a dataset into an existing folder; use it in a `with` block, which closes the files.

    The folder's own name does not matter, so a dataset can be written in a temporary folder and renamed
    (`dnnlib.folders.unfinished_folder`).

    Args:
        folder: Existing folder that takes the files.
        name: Prefix of the file names: the base name that the dataset's folder will have.
    """

    def __init__(self, folder: str, name: str) -> None:
        self._folder = folder
        self._name = name
        self._levels = None
        self.num_images = 0

    def __enter__(self):
        return self

    def __exit__(self, kind, value, traceback):
        if self._levels is not None:
            with _written(self._name):
                self._levels.close()

    def add(self, image: np.ndarray) -> None:
        """Appends one image to the files of all resolutions.

        Args:
            image: [C, H, W], uint8 or float (rounded), dynamic range [0, 255]; C 1 or 3, H = W a power of two >= 4,
                and the same shape for all images.

        Raises:
            UserError: The image has another shape or range, or the disk refuses the data.
        """
        self._check(image)
        with _written(self._name):
            if self._levels is None:
                self._levels = _LevelFiles(self._folder, self._name, image.shape, 'wb')
            self._levels.write(image)
        self.num_images += 1

    def add_labels(self, labels: np.ndarray) -> None:
        """Writes the label file; call it once all images are there.

        Args:
            labels: As for `write_labels`: rows [number of images, label size], or class numbers [number of images].

        Raises:
            UserError: The number of labels is not the number of images written.
        """
        if labels.ndim not in (1, 2) or len(labels) != self.num_images:
            raise UserError(
                f'Labels of shape {list(labels.shape)} do not fit {self.num_images} images: give one row for '
                'each, or one class number for each.'
            )
        write_labels(self._folder, self._name, labels)

    def _check(self, image):
        where = f'Image {self.num_images} of dataset {self._name}'
        if image.ndim != 3 or image.shape[0] not in (1, 3):
            raise UserError(
                f'{where} has the shape {list(image.shape)}: give 1 (grey) or 3 (RGB) channels, height, width.'
            )
        if image.shape[1] != image.shape[2] or not is_resolution(image.shape[1]):
            raise UserError(
                f'{where} is {image.shape[2]} pixels wide and {image.shape[1]} high: '
                'make it square, with a side of 4, 8, 16, 32, ... pixels.'
            )
        if self._levels is not None and image.shape != self._levels.shape:
            raise UserError(
                f'{where} has the shape {list(image.shape)} but those before it {list(self._levels.shape)}: '
                'make all alike.'
            )
        if image.dtype != np.uint8 and not np.isfinite(image).all():
            raise UserError(f'{where} holds values that are not numbers: give values from 0 to 255.')


class _LevelFiles:
    """The files of all resolutions, each at the place of its next record."""

    def __init__(self, folder, name, shape, mode, start=0):
        self.shape = tuple(shape)
        self._files, self._encoders = [], []
        with contextlib.ExitStack() as opened:
            for side in resolutions(shape[1]):
                encoder = RecordEncoder((shape[0], side, side))
                file = opened.enter_context(open(os.path.join(folder, _file_name(name, side)), mode))
                file.seek(start * encoder.record_bytes)
                self._files.append(file)
                self._encoders.append(encoder)
            self.close = opened.pop_all().close

    def write(self, image):
        for file, encoder, level in zip(self._files, self._encoders, pyramid(image)):
            file.write(encoder.encode(level))


def allocate_records(folder: str, name: str, shape: Sequence[int], count: int) -> None:
    """Makes the files of a dataset at their final size. Several processes can then fill them with `write_records`.

    Args:
        folder: Existing folder that takes the files, which must not exist yet.
        name: Prefix of the file names.
        shape: (C, H, W) of the images, C 1 or 3, H = W a power of two >= 4.
        count: Number of records.

    Raises:
        UserError: The disk refuses the files.
    """
    with _written(name):
        for side in resolutions(shape[1]):
            with open(os.path.join(folder, _file_name(name, side)), 'xb') as file:
                file.truncate(count * RecordEncoder((shape[0], side, side)).record_bytes)


def write_records(folder: str, name: str, shape: Sequence[int], start: int, images: Iterable[np.ndarray]) -> None:
    """Writes records of every resolution into files made by `allocate_records`. Repeating the call changes nothing.

    Args:
        folder, name, shape: As for `allocate_records`.
        start: Number of the first record.
        images: Iterable of uint8 [C, H, W], dynamic range [0, 255].

    Raises:
        UserError: The disk refuses the data.
    """
    with _written(name), contextlib.closing(_LevelFiles(folder, name, shape, 'r+b', start)) as levels:
        for image in images:
            levels.write(image)


def dataset_bytes(shape: Sequence[int], count: int) -> int:
    """Bytes on disk of the records of `count` images [C, H, W], all resolutions together."""
    return count * sum(RecordEncoder((shape[0], side, side)).record_bytes for side in resolutions(shape[1]))


def _written(name):
    return disk_errors('written', f'Dataset {name}', 'or choose another folder')


def _file_name(name, resolution):
    return f'{name}-r{resolution.bit_length() - 1:02d}.tfrecords'


# ----------------------------------------------------------------------------------------------------------------------
# Reading.


class MultiResolutionDataset:
    """A dataset folder, opened for reading records in any order, from any number of threads.

    Opening checks everything that can be checked without reading all pixels. Reading a record checks its shape and the
    checksum of its length. Only `dnnlib.records.integrity` checks the checksum of the pixels.

    Args:
        folder: The dataset's folder, with files of any prefix.
        resolution: Side in px of level of detail 0, a power of two; larger files are ignored. None: the largest side.

    Attributes:
        folder: As given.
        paths: Of the files, lod 0 first.
        name: Prefix of the file names.
        resolution: Side of lod 0 in px.
        shape: [C, H, W] of lod 0.
        num_images: Number of records in each file.
        labels: `dnnlib.records.labels.Labels` of the num_images images, or None when there is no label file.

    Raises:
        UserError: The folder is missing or not whole; the sentence says what to do.
    """

    def __init__(self, folder: Union[str, os.PathLike], resolution: Optional[int] = None) -> None:
        self.folder = str(folder)
        with contextlib.ExitStack() as opened:
            found = _find_files(self.folder, opened)
            self.resolution = max(found) if resolution is None else resolution
            self._files = _choose_levels(self.folder, found, self.resolution)
            self._opened = opened.pop_all()
        self.paths = [file.path for file in self._files]
        self.name = os.path.basename(self.paths[0]).rsplit('-r', 1)[0]
        self.shape = list(self._files[0].shape)
        self.num_images = self._files[0].count
        self.labels = read_labels(self.folder, self.num_images)

    def read(self, index: int, lod: int = 0) -> np.ndarray:
        """One image.

        Args:
            index: Record, 0 to num_images - 1.
            lod: Level of detail: 0 is the full resolution, each next one half the side, the last 4x4.

        Returns:
            uint8 [C, H / 2^lod, W / 2^lod], dynamic range [0, 255], read-only.

        Raises:
            IndexError: No such record.
            UserError: The record is damaged.
        """
        return self._files[lod].read(index)

    def read_many(self, indices: Sequence[int], lod: int = 0) -> np.ndarray:
        """Several images, uint8 [number of indices, C, H / 2^lod, W / 2^lod]."""
        return np.stack([self.read(index, lod) for index in indices])

    def content_digest(self, count: int) -> str:
        """Identifies the first `count` images in their order.

        Returns:
            64 hexadecimal digits: the SHA-256 of the images' shape and of the checksums behind the records of lod 0.
        """
        digest = hashlib.sha256(repr([count, *self.shape]).encode('utf-8'))
        for index in range(count):
            digest.update(self._files[0].checksum(index))
        return digest.hexdigest()

    def stamp(self) -> List[Union[str, int]]:
        """[path, size, time of change in ns] of the file of lod 0; writing the file changes it."""
        return self._files[0].stamp()

    def close(self) -> None:
        """Closes the files; nothing can be read any more."""
        self._opened.close()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, traceback):
        self.close()


def fingerprint(dataset: MultiResolutionDataset, with_labels: bool = False) -> str:
    """Identifies a dataset by all of its images, also if it was made anew under the same name.

    Args:
        dataset: An open dataset.
        with_labels: Whether the labels count too, if the dataset has any.

    Returns:
        64 hexadecimal digits: the SHA-256 of the images' shape, their checksums in order, and the labels.

    Raises:
        UserError: A record is damaged.
    """
    digest = hashlib.sha256(dataset.content_digest(dataset.num_images).encode('utf-8'))
    if with_labels and dataset.labels is not None:
        digest.update(repr(dataset.labels.shape).encode('utf-8') + dataset.labels.tobytes())
    return digest.hexdigest()


def is_old_fingerprint(text: object) -> bool:
    """Whether a fingerprint is of the old kind, which earlier versions wrote."""
    return isinstance(text, str) and len(text) == OLD_FINGERPRINT_DIGITS


def old_fingerprint(dataset: MultiResolutionDataset) -> str:
    """Identifies a dataset as earlier versions did, which looked at 64 images at most.

    Args:
        dataset: An open dataset.

    Returns:
        16 hexadecimal digits, the first ones of a SHA-256 of the number of images, their shape, and the pixels of up to
        64 images, evenly chosen.

    Raises:
        UserError: A record that was read is damaged.
    """
    digest = hashlib.sha256(repr([dataset.num_images, *dataset.shape]).encode('utf-8'))
    chosen = min(dataset.num_images, OLD_FINGERPRINT_RECORDS)
    for place in range(chosen):
        digest.update(dataset.read(place * dataset.num_images // chosen).tobytes())
    return digest.hexdigest()[:OLD_FINGERPRINT_DIGITS]


def open_levels(paths: Sequence[str], opened: contextlib.ExitStack) -> Dict[int, RecordFile]:
    """Opens the TFRecord files of one dataset.

    Args:
        paths: Of the files.
        opened: Closes them.

    Returns:
        {height: file}. The height is found in a file's first record, not in its name.

    Raises:
        UserError: One is damaged, or holds images of other than 1 or 3 channels, or two hold images of one height.
    """
    found = {}
    for path in paths:
        file = RecordFile(path, opened)
        channels, height, _ = file.shape
        if channels not in (1, 3):
            raise _unfit(file)
        if height in found:
            raise UserError(
                f'{found[height].path} and {path} both hold {height}x{height} images: keep one dataset in a folder.'
            )
        found[height] = file
    return found


def _unfit(file):
    return UserError(
        f'{file.path} holds images of shape {list(file.shape)}, but a dataset needs 1 or 3 channels and a '
        'square power of two: make it anew with python -m prefilter.'
    )


def _find_files(folder, opened):
    """Opens the TFRecord files of a folder: {resolution: file}. The resolution is found in a file's first record."""
    if not os.path.exists(folder):
        raise UserError(f'There is no folder {folder}: make the dataset with python -m prefilter.')
    if not os.path.isdir(folder):
        raise UserError(f'{folder} is a file: name a dataset folder, or make one with python -m prefilter.')
    paths = sorted(glob.glob(os.path.join(glob.escape(folder), '*.tfrecords')))
    found = open_levels(paths, opened)
    for height, file in found.items():
        if file.shape[2] != height or not is_resolution(height):
            raise _unfit(file)
    if not found:
        raise UserError(
            f'{folder} is {kind_of(folder)} and has no *.tfrecords files: name a dataset folder, '
            'or make one with python -m prefilter.'
        )
    return found


def _choose_levels(folder, found, resolution):
    """The files from `resolution` down to 4x4, their records located and equal in number."""
    largest = max(found)
    check_resolution(folder, resolution, largest)
    sides = resolutions(resolution)
    missing = [side for side in sides if side not in found]
    if missing:
        raise UserError(
            'Dataset {} lacks the resolution {} (a file *-r{:02d}.tfrecords): {}.'.format(
                folder, ', '.join(f'{side}x{side}' for side in missing), missing[0].bit_length() - 1, HINT
            )
        )
    files = [found[side] for side in sides]
    for file in files:
        file.locate_records()
    for what, number in (('records', lambda file: file.count), ('channels', lambda file: file.shape[0])):
        for file in files[1:]:
            if number(file) != number(files[0]):
                raise UserError(
                    f'{files[0].path} has {number(files[0])} {what} but {file.path} has {number(file)}: {HINT}.'
                )
    return files
