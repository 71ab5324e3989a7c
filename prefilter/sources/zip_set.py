"""A folder of .zip files in the form of the later StyleGANs, as `--export zips` writes it: 00000.zip, 00001.zip, ..."""

import re

import numpy as np

from dnnlib.errors import UserError
from dnnlib.records.zip_set import ZIP_NAME, join_labels, read_directory, read_labels, zip_paths
from prefilter.sources.archives import list_archive
from prefilter.sources.index import Index
from prefilter.sources.source import Attributes, Source, once
from prefilter.sources.zips import ZipReader

IMAGE_PATH = re.compile(r'\d{5,}/img\d{8,}\.png')


def is_zip_set(files):
    """Whether SOURCE is a folder of such files; the names in the first of them show it."""
    if files.folder is None or len(files.images) or not any(ZIP_NAME.fullmatch(path) for path in files.find('.zip')):
        return False
    paths = zip_paths(files.folder)
    try:
        return bool(paths) and any(IMAGE_PATH.fullmatch(path) for path in list_archive(paths[0])[0])
    except UserError:
        return False


def open_zip_set(files, layout):
    """All images, in the order of the files and of the names in each; their paths begin with the name of the file."""
    paths, index, labels = zip_paths(files.folder), Index(5), _ZipLabels()
    for number, path in enumerate(paths):
        images, text = read_directory(path)
        for image in images:
            name = f'{path.rsplit("/", 1)[-1]}/{image.name}'
            index.add(name, number, image.offset, image.packed, image.size, image.checksum)
        labels.add(path, text, [image.name for image in images])
    return Source(
        layout,
        index,
        ZipsReader(paths),
        files.ignored - len(paths),
        identity_of=None,
        identities=labels if labels.may_be(classes=True) else None,
        attributes=labels.attributes if labels.may_be(classes=False) else None,
        aligned=True,
    )


class ZipsReader:
    """Members of several .zip files; entries are (number of the file, then those of `ZipReader`)."""

    def __init__(self, paths):
        self._readers = [ZipReader(path) for path in paths]

    def read(self, entry):
        """The member's bytes."""
        return self._readers[entry[0]].read(entry[1:])


class _ZipLabels:
    """The labels of all files. What is wrong with them is said when somebody asks for labels."""

    def __init__(self):
        self._paths, self._arrays, self._error = [], [], None
        self._joined = once(self._join)

    def add(self, path, text, names):
        """Reads the labels of the next file; arguments as of `dnnlib.records.zip_set.read_labels`."""
        try:
            self._arrays.append(read_labels(path, text, names))
            self._paths.append(path)
        except UserError as error:
            self._error = self._error or error.message

    def may_be(self, classes):
        """Whether there are class numbers, or else rows; true for labels that cannot be read."""
        try:
            labels = self._joined()
        except UserError:
            return True
        return labels is not None and (labels.numbers is not None) == classes

    def __getitem__(self, place):
        """The class of an image. Raises `UserError`."""
        return int(self._joined().numbers[place])

    def attributes(self):
        """`Attributes`. Raises `UserError`."""
        labels = self._joined()
        if not np.isin(labels.array, (0, 1)).all():
            raise UserError('--labels attributes: the labels in SOURCE are not all vectors of 0 and 1: leave it out.')
        return Attributes([str(column) for column in range(labels.size)], labels.array.astype(np.uint8))

    def _join(self):
        if self._error is not None:
            raise UserError(self._error)
        return join_labels(self._paths, self._arrays)
