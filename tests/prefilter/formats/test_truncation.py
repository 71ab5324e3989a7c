"""Pictures whose data end early are `truncated`, whatever stands at the end of the file."""

import io
import itertools

import cv2
import numpy as np
import pytest
from PIL import Image, ImageFilter

from prefilter.formats import jpeg
from prefilter.images import decode
from prefilter.reasons import Refusal
from tests.pictures import encoded, gradient

END_MARKS = {'JPEG': b'\xff\xd9', 'PNG': b'\0\0\0\0IEND\xaeB`\x82', 'GIF': b'\0;', 'WEBP': b'', 'TIFF': b''}


def photograph(mode='RGB'):
    noise = np.random.RandomState(0).randint(0, 256, [96, 120, 3]).astype(np.uint8)
    return Image.fromarray(noise).filter(ImageFilter.GaussianBlur(2)).convert(mode)


def with_restarts(progressive):
    flags = [cv2.IMWRITE_JPEG_RST_INTERVAL, 3, cv2.IMWRITE_JPEG_PROGRESSIVE, progressive]
    return cv2.imencode('.jpg', np.asarray(photograph()), flags)[1].tobytes()


FILES = {
    'baseline': ('JPEG', encoded(photograph(), 'JPEG')),
    'without subsampling': ('JPEG', encoded(photograph(), 'JPEG', quality=95, subsampling=0)),
    'optimized': ('JPEG', encoded(photograph(), 'JPEG', optimize=True)),
    'grey': ('JPEG', encoded(photograph('L'), 'JPEG')),
    'CMYK': ('JPEG', encoded(photograph('CMYK'), 'JPEG')),
    'progressive': ('JPEG', encoded(photograph(), 'JPEG', progressive=True)),
    'progressive grey': ('JPEG', encoded(photograph('L'), 'JPEG', progressive=True)),
    'restarts': ('JPEG', with_restarts(0)),
    'progressive restarts': ('JPEG', with_restarts(1)),
    'PNG': ('PNG', encoded(photograph())),
    'GIF': ('GIF', encoded(photograph(), 'GIF')),
    'WebP': ('WEBP', encoded(photograph(), 'WEBP')),
    'lossless WebP': ('WEBP', encoded(photograph(), 'WEBP', lossless=True)),
    'TIFF in LZW': ('TIFF', encoded(photograph(), 'TIFF', compression='tiff_lzw')),
}


@pytest.mark.parametrize('name', sorted(FILES))
def test_whole_pictures_are_taken_as_pillow_decodes_them(name):
    data = FILES[name][1]
    with Image.open(io.BytesIO(data)) as image:
        np.testing.assert_array_equal(decode(data), image.convert('RGB'))


@pytest.mark.parametrize('part', [0.3, 0.6, 0.9])
@pytest.mark.parametrize('name', sorted(FILES))
def test_what_is_cut_off_is_noticed(name, part):
    file_format, data = FILES[name]
    cut, mark = data[: int(len(data) * part)], END_MARKS[file_format]
    filled = cut.ljust(len(data) - len(mark), b'\0')
    for damaged in (cut, cut + mark, filled + bytes(len(mark)), filled + mark):
        with pytest.raises(Refusal) as refusal:
            decode(damaged)
        assert refusal.value.reason in ('truncated', 'unreadable')
        if damaged == cut + mark and file_format == 'JPEG':
            assert refusal.value.reason == 'truncated'


@pytest.mark.parametrize('part', [0.3, 0.5, 0.7])
@pytest.mark.parametrize('name', sorted(name for name in FILES if FILES[name][0] == 'JPEG'))
def test_a_jpeg_that_lacks_a_piece_in_its_middle_is_noticed(name, part):
    data = FILES[name][1]
    gap = int(len(data) * part)
    with pytest.raises(Refusal) as refusal:
        decode(data[:gap] + data[gap + len(data) // 10 :])
    assert refusal.value.reason in ('truncated', 'unreadable')


def test_a_jpeg_that_lacks_its_last_scans_is_truncated():
    data = encoded(photograph(), 'JPEG', progressive=True)
    last = data.rindex(b'\xff\xda')
    with pytest.raises(Refusal, match='some of its scans are missing'):
        decode(data[: data.rindex(b'\xff\xc4', 0, last)] + b'\xff\xd9')


def test_flat_pictures_whose_code_is_zeros_are_whole():
    # With codes made for it, a flat picture is coded as zeros alone.
    data = encoded(Image.new('RGB', (2000, 1200), (9, 90, 200)), 'JPEG', optimize=True)
    scan = jpeg.Layout(data).scans[-1]
    assert data.endswith(bytes(64), 0, scan.stop - 1)
    assert (decode(data) == decode(data)[0, 0]).all()


@pytest.mark.parametrize('behind', [b'', bytes(3000), b'\xff\xd9', b'MakerNote' * 50], ids=itertools.count())
def test_what_stands_behind_the_end_mark_does_not_matter(behind):
    for options in ({}, {'progressive': True}):
        data = encoded(photograph(), 'JPEG', **options)
        np.testing.assert_array_equal(decode(data + behind), decode(data))


def test_zeros_between_the_pixels_and_the_end_mark_do_not_matter():
    data = encoded(photograph(), 'JPEG')  # some cameras fill up to whole blocks
    np.testing.assert_array_equal(decode(data[:-2] + bytes(500) + data[-2:]), decode(data))


def test_a_png_with_a_wrong_checksum_of_its_pixels_is_unreadable():
    data = bytearray(encoded(gradient()))
    data[-13] ^= 1  # the last byte of the checksum
    with pytest.raises(Refusal) as refusal:
        decode(bytes(data))
    assert refusal.value.reason == 'unreadable' and 'checksum of its pixels' in refusal.value.detail
