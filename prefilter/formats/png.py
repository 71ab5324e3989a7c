"""PNG: its chunks, and the file without the notes that Pillow cannot read."""

import struct
import zlib

from prefilter.formats.holes import HOLE
from prefilter.reasons import Refusal

SIGNATURE = b'\x89PNG\r\n\x1a\n'
OF_THE_PICTURE = (b'IHDR', b'PLTE', b'tRNS', b'IDAT', b'IEND')  # all other chunks are notes about it
PROFILE, TRANSPARENCY = b'iCCP', b'tRNS'
LARGEST_PROFILE = 16 << 20  # bytes, unpacked; Pillow takes none above 1 MiB, and cameras' raw converters write 2


def check(data):
    """Raises `Refusal` if pixels of a file that Pillow can decode are not those that were written."""
    place = len(SIGNATURE)
    while place + 12 <= len(data):
        size, kind = struct.unpack_from('>I4s', data, place)
        stop = place + 8 + size
        if kind == b'IEND':
            return
        if kind == b'IDAT' and zlib.crc32(memoryview(data)[place + 4 : stop]) != _checksum(data, stop):
            if data.endswith(HOLE, place, stop):
                raise Refusal('truncated', 'zeros stand where pixels were')
            raise Refusal('unreadable', 'the checksum of its pixels is wrong')
        place = stop + 4


def _checksum(data, place):
    return int.from_bytes(data[place : place + 4], 'big')


def chunks(data):
    """List of (type, bytes of the whole chunk) up to the end mark; the last one may be cut short."""
    found, place = [], len(SIGNATURE)
    while place + 8 <= len(data):
        size, kind = struct.unpack_from('>I4s', data, place)
        found.append((kind, data[place : place + 12 + size]))
        place += 12 + size
        if kind == b'IEND':
            break
    return found


def profile_of(chunk):
    """The colour profile in a whole iCCP chunk, or None."""
    _, _, packed = chunk[8:-4].partition(b'\0')
    try:
        return zlib.decompressobj().decompress(packed[1:], LARGEST_PROFILE)
    except zlib.error:
        return None


def joined(parts):
    """The file of some chunks, with the notes before the pixels."""
    pixels = [part for kind, part in parts if kind in (b'IDAT', b'IEND')]
    before = [part for kind, part in parts if kind not in (b'IDAT', b'IEND')]
    return b''.join([SIGNATURE, *before, *pixels])
