import itertools
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from prefilter.formats import tiff
from prefilter.images import MAX_PIXELS, REFERENCE_MAX_PIXELS, decode, decode_as_reference
from prefilter.reasons import Refusal
from tests.pictures import encoded, gradient, npy


def noise():
    return Image.fromarray(np.random.RandomState(1).randint(0, 256, [100, 100, 3]).astype(np.uint8))


def reason_of(data, decoder=decode, **options):
    with pytest.raises(Refusal) as refusal:
        decoder(data, **options)
    assert refusal.value.detail
    return refusal.value.reason


# ----------------------------------------------------------------------------------------------------------------------
# Damage.


def whole(file_format):
    noise = np.random.RandomState(0).randint(0, 256, [64, 64, 3]).astype(np.uint8)
    return encoded(noise, file_format)


def floating_point():
    tags = {256: (4, 2), 257: (4, 2), 258: (3, 32), 259: (3, 1), 262: (3, 2), 273: (4, 200), 277: (3, 3), 279: (4, 48)}
    entries = b''.join(struct.pack('<HHII', tag, kind, 1, value) for tag, (kind, value) in sorted(tags.items()))
    entries += struct.pack('<HHII', 339, 3, 1, 3)
    data = b'II*\0' + struct.pack('<IH', 8, 9) + entries + bytes(4)
    return data.ljust(200, b'\0') + bytes(48)


FLOATING_POINT = floating_point()


def damaged(data, place):
    return data[:place] + bytes(255 - byte for byte in data[place : place + 20]) + data[place + 20 :]


@pytest.mark.parametrize('decoder', [decode, decode_as_reference])
@pytest.mark.parametrize(
    'data, reason',
    [
        (b'', 'not-an-image'),
        (b'no image' * 20, 'not-an-image'),
        (encoded(gradient(), 'JPEG2000'), 'not-an-image'),  # a format that is left out on purpose
        (encoded(gradient(size=(16, 16)), 'ICO'), 'not-an-image'),
        (whole('JPEG')[:20], 'truncated'),
        (whole('JPEG')[: len(whole('JPEG')) // 2], 'truncated'),
        (whole('JPEG')[:-10], 'truncated'),
        (whole('PNG')[: len(whole('PNG')) // 2], 'truncated'),
        (whole('BMP')[:-100], 'truncated'),
        (whole('WEBP')[:-100], 'truncated'),
        (whole('PPM')[:-100], 'truncated'),
        (damaged(whole('PNG'), 60), 'unreadable'),
    ],
    ids=itertools.count(),
)
def test_damaged_files_have_a_reason(data, reason, decoder):
    assert reason_of(data, decoder) == reason


def test_values_without_a_meaning_are_unsupported():
    assert reason_of(encoded(Image.new('LAB', (8, 8)), 'TIFF')) == 'unsupported'


def unusual_jpeg(frame, bits=8):
    data = encoded(gradient(), 'JPEG')
    place = data.index(b'\xff\xc0')
    return data[:place] + bytes([0xFF, frame]) + data[place + 2 : place + 4] + bytes([bits]) + data[place + 5 :]


def tiff_with(**tags):
    """A TIFF of 8-bit RGB whose tags say something else; names are those of `tiff`."""
    data = bytearray(encoded(gradient(), 'TIFF'))
    place = int.from_bytes(data[4:8], 'little')
    for start in range(place + 2, place + 2 + 12 * data[place], 12):
        for name, value in tags.items():
            if int.from_bytes(data[start : start + 2], 'little') == getattr(tiff, name):
                data[start + 8 : start + 12] = value.to_bytes(4, 'little')
    return bytes(data)


@pytest.mark.parametrize('decoder', [decode, decode_as_reference])
@pytest.mark.parametrize(
    'data, reason, words',
    [
        (unusual_jpeg(0xC3), 'unsupported', 'lossless JPEG: save it as 8-bit RGB'),
        (unusual_jpeg(0xC1, bits=12), 'unsupported', 'JPEG of 12 bits'),
        (tiff_with(COMPRESSION=50001), 'unsupported', 'TIFF with WebP'),
        (tiff_with(COMPRESSION=50002), 'unsupported', 'TIFF with JPEG XL'),
        (tiff_with(COMPRESSION=777), 'unsupported', 'TIFF with compression 777'),
        (FLOATING_POINT, 'unsupported', 'TIFF with 3 floating-point values of 32 bits for each pixel'),
        (FLOATING_POINT[:30], 'truncated', 'it ends within its header'),
        (encoded(gradient())[:8] + b'\0\0\0\5' * 9 + b'IEND', 'unreadable', 'begins as PNG, but its header is damaged'),
        (b'\xff\xd8\xff' + bytes(90) + b'\xff\xd9', 'unreadable', 'it begins as JPEG, but its header is damaged'),
        (b'GIF89a' + bytes(3) + b';', 'unreadable', ''),
        (b'RIFF' + (900).to_bytes(4, 'little') + b'WAVE' + bytes(900), 'not-an-image', 'no JPEG, PNG, '),
        (bytes(4) + b'ftypheic' + bytes(99), 'not-an-image', 'PPM file, but HEIC, as phones write it'),
        (encoded(gradient(), 'JPEG2000'), 'not-an-image', 'PPM file, but JPEG 2000'),
        (b'<!DOCTYPE html><title>404</title>', 'not-an-image', 'PPM file, but a web page'),
        (
            encoded(gradient()).replace(b'\n', b'\r\n'),
            'not-an-image',
            'but a PNG whose line ends a program has changed',
        ),
        (
            encoded(gradient()).replace(b'\r\n', b'\n'),
            'not-an-image',
            'but a PNG whose line ends a program has changed',
        ),
        (encoded(noise(), 'TIFF', compression='jpeg')[:-4], 'truncated', 'it ends within its header'),
        (b'P4rking lot', 'not-an-image', 'no JPEG, PNG, '),
        (b'BM is no bitmap, though it begins so.', 'not-an-image', 'no JPEG, PNG, '),
    ],
    ids=itertools.count(),
)
def test_what_begins_as_an_image_is_called_one(data, reason, words, decoder):
    with pytest.raises(Refusal) as refusal:
        decoder(data)
    assert refusal.value.reason == reason and words in refusal.value.detail


@pytest.mark.parametrize('file_format', ['JPEG', 'WEBP', 'GIF'])
def test_a_file_that_was_copied_as_text_is_refused(file_format):
    data = encoded(noise(), file_format)
    assert decode(data).shape == (100, 100, 3)
    with pytest.raises(Refusal) as refusal:
        decode(data.replace(b'\n', b'\r\n'))
    assert refusal.value.reason == 'unreadable'
    assert 'a program has changed its line ends: copy it again, in binary mode' in refusal.value.detail


def test_reasons_are_those_of_the_list():
    with pytest.raises(ValueError, match='tired is not one of unreadable, truncated'):
        Refusal('tired', 'x')


# ----------------------------------------------------------------------------------------------------------------------
# Size.


def test_too_many_pixels_are_refused_before_decoding():
    data = encoded(Image.new('RGB', (200, 100)))
    with pytest.raises(Refusal) as refusal:
        decode(data[:45], max_pixels=19_999)  # were it decoded, it would be truncated
    assert refusal.value.reason == 'too-large'
    assert refusal.value.detail == '200x100 are 20,000 pixels, more than --max-pixels 19999'
    assert decode(data, max_pixels=20_000).shape == (100, 200, 3)


@pytest.mark.parametrize('decoder', [decode, decode_as_reference])
def test_a_bomb_of_182_megapixels_is_refused_by_its_header(decoder):
    chunk = b'IHDR' + struct.pack('>II', 14000, 13000) + bytes([8, 2, 0, 0, 0])
    header = b'\x89PNG\r\n\x1a\n' + struct.pack('>I', 13) + chunk + struct.pack('>I', zlib.crc32(chunk))
    assert reason_of(header + struct.pack('>I', 1 << 20) + b'IDAT', decoder) == 'too-large'


def test_the_limits_stand_where_they_are_said_to():
    assert 12000 * 9000 < MAX_PIXELS < REFERENCE_MAX_PIXELS < 14000 * 13000
    assert Image.MAX_IMAGE_PIXELS is None  # so that --max-pixels may be beyond PIL's own limit


# ----------------------------------------------------------------------------------------------------------------------
# Orientation.


def corners():
    """An upright picture, all of whose corners are different."""
    image = Image.new('RGB', (24, 16))
    for colour, place in (('red', (0, 0)), ('lime', (16, 0)), ('blue', (16, 8)), ('white', (0, 8))):
        image.paste(colour, (*place, place[0] + 8, place[1] + 8))
    return image


STORED_AS = {  # what a camera that gives this orientation has stored of the upright picture
    2: Image.FLIP_LEFT_RIGHT,
    3: Image.ROTATE_180,
    4: Image.FLIP_TOP_BOTTOM,
    5: Image.TRANSPOSE,
    6: Image.ROTATE_90,
    7: Image.TRANSVERSE,
    8: Image.ROTATE_270,
}


def turned(orientation, file_format, **options):
    stored = corners().transpose(STORED_AS[orientation])
    if file_format == 'TIFF':
        return encoded(stored, 'TIFF', tiffinfo={274: orientation}, **options)
    exif = Image.Exif()
    exif[274] = orientation
    return encoded(stored, file_format, exif=exif, **options)


@pytest.mark.parametrize('orientation', sorted(STORED_AS))
@pytest.mark.parametrize(
    'file_format, options, tolerance',
    [
        ('PNG', {}, 0),
        ('WEBP', {'lossless': True}, 0),
        ('TIFF', {}, 0),
        ('TIFF', {'compression': 'tiff_lzw'}, 0),
        ('JPEG', {'quality': 95, 'subsampling': 0}, 10),
    ],
)
def test_photographs_are_turned_upright(orientation, file_format, options, tolerance):
    pixels = decode(turned(orientation, file_format, **options))
    assert pixels.shape == (16, 24, 3)
    assert np.abs(pixels.astype(int) - np.asarray(corners())).max() <= tolerance


def test_grey_of_16_bits_is_turned_too():
    grey = Image.fromarray(np.arange(6, dtype=np.uint16).reshape(2, 3) << 8)
    exif = Image.Exif()
    exif[274] = 6
    assert decode(encoded(grey, 'PNG', exif=exif))[..., 0].tolist() == [[3, 0], [4, 1], [5, 2]]


@pytest.mark.parametrize('exif', [b'Exif\0\0', b'Exif\0\0II*\0\xff\xff\xff\xff', b'Exif\0\0' + b'\xff' * 40], ids='abc')
def test_damaged_exif_makes_no_photograph_unusable(exif):
    assert decode(encoded(corners(), 'JPEG', exif=exif)).shape == (16, 24, 3)


# ----------------------------------------------------------------------------------------------------------------------
# Colours and transparency.


@pytest.mark.parametrize('file_format', ['JPEG', 'TIFF'])
def test_cmyk_becomes_rgb(file_format):
    inks = gradient().convert('CMYK')
    error = decode(encoded(inks, file_format)).astype(int) - np.asarray(gradient())
    assert np.abs(error).mean() < (12 if file_format == 'JPEG' else 1)


@pytest.mark.parametrize('mode, colour', [('RGBA', (10, 20, 30, 0)), ('LA', (10, 0))])
def test_what_is_transparent_is_white(mode, colour):
    image = gradient(mode)
    image.paste(colour, (0, 0, 5, 5))
    pixels = decode(encoded(image))
    assert (pixels[:5, :5] == 255).all()
    np.testing.assert_array_equal(pixels[5:], np.asarray(gradient(mode).convert('RGB'))[5:])


def test_half_transparent_is_half_white():
    assert decode(encoded(Image.new('RGBA', (4, 4), (0, 0, 100, 128))))[0, 0].tolist() == [127, 127, 177]


@pytest.mark.parametrize('file_format', ['PNG', 'GIF'])
def test_a_transparent_palette_entry_is_white(file_format):
    image = Image.new('P', (4, 4), 1)
    image.putpalette([0, 0, 0, 200, 0, 0])
    image.putpixel((0, 0), 0)
    pixels = decode(encoded(image, file_format, transparency=0))
    assert pixels[0, 0].tolist() == [255, 255, 255] and pixels[3, 3].tolist() == [200, 0, 0]


def test_tiff_of_16_bits_whose_zero_is_white():
    grey = Image.fromarray(np.full([4, 4], 0x1000, np.uint16))
    assert (decode(encoded(grey, 'TIFF', tiffinfo={262: 0})) == 255 - 0x10).all()


# ----------------------------------------------------------------------------------------------------------------------
# Arrays.


def test_arrays_of_any_usual_shape():
    pixels = np.asarray(gradient())
    for array in (pixels, pixels.transpose(2, 0, 1).copy(), pixels.transpose(2, 0, 1)[np.newaxis].copy()):
        np.testing.assert_array_equal(decode(npy(array)), pixels)
    np.testing.assert_array_equal(decode(npy(pixels[..., 0].copy())), np.stack([pixels[..., 0]] * 3, axis=-1))


@pytest.mark.parametrize(
    'data, reason',
    [
        (npy(np.zeros([8, 8, 3], np.float32)), 'unsupported'),
        (npy(np.zeros([8, 8, 4], np.uint8)), 'unsupported'),
        (npy(np.zeros([2, 3, 8, 8], np.uint8)), 'unsupported'),
        (npy(np.zeros([0, 8, 3], np.uint8)), 'unsupported'),
        (npy(np.array([{}])), 'unsupported'),
        (npy(np.zeros([8, 8, 3], np.uint8))[:-1], 'truncated'),
        (npy(np.zeros([8, 8, 3], np.uint8))[:30], 'unreadable'),
        (b'\x93NUMPY\x09\x00', 'unreadable'),
        (npy(np.zeros([8, 8, 3], np.uint8)).replace(b'(8, 8, 3)', b'(8, 8, *3'), 'unreadable'),
        (npy(np.zeros([8, 8, 3], np.uint8)).replace(b'(8, 8, 3)', b'(-8,-8,3)'), 'unsupported'),
    ],
    ids=itertools.count(),
)
def test_arrays_without_pixels_have_a_reason(data, reason):
    assert reason_of(data) == reason


def test_an_array_is_checked_by_its_header():
    assert reason_of(npy(np.zeros([10, 20, 3], np.uint8)), max_pixels=199) == 'too-large'


# ----------------------------------------------------------------------------------------------------------------------
# The reference's loader.


@pytest.mark.parametrize('mode', ['RGB', 'L', '1', 'P', 'RGBA'])
def test_ordinary_files_are_the_same_to_both(mode):
    data = encoded(gradient(mode))
    np.testing.assert_array_equal(decode_as_reference(data), decode(data))


def test_the_reference_ignores_orientation():
    np.testing.assert_array_equal(decode_as_reference(turned(6, 'PNG')), corners().transpose(Image.ROTATE_90))


@pytest.mark.parametrize('file_format', ['PNG', 'TIFF'])
def test_the_reference_keeps_the_low_byte(file_format):
    grey = np.arange(200, dtype=np.uint16).reshape(10, 20) * 259
    pixels = decode_as_reference(encoded(grey, file_format))
    np.testing.assert_array_equal(pixels, np.stack([(grey % 256).astype(np.uint8)] * 3, axis=-1))


def test_the_reference_takes_inks_for_colours():
    image = gradient('CMYK')
    np.testing.assert_array_equal(decode_as_reference(encoded(image, 'TIFF')), np.asarray(image)[..., :3])


def test_the_reference_drops_alpha():
    assert decode_as_reference(encoded(Image.new('RGBA', (4, 4), (10, 20, 30, 0))))[0, 0].tolist() == [10, 20, 30]
    palette = Image.new('P', (4, 4), 0)
    palette.putpalette([10, 20, 30])
    assert decode_as_reference(encoded(palette, transparency=0))[0, 0].tolist() == [10, 20, 30]


def test_grey_with_alpha_ends_the_references_run():
    assert reason_of(encoded(gradient('LA')), decode_as_reference) == 'reference-fails'
