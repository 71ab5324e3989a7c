"""Sets of faces that are already cropped and upright: `--no-detect` takes them as they are.

--format ffhq
    `images1024x1024/00000/00000.png` (folders by thousand, or flat), else `thumbnails128x128/`, else
    `in-the-wild-images/`; `ffhq-dataset-v2.json` says which image is of the partition train and which of valid.
--format celeba-hq
    A folder of `00000.png` or `imgHQ00000.npy` (uint8, [1, 3, 1024, 1024]), or a .h5 with `data4x4` to
    `data1024x1024` (uint8, [N, 3, H, W]).
--format tfrecords
    A folder of the original StyleGAN's multi-resolution TFRecords, the form in which FFHQ and CelebA-HQ were published,
    or one such file. The largest resolution is taken. `--format ffhq` and `celeba-hq` open TFRecords too.
"""

import contextlib
import io
import json
import os
import re

import numpy as np

from dnnlib.errors import UserError, disk_errors
from dnnlib.records.record_file import RecordFile
from dnnlib.records.tfrecords import open_levels
from dnnlib.wrong_files import HEAD_BYTES, name_of_no_text
from prefilter.sources import tables
from prefilter.sources.files import MOST, lists_beside
from prefilter.sources.index import Index
from prefilter.sources.readers import PerProcess, check_can_open
from prefilter.sources.source import Source, unexpected

FFHQ_FOLDERS = ('images1024x1024', 'thumbnails128x128', 'in-the-wild-images')  # the first that exists is taken
FFHQ_WILD = FFHQ_FOLDERS[-1]
FFHQ_LIST = 'ffhq-dataset-v2.json'
FFHQ_PATH = re.compile(r'(?:^|/)(\d{5})\.\w+$')
FFHQ_PARTITIONS = {'training': 'train', 'validation': 'valid'}  # by category
ALIGNED_NAME = re.compile(r'(?:^|/)(imgHQ)?\d+\.(npy|png|jpe?g|webp)$')
LEVEL = re.compile(r'(-r\d\d)?\.tfrecords$')  # ends the name of a file of a dataset
HDF5_SIGNATURE = b'\x89HDF\r\n'
HDF5_ERROR = re.compile(r'errno = (\d+)')
HDF5_DATASET = re.compile(r'data(\d+)x\1$')


# ----------------------------------------------------------------------------------------------------------------------
# FFHQ


def is_ffhq(files):
    """Whether a folder or the list of FFHQ is there."""
    shown = files.names() & set(FFHQ_FOLDERS) or files.find(FFHQ_LIST) or lists_beside(files.location, [FFHQ_LIST])
    return bool(shown) and files.share(FFHQ_PATH) >= MOST


def open_ffhq(files, partition=None):
    """FFHQ's images, or its TFRecords."""
    if is_tfrecords(files):
        return open_tfrecords(files, layout='ffhq')
    if files.share(FFHQ_PATH) < MOST:
        raise unexpected('ffhq', files.location, f'{FFHQ_FOLDERS[0]}/00000/00000.png, or .tfrecords', files.describe())
    index = files.in_first(FFHQ_FOLDERS, files.matching(FFHQ_PATH))
    if partition is not None:
        path, partitions = _ffhq_partitions(files, partition)
        index = files.taking(lambda image: _ffhq_number(image) in partitions, f'that {path} does not name', index)
        index = index.select(lambda image: partitions[_ffhq_number(image)] == partition)
    folders = {name for name in FFHQ_FOLDERS if any(name in path.split('/') for path in index[:1])}
    wild = (folders or files.names() & set(FFHQ_FOLDERS)) == {FFHQ_WILD}
    return Source('ffhq', index, files.reader, files.count_without(index), identity_of=None, aligned=not wild)


def _ffhq_number(path):
    """The number of an image."""
    return int(FFHQ_PATH.search(path).group(1))


def _ffhq_partitions(files, partition):
    """(path of the list, {number of an image: its partition})."""
    for place in (files, *lists_beside(files.location, [FFHQ_LIST])):
        for path in place.find(FFHQ_LIST):
            text = tables.decoded(place, path)
            try:
                categories = {number: entry['category'] for number, entry in json.loads(text).items()}
                partitions = {int(number): FFHQ_PARTITIONS.get(category) for number, category in categories.items()}
            except (ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
                raise UserError(
                    f'{path} is not as expected ({type(error).__name__}: {error}): get it again.'
                ) from error
            unknown = [number for number in categories if partitions[int(number)] is None]
            if unknown:
                raise UserError(
                    f'{path}, entry "{unknown[0]}": expected {" or ".join(FFHQ_PARTITIONS)} as category, found '
                    f'{categories[unknown[0]]!r}: correct it.'
                )
            return path, partitions
    raise UserError(f'--partition {partition} needs {FFHQ_LIST}: put it into {files.location}.')


# ----------------------------------------------------------------------------------------------------------------------
# CelebA-HQ


def is_celeba_hq(files):
    """Whether there are CelebA-HQ's arrays, or a .h5 of several resolutions."""
    return bool(_arrays(files) or _hdf5(files)) and not len(files.images)


def open_celeba_hq(files, partition=None):
    """CelebA-HQ's images, arrays, HDF5 or TFRecords."""
    if is_tfrecords(files):
        return open_tfrecords(files, layout='celeba-hq')
    hdf5 = _hdf5(files)
    if hdf5:
        return _open_hdf5(files, hdf5)
    index = files.matching(ALIGNED_NAME) if len(files.images) else files.others.select(ALIGNED_NAME.search)
    if not len(index):
        expected = '00000.png, imgHQ00000.npy, a .h5 or .tfrecords'
        raise unexpected('celeba-hq', files.location, expected, files.describe())
    ignored = files.ignored + len(files.images) - len(index)
    return Source('celeba-hq', index, files.reader, ignored, identity_of=None, aligned=True)


def _arrays(files):
    return [path for path in files.find('.npy') if ALIGNED_NAME.search(path)]


def _hdf5(files):
    return files.find('.h5', '.hdf5')


def _open_hdf5(files, paths):
    if len(paths) > 1:
        raise unexpected('celeba-hq', files.location, 'one .h5 file', ', '.join(paths))
    path = files.on_disk(paths[0])
    with contextlib.closing(_open_h5py(path)) as file:
        found = {int(HDF5_DATASET.match(name).group(1)): name for name in file if HDF5_DATASET.match(name)}
        if not found:
            expected = 'datasets data4x4 to data1024x1024'
            raise unexpected('celeba-hq', path, expected, ', '.join(file) or 'no dataset')
        name = found[max(found)]
        shape, dtype = file[name].shape, file[name].dtype
    if len(shape) != 4 or shape[1] != 3 or dtype != np.uint8:
        raise unexpected('celeba-hq', path, f'{name} as uint8 [N, 3, H, W]', f'{dtype} {list(shape)}')
    index = Index(1)
    for number in range(shape[0]):
        index.add(f'{name}/{number:05d}', number)
    return Source('celeba-hq', index, Hdf5Reader(path, name), identity_of=None, aligned=True)


class Hdf5Reader:
    """Rows of a dataset in an HDF5 file; entries are (row,)."""

    def __init__(self, path, name):
        self._file = PerProcess(_open_h5py, path)
        self._name = name

    def read(self, entry):
        """The image as the bytes of a .npy."""
        try:
            with self._file.lock:  # HDF5 is not made for several threads
                return as_npy(self._file.get()[self._name][entry[0]])
        except OSError as error:
            number = HDF5_ERROR.search(str(error))  # it has the error of the disk in its text only
            raise (OSError(int(number.group(1)), os.strerror(int(number.group(1)))) if number else error) from error


def _open_h5py(path):
    import h5py  # here: only this source needs h5py

    check_can_open(path)
    try:
        return h5py.File(path, 'r')
    except OSError as error:
        with disk_errors('read', path), open(path, 'rb') as file:
            head = file.read(HEAD_BYTES)
        is_hdf5 = head.startswith(HDF5_SIGNATURE)
        what = None if is_hdf5 else name_of_no_text(head, 'name an HDF5 file')
        what = f'is {what}' if what else f'cannot be read as HDF5 ({error}): get it again'
        raise UserError(f'{path} {what}.') from error


# ----------------------------------------------------------------------------------------------------------------------
# TFRecords


def is_tfrecords(files):
    """Whether SOURCE is, or has at its top, multi-resolution TFRecords."""
    return bool(_record_files(files)) and not any('/' in path for path in files.images)


def open_tfrecords(files, partition=None, layout='tfrecords'):
    """The images of the largest resolution of a dataset of the original StyleGAN; not of several datasets."""
    paths = _record_files(files)
    if not paths:
        raise unexpected(layout, files.location, 'NAME-r02.tfrecords and further ones', files.describe())
    name = _largest(files, paths)
    reader = RecordsReader(files.on_disk(name))
    index = Index(1)
    for number in range(reader.count):
        index.add(f'{name}/{number}', number)
    return Source(layout, index, reader, files.ignored - len(paths), identity_of=None, aligned=True)


def _largest(files, names):
    """The one of some files of one dataset that holds the largest images."""
    with contextlib.ExitStack() as opened:
        found = open_levels([files.on_disk(name) for name in names], opened)
        sets = sorted({LEVEL.sub('', name) for name in names})
        if len(sets) > 1:
            raise UserError(
                f'{files.location} holds the datasets {" and ".join(sets)}: keep one dataset in a folder, or name one '
                'of the files.'
            )
        counts = {height: _count(file) for height, file in found.items()}
        largest = found[max(found)]
        for height, count in counts.items():
            if count != counts[max(found)]:
                raise UserError(
                    f'{largest.path} has {counts[max(found)]} records but {found[height].path} has {count}: copy both '
                    'again, or name one of the files.'
                )
    return next(name for name in names if files.on_disk(name) == largest.path)


def _count(file):
    file.locate_records()
    return file.count


def _record_files(files):
    return [path for path in files.find('.tfrecords') if '/' not in path]


class RecordsReader:
    """Records of one TFRecord file of images; entries are (record,)."""

    def __init__(self, path):
        self._file = PerProcess(_open_records, path)

    @property
    def count(self):
        """Number of records."""
        return self._file.get().count

    def read(self, entry):
        """The image as the bytes of a .npy."""
        file = self._file.get()
        try:
            image = file.read(entry[0])
        except UserError as error:
            raise OSError(error.message) from error
        return as_npy(image if len(image) == 3 else image[0])


def _open_records(path):
    file = RecordFile(path, contextlib.ExitStack())
    file.locate_records()
    return file


def as_npy(pixels):
    """An array as the bytes of a NumPy array file, which `prefilter.images.decode` reads."""
    file = io.BytesIO()
    np.save(file, np.ascontiguousarray(pixels))
    return file.getvalue()
