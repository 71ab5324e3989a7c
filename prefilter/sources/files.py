"""The files of a folder or an archive: images, other files that may describe them, and the reader of both."""

import array
import collections
import os

from dnnlib.errors import UserError, disk_error, disk_errors
from dnnlib.records.names import MANIFEST_FILE
from prefilter.images import IMAGE_EXTENSIONS
from prefilter.reasons import Refusal
from prefilter.sources.archives import is_archive, list_archive
from prefilter.sources.index import Index
from prefilter.sources.readers import FolderReader

SHOWN_EXTENSIONS = 6  # how many extensions of left-out files are named


class Files:
    """The list of files in what a user named.

    Attributes:
        location: Path of the folder, archive or file.
        folder: The folder on disk that has the files; None for an archive.
        images: `Index` of the files with an image's extension.
        others: `Index` of the other files.
        reader: Reads the entries of both indices.
        left_out: Number of members of an archive in neither index: links, devices, unsafe names, repeated names.
        datasets: Paths of folders in neither index, because they are datasets that this filter made.
    """

    def __init__(self, location, folder, index, reader, left_out=0, datasets=()):
        self.location = location
        self.folder = folder
        self.images = index.select(is_image)
        self.others = index.select(lambda path: not is_image(path))
        self.reader = reader
        self.left_out = left_out
        self.datasets = datasets
        self._by_extension = {}  # places in `others`: there may be millions, and a format asks for few extensions
        for place, path in enumerate(self.others):
            extension = os.path.splitext(path)[1].lower()
            self._by_extension.setdefault(extension, array.array('Q')).append(place)

    @property
    def ignored(self):
        """Number of files that are no images."""
        return len(self.others) + self.left_out

    def count_ignored(self):
        """Counts the ignored files by extension, in words, most frequent first: '3 .txt, 1 without an extension'."""
        counts = collections.Counter(
            {extension or 'without an extension': len(places) for extension, places in self._by_extension.items()}
        )
        shown = dict(counts.most_common(SHOWN_EXTENSIONS))
        shown['of other kinds'] = self.ignored - sum(shown.values())
        return ', '.join(f'{count:,} {kind}' for kind, count in shown.items() if count)

    def find(self, *names):
        """Sorted paths of the other files with some names; '.json' or '_list.csv' stands for all names that end so."""
        return sorted(self._found(names))

    def has(self, *names):
        """Whether `find` would find anything."""
        return next(self._found(names), None) is not None

    def _found(self, names):
        exact = frozenset(name for name in names if name[0] not in '._')
        endings = tuple(name for name in names if name[0] in '._')
        for extension in {os.path.splitext('x' + name)[1].lower() for name in names}:
            for place in self._by_extension.get(extension, ()):
                name = os.path.basename(self.others[place])
                if name in exact or name.lower().endswith(endings):
                    yield self.others[place]

    def read_other(self, path):
        """The bytes of one of the other files. Raises `UserError` if it cannot be read."""
        try:
            return self.reader.read(self.others.entry(self.others.index(path)))
        except OSError as error:
            raise disk_error(error, 'read', f'{path} in {self.location}') from error
        except Refusal as refusal:  # the reader's limit for images
            raise UserError(
                f'{path} in {self.location} cannot be read ({refusal.detail}): take a shorter list, or split SOURCE.'
            ) from refusal

    def on_disk(self, path):
        """The path on disk of one of the files. Raises `UserError` for a file in an archive."""
        if self.folder is None:
            raise UserError(f'{path} cannot be used inside {self.location}: unpack that.')
        return os.path.join(self.folder, path)

    def describe(self):
        """The files in words, for the error about a layout that is not the expected one."""

        def examples(index):
            shown = ', '.join(repr(path) for path in index[:2])
            return f' ({shown}{", ..." if len(index) > 2 else ""})' if len(index) else ''

        return (
            f'{len(self.images):,} images{examples(self.images)} and '
            f'{len(self.others):,} other files{examples(self.others)}'
        )


def list_files(location, leave_out=None):
    """Lists a folder with all below it, an archive, or a single file.

    Args:
        location: Path of an existing folder or file.
        leave_out: A folder inside `location` that is skipped, or None.

    Returns:
        `Files`, sorted by path; in a compressed .tar they keep its order.

    Raises:
        UserError: It cannot be read.
    """
    location = str(location)
    if os.path.isdir(location):
        index, datasets = _walk(location, leave_out)
        return Files(location, location, index, FolderReader(location), datasets=datasets)
    if is_archive(location):
        index, reader, left_out = list_archive(location)
        return Files(location, None, index, reader, left_out)
    folder, name = os.path.split(location)
    index = Index()
    index.add(name)
    return Files(location, folder or '.', index, FolderReader(folder or '.'))


def is_image(path):
    """Whether a file name has the extension of an image, in any case."""
    return os.path.splitext(path)[1].lower() in IMAGE_EXTENSIONS


def _walk(folder, leave_out):
    """(`Index` of the files, list of folders that are left out as datasets).

    Depth first, with the names in each folder sorted like their paths, so that the whole list needs no sorting.
    """
    index, datasets = Index(), []
    seen = {_identity_on_disk(leave_out)} if leave_out and os.path.isdir(leave_out) else set()
    pending = ['']
    while pending:
        relative = pending.pop()
        if relative and not relative.endswith('/'):
            index.add(relative)
            continue
        path = os.path.join(folder, relative.rstrip('/'))
        with disk_errors('read', path, 'or move it away'):
            identity = _identity_on_disk(path)
            if identity not in seen:  # links may lead round in circles
                seen.add(identity)
                children = sorted(_children(path, relative), reverse=True)
                if relative and is_dataset(children):
                    datasets.append(relative.rstrip('/'))
                else:
                    pending += children
    return index, datasets


def is_dataset(paths):
    """Whether this filter made a folder, by the paths of its files."""
    names = {path.rsplit('/', 1)[-1] for path in paths}
    return MANIFEST_FILE in names and any(name.endswith('-r02.tfrecords') for name in names)


def _identity_on_disk(path):
    status = os.stat(path)
    return status.st_dev, status.st_ino


def _children(path, relative):
    """The visible entries of a folder, as paths below the tree's root; paths of folders end with '/'."""
    with os.scandir(path) as entries:
        return [relative + entry.name + '/' * _is_dir(entry) for entry in entries if not entry.name.startswith('.')]


def _is_dir(entry):
    try:
        return entry.is_dir()
    except OSError:  # a link to itself: the error comes when it is read
        return False
