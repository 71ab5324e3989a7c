"""WebP: whether the coded pixels are all there. Their coding has no end mark and no checksum."""

import struct

from prefilter.formats.holes import HOLE
from prefilter.reasons import Refusal

PICTURES = (b'VP8 ', b'VP8L')  # chunks


def is_webp(data):
    """Whether a file begins as a WebP does, or is cut within that."""
    return data.startswith(b'RIFF') and data[8:12] in (b'WEBP', b'')


def is_cut(data):
    """Whether the file is shorter than its header says."""
    return len(data) < int.from_bytes(data[4:8], 'little') + 8


def check(data):
    """Raises `Refusal` if zeros stand at the end of the coded pixels."""
    place = 12
    while place + 8 <= len(data):
        kind, size = struct.unpack_from('<4sI', data, place)
        stop = place + 8 + size
        if kind in PICTURES and data.endswith(HOLE, place, stop):
            raise Refusal('truncated', 'zeros stand where coded pixels were')
        place = stop + size % 2
