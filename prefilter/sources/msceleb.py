"""MS-Celeb-1M: .tsv files, an image a line; the first column is the person's MID, the last the image in base64.

The original crops have seven columns (MID, search rank, image URL, page URL, face id, rectangle, image), another
release has six (MID, query, search rank, image URL, page URL, image). SOURCE is a .tsv or a folder of them. The files
are read once, at the speed of the disk, to find the lines; only the place of each image is kept in memory.
"""

import base64
import binascii
import os

from tqdm import tqdm

from dnnlib.errors import disk_errors
from prefilter.sources.index import Index
from prefilter.sources.readers import LARGEST_FILE, RandomAccess
from prefilter.sources.source import Source, unexpected

COLUMNS = (6, 7)
CHUNK = 1 << 24  # bytes


def is_ms_celeb_1m(files):
    """Whether SOURCE is a .tsv, or a folder with .tsv files and no images."""
    return bool(_tables(files)) and not len(files.images)


def open_ms_celeb_1m(files, partition=None):
    """MS-Celeb-1M. Paths are `MID/NUMBER.jpg`: NUMBER counts the lines of all files, from 0."""
    names = _tables(files)
    if not names:
        raise unexpected('ms-celeb-1m', files.location, 'a .tsv file or a folder of them', files.describe())
    paths = [files.on_disk(name) for name in names]
    index = Index(3)
    with tqdm(desc='Listing', total=sum(map(os.path.getsize, paths)), unit='B', unit_scale=True) as bar:
        for number, path in enumerate(paths):
            with disk_errors('read', path):
                _list_lines(path, number, index, bar)
    return Source('ms-celeb-1m', index, Base64Reader(*paths), len(files.others) - len(names))


def _tables(files):
    return files.find('.tsv')


def _list_lines(path, number, index, bar):
    with open(path, 'rb') as file:
        start = 0
        while True:
            line = file.readline(2 * LARGEST_FILE)  # base64 needs 4 bytes for 3
            if not line:
                return
            columns = line.count(b'\t') + 1
            if columns not in COLUMNS:
                raise unexpected(
                    'ms-celeb-1m',
                    path,
                    '6 or 7 columns between tabs, the last the image in base64',
                    f'{columns} in the line at byte {start:,}',
                )
            person = line[: line.index(b'\t')].decode('utf-8', 'surrogateescape').replace('/', '.').lstrip('.')
            image = line.rindex(b'\t') + 1
            size = len(line.rstrip(b'\r\n')) - image
            index.add(f'{person}/{len(index):08d}.jpg', number, start + image, size)
            start += len(line)
            bar.update(len(line))


class Base64Reader:
    """Images in base64; entries are (number of the file, offset, size)."""

    def __init__(self, *paths):
        self._files = RandomAccess(*paths)

    def read(self, entry):
        """The encoded image."""
        try:
            return base64.b64decode(self._files.read(entry), validate=True)
        except binascii.Error as error:
            raise OSError(f'its line is damaged ({error})') from error
