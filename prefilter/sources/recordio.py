"""InsightFace's record files: `train.rec` with the images, `train.idx` with where each one is.

A record is a magic number, a word with a continuation flag (upper 3 bits) and a length (lower 29), the payload, and
padding to 4 bytes. The payload begins with a header (flag, label, id, id2); if the flag is positive, that many float32
labels follow; the rest is the encoded image. If record 0 has labels and no image, its first label is the first key of
the records about identities: records from that key on hold no images.
"""

import array
import functools
import os
import struct

import numpy as np

from dnnlib.errors import UserError, disk_errors
from prefilter.sources.index import Index
from prefilter.sources.readers import RandomAccess
from prefilter.sources.source import Source, unexpected

MAGIC = 0xCED7230A
WORDS = struct.Struct('<II')  # magic, continuation flag and length
HEADER = struct.Struct('<IfQQ')  # flag, label, id, id2
LENGTH_BITS = 29
UNKNOWN = 'unknown'  # folder of the images without a number
LARGEST_LABEL = 1 << 24  # above this, float32 has no place for every integer
WHOLE, FIRST, MIDDLE, LAST = range(4)  # continuation flags


def is_recordio(files):
    """Whether the files are a .rec, or have one at their top."""
    return bool(files.find('.rec')) and not len(files.images)


def open_recordio(files, layout):
    """Opens InsightFace's train.rec. The identity of an image is the label of its record.

    Args:
        files: `Files` of the folder, or of the .rec itself.
        layout: Name of the layout, for the source.

    Returns:
        A `Source` whose paths are `LABEL/KEY.jpg`, in the order of the keys.

    Raises:
        UserError: There is no .idx beside it, or it is damaged.
    """
    records = files.find('.rec')
    if len(records) != 1:
        raise unexpected(layout, files.location, 'one .rec file with its .idx', ', '.join(records) or files.describe())
    path = files.on_disk(records[0])
    keys, offsets = _read_offsets(os.path.splitext(path)[0] + '.idx')
    reader = RecordReader(path)
    try:
        end = _end_of_images(reader, keys, offsets)
        unlisted = os.path.getsize(path) - reader.end_of(int(offsets.max())) if len(offsets) else 0
        is_image = np.ones(len(keys), bool) if end is None else (keys > 0) & (keys < end)
        keys, offsets = keys[is_image], offsets[is_image]
        labels = array.array('q', (reader.label(int(offset)) for offset in offsets))
    except OSError as error:
        raise UserError(f'{path} does not fit its .idx ({error}): copy both again.') from error
    index = Index(1)
    digits = len(str(max(labels, default=0)))
    for key, label, offset in zip(keys, labels, offsets):
        person = UNKNOWN if label < 0 else f'{label:0{digits}d}'
        index.add(f'{person}/{key}.jpg', int(offset))
    identity_of = functools.partial(_identity, path)
    source = Source(layout, index, reader, max(len(files.others) - 2, 0), identity_of)
    if unlisted > 0:
        source.remarks.append(f'{path} has {unlisted:,} bytes behind the last record of its .idx: they are not read.')
    return source


def _identity(path, image):
    person, key = image.split('/')
    if person == UNKNOWN:
        raise UserError(f'{path}: the label of record {key[: -len(".jpg")]} is no number of an identity: correct it.')
    return person


def _read_offsets(path):
    """(keys, offsets), int64 arrays sorted by key."""
    pairs = array.array('q')
    try:
        with disk_errors('read', path, 'or put it beside the .rec'), open(path, encoding='utf-8-sig') as file:
            for number, line in enumerate(file):
                words = line.split()
                if words and not (number == 0 and all(word.isalpha() for word in words)):  # names of the columns
                    key, offset = words
                    pairs.extend((int(key), int(offset)))
    except (ValueError, OverflowError) as error:
        raise UserError(
            f'{path} is damaged: expected a key and an offset in each line ({error}): copy it again.'
        ) from error
    keys, offsets = np.array(pairs, np.int64).reshape(-1, 2).T
    order = np.argsort(keys, kind='stable')
    return keys[order], offsets[order]


def _end_of_images(reader, keys, offsets):
    """The first key of records without images; None if record 0 holds an image."""
    if not len(keys) or keys[0] != 0:
        return None
    flag, labels, image = reader.parse(int(offsets[0]))
    if flag == 0 or image:
        return None
    if not 0 < labels[0] < np.inf:
        raise OSError(f'record 0 says that the images end with key {labels[0]}')
    return int(labels[0])


class RecordReader:
    """Records of a .rec file; entries are (offset,)."""

    def __init__(self, path):
        self._file = RandomAccess(path)

    def read(self, entry):
        """The encoded image of a record."""
        return self.parse(entry[0])[2]

    def label(self, offset):
        """The identity of a record, an int, without reading its image; -1 if the label is no number of one."""
        header = self._file.span(offset, WORDS.size + HEADER.size)
        _check_magic(header, offset)
        flag, label, _, _ = HEADER.unpack_from(header, WORDS.size)
        if flag > 0:
            label = struct.unpack('<f', self._file.span(offset + len(header), 4))[0]
        return int(label) if 0 <= label < LARGEST_LABEL and label == int(label) else -1

    def end_of(self, offset):
        """Where the record that begins at `offset` ends, padding included."""
        while True:
            words = self._file.span(offset, WORDS.size)
            _check_magic(words, offset)
            word = WORDS.unpack(words)[1]
            offset += WORDS.size + -(-(word & ((1 << LENGTH_BITS) - 1)) // 4) * 4
            if word >> LENGTH_BITS in (WHOLE, LAST):
                return offset

    def parse(self, offset):
        """(flag, float32 labels, image bytes) of the record that begins at `offset`."""
        payload = self._payload(offset)
        if len(payload) < HEADER.size:
            raise OSError(f'the record at byte {offset} is shorter than its header')
        flag, label, _, _ = HEADER.unpack_from(payload)
        if flag == 0:
            return flag, np.array([label], np.float32), payload[HEADER.size :]
        labels = np.frombuffer(payload, '<f4', flag, HEADER.size) if HEADER.size + 4 * flag <= len(payload) else None
        if labels is None:
            raise OSError(f'the record at byte {offset} is shorter than its labels')
        return flag, labels, payload[HEADER.size + 4 * flag :]

    def _payload(self, offset):
        # A payload is split where it contains the magic number, which is then not in the file.
        parts = []
        while True:
            words = self._file.span(offset, WORDS.size)
            _check_magic(words, offset)
            word = WORDS.unpack(words)[1]
            part, length = word >> LENGTH_BITS, word & ((1 << LENGTH_BITS) - 1)
            if (part in (WHOLE, FIRST)) == bool(parts) or part > LAST:
                raise OSError(f'the record at byte {offset} is a part of another record')
            parts.append(self._file.span(offset + WORDS.size, length))
            if part in (WHOLE, LAST):
                return struct.pack('<I', MAGIC).join(parts)
            offset += WORDS.size + -(-length // 4) * 4


def _check_magic(words, offset):
    if WORDS.unpack_from(words)[0] != MAGIC:
        raise OSError(f'there is no record at byte {offset}')
