import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from prefilter.images import decode, read_bytes
from prefilter.reasons import REASONS, Refusal
from tests.pictures import encoded, gradient


@pytest.mark.parametrize('mode', ['RGB', 'L', '1', 'P', 'LA', 'RGBA'])
def test_every_mode_becomes_rgb(mode):
    pixels = decode(encoded(gradient(mode)))
    assert pixels.shape == (10, 20, 3) and pixels.dtype == np.uint8
    np.testing.assert_array_equal(pixels, gradient(mode).convert('RGB'))


def test_grey_gives_equal_channels():
    pixels = decode(encoded(gradient('L')))
    assert (pixels[..., 0] == pixels[..., 1]).all() and (pixels[..., 0] == pixels[..., 2]).all()


@pytest.mark.parametrize('file_format', ['PNG', 'TIFF', 'PPM'])
def test_grey_of_16_bits_keeps_its_high_byte(file_format):
    high = np.arange(0, 200, dtype=np.uint16).reshape(10, 20)
    grey = (high << 8) + 77
    if file_format == 'PPM':
        data = b'P5 20 10 65535\n' + grey.astype('>u2').tobytes()
    else:
        data = encoded(Image.fromarray(grey), file_format)
    np.testing.assert_array_equal(decode(data), np.stack([high] * 3, axis=-1))


def test_big_endian_tiff_of_16_bits():
    grey = np.arange(0, 200, dtype='>u2').reshape(10, 20) * 256
    image = Image.frombytes('I;16B', (20, 10), grey.astype('>u2').tobytes())
    np.testing.assert_array_equal(decode(encoded(image, 'TIFF'))[..., 0], np.arange(200).reshape(10, 20))


@pytest.mark.parametrize('values', [np.int32, np.float32])
def test_grey_without_a_known_range_is_refused(values):
    # Guessing wrong would make it white or black, and 'no-face' a false reason.
    with pytest.raises(Refusal) as refusal:
        decode(encoded(Image.fromarray(np.ones([10, 20], values)), 'TIFF'))
    assert refusal.value.reason == 'unsupported' and 'save it as RGB' in refusal.value.detail


@pytest.mark.parametrize('file_format', ['JPEG', 'MPO', 'BMP', 'GIF', 'TIFF', 'WEBP', 'PPM'])
def test_formats(file_format):
    assert decode(encoded(gradient(), file_format)).shape == (10, 20, 3)


def test_an_animation_is_its_first_frame():
    frames = [Image.new('RGB', (8, 8), colour) for colour in ('white', 'black')]
    assert (decode(encoded(frames[0], 'GIF', save_all=True, append_images=frames[1:])) == 255).all()


@given(st.integers(0, 2000), st.binary(max_size=8), st.sampled_from(['PNG', 'GIF', 'TIFF', 'WEBP', 'BMP', 'JPEG']))
def test_no_damage_ends_the_run(position, garbage, file_format):
    data = encoded(gradient(), file_format)
    position %= len(data)
    try:
        pixels = decode(data[:position] + garbage + data[position + len(garbage) :])
    except Refusal as refusal:
        assert refusal.reason in REASONS
    else:
        assert pixels.ndim == 3 and pixels.shape[2] == 3 and pixels.dtype == np.uint8


def test_a_file_that_cannot_be_opened_is_unreadable():
    class Source:
        def read(self, path):
            raise PermissionError(13, 'Permission denied')

    with pytest.raises(Refusal) as refusal:
        read_bytes(Source(), 0)
    assert (refusal.value.reason, refusal.value.detail) == ('unreadable', 'Permission denied')
