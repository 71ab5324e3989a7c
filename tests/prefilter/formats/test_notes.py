"""Notes beside whole pixels (EXIF, profiles, comments, frames) decide nothing if they cannot be read."""

import io
import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from prefilter.formats import png, tiff
from prefilter.images import decode, decode_as_reference
from prefilter.reasons import Refusal
from tests.pictures import encoded, gradient

CASES = os.path.join(os.path.dirname(__file__), '..', '..', 'cases')
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile('sRGB')).tobytes()


def segment(marker, content):
    return bytes([0xFF, marker]) + struct.pack('>H', len(content) + 2) + content


def with_segments(data, *segments):
    return data[:2] + b''.join(segments) + data[2:]


def chunk(kind, content, checksum=None):
    checksum = zlib.crc32(kind + content) if checksum is None else checksum
    return struct.pack('>I', len(content)) + kind + content + struct.pack('>I', checksum)


def with_chunk(data, new, before=b'IDAT'):
    parts = png.chunks(data)
    place = [kind for kind, _ in parts].index(before)
    return png.SIGNATURE + b''.join([part for _, part in parts[:place]] + [new] + [part for _, part in parts[place:]])


@pytest.mark.parametrize('progressive', [False, True])
@pytest.mark.parametrize(
    'damaged',
    [
        segment(0xE0, b'JFIF\0'),
        segment(0xE1, b'Exif\0\0II*\0'),
        segment(0xE2, b'ICC_PROFILE\0'),
        segment(0xED, b'Photoshop 3.0\x008BIM\x03\xed\0\0\0'),
        segment(0xEE, b'Adobe'),
        segment(0xE2, b'MPF\0II*\0\xff\xff\xff\xff'),
    ],
    ids=['JFIF', 'EXIF', 'ICC', 'Photoshop', 'Adobe', 'MPF'],
)
def test_a_damaged_segment_of_a_jpeg(damaged, progressive):
    data = encoded(gradient(), 'JPEG', progressive=progressive)
    np.testing.assert_array_equal(decode(with_segments(data, damaged)), decode(data))


def test_whole_notes_beside_a_damaged_one_count():
    exif = Image.Exif()
    exif[274] = 6
    data = with_segments(encoded(gradient(), 'JPEG', exif=exif), segment(0xE0, b'JFIF\0'))
    np.testing.assert_array_equal(decode(data), decode(encoded(gradient(), 'JPEG', exif=exif)))
    assert decode(data).shape == (20, 10, 3)


LARGE = zlib.compress(bytes(3 << 20))


@pytest.mark.parametrize('before', [b'IDAT', b'IEND'])
@pytest.mark.parametrize(
    'damaged',
    [
        chunk(b'zTXt', b'Comment\0\0' + LARGE),
        chunk(b'iTXt', b'Comment\0\1\0\0\0' + LARGE),
        chunk(b'iCCP', b'a profile\0\0' + LARGE),
        chunk(b'tEXt', b'Comment\0hello', checksum=1),
        chunk(b'pHYs', b'\0'),
        chunk(b'gAMA', b''),
        chunk(b'fcTL', b'\0' * 26),
        chunk(b'fdAT', struct.pack('>I', 7)),
        chunk(b'tRNS', b'\0'),
        chunk(b'tRNS', b'') + chunk(b'pHYs', b'\0'),
    ],
    ids=['zTXt', 'iTXt', 'iCCP', 'checksum', 'pHYs', 'gAMA', 'fcTL', 'fdAT', 'tRNS', 'tRNS and pHYs'],
)
def test_a_chunk_of_a_png_that_cannot_be_read(damaged, before):
    data = encoded(gradient())
    np.testing.assert_array_equal(decode(with_chunk(data, damaged, before)), decode(data))


@pytest.mark.parametrize('compression', [None, 'tiff_lzw'])
@pytest.mark.parametrize(
    'kind, count, value', [(5, 7, 8051), (2, 1000, 8), (3, 2, 3190), (13, 1000, 1), (1, 1 << 31, 0)]
)
def test_damaged_tags_of_a_tiff(kind, count, value, compression):
    options = {'software': 'a program', 'description': 'a picture', 'dpi': (72, 72), 'icc_profile': SRGB}
    data = encoded(gradient(), 'TIFF', compression=compression, **options)
    start = struct.unpack_from('<I', data, 4)[0]
    noted = 0
    for entry in range(start + 2, start + 2 + 12 * struct.unpack_from('<H', data, start)[0], 12):
        if struct.unpack_from('<H', data, entry)[0] not in tiff.OF_THE_PICTURE:
            damaged = data[: entry + 2] + struct.pack('<HII', kind, count, value) + data[entry + 12 :]
            np.testing.assert_array_equal(decode(damaged), decode(data))
            noted += 1
    assert noted == 6


def test_an_animation_with_an_error_in_its_frames_is_its_first_picture():
    frames = [Image.new('RGB', (8, 8), colour) for colour in ('white', 'black')]
    data = bytearray(encoded(frames[0], save_all=True, append_images=frames[1:]))
    place = data.rindex(b'fcTL')
    data[place + 4 : place + 8] = struct.pack('>I', 99)  # the number in the sequence
    data[place + 30 : place + 34] = struct.pack('>I', zlib.crc32(bytes(data[place : place + 30])))
    assert (decode(bytes(data)) == 255).all()


def test_a_large_colour_profile_is_used():
    wide = Image.open(CASES + '/colour-profile-ignored/in/wide.png')
    profile = wide.info['icc_profile'] + bytes(3 << 20)
    data = with_chunk(encoded(np.asarray(wide)), chunk(b'iCCP', b'wide\0\0' + zlib.compress(profile)))
    right = np.asarray(Image.open(CASES + '/colour-profile-ignored/right/wide.png'), int)
    assert np.abs(decode(data) - right).max() <= 2


def test_notes_take_little_memory():
    bomb = zlib.compress(bytes(200 << 20))  # 200 KB that unpack to 200 MB
    data = with_chunk(encoded(gradient()), chunk(b'iCCP', b'bomb\0\0' + bomb))
    assert png.LARGEST_PROFILE < 20 << 20 and PngImagePlugin.MAX_TEXT_CHUNK <= 1 << 20
    np.testing.assert_array_equal(decode(data), decode(encoded(gradient())))


def test_damaged_pixels_stay_damaged_beside_damaged_notes():
    data = with_segments(encoded(gradient(), 'JPEG'), segment(0xE0, b'JFIF\0'))
    with pytest.raises(Refusal) as refusal:
        decode(data[:-50] + b'\xff\xd9')
    assert refusal.value.reason == 'truncated'


def test_the_reference_skips_such_files():
    data = with_segments(encoded(gradient(), 'JPEG'), segment(0xE0, b'JFIF\0'))
    with pytest.raises(Refusal) as refusal:
        decode_as_reference(data)
    assert refusal.value.reason == 'unreadable'


@pytest.mark.parametrize('file_format', ['JPEG', 'PNG', 'WEBP', 'TIFF'])
def test_no_damage_of_notes_makes_a_photograph_unusable(file_format):
    exif = Image.Exif()
    exif[271], exif[305], exif[274] = 'A maker', 'A program', 1
    options = {} if file_format == 'TIFF' else {'exif': exif}
    data = encoded(gradient(), file_format, icc_profile=SRGB, **options)
    plain = decode(data)
    begin = data.index(SRGB) if SRGB in data else data.index(b'A maker') if b'A maker' in data else data.index(b'iCCP')
    random = np.random.RandomState(0)
    for _ in range(20):
        place = begin + random.randint(0, 400 if SRGB in data else 8)
        damaged = data[:place] + random.bytes(8) + data[place + 8 :]
        np.testing.assert_array_equal(decode(damaged), plain)
    assert Image.open(io.BytesIO(data)).info.get('icc_profile') == SRGB
