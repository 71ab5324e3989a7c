"""Every kind of BMP that a viewer shows, made here by the book."""

import itertools
import struct

import numpy as np
import pytest

from prefilter.images import decode
from prefilter.reasons import Refusal
from tests.pictures import encoded, gradient

COLOURS = [(10, 20, 30), (200, 100, 0), (0, 255, 9), (70, 70, 200)]
INDICES = np.arange(6 * 5).reshape(5, 6) % 4


def bmp(header, pixels, palette=b''):
    start = 14 + len(header) + len(palette)
    return b'BM' + struct.pack('<III', start + len(pixels), 0, start) + header + palette + pixels


def info(bits, compression=0, size=(6, 5), length=40, colours=0, masks=()):
    header = struct.pack('<IiiHHIIiiII', length, *size, 1, bits, compression, 0, 0, 0, colours, 0)
    return (header + struct.pack(f'<{len(masks)}I', *masks)).ljust(length, b'\0')


def palette(entry=4):
    return b''.join(bytes(colour[::-1]).ljust(entry, b'\0') for colour in COLOURS)


def rows(array):
    """Bottom row first, each filled up to 4 bytes."""
    lines = [line.tobytes() for line in np.ascontiguousarray(array[::-1])]
    return b''.join(line + bytes(-len(line) % 4) for line in lines)


def packed(bits):
    flags = np.unpackbits(INDICES.astype(np.uint8)[..., np.newaxis], axis=2)[:, :, 8 - bits :]
    return rows(np.packbits(flags.reshape(len(INDICES), -1), axis=1))


RIGHT = np.array(COLOURS, np.uint8)[INDICES]
BGRX = np.concatenate([RIGHT[..., ::-1], np.zeros([5, 6, 1], np.uint8)], axis=2)
RUNS_OF_8_BITS = b''.join(b'\0\6' + bytes(line.tolist()) + b'\0\0' for line in INDICES[::-1])
RUNS_OF_24_BITS = b''.join(
    b''.join(b'\1' + bytes(pixel) for pixel in line) + b'\0\0' for line in RIGHT[::-1, :, ::-1].tolist()
)


@pytest.mark.parametrize(
    'data',
    [
        bmp(info(2, colours=4), packed(2), palette()),
        bmp(info(4, colours=4), packed(4), palette()),
        bmp(info(8, colours=4), packed(8), palette()),
        bmp(info(8, colours=4, length=64), packed(8), palette()),
        bmp(info(8, colours=4)[:4].replace(b'(', b'\x10') + info(8)[4:16], packed(8), palette() + bytes(4 * 252)),
        bmp(struct.pack('<IHHHH', 12, 6, 5, 1, 8), packed(8), palette(3)),
        bmp(info(24), rows(RIGHT[..., ::-1])),
        bmp(info(24, size=(6, -5)), rows(RIGHT[::-1, :, ::-1])),
        bmp(info(32), rows(BGRX)),
        bmp(info(32, length=124, compression=3, masks=(0xFF0000, 0xFF00, 0xFF, 0xFF000000)), rows(BGRX)),
        bmp(info(32, compression=3, length=52, masks=(0xFF, 0xFF00, 0xFF0000)), rows(BGRX[..., [2, 1, 0, 3]])),
        bmp(info(32, 6) + struct.pack('<4I', 0xFF0000, 0xFF00, 0xFF, 0xFF000000), rows(BGRX)),
        bmp(info(8, 1, colours=4), RUNS_OF_8_BITS, palette()),
        bmp(info(24, 4, length=64), RUNS_OF_24_BITS),
        bmp(info(0, 5), encoded(RIGHT)),
    ],
    ids=itertools.count(),
)
def test_kinds(data):
    np.testing.assert_array_equal(decode(data), RIGHT)


def test_run_lengths_with_jumps_and_odd_runs():
    code = b'\3\x12' + b'\0\3\x30\x10' + b'\0\0' + b'\0\2\2\0' + b'\1\x30' + b'\0\1'  # the rest is left out
    pixels = decode(bmp(info(4, 2, size=(6, 2), colours=4), code, palette()))
    indices = [[0, 0, 3, 0, 0, 0], [1, 2, 1, 3, 0, 1]]
    np.testing.assert_array_equal(pixels, np.array(COLOURS, np.uint8)[np.array(indices)])


@pytest.mark.parametrize('masks', [(0xF800, 0x7E0, 0x1F), (0x7C00, 0x3E0, 0x1F), (0xF00, 0xF0, 0xF)])
def test_masks_of_few_bits(masks):
    words = np.arange(30, dtype=np.uint16).reshape(5, 6) * 2000
    right = np.stack([(words & mask) // (mask & -mask) * 255 // (mask // (mask & -mask)) for mask in masks], axis=-1)
    np.testing.assert_array_equal(decode(bmp(info(16, 3) + struct.pack('<3I', *masks), rows(words))), right)


def test_alpha_that_is_drawn_lets_white_through():
    header = info(32, length=124, compression=3, masks=(0xFF0000, 0xFF00, 0xFF, 0xFF000000))
    shown = BGRX.copy()
    shown[..., 3] = 255
    shown[0, 0, 3] = 0
    pixels = decode(bmp(header, rows(shown)))
    assert pixels[0, 0].tolist() == [255, 255, 255] and (pixels[1:] == RIGHT[1:]).all()


@pytest.mark.parametrize('mode', ['RGB', 'L', '1', 'P'])
def test_what_pillow_writes(mode):
    np.testing.assert_array_equal(decode(encoded(gradient(mode), 'BMP')), gradient(mode).convert('RGB'))


@pytest.mark.parametrize(
    'data, reason',
    [
        (bmp(info(24), rows(RIGHT)[:-8]), 'truncated'),
        (bmp(info(8, 1, colours=4), b'\6\1\0\0', palette()), 'truncated'),
        (bmp(info(8, 1, colours=4), b'\0\6\1\1', palette()), 'truncated'),
        (bmp(info(24), b'')[:30], 'truncated'),
        (bmp(info(1, 3, length=64), bytes(40)), 'unsupported'),
        (bmp(info(64), bytes(300)), 'unsupported'),
        (bmp(info(24, length=99), bytes(300)), 'unsupported'),
        (bmp(info(24, size=(0, 5)), bytes(300)), 'unreadable'),
        (bmp(info(24, size=(60000, 60000)), bytes(300)), 'too-large'),
    ],
    ids=itertools.count(),
)
def test_reasons_of_bitmaps(data, reason):
    with pytest.raises(Refusal) as refusal:
        decode(data)
    assert refusal.value.reason == reason


def test_text_that_begins_with_bm_is_no_bitmap():
    with pytest.raises(Refusal) as refusal:
        decode(b'BMW is a maker of cars, and this is a text.')
    assert refusal.value.reason == 'not-an-image'
