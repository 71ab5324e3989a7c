"""Shards: ranges of a long list that are examined together, and the files with their results.

Shards have a fixed size. The result for an image depends on its shard alone, never on the number of processes or on
their earlier work.

A shard file holds the images' bytes, one after another; then the thumbnails that are kept, raw [H, W, C]; then columns
of numbers, if there are any; then a JSON line for each image; then a trailer. Without columns the file is of the first
form, whose images all have the same number of bytes.
"""

import collections
import json
import os
import struct
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Union

import numpy as np
from PIL import Image

SHARD_IMAGES = 64
TRAILER = struct.Struct('<8sQQ')  # ends a shard file: magic, number of images, bytes of lines
MAGIC = b'FSHARD1\n'
COLUMNS_TRAILER = struct.Struct('<QQ')  # before `TRAILER` of the second form: place and bytes of the columns' table
COLUMNS_MAGIC = b'FSHARD2\n'
VIEW = 'view'  # in a line: [offset, width, height] of the thumbnail, or what is wrong in words
IMAGE = 'image'  # in a line of the second form: [offset, bytes] of the image
ENDING = '.shard'

Shard = collections.namedtuple('Shard', ['number', 'start', 'stop'])  # places `start` to `stop` - 1 of a list


class Entry(NamedTuple):
    """What a shard file keeps of one item."""

    verdict: Dict[str, Any]  # JSON values
    image: Optional[bytes] = None
    view: Union[Image.Image, str, None] = None  # a thumbnail, or why there are no pixels
    numbers: Optional[Dict[str, np.ndarray]] = None  # by name of the column; the same names and shapes in all entries


class ShardPlan(collections.abc.Sequence):
    """The shards of so many images, in order: a sequence of `Shard` that takes no memory.

    Args:
        num_images: Length of the list.
        shard_images: Images in a shard; the last one may have fewer.
    """

    def __init__(self, num_images: int, shard_images: int = SHARD_IMAGES) -> None:
        self.num_images, self.shard_images = num_images, shard_images

    def __len__(self):
        return -(-self.num_images // self.shard_images)

    def __getitem__(self, number):
        number = range(len(self))[number]
        start = number * self.shard_images
        return Shard(number, start, min(start + self.shard_images, self.num_images))


def shard_path(folder: str, number: int) -> str:
    """The file of a shard."""
    return os.path.join(folder, f'{number:07d}{ENDING}')


def finished_shards(folder: str) -> set:
    """The numbers of the shards whose files are in a folder."""
    return {int(name.split('.')[0]) for name in os.listdir(folder) if name[0] != '.' and name.endswith(ENDING)}


# ----------------------------------------------------------------------------------------------------------------------
# Writing.


def write_shard(file, entries: Iterable[Entry]) -> None:
    """Writes the bytes of a shard file, of the second form if the entries have numbers.

    Args:
        file: Open for writing bytes, at its start.
        entries: `Entry` of each item, in order.
    """
    lines, views, rows, places = [], [], [], []
    for verdict, image, view, numbers in entries:
        places.append(None if image is None else [file.tell(), len(image)])
        if image is not None:
            file.write(image)
        lines.append(verdict)
        views.append(view)
        rows.append(numbers)
    for verdict, view in zip(lines, views):
        if isinstance(view, str):
            verdict[VIEW] = view
        elif view is not None:
            verdict[VIEW] = [file.tell(), *view.size]
            file.write(view.tobytes())
    has_columns = any(numbers is not None for numbers in rows)
    table = _write_columns(file, rows) if has_columns else {}
    if has_columns:
        for verdict, place in zip(lines, places):
            verdict[IMAGE] = place
    text = b''.join(json.dumps(verdict).encode('ascii') + b'\n' for verdict in lines)
    file.write(text)
    if has_columns:
        listed = json.dumps(table).encode('ascii')
        start = file.tell()
        file.write(listed)
        file.write(COLUMNS_TRAILER.pack(start, len(listed)))
    count = sum(place is not None for place in places)
    file.write(TRAILER.pack(COLUMNS_MAGIC if has_columns else MAGIC, count, len(text)))


def _write_columns(file, rows):
    """Writes the columns. Returns {name: [offset, dtype, shape]}."""
    table = {}
    for name in rows[0]:
        column = np.stack([numbers[name] for numbers in rows])
        column = column.astype(column.dtype.newbyteorder('<'))
        table[name] = [file.tell(), column.dtype.str, list(column.shape)]
        file.write(column.tobytes())
    return table


# ----------------------------------------------------------------------------------------------------------------------
# Reading.


class ShardFile:
    """A shard file, opened for reading; use it in a `with` block.

    Attributes:
        verdicts: List of dicts, a line for each item, with `VIEW` and `IMAGE`.

    Raises:
        ValueError: The file is damaged, or is no shard file.
    """

    def __init__(self, path: str) -> None:
        self._file = open(path, 'rb')  # noqa: SIM115  `__exit__` closes it
        try:
            self._read()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, kind, value, traceback):
        self._file.close()

    def image(self, place: int) -> bytes:
        """The bytes of the image of item `place`, in a file of the second form."""
        return self._at(*self.verdicts[place][IMAGE])

    def has_column(self, name: str) -> bool:
        """Whether it has a column of numbers of this name."""
        return name in self._table

    def column(self, name: str) -> np.ndarray:
        """A column of numbers: [number of items, ...], as it was written. Raises KeyError."""
        offset, dtype, shape = self._table[name]
        dtype = np.dtype(dtype)
        size = dtype.itemsize * int(np.prod(shape, dtype=np.int64))
        return np.frombuffer(self._at(offset, size), dtype).reshape(shape)

    def _read(self):
        size = self._file.seek(0, os.SEEK_END)
        trailer = self._at(max(size - TRAILER.size, 0))
        if len(trailer) != TRAILER.size or not trailer.startswith((MAGIC, COLUMNS_MAGIC)):
            raise ValueError('it does not end as a shard does')
        magic, count, length = TRAILER.unpack(trailer)
        stop = size - TRAILER.size
        self._table = {}
        if magic == COLUMNS_MAGIC:
            stop, listed = COLUMNS_TRAILER.unpack(self._at(max(stop - COLUMNS_TRAILER.size, 0), COLUMNS_TRAILER.size))
            self._table = json.loads(self._at(stop, listed))
        self.verdicts = [json.loads(line) for line in self._at(max(stop - length, 0), length).splitlines()]
        if self._count_images(magic) != count:
            raise ValueError('its images and its lines differ in number')

    def _count_images(self, magic):
        if magic == COLUMNS_MAGIC:
            return sum(verdict[IMAGE] is not None for verdict in self.verdicts)
        return sum(verdict['accepted'] for verdict in self.verdicts)

    def _at(self, offset, length=-1):
        self._file.seek(offset)
        return self._file.read(length)


def read_verdicts(path: str) -> List[Dict[str, Any]]:
    """The verdicts of a shard file. Raises ValueError if the file is damaged, or is no shard file."""
    with ShardFile(path) as shard:
        for verdict in shard.verdicts:
            verdict.pop(VIEW, None)
            verdict.pop(IMAGE, None)
        return shard.verdicts


def read_view(path: str, place: int) -> Union[Image.Image, str, None]:
    """The view of item `place` in a whole shard file: a PIL image, a str, or None if none was kept."""
    with ShardFile(path) as shard:
        view = shard.verdicts[place].get(VIEW)
        if not isinstance(view, list):
            return view
        offset, *size = view
        return Image.frombytes('RGB', size, shard._at(offset, 3 * size[0] * size[1]))
