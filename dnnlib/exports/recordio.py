"""InsightFace's record files, which MXNet's RecordIO reads: `train.rec`, `train.idx`, `train.lst`, `property`.

The identities stand in ascending order, each with its images together. Their labels count them from 0, because a
classifier has a row of weights for each label. Key 0 is the record about the set, keys 1 to N are the images, N + 1 and
more are records about the identities, which say which keys belong to each one.

`train.lst` has a line for each image: key, label, and the path that the image has in the form of identity folders.
`property` is `identities,height,width`.
"""

import contextlib
import os
import struct
from typing import BinaryIO, Iterator, Sequence

import numpy as np

from dnnlib.errors import UserError
from dnnlib.exports.identity_folders import image_path
from dnnlib.exports.images import Images, identities_of
from dnnlib.exports.job import Job
from dnnlib.exports.parts import classes_of

RECORDS, INDEX, LIST, PROPERTY = 'train.rec', 'train.idx', 'train.lst', 'property'
MAGIC = struct.pack('<I', 0xCED7230A)
HEADER = struct.Struct('<IfQQ')  # flag, label, id, id2; if the flag is positive, so many float32 labels follow
LENGTH_BITS = 29
LARGEST_KEY = 1 << 24  # records about identities give keys as float32, which has no place for larger whole numbers
WHOLE, FIRST, MIDDLE, LAST = range(4)  # continuation flags


def write_recordio(folder: str, images: Images, job: Job) -> None:
    """Writes the images of a job, whose identities are known. Takes about 40 bytes of memory an image.

    Raises:
        UserError: There are more records than the labels can count.
    """
    classes, count = classes_of(identities_of(images, job.places))
    order = np.argsort(classes, kind='stable')
    starts = np.searchsorted(classes[order], np.arange(count + 1)) + 1  # key of the first image of each identity
    about = 1 + len(order)  # key of the first record about an identity
    if about + count > LARGEST_KEY:
        raise UserError(
            f'--export recordio: its records can count {LARGEST_KEY:,} images and identities, not '
            f'{len(order):,} and {count:,}: choose --export webdataset, or take fewer images.'
        )
    with contextlib.ExitStack() as opened:
        files = [opened.enter_context(open(os.path.join(folder, name), 'wb')) for name in (RECORDS, INDEX, LIST)]
        records = _Records(*files[:2])
        records.add(0, labels_payload(0, [about, about + count]))
        for key, (place, picture) in enumerate(job.pictures(images, job.places[order]), 1):
            label = int(classes[order[key - 1]])
            records.add(key, image_payload(key, label, picture))
            path = image_path(images.identity(place), images.number(place), job.encoding.extension)
            files[2].write(f'{key}\t{label}\t{path}\n'.encode())
        for number in range(count):
            records.add(about + number, labels_payload(about + number, starts[number : number + 2]))
    side = job.encoding.side_of(images)
    with open(os.path.join(folder, PROPERTY), 'w', encoding='ascii') as file:
        file.write(f'{count},{side},{side}')


class _Records:
    def __init__(self, records: BinaryIO, index: BinaryIO) -> None:
        self._records, self._index = records, index

    def add(self, key, payload):
        self._index.write(f'{key}\t{self._records.tell()}\n'.encode())
        self._records.writelines(record(payload))


def image_payload(key: int, label: int, picture: bytes) -> bytes:
    """What a record holds of an image: the identity's label, and the encoded picture."""
    return HEADER.pack(0, label, key, 0) + picture


def labels_payload(key: int, labels: Sequence[int]) -> bytes:
    """What a record without an image holds: whole numbers below 2^24."""
    return HEADER.pack(len(labels), 0, key, 0) + np.asarray(labels, '<f4').tobytes()


def record(payload: bytes) -> Iterator[bytes]:
    """Yields the pieces of a record: a payload, split where the magic number would stand at a multiple of 4 bytes.

    Readers look for records by that number. The reader puts it back between the parts of a split payload.
    """
    parts = list(_split(payload))
    for number, part in enumerate(parts):
        flag = WHOLE if len(parts) == 1 else FIRST if number == 0 else LAST if number == len(parts) - 1 else MIDDLE
        yield MAGIC + struct.pack('<I', flag << LENGTH_BITS | len(part))
        yield part
        yield bytes(-len(part) % 4)


def _split(payload):
    start = found = 0
    while True:
        found = payload.find(MAGIC, found)
        if found < 0:
            yield payload[start:]
            return
        if found % 4:
            found += 1
            continue
        yield payload[start:found]
        start = found = found + len(MAGIC)
