"""Decodes BMP. Pillow reads some kinds wrong without a word, and calls others, which viewers show, damaged."""

import collections
import struct

import numpy as np
from PIL import Image

from prefilter.reasons import Refusal

SIGNATURE = b'BM'
FILE_HEADER = 14  # bytes
CORE_HEADER = 12  # bytes: OS/2 1.x, and the oldest Windows
OS2_HEADERS = range(16, 65)  # bytes, but for those of Windows
INFO_HEADERS = INFO_HEADER, _, _, V4_HEADER, V5_HEADER = 40, 52, 56, 108, 124
RAW, RLE8, RLE4, BITFIELDS, JPEG, PNG, ALPHA_BITFIELDS = range(7)  # compressions
RLE24 = 4  # in OS/2 2.x
HAS_PROFILE = b'DEBM'  # 'MBED': the file holds its colour profile
WORDS_AT_ONCE = 1 << 22  # pixels that are unpacked by masks together: 100 MB
DEFAULT_MASKS = {16: (0x7C00, 0x3E0, 0x1F, 0), 32: (0xFF0000, 0xFF00, 0xFF, 0), 24: (0xFF0000, 0xFF00, 0xFF, 0)}

Header = collections.namedtuple(
    'Header', ['size', 'width', 'height', 'is_top_down', 'bits', 'compression', 'colours', 'masks', 'palette', 'pixels']
)


def is_bmp(data):
    """Whether a file begins as a BMP does; any text may begin with BM."""
    return data.startswith(SIGNATURE) and len(data) > 18 and CORE_HEADER <= int.from_bytes(data[14:18], 'little') <= 256


def read_header(data):
    """The `Header` of a file. Raises `Refusal`."""
    try:
        return _read_header(data)
    except struct.error as error:
        raise Refusal('truncated', 'it ends within its header') from error


def _read_header(data):
    pixels, size = struct.unpack_from('<II', data, 10)
    if size == CORE_HEADER:
        width, height, _, bits = struct.unpack_from('<HHHH', data, 18)
        compression, colours = RAW, 0
    elif size in INFO_HEADERS or size in OS2_HEADERS:
        fields = data[18 : FILE_HEADER + size].ljust(INFO_HEADER - 4, b'\0')  # those of OS/2 may be left out
        width, height, _, bits, compression, _, _, _, colours, _ = struct.unpack_from('<iiHHIIiiII', fields)
    else:
        raise Refusal('unsupported', f'BMP with a header of {size} bytes')
    palette = FILE_HEADER + size
    masks = DEFAULT_MASKS.get(bits, (0, 0, 0, 0))
    if compression in (BITFIELDS, ALPHA_BITFIELDS) and bits > 8:
        count = 4 if compression == ALPHA_BITFIELDS or size >= 56 else 3
        given = struct.unpack_from(f'<{count}I', data, FILE_HEADER + INFO_HEADER)
        palette += 4 * count if size == INFO_HEADER else 0
        masks = (*given, 0)[:4] if any(given) else masks
    if width <= 0 or height == 0:
        raise Refusal('unreadable', f'its header says {width}x{height} pixels')
    return Header(size, width, abs(height), height < 0, bits, compression, colours, masks, palette, pixels)


def decode(data, header):
    """Decodes a BMP.

    Args:
        data: The bytes of the file.
        header: As from `read_header`.

    Returns:
        A PIL image, RGB or RGBA, with its colour profile if the file has one; or the bytes of the JPEG or PNG inside.

    Raises:
        Refusal: Pixels are missing, or their coding is unknown.
    """
    is_os2 = header.size not in INFO_HEADERS
    palette = _read_palette(data, header)
    start = header.palette + palette.nbytes // 3 * (3 if header.size == CORE_HEADER else 4)
    if header.pixels >= start:  # else some programs forget the palette, or write nothing
        start = header.pixels
    if header.compression in (JPEG, PNG) and not is_os2:
        return data[start:]
    coding = header.compression, header.bits
    if header.compression == RAW or (header.compression in (BITFIELDS, ALPHA_BITFIELDS) and not is_os2):
        pixels = _unpack(data[start:], header, palette)
    elif coding in ((RLE8, 8), (RLE4, 4)) or (is_os2 and coding == (RLE24, 24)):
        pixels = _run_lengths(data[start:], header, palette)
    else:
        raise Refusal('unsupported', f'BMP with {header.bits} bits a pixel in compression {header.compression}')
    if not header.is_top_down:
        pixels = pixels[::-1]
    if pixels.shape[2] == 4 and not pixels[..., 3].any():
        pixels = pixels[..., :3]  # programs that draw no alpha leave it 0
    image = Image.fromarray(np.ascontiguousarray(pixels))
    profile = _read_profile(data, header)
    if profile:
        image.info['icc_profile'] = profile
    return image


def _read_palette(data, header):
    """uint8 [colours, 3], RGB."""
    if not 1 <= header.bits <= 8:
        return np.zeros([0, 3], np.uint8)
    entry = 3 if header.size == CORE_HEADER else 4
    count = min(header.colours or 1 << header.bits, 1 << header.bits)
    if header.pixels > header.palette:
        count = min(count, (header.pixels - header.palette) // entry)
    entries = data[header.palette : header.palette + entry * count]
    palette = np.frombuffer(entries[: len(entries) // entry * entry], np.uint8).reshape(-1, entry)
    return palette[:, 2::-1]


def _look_up(indices, palette):
    known = np.repeat(np.arange(256, dtype=np.uint8)[:, np.newaxis], 3, axis=1)  # beyond the palette: greys, as Pillow
    known[: len(palette)] = palette
    return known[indices]


def _unpack(data, header, palette):
    """uint8 [height, width, 3 or 4] of pixels that are not compressed."""
    if header.bits not in (1, 2, 4, 8, 16, 24, 32):
        raise Refusal('unsupported', f'BMP with {header.bits} bits a pixel')
    row = (header.width * header.bits + 31) // 32 * 4
    used = (header.width * header.bits + 7) // 8
    if len(data) < row * (header.height - 1) + used:
        raise Refusal('truncated', f'it has {len(data)} bytes of pixels instead of {row * header.height}')
    data = data[: row * header.height].ljust(row * header.height, b'\0')
    rows = np.frombuffer(data, np.uint8).reshape(header.height, row)[:, :used]
    if header.bits == 8:
        return _look_up(rows, palette)
    if header.bits < 8:
        shifts = np.arange(8 - header.bits, -1, -header.bits, dtype=np.uint8)
        indices = (rows[:, :, np.newaxis] >> shifts) & ((1 << header.bits) - 1)
        return _look_up(indices.reshape(header.height, -1)[:, : header.width], palette)
    return _by_masks(rows.reshape(header.height, header.width, header.bits // 8), header.masks)


def _by_masks(pixels, masks):
    masks = masks if masks[3] else masks[:3]
    places = [{0xFF << 8 * byte: byte for byte in range(pixels.shape[2])}.get(mask) for mask in masks]
    if None not in places:  # whole bytes
        return pixels[..., places]
    channels = np.empty([*pixels.shape[:2], len(masks)], np.uint8)
    step = max(WORDS_AT_ONCE // pixels.shape[1], 1)
    for top in range(0, len(pixels), step):
        band = pixels[top : top + step]
        words = sum(band[..., byte].astype(np.uint64) << np.uint64(8 * byte) for byte in range(band.shape[2]))
        for channel, mask in enumerate(masks):
            largest = mask // (mask & -mask) if mask else 1
            values = (words & np.uint64(mask)) // np.uint64(mask & -mask or 1)
            channels[top : top + step, :, channel] = values * np.uint64(255) // np.uint64(largest)
    return channels


def _run_lengths(data, header, palette):
    """uint8 [height, width, 3] of run lengths; pixels that are skipped have the first colour."""
    whole = bytearray(header.width * header.height * (3 if header.bits == 24 else 1))
    step = 3 if header.bits == 24 else 1  # bytes of a pixel in `whole`
    x = y = place = 0
    while y < header.height:
        if place + 2 > len(data):
            raise Refusal('truncated', f'its run lengths end in line {y + 1} of {header.height}')
        count, value = data[place], data[place + 1]
        place += 2
        if count == 0 and value == 0:
            x, y = 0, y + 1
            continue
        if count == 0 and value == 1:
            break
        if count == 0 and value == 2:
            x, y, place = x + sum(data[place : place + 1]), y + sum(data[place + 1 : place + 2]), place + 2
            continue
        if count:
            place -= 1
            run, used = _repeated(data, place, count, header.bits)
        else:
            count = value
            run, used = _as_they_are(data, place, count, header.bits)
        place += used
        if place > len(data):
            raise Refusal('truncated', f'its run lengths end in line {y + 1} of {header.height}')
        shown = max(min(count, header.width - x), 0)
        begin = (y * header.width + x) * step
        whole[begin : begin + shown * step] = run[: shown * step]
        x += count
    pixels = np.frombuffer(bytes(whole), np.uint8).reshape(header.height, header.width, step)
    return pixels[..., ::-1] if step == 3 else _look_up(pixels[..., 0], palette)


def _repeated(data, place, count, bits):
    """(pixels of a run of one value, bytes used); with 4 bits, two values take turns."""
    if bits == 24:
        return data[place : place + 3] * count, 3
    value = data[place]
    return (bytes([value >> 4, value & 15]) * count if bits == 4 else bytes([value]) * count), 1


def _as_they_are(data, place, count, bits):
    """(pixels that stand one by one, bytes used); these are filled up to an even number."""
    used = (count * bits + 7) // 8
    values = data[place : place + used]
    if bits == 4:
        values = bytes(half for value in values for half in (value >> 4, value & 15))
    return values, used + used % 2


def _read_profile(data, header):
    if header.size < V5_HEADER or data[FILE_HEADER + 56 : FILE_HEADER + 60] != HAS_PROFILE:
        return None
    place, size = struct.unpack_from('<II', data, FILE_HEADER + 112)
    return data[FILE_HEADER + place : FILE_HEADER + place + size] or None
