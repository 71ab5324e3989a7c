"""A dataset in the form of the later StyleGANs: .zip files of PNGs, read where they are.

A folder has `00000.zip`, `00001.zip`, ..., each a whole .zip; or there is one .zip of any name. In each, the images
stand in the order of their names, and `dataset.json` is {"labels": [[name, label], ...]}: a label is a class number or
a list of numbers; null, or no such file, stands for no labels. Lower levels of detail are made when they are read, by
the rule of the TFRecords: an image has the same pixels in both forms.
"""

import contextlib
import functools
import hashlib
import io
import itertools
import json
import os
import re
import struct
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import Callable, List, NamedTuple, Optional, Sequence, Tuple, Union

import numpy as np
import PIL.Image

from dnnlib.errors import UserError, disk_errors
from dnnlib.records.label_file import LARGEST_CLASS
from dnnlib.records.labels import Labels
from dnnlib.records.levels import check_resolution, is_resolution, pyramid

LABELS_FILE = 'dataset.json'
ZIP_NAME = re.compile(r'\d{5,}\.zip')
IMAGE_NAME = re.compile(r'\.png$', re.IGNORECASE)
OTHER_IMAGE = re.compile(r'\.(jpe?g|webp|bmp|tiff?|gif)$', re.IGNORECASE)
HINT = 'copy it again or make the dataset anew'
MODES = {'L': 1, 'RGB': 3}  # PIL's name of a kind of image -> number of channels
LOCAL_HEADER = struct.Struct('<4s22xHH')  # of a member: signature, lengths of the name and of the extra field
LOCAL_SIGNATURE = b'PK\3\4'
NO_IMAGE = OSError, SyntaxError, ValueError, struct.error, zlib.error, PIL.Image.DecompressionBombError
MOST_THREADS = 16  # that decode
STORED = -1  # in place of the size of a member that is not packed


def zip_paths(path: Union[str, os.PathLike]) -> List[str]:
    """The .zip files of which a dataset consists; empty if a path is no such dataset, by the names of the files."""
    path = str(path)
    if os.path.isfile(path):
        return [path] if path.lower().endswith('.zip') else []
    if not os.path.isdir(path):
        return []
    names = os.listdir(path)
    if any(name.endswith('.tfrecords') for name in names):
        return []
    found = [name for name in names if ZIP_NAME.fullmatch(name)]
    return [os.path.join(path, name) for name in sorted(found, key=lambda name: (len(name), name))]


class ZipDataset:
    """A dataset of .zip files, opened for reading images in any order, from any number of threads.

    It can be used wherever a `dnnlib.records.tfrecords.MultiResolutionDataset` can. Opening checks the list of members
    of each .zip, the labels, and the shapes of the first and the last image in each. Reading an image checks its
    checksum and its shape. An image takes 28 bytes of memory.

    Args:
        folder: Folder of .zip files, or one .zip.
        resolution: Side in px of level of detail 0, a power of two; None takes the side of the images.

    Attributes:
        folder: As given.
        paths: Of the .zip files.
        name: Of the folder or file, without .zip.
        resolution: Side of lod 0 in px.
        shape: [C, H, W] of lod 0.
        num_images: Number of images.
        labels: `dnnlib.records.labels.Labels`, or None.

    Raises:
        UserError: The dataset is not whole; the sentence says what to do.
    """

    def __init__(self, folder: Union[str, os.PathLike], resolution: Optional[int] = None) -> None:
        self.folder = str(folder)
        self.name = re.sub(r'\.zip$', '', os.path.basename(os.path.abspath(self.folder)), flags=re.IGNORECASE)
        self.paths = zip_paths(self.folder)
        _check_numbers(self.folder, self.paths)
        with contextlib.ExitStack() as opened:
            self._zips = [_Zip(path, opened) for path in self.paths]
            self._ends = np.cumsum([len(each) for each in self._zips])
            self._stored = self._check_shapes()
            self.labels = join_labels(self.paths, [each.labels for each in self._zips])
            self._threads = opened.enter_context(ThreadPoolExecutor(min(len(os.sched_getaffinity(0)), MOST_THREADS)))
            self._opened = opened.pop_all()
        self.num_images = int(self._ends[-1])
        side = self._stored[1]
        self.resolution = side if resolution is None else resolution
        check_resolution(self.folder, self.resolution, side)
        self._levels_above = (side // self.resolution).bit_length() - 1
        self.shape = [self._stored[0], self.resolution, self.resolution]

    def read(self, index: int, lod: int = 0) -> np.ndarray:
        """One image; arguments, result and errors as of `MultiResolutionDataset.read`."""
        if not 0 <= index < self.num_images:
            raise IndexError(f'{self.folder} has images 0 to {self.num_images - 1}, not {index}')
        number = int(np.searchsorted(self._ends, index, side='right'))
        place = index - (int(self._ends[number - 1]) if number else 0)
        image = self._zips[number].read(place)
        if image.shape != self._stored:
            raise _unlike(self._zips[number], place, image.shape, self.paths[0], self._stored)
        return next(itertools.islice(pyramid(image), lod + self._levels_above, None))

    def read_many(self, indices: Sequence[int], lod: int = 0) -> np.ndarray:
        """Several images, uint8 [number of indices, C, H / 2^lod, W / 2^lod]; all cores decode them."""
        return np.stack(list(self._threads.map(functools.partial(self.read, lod=lod), indices)))

    def content_digest(self, count: int) -> str:
        """Identifies the first `count` images: 64 hexadecimal digits, from the checksums in the .zip files."""
        digest = hashlib.sha256(repr(['zip', count, *self.shape]).encode('utf-8'))
        digest.update(np.concatenate([each.checksums for each in self._zips])[:count].tobytes())
        return digest.hexdigest()

    def stamp(self) -> List[Union[str, int]]:
        """[path, size, time of change in ns] of every file, one after another; writing a file changes it."""
        return [value for each in self._zips for value in each.stamp()]

    def close(self) -> None:
        """Closes the files; nothing can be read any more."""
        self._opened.close()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, traceback):
        self.close()

    def _check_shapes(self):
        """The shape (C, H, W) of all images, as far as it is seen without reading all of them."""
        wanted = None
        for each in self._zips:
            for place in sorted({0, len(each) - 1}):
                shape = each.shape_of(place)
                if wanted is None:
                    wanted = shape
                if shape != wanted:
                    raise _unlike(each, place, shape, self.paths[0], wanted)
        if wanted[1] != wanted[2] or not is_resolution(wanted[1]):
            raise UserError(
                f'{self.paths[0]} holds images that are {wanted[2]} pixels wide and {wanted[1]} high, but a dataset '
                f'needs a square power of two: crop them with python -m prefilter {self.folder}.'
            )
        return wanted


def _unlike(file, place, shape, first, wanted):
    return UserError(
        f'Image {place} (counted from 0) of {file.path} has the shape {list(shape)} but those of {first} '
        f'{list(wanted)}: keep only images of one shape in a dataset.'
    )


def _check_numbers(folder, paths):
    if paths == [folder]:
        return
    for number, path in enumerate(paths):
        if int(os.path.basename(path)[: -len('.zip')]) != number:
            raise UserError(f'Dataset {folder} lacks the file {number:05d}.zip: copy it again, or make it anew.')


# ----------------------------------------------------------------------------------------------------------------------
# One file.


class Member(NamedTuple):
    """Where the bytes of an image are in a .zip."""

    name: str
    offset: int  # of its header
    packed: int  # bytes
    size: int  # bytes
    checksum: int  # CRC-32
    is_deflated: bool  # else stored


def read_directory(path: str) -> Tuple[List[Member], Optional[bytes]]:
    """The images in a .zip of PNGs, sorted by name, and the bytes of its `dataset.json`, or None if it has none.

    Raises:
        UserError: The file is not whole, or holds something else.
    """
    with disk_errors('read', path, f'or {HINT}'):
        size = os.path.getsize(path)
        try:
            with zipfile.ZipFile(path) as archive:
                infos = [info for info in archive.infolist() if not info.is_dir()]
                _check_members(path, infos, size)
                labels = archive.read(LABELS_FILE) if any(info.filename == LABELS_FILE for info in infos) else None
        except (zipfile.BadZipFile, zlib.error, struct.error, ValueError, EOFError, NotImplementedError) as error:
            raise UserError(f'{path} is no whole .zip ({error or type(error).__name__}): {HINT}.') from error
    images = [
        Member(info.filename, info.header_offset, info.compress_size, info.file_size, info.CRC, info.compress_type != 0)
        for info in sorted(infos, key=lambda info: info.filename)
        if IMAGE_NAME.search(info.filename)
    ]
    if not images:
        raise UserError(f'{path} holds no PNG files: name a dataset, or make one with python -m prefilter.')
    return images, labels


def _check_members(path, infos, size):
    names = set()
    for info in infos:
        if info.filename in names:
            raise UserError(f'{path} holds {info.filename} twice: {HINT}.')
        names.add(info.filename)
        if OTHER_IMAGE.search(info.filename):
            raise UserError(
                f'{path} holds {info.filename}, and a dataset holds only PNG files: make one with python -m prefilter.'
            )
        if info.flag_bits & 1:
            raise UserError(f'{path} is encrypted: pack it again without a password.')
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise UserError(f'{path} packs {info.filename} by method {info.compress_type}: pack it again with zip -0.')
        if info.header_offset + LOCAL_HEADER.size + info.compress_size > size:
            raise UserError(f'{path} ends before {info.filename} does: {HINT}.')


def read_labels(path: str, text: Optional[bytes], names: Sequence[str]) -> Optional[np.ndarray]:
    """The labels in a `dataset.json`.

    Args:
        path: Of the .zip, for errors.
        text: Of the file; None if there is none.
        names: Of the images.

    Returns:
        None; or class numbers int64 [number of names]; or rows float32 [number of names, K].

    Raises:
        UserError: The file is damaged, or has not one label of one kind for each image.
    """
    where = f'{LABELS_FILE} in {path}'
    try:
        pairs = None if text is None else json.loads(text.decode('utf-8')).get('labels')
        labels = pairs if pairs is None else dict(pairs)
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise UserError(
            f'{where} is not as expected ({error}): write {{"labels": [[name, class number], ...]}}, or null.'
        ) from error
    if labels is None:
        return None
    missing = next((name for name in names if name not in labels), None)
    if missing is not None:
        raise UserError(f'{where} has no label for {missing}: give one for each image, or "labels": null.')
    if len(labels) > len(names):
        unknown = next(iter(set(labels) - set(names)))
        raise UserError(f'{where} has a label for {unknown}, which is not there: {HINT}.')
    values = [labels[name] for name in names]
    if all(type(value) is int for value in values):
        if not all(0 <= value <= LARGEST_CLASS for value in values):
            raise UserError(f'{where} has class numbers outside of 0 to {LARGEST_CLASS}: number the classes from 0 on.')
        return np.array(values, np.int64)
    try:
        rows = np.array(values, np.float32)
    except (ValueError, TypeError, OverflowError):
        rows = np.empty(0)
    if rows.ndim != 2 or not np.isfinite(rows).all():
        raise UserError(
            f'{where} has labels that are neither all class numbers nor all lists of equally many numbers: correct it.'
        )
    return rows


def join_labels(paths: Sequence[str], labels: Sequence[Optional[np.ndarray]]) -> Optional[Labels]:
    """The labels of several .zip files together; None if they have none.

    Args:
        paths: Of the files, for errors.
        labels: Of each, as from `read_labels`.

    Raises:
        UserError: Some have no labels, or other labels than the rest.
    """
    first = next((number for number, each in enumerate(labels) if each is not None), None)
    if first is None:
        return None
    for path, each in zip(paths, labels):
        if each is None:
            raise UserError(f'{LABELS_FILE} in {paths[first]} has labels, and {path} has none: {HINT}.')
        if each.shape[1:] != labels[first].shape[1:]:
            raise UserError(f'{LABELS_FILE} in {path} has labels of another kind than {paths[first]}: {HINT}.')
    return Labels(np.concatenate(labels))


class _Zip:
    """One .zip of images. Its member at a place is the image of that place among its sorted names."""

    def __init__(self, path, opened):
        self.path = path
        images, text = read_directory(path)
        with disk_errors('read', path, f'or {HINT}'):
            file = open(path, 'rb', buffering=0)  # noqa: SIM115  closed by the caller's stack
        self._file = opened.enter_context(file)
        self.labels = read_labels(path, text, [image.name for image in images])
        self.checksums = np.array([image.checksum for image in images], '>u4')
        self._offsets = np.array([image.offset for image in images], np.int64)
        self._packed = np.array([image.packed for image in images], np.int64)
        self._deflated = np.array([image.size if image.is_deflated else STORED for image in images], np.int64)

    def __len__(self):
        return len(self._offsets)

    def stamp(self):
        status = os.fstat(self._file.fileno())
        return [os.path.abspath(self.path), status.st_size, status.st_mtime_ns]

    def shape_of(self, place):
        """(C, H, W) of an image, which is not decoded."""
        return self._with_image(place, lambda image: (MODES[image.mode], image.height, image.width))

    def read(self, place):
        """uint8 [C, H, W], read-only."""
        pixels = self._with_image(place, np.asarray)
        return pixels[np.newaxis] if pixels.ndim == 2 else np.ascontiguousarray(pixels.transpose(2, 0, 1))

    def _with_image(self, place, function: Callable):
        data = self._bytes(place)
        try:
            with PIL.Image.open(io.BytesIO(data)) as image:
                if image.mode not in MODES:
                    raise UserError(
                        f'Image {place} (counted from 0) of {self.path} is of the kind {image.mode}, not grey or RGB: '
                        f'make a dataset of it with python -m prefilter {self.path}.'
                    )
                return function(image)
        except NO_IMAGE as error:
            raise self._damage(place, error) from error

    def _bytes(self, place):
        """The PNG at a place, checked by its checksum."""
        offset, packed = int(self._offsets[place]), int(self._packed[place])
        with disk_errors('read', self.path, f'or {HINT}'):
            header = os.pread(self._file.fileno(), LOCAL_HEADER.size, offset)
            if len(header) < LOCAL_HEADER.size or not header.startswith(LOCAL_SIGNATURE):
                raise self._damage(place, 'it does not begin where the list of members says')
            _, name, extra = LOCAL_HEADER.unpack(header)
            data = os.pread(self._file.fileno(), packed, offset + LOCAL_HEADER.size + name + extra)
        if self._deflated[place] != STORED:
            try:  # no more bytes than the list of members says, which may be a bomb
                data = zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, int(self._deflated[place]) + 1)
            except zlib.error as error:
                raise self._damage(place, error) from error
        if zlib.crc32(data) != self.checksums[place]:
            raise self._damage(place, 'its checksum is wrong')
        return data

    def _damage(self, place, why):
        return UserError(f'Image {place} (counted from 0) of {self.path} is damaged ({why}): {HINT}.')
