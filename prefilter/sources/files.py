"""The files of a folder or an archive: images, other files that may describe them, and the reader of both."""

import array
import collections
import os
import re

from dnnlib.errors import UserError, disk_error, disk_errors
from dnnlib.records.names import MANIFEST_FILE
from prefilter.images import IMAGE_EXTENSIONS
from prefilter.reasons import Refusal
from prefilter.sources.archives import is_archive, list_archive
from prefilter.sources.file_systems import is_of_a_file_system
from prefilter.sources.index import Index
from prefilter.sources.members import LeftOut
from prefilter.sources.readers import FolderReader
from prefilter.sources.tables import plain_name

WITNESSES = 8  # of a folder: it is gone if none of them is there
SHOWN_EXTENSIONS = 6  # how many extensions of left-out files are named
SAMPLE = 200  # so many paths show whether it is worth to look at all
MOST = 0.5  # the share of paths that fit a layout which a user names, or which the names of folders or lists show
NEARLY_ALL = 0.9  # the share of paths that fit a layout which nothing else shows


class Files:
    """The list of files in what a user named.

    Attributes:
        location: Path of the folder, archive or file.
        folder: The folder on disk that has the files; None for an archive.
        images: `Index` of the files with an image's extension.
        others: `Index` of the other files.
        reader: Reads the entries of both indices.
        left_out: `LeftOut`: members of an archive in neither index.
        datasets: Paths of folders in neither index, because they are datasets that this filter made.
        skipped: {name: number} of folders in neither index, because a file system made them.
        remarks: Sentences for a person about files that a layout leaves out.
        known: Set of paths of the other files that the layout reads, now or when labels are asked for.
    """

    def __init__(self, location, folder, index, reader, left_out=None, datasets=(), skipped=()):
        self.location = location
        self.folder = folder
        self.images = index.select(is_image)
        self.others = index.select(lambda path: not is_image(path))
        self.reader = reader
        self.left_out = left_out or LeftOut()
        self.datasets, self.skipped = datasets, dict(skipped)
        self.remarks, self.known = [], set()
        self._shares = {}
        self._by_extension = {}  # places in `others`: there may be millions, and a format asks for few extensions
        for place, path in enumerate(self.others):
            extension = os.path.splitext(path)[1].lower()
            self._by_extension.setdefault(extension, array.array('Q')).append(place)

    def share(self, pattern):
        """Which share of the images has a path in which a pattern is found, 0 to 1; 0 if there are no images."""
        if pattern not in self._shares:
            sample = self._sample()
            share = _share(sample, pattern)
            whole = share >= MOST and len(sample) < len(self.images)
            self._shares[pattern] = _share(self.images, pattern) if whole else share
        return self._shares[pattern]

    def _sample(self):
        return self.images[:: max(len(self.images) // SAMPLE, 1)]

    def matching(self, pattern):
        """The images whose path fits a pattern: an `Index`. The first of the others is named in `remarks`."""
        if self.share(pattern) == 1:
            return self.images
        return self.taking(lambda path: _fits(pattern, path), 'not named as the layout has it')

    def in_first(self, folders, images):
        """Those of some images that are in the first of some folders that is there; all, if none is."""
        there = [folder for folder in folders if any(folder in path.split('/') for path in images)]
        return self.taking(lambda path: there[0] in path.split('/'), f'not in {there[0]}', images) if there else images

    def taking(self, is_wanted, why, images=None):
        """The images that satisfy a function of their path: an `Index`. A remark names the first of the others.

        Args:
            is_wanted: Function of a path.
            why: What the others are, as 'in no list'.
            images: `Index` to choose from; None for all images.
        """
        images = self.images if images is None else images
        index = images.select(is_wanted)
        count = len(images) - len(index)
        if count:
            first = next(path for path in images if not is_wanted(path))
            self.remarks.append(f'Images {why}: left out ({count:,}, as {first!r}).')
        return index

    def count_without(self, index):
        """The number of files that are neither in an `Index` of images nor hidden."""
        return self.ignored + len(self.images) - len(index)

    def names(self):
        """The names of folders of images, of what the user named, and of all folders above that."""
        paths = (*self._sample(), os.path.realpath(self.location))
        return {part for path in paths for part in re.split(r'[/.]', path)}

    @property
    def ignored(self):
        """Number of files that are no images."""
        return len(self.others) + self.left_out.total

    def count_ignored(self):
        """Counts the ignored files by extension, in words, most frequent first: '3 .txt, 1 without an extension'.

        Lists that the layout knows do not count.
        """
        counts = collections.Counter(
            {extension or 'without an extension': len(places) for extension, places in self._by_extension.items()}
        )
        counts.subtract(os.path.splitext(path)[1].lower() or 'without an extension' for path in self.known)
        shown = dict(counts.most_common(SHOWN_EXTENSIONS))
        shown['of other kinds'] = len(self.others) - len(self.known) - sum(shown.values())
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
        """The bytes of one of the other files, which is then `known`. Raises `UserError` if it cannot be read."""
        self.known.add(path)
        try:
            return self.reader.read(self.others.entry(self.others.index(path)))
        except OSError as error:
            raise disk_error(error, 'read', f'{path} in {self.location}') from error
        except Refusal as refusal:  # the reader's limit for images
            raise UserError(
                f'{path} in {self.location} cannot be read ({refusal.detail}): take a shorter list, or split SOURCE.'
            ) from refusal

    def head(self, path, size):
        """The first bytes of one of the other files; none if it cannot be read."""
        try:
            if self.folder is None:
                return self.read_other(path)[:size]
            with open(os.path.join(self.folder, path), 'rb') as file:
                return file.read(size)
        except (OSError, UserError):
            return b''

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
        index, datasets, skipped = _walk(location, leave_out)
        reader = FolderReader(location, _witnesses(index))
        return Files(location, location, index, reader, datasets=datasets, skipped=skipped)
    if is_archive(location):
        index, reader, left_out = list_archive(location)
        return Files(location, None, index, reader, left_out)
    folder, name = os.path.split(location)
    index = Index()
    index.add(name)
    return Files(location, folder or '.', index, FolderReader(folder or '.'))


def lists_beside(location, names, folders=('',)):
    """`Files` of each list beside what a user named, or one folder higher.

    Args:
        location: Path of the folder, archive or file.
        names: Of the lists.
        folders: Names of folders beside it that may have them; '' for the folder that has all of it.
    """
    parent = os.path.dirname(os.path.realpath(location))
    paths = [
        os.path.join(above, folder, name)
        for above in (parent, os.path.dirname(parent))
        for folder in folders
        for name in names
    ]
    return [list_files(path) for path in paths if os.path.isfile(path)]


def _share(paths, pattern):
    return sum(_fits(pattern, path) for path in paths) / max(len(paths), 1)


def _fits(pattern, path):
    return pattern.search(path) is not None or not path.isascii() and pattern.search(plain_name(path)) is not None


def _witnesses(index):
    """Names directly in a folder, of some files that were listed."""
    step = max(len(index) // WITNESSES, 1)
    return sorted({index[place].split('/')[0] for place in range(0, len(index), step)})


def is_image(path):
    """Whether a file name has the extension of an image, in any case."""
    return os.path.splitext(path)[1].lower() in IMAGE_EXTENSIONS


def _walk(folder, leave_out):
    """(`Index` of the files, list of folders that are left out as datasets, {name: number} of folders of file systems).

    Depth first, with the names in each folder sorted like their paths, so that the whole list needs no sorting.
    """
    index, datasets, skipped = Index(), [], collections.Counter()
    seen = {_identity_on_disk(leave_out)} if leave_out and os.path.isdir(leave_out) else set()
    pending = ['']
    while pending:
        relative = pending.pop()
        if relative and not relative.endswith('/'):
            index.add(relative)
            continue
        name = relative.rstrip('/').rsplit('/', 1)[-1]
        if is_of_a_file_system(name):
            skipped[name] += 1
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
    return index, datasets, skipped


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
