"""The bytes of one TFRecord file of images: its framing, and the `tf.train.Example` in each record.

The payload of a record is framed by its length and two checksums: uint64 length, CRC-32C of the length, payload,
CRC-32C of the payload, all little-endian and the checksums masked. Only `dnnlib.records` uses it.
"""

import os
import struct
from contextlib import ExitStack
from typing import List, Sequence, Union

import numpy as np

from dnnlib.checksum import begins_record, masked_crc32c
from dnnlib.errors import UserError, disk_errors
from dnnlib.wrong_files import HEAD_BYTES, name_of_bytes

HEADER_BYTES = 12  # before a record's payload: its length, and the length's checksum
CHECKSUM_BYTES = 4  # after the payload: its checksum
FRAME_BYTES = HEADER_BYTES + CHECKSUM_BYTES
CUT_OFF = 'the file ends before the record does'
HINT = 'copy it again or make the dataset anew with python -m prefilter'
FILES = {b'\xff\xd8\xff': 'JPEG', b'\x89PNG': 'PNG', b'RIFF': 'WebP'}  # by their first bytes


class RecordFile:
    """One TFRecord file with images of one shape, readable in any order and from any thread.

    Args:
        path: The file.
        opened: A `contextlib.ExitStack` that closes it.

    Attributes:
        path: As given.
        shape: (C, H, W) of each image.
        count: Number of records; None until `locate_records` was called.

    Raises:
        UserError: The file cannot be opened, or record 0 is damaged.
    """

    def __init__(self, path: str, opened: ExitStack) -> None:
        self.path = path
        with disk_errors('read', path, f'or {HINT}'):
            file = open(path, 'rb', buffering=0)  # noqa: SIM115  closed by the caller's stack
        self._file = opened.enter_context(file)
        self._starts = None  # where each record begins, if their lengths differ
        self.count = None
        try:
            self._step = self._record_bytes(0, 0)
            self.shape, data, record = self._parse(0, 0)
        except UserError as error:
            raise self._wrong_file() or error from error
        # A record with the same bytes around its pixels as record 0 needs no parsing.
        begin = _place_in(data, record)
        self._before, self._after = record[:begin], record[begin + len(data) : -CHECKSUM_BYTES]

    def locate_records(self) -> None:
        """Counts the records, at once if all have the same length. Raises `UserError` if one is damaged."""
        size = self._size()
        self.count = size // self._step
        if size % self._step == 0 and self._length(size - self._step) == self._step - FRAME_BYTES:
            return
        # Either the records differ in length or the file is damaged: a walk through all of it shows which.
        starts, start = [], 0
        while start < size:
            starts.append(start)
            start += self._record_bytes(start, len(starts) - 1)
        if start > size:
            raise damage(self.path, len(starts) - 1, CUT_OFF)
        self._starts = np.array(starts)
        self.count = len(starts)

    def read(self, index: int) -> np.ndarray:
        """The image of record `index`: uint8 [C, H, W], read-only. Raises `UserError` if the record is damaged."""
        if not 0 <= index < self.count:
            raise IndexError(f'{self.path} has records 0 to {self.count - 1}, not {index}')
        start = index * self._step if self._starts is None else int(self._starts[index])
        record = os.pread(self._file.fileno(), self._step, start)
        end = len(record) - len(self._after) - CHECKSUM_BYTES
        alike = record.startswith(self._before) and record.startswith(self._after, end) and len(record) == self._step
        if alike:
            return np.frombuffer(record, np.uint8, end - len(self._before), len(self._before)).reshape(self.shape)
        shape, data, _ = self._parse(start, index)
        if shape != self.shape:
            raise damage(self.path, index, f'its shape {list(shape)} is not {list(self.shape)}, the shape of record 0')
        return np.frombuffer(data, np.uint8).reshape(shape)

    def checksum(self, index: int) -> bytes:
        """The checksum that stands behind the payload of record `index`, unverified."""
        start = index * self._step if self._starts is None else int(self._starts[index])
        size = self._step if self._starts is None else self._record_bytes(start, index)
        return os.pread(self._file.fileno(), CHECKSUM_BYTES, start + size - CHECKSUM_BYTES)

    def stamp(self) -> List[Union[str, int]]:
        """[path, size, time of change in ns] of the file; writing the file changes it."""
        status = os.fstat(self._file.fileno())
        return [os.path.abspath(self.path), status.st_size, status.st_mtime_ns]

    def _wrong_file(self):
        """A UserError that says what the file is in place of TFRecords; None if that is not known."""
        head = os.pread(self._file.fileno(), HEAD_BYTES, 0)
        what = None if not head or begins_record(head) else name_of_bytes(head, HINT)
        return what and UserError(f'{self.path} holds no TFRecords; it is {what}.')

    def _parse(self, start, index):
        """A record's shape, its pixels, and all of its bytes."""
        size = self._record_bytes(start, index)
        record = os.pread(self._file.fileno(), size, start)
        if len(record) < size:
            raise damage(self.path, index, CUT_OFF)
        payload = memoryview(record)[HEADER_BYTES:-CHECKSUM_BYTES]
        try:
            return (*_parse_example(payload), record)
        except _OtherContentError as error:
            if struct.pack('<I', masked_crc32c(bytes(payload))) != record[-CHECKSUM_BYTES:]:
                raise damage(self.path, index, error) from error
            raise UserError(
                f'{self.path} holds {error}, not pixels with their shape: write the images out as files, and make the '
                'dataset with python -m prefilter.'
            ) from error
        except ValueError as error:
            raise damage(self.path, index, error) from error

    def _record_bytes(self, start, index):
        length = self._length(start)
        if length is None:
            cut_off = start + HEADER_BYTES > self._size()
            raise damage(self.path, index, CUT_OFF if cut_off else 'the checksum of its length is wrong')
        return length + FRAME_BYTES

    def _length(self, start):
        """Payload bytes of the record that begins at `start`; None when none begins there."""
        header = os.pread(self._file.fileno(), HEADER_BYTES, start)
        if len(header) < HEADER_BYTES:
            return None
        length, checksum = struct.unpack('<QI', header)
        return length if masked_crc32c(header[:8]) == checksum else None

    def _size(self):
        return os.fstat(self._file.fileno()).st_size


def damage(path: str, index: int, what: object) -> UserError:
    """The `UserError` for a damaged record."""
    return UserError(f'Record {index} (counted from 0) of {path} is damaged, {what}: {HINT}.')


class RecordEncoder:
    """Turns images of one shape into TFRecords of one length: the same bytes as from TensorFlow's own writer.

    The two features are sorted by name, `data` first, as in TensorFlow's deterministic serialization.

    Args:
        shape: (C, H, W).

    Attributes:
        record_bytes: Length of a record.
    """

    def __init__(self, shape: Sequence[int]) -> None:
        pixels = bytes(int(np.prod(shape)))
        integers = _field(3, _field(1, b''.join(map(_as_varint, shape))))  # Feature, its Int64List
        self._after = _field(1, _field(1, b'shape') + _field(2, integers))
        values = _field(1, _field(1, pixels))  # Feature, its BytesList
        payload = _field(1, _field(1, _field(1, b'data') + _field(2, values)) + self._after)  # Example, its Features
        self._before = payload[: -len(pixels) - len(self._after)]
        length = struct.pack('<Q', len(payload))
        self._header = length + struct.pack('<I', masked_crc32c(length))
        self.record_bytes = len(payload) + FRAME_BYTES

    def encode(self, image: np.ndarray) -> bytes:
        """The record of an image, uint8 [C, H, W]."""
        payload = b''.join((self._before, image.tobytes(), self._after))
        return b''.join((self._header, payload, struct.pack('<I', masked_crc32c(payload))))


# ----------------------------------------------------------------------------------------------------------------------
# The bytes of a record, in protocol-buffer encoding. A message is a row of fields. A field is a varint, number << 3 |
# wire type, and then a varint value (wire type 0), or a varint length and that many bytes (wire type 2).


class _OtherContentError(ValueError):
    """A record is whole, but of another kind; its text says what it holds."""


def _parse_example(payload):
    """Splits a serialized tf.train.Example into (shape (C, H, W), its C*H*W bytes). Raises ValueError."""
    features = {}
    for entry in _messages(_only(payload)):
        name, value = (*_messages(entry), b'', b'')[:2]
        features[bytes(name)] = value
    if b'shape' not in features or b'data' not in features:
        names = ', '.join(sorted(name.decode('utf-8', 'replace') for name in features))
        raise _OtherContentError(f'records with the features {names}' if names else 'records without features')
    shape = tuple(_integers(_only(features[b'shape'])))
    data = _only(_only(features[b'data']))
    coded = next((kind for beginning, kind in FILES.items() if bytes(data[:4]).startswith(beginning)), None)
    if coded and (len(shape) != 3 or len(data) != shape[0] * shape[1] * shape[2]):
        raise _OtherContentError(f'images as {coded} files')
    if len(shape) != 3 or len(data) != shape[0] * shape[1] * shape[2]:
        raise ValueError(f'it has {len(data)} bytes of pixels for the shape {list(shape)}')
    return shape, data


def _place_in(part, whole):
    """The place in bytes at which a memoryview on a part of them begins."""
    return _address(part) - _address(whole)


def _address(buffer):
    return np.frombuffer(buffer, np.uint8).__array_interface__['data'][0]  # np.byte_bounds is gone in numpy 2


def _fields(buffer):
    """Yields the fields' values: an int or a memoryview."""
    position = 0
    while position < len(buffer):
        key, position = _varint(buffer, position)
        value, position = _varint(buffer, position)
        if key & 7 == 2 and position + value <= len(buffer):
            position += value
            value = buffer[position - value : position]
        elif key & 7 != 0:
            raise ValueError('it is no tf.train.Example')
        yield value


def _messages(buffer):
    values = list(_fields(buffer))
    if any(isinstance(value, int) for value in values):
        raise ValueError('it is no tf.train.Example')
    return values


def _only(buffer):
    values = _messages(buffer)
    if len(values) != 1:
        raise ValueError('it is no tf.train.Example')
    return values[0]


def _integers(int64_list):
    """The integers of an Int64List: one in each field, or all packed into one field."""
    for value in _fields(int64_list):
        if isinstance(value, int):
            yield value
            continue
        position = 0
        while position < len(value):
            number, position = _varint(value, position)
            yield number


def _varint(buffer, position):
    value = shift = 0
    while position < len(buffer):
        byte = buffer[position]
        position += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, position
    raise ValueError('it is no tf.train.Example')


def _field(number, value):
    """The bytes of a field of bytes, a string or a message."""
    return _as_varint(number << 3 | 2) + _as_varint(len(value)) + value


def _as_varint(number):
    encoded = bytearray()
    while number > 127:
        encoded.append(number & 127 | 128)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)
