import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from prefilter.images import RefusedImage, decode, read_bytes


def encoded(image, file_format='PNG', **options):
    file = io.BytesIO()
    image.save(file, file_format, **options)
    return file.getvalue()


def gradient(mode='RGB', size=(20, 10)):
    ramp = np.arange(size[0] * size[1] * 3, dtype=np.uint32).reshape(size[1], size[0], 3) % 256
    return Image.fromarray(ramp.astype(np.uint8)).convert(mode)


@pytest.mark.parametrize('mode', ['RGB', 'L', '1', 'P', 'LA', 'RGBA'])
def test_every_mode_becomes_rgb(mode):
    pixels = decode(encoded(gradient(mode)))
    assert pixels.shape == (10, 20, 3) and pixels.dtype == np.uint8
    np.testing.assert_array_equal(pixels, gradient(mode).convert('RGB'))


def test_grey_gives_equal_channels():
    pixels = decode(encoded(gradient('L')))
    assert (pixels[..., 0] == pixels[..., 1]).all() and (pixels[..., 0] == pixels[..., 2]).all()


@pytest.mark.parametrize('file_format', ['PNG', 'TIFF', 'PPM', 'JPEG2000'])
def test_grey_of_16_bits_keeps_its_high_byte(file_format):
    high = np.arange(0, 200, dtype=np.uint16).reshape(10, 20)
    grey = (high << 8) + 77
    if file_format == 'PPM':
        data = b'P5 20 10 65535\n' + grey.astype('>u2').tobytes()
    else:
        options = {'irreversible': False} if file_format == 'JPEG2000' else {}
        data = encoded(Image.fromarray(grey), file_format, **options)
    np.testing.assert_array_equal(decode(data), np.stack([high] * 3, axis=-1))


def test_big_endian_tiff_of_16_bits():
    grey = np.arange(0, 200, dtype='>u2').reshape(10, 20) * 256
    image = Image.frombytes('I;16B', (20, 10), grey.astype('>u2').tobytes())
    np.testing.assert_array_equal(decode(encoded(image, 'TIFF'))[..., 0], np.arange(200).reshape(10, 20))


@pytest.mark.parametrize('values', [np.int32, np.float32])
def test_grey_without_a_known_range_is_refused(values):
    # Guessing wrong would make it white or black, and 'no-face' a false reason.
    with pytest.raises(RefusedImage) as refusal:
        decode(encoded(Image.fromarray(np.ones([10, 20], values)), 'TIFF'))
    assert refusal.value.reason == 'unreadable' and 'save it with 8 or 16' in refusal.value.detail


@pytest.mark.parametrize('file_format', ['JPEG', 'BMP', 'GIF', 'TIFF', 'WEBP', 'PPM'])
def test_formats(file_format):
    assert decode(encoded(gradient(), file_format)).shape == (10, 20, 3)


def test_cmyk():
    assert decode(encoded(gradient('CMYK'), 'JPEG')).shape == (10, 20, 3)


def test_an_animation_is_its_first_frame():
    frames = [Image.new('RGB', (8, 8), colour) for colour in ('white', 'black')]
    assert (decode(encoded(frames[0], 'GIF', save_all=True, append_images=frames[1:])) == 255).all()


def whole_jpeg():
    return encoded(gradient(size=(64, 64)), 'JPEG')


@pytest.mark.parametrize(
    'data', [b'', b'no image', whole_jpeg()[:20], whole_jpeg()[: len(whole_jpeg()) // 2], whole_jpeg()[:-10]]
)
def test_damaged_files_are_unreadable(data):
    with pytest.raises(RefusedImage) as refusal:
        decode(data)
    assert refusal.value.reason == 'unreadable' and refusal.value.detail


def test_a_decompression_bomb_is_too_large(monkeypatch):
    monkeypatch.setattr(Image, 'MAX_IMAGE_PIXELS', 50)
    with pytest.raises(RefusedImage) as refusal:
        decode(encoded(gradient()))
    assert refusal.value.reason == 'too-large'


@given(st.integers(0, 2000), st.binary(max_size=8), st.sampled_from(['PNG', 'GIF', 'TIFF', 'WEBP', 'BMP', 'JPEG']))
def test_no_damage_ends_the_run(position, garbage, file_format):
    data = encoded(gradient(), file_format)
    position %= len(data)
    try:
        pixels = decode(data[:position] + garbage + data[position + len(garbage) :])
    except RefusedImage as refusal:
        assert refusal.reason in ('unreadable', 'too-large')
    else:
        assert pixels.ndim == 3 and pixels.shape[2] == 3


def test_a_file_that_cannot_be_opened_is_unreadable():
    class Source:
        def read(self, path):
            raise PermissionError(13, 'Permission denied')

    with pytest.raises(RefusedImage) as refusal:
        read_bytes(Source(), 'a.jpg')
    assert (refusal.value.reason, refusal.value.detail) == ('unreadable', 'Permission denied')
