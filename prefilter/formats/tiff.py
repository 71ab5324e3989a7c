"""TIFF: what kind of values a file has, for those that Pillow cannot read."""

import io
import struct

from PIL import TiffImagePlugin

SIGNATURES = (b'II*\0', b'MM\0*', b'II+\0', b'MM\0+')
BITS, COMPRESSION, PHOTOMETRIC, STRIPS, SAMPLES, STRIP_BYTES = 258, 259, 262, 273, 277, 279  # tags
TILES, TILE_BYTES, SAMPLE_FORMAT = 324, 325, 339
PROFILE = 34675
OF_THE_PICTURE = frozenset(  # all other tags are notes about it
    [*range(254, 260), 262, 263, 264, 265, 266, STRIPS, 274, SAMPLES, 278, STRIP_BYTES, 284, 292, 293, 317, 320]
    + [322, 323, TILES, TILE_BYTES, 332, 338, SAMPLE_FORMAT, 347, 512, 513, 514, 519, 520, 521, 529, 530, 531, 532]
)
TYPES = {1: 'B', 3: 'H', 4: 'I', 16: 'Q'}  # of the values of tags: unsigned integers
SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}  # bytes
MOST_VALUES = 1 << 20  # of a tag
READ = (1, 2, 3, 4, 5, 7, 8, 32773, 32946)  # compressions
COMPRESSIONS = {
    6: 'old-style JPEG',
    34676: 'SGI LogLuv',
    34677: 'SGI LogLuv',
    34712: 'JPEG 2000',
    34887: 'LERC',
    34925: 'LZMA',
    50000: 'Zstandard',
    50001: 'WebP',
    50002: 'JPEG XL',
    52546: 'JPEG XL',
}
FORMATS = {1: 'unsigned', 2: 'signed', 3: 'floating-point', 5: 'complex', 6: 'complex'}  # values of SAMPLE_FORMAT


def read_tags(data):
    """{tag: tuple of ints} of the first page. Raises ValueError if the file ends before or within it."""
    order = '<' if data[:1] == b'I' else '>'
    is_big = data[2:4] in (b'+\0', b'\0+')
    try:
        place, count, entry, inline = (8, 'Q', '4xQ', 8) if is_big else (4, 'H', '4xI', 4)
        (place,) = struct.unpack_from(order + ('Q' if is_big else 'I'), data, place)
        (number,) = struct.unpack_from(order + count, data, place)
        place += 8 if is_big else 2
        tags = {}
        for start in range(place, place + number * (12 + 2 * (inline - 4)), 12 + 2 * (inline - 4)):
            tag, kind = struct.unpack_from(order + 'HH', data, start)
            (values,) = struct.unpack_from(order + entry, data, start)
            where, size = start + 4 + inline, values * SIZES.get(kind, 0)
            if size > inline:
                (where,) = struct.unpack_from(order + ('Q' if is_big else 'I'), data, where)
            if tag in OF_THE_PICTURE and where + size > len(data):
                raise ValueError('it ends within its header')
            if kind not in TYPES or values > MOST_VALUES:
                continue
            tags[tag] = struct.unpack_from(f'{order}{values}{TYPES[kind]}', data, where)
    except struct.error as error:
        raise ValueError('it ends within its header') from error
    return tags


def without_notes(data, kept=()):
    """The file without the tags of the first page that only describe the picture, but for some.

    Args:
        data: The bytes of the file.
        kept: Tags of notes that stay.

    Returns:
        Bytes of the same length; None if there are no such tags.
    """
    order, is_big = '<' if data[:1] == b'I' else '>', data[2:4] in (b'+\0', b'\0+')
    offset, count, step = ('Q', 'Q', 20) if is_big else ('I', 'H', 12)
    try:
        (start,) = struct.unpack_from(order + offset, data, 8 if is_big else 4)
        (number,) = struct.unpack_from(order + count, data, start)
    except struct.error:
        return None
    begin = start + struct.calcsize(order + count)
    stop = begin + number * step
    entries = [data[place : place + step] for place in range(begin, min(stop, len(data)), step)]
    stay = [entry for entry in entries if struct.unpack(order + 'H', entry[:2])[0] in OF_THE_PICTURE.union(kept)]
    if len(stay) == len(entries):
        return None
    following = data[stop : stop + struct.calcsize(order + offset)]
    table = struct.pack(order + count, len(stay)) + b''.join(stay) + following
    end = stop + len(following)
    return data[:start] + table.ljust(end - start, b'\0') + data[end:]


def is_cut(data):
    """Whether the file ends before its first page does."""
    try:
        tags = read_tags(data)
    except ValueError:
        return True
    spans = [(STRIPS, STRIP_BYTES), (TILES, TILE_BYTES)]
    return any(
        start + size > len(data)
        for starts, sizes in spans
        for start, size in zip(tags.get(starts, ()), tags.get(sizes, ()))
    )


def what_is_unsupported(data):
    """Why an undamaged file of this format cannot be decoded, in words, or None."""
    try:
        tags = read_tags(data)
    except ValueError:
        return None
    compression = tags.get(COMPRESSION, (1,))[0]
    if compression not in READ:
        return f'TIFF with {COMPRESSIONS.get(compression, f"compression {compression}")}'
    if not _has_unknown_values(data):
        return None
    bits, samples = tags.get(BITS, (1,)), tags.get(SAMPLES, (1,))[0]
    kind = FORMATS.get(tags.get(SAMPLE_FORMAT, (1,))[0], 'unknown')
    return f'TIFF with {samples} {kind} values of {"/".join(map(str, sorted(set(bits))))} bits for each pixel'


def _has_unknown_values(data):
    try:
        TiffImagePlugin.TiffImageFile(io.BytesIO(data))
    except SyntaxError as error:
        return 'pixel mode' in str(error)
    except Exception:  # on damaged files it raises nearly any type
        return False
    return False
