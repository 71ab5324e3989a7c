"""MS-Celeb-1M: .tsv files, an image a line; the first column is the person's MID, the last the image in base64.

The original crops have seven columns (MID, search rank, image URL, page URL, face id, rectangle, image), another
release has six (MID, query, search rank, image URL, page URL, image). SOURCE is a .tsv or a folder of them. The files
are read once, at the speed of the disk, to find the lines; only the place of each image is kept in memory.

Other tables of the set beside the images, such as Top1M_MidList.Name.tsv, and odd lines are left out with a remark.
"""

import base64
import binascii
import codecs
import os

from dnnlib.errors import UserError, disk_errors
from dnnlib.progress import Progress
from dnnlib.wrong_files import HEAD_BYTES, name_of_no_text
from prefilter.sources.index import Index
from prefilter.sources.readers import LARGEST_FILE, RandomAccess
from prefilter.sources.source import Source, unexpected

COLUMNS = (6, 7)
EXPECTED = '6 or 7 columns between tabs, the last the image in base64'
TRIED_LINES = 20  # without an image among so many first lines, a file is another table
SMALLEST_IMAGE = 40  # bytes of base64; what is shorter in the first line is the name of a column


def is_ms_celeb_1m(files):
    """Whether SOURCE is a .tsv, or a folder with .tsv files and no images."""
    return bool(_tables(files)) and not len(files.images)


def open_ms_celeb_1m(files, partition=None):
    """MS-Celeb-1M. Paths are `MID/NUMBER.jpg`: NUMBER counts the images of all files, from 0."""
    names = _tables(files)
    if not names:
        raise unexpected('ms-celeb-1m', files.location, 'a .tsv file or a folder of them', files.describe())
    paths = [files.on_disk(name) for name in names]
    for name, path in zip(names, paths):
        what = name_of_no_text(files.head(name, HEAD_BYTES), 'name a folder of .tsv files')
        if what is not None:
            raise UserError(f'{path} is {what}.')
    index, others = Index(3), []
    with Progress(desc='Listing', total=sum(map(os.path.getsize, paths)), unit='B', unit_scale=True) as bar:
        for number, path in enumerate(paths):
            with disk_errors('read', path):
                table = _Table(path, number, index)
                table.list_images(bar)
            if not table.images:
                others.append((path, table.first_odd))
            elif table.odd > table.images:
                raise unexpected('ms-celeb-1m', path, EXPECTED, table.first_odd)
            elif table.odd:
                files.remarks.append(f'{path}: lines that are no image: left out ({table.odd:,}; {table.first_odd}).')
    if others and not len(index):
        raise unexpected('ms-celeb-1m', others[0][0], EXPECTED, others[0][1] or 'no line')
    files.remarks += [f'{path} is no table of images: left out ({odd or "empty"}).' for path, odd in others]
    return Source('ms-celeb-1m', index, Base64Reader(*paths), len(files.others) - len(names) + len(others))


def _tables(files):
    return files.find('.tsv')


class _Table:
    """One file that is being listed.

    Attributes:
        images: Number of images.
        odd: Number of lines that are left out.
        first_odd: What is found in the first of them; None if there is none.
    """

    def __init__(self, path, number, index):
        self.images, self.odd, self.first_odd = 0, 0, None
        self._path, self._number, self._index = path, number, index

    def list_images(self, bar):
        """Adds the images to the index, and the bytes that are read to the bar."""
        start = 0
        with open(self._path, 'rb') as file:
            for place, line in enumerate(iter(lambda: file.readline(2 * LARGEST_FILE), b''), 1):  # base64: 4 for 3
                if place == 1 and line.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                    raise UserError(f'{self._path} is UTF-16: make it UTF-8 with iconv -f UTF-16 -t UTF-8.')
                mark = len(codecs.BOM_UTF8) if place == 1 and line.startswith(codecs.BOM_UTF8) else 0
                if line.strip():
                    self._add(line[mark:], start + mark, place)
                start += len(line)
                bar.update(len(line))
                if place == TRIED_LINES and not self.images:
                    bar.update(os.path.getsize(self._path) - start)
                    return

    def _add(self, line, start, place):
        columns = line.count(b'\t') + 1
        if columns not in COLUMNS:
            self._leave_out(f'{columns} columns in line {place:,} at byte {start:,}')
        elif place == 1 and len(line.rpartition(b'\t')[2].strip()) < SMALLEST_IMAGE:
            self._leave_out('names of columns in line 1')
        else:
            person = line[: line.index(b'\t')].decode('utf-8', 'surrogateescape').replace('/', '.').lstrip('.')
            image = line.rindex(b'\t') + 1
            size = len(line.rstrip(b'\r\n')) - image
            self._index.add(f'{person}/{len(self._index):08d}.jpg', self._number, start + image, size)
            self.images += 1

    def _leave_out(self, what):
        self.odd += 1
        self.first_odd = self.first_odd or what


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
