"""Colour profiles are turned to sRGB in every format and mode that can carry one."""

import io
import os
import struct

import numpy as np
import pytest
from PIL import Image, ImageCms

from prefilter.formats.profiles import to_srgb
from prefilter.images import decode, decode_as_reference
from tests.pictures import encoded, gradient

CASES = os.path.join(os.path.dirname(__file__), '..', '..', 'cases')
WIDE = Image.open(CASES + '/colour-profile-ignored/in/wide.png').info['icc_profile']
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile('sRGB')).tobytes()


def grey_profile(gamma):
    """A profile for grey values whose light is the value to the power of `gamma`."""
    curve = b'curv' + struct.pack('>IIH', 0, 1, int(gamma * 256)).ljust(12, b'\0')
    return a_profile(b'mntr', b'GRAY', b'XYZ ', {b'kTRC': curve})


def ink_profile(colours):
    """A profile for CMYK that says which colour each of the 16 mixtures of full inks has.

    Args:
        colours: uint8 [2, 2, 2, 2, 3], sRGB by the amounts (0 or 1) of C, M, Y and K.
    """
    to_lab = ImageCms.buildTransform(ImageCms.createProfile('sRGB'), ImageCms.createProfile('LAB'), 'RGB', 'LAB', 1)
    lab = np.asarray(ImageCms.applyTransform(Image.fromarray(colours.reshape(16, 1, 3)), to_lab)).reshape(16, 3).copy()
    lab[:, 1:] ^= 128  # PIL's a and b are signed
    unchanged = bytes(range(256))
    matrix = struct.pack('>9i', *(np.eye(3, dtype=int) << 16).ravel())
    table = b'mft1' + struct.pack('>I4B', 0, 4, 3, 2, 0) + matrix + 4 * unchanged + lab.tobytes() + 3 * unchanged
    return a_profile(b'prtr', b'CMYK', b'Lab ', {b'A2B0': table, b'A2B1': table})


def a_profile(kind, space, connected_by, tags):
    """The bytes of an ICC profile with some tags: dict of name to content of a multiple of 4 bytes."""
    tags = {b'wtpt': b'XYZ ' + struct.pack('>Iiii', 0, 0xF6D6, 0x10000, 0xD32D), **tags}
    table, content = struct.pack('>I', len(tags)), b''
    for name, data in tags.items():
        table += struct.pack('>4sII', name, 128 + 4 + 12 * len(tags) + len(content), len(data))
        content += data
    size = 132 + 12 * len(tags) + len(content)
    header = struct.pack('>I4sI4s4s4s', size, b'lcms', 0x02100000, kind, space, connected_by)
    header = (header + struct.pack('>6H', 2026, 1, 1, 0, 0, 0) + b'acsp').ljust(68, b'\0')
    header += struct.pack('>iii', 0xF6D6, 0x10000, 0xD32D)
    return header.ljust(128, b'\0') + table + content


def by_lcms(image, profile):
    transform = ImageCms.buildTransform(
        ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile('sRGB'), image.mode, 'RGB', 1
    )
    return np.asarray(ImageCms.applyTransform(image, transform), int)


@pytest.mark.parametrize('file_format, options', [('PNG', {}), ('WEBP', {'lossless': True}), ('TIFF', {})])
def test_every_format_with_a_profile(file_format, options):
    pixels = decode(encoded(gradient(), file_format, icc_profile=WIDE, **options))
    assert np.abs(pixels - by_lcms(gradient(), WIDE)).max() <= 2
    assert np.abs(pixels - np.asarray(gradient(), int)).mean() > 5


def test_jpeg_with_a_profile_of_many_segments():
    profile = WIDE + bytes(200_000)  # one segment holds 64 KiB
    data = encoded(gradient(), 'JPEG', icc_profile=profile)
    stored = Image.fromarray(decode_as_reference(data))
    assert np.abs(decode(data) - by_lcms(stored, WIDE)).max() <= 2


def test_bmp_with_a_profile():
    header = struct.pack('<IiiHHIIiiII', 124, 20, -10, 1, 24, 0, 0, 0, 0, 0, 0).ljust(56, b'\0') + b'DEBM'
    rows = np.asarray(gradient())[..., ::-1].tobytes()  # rows of 60 bytes need no filling
    header = header.ljust(112, b'\0') + struct.pack('<III', 124 + len(rows), len(WIDE), 0)
    data = b'BM' + struct.pack('<III', 0, 0, 138) + header + rows + WIDE
    assert np.abs(decode(data) - by_lcms(gradient(), WIDE)).max() <= 2


@pytest.mark.parametrize('mode', ['P', 'RGBA'])
def test_modes_that_become_rgb(mode):
    image = gradient(mode)
    pixels = decode(encoded(image, icc_profile=WIDE))
    assert np.abs(pixels - by_lcms(image.convert('RGB'), WIDE)).max() <= 2


def test_transparency_stays_where_a_profile_is():
    image = gradient('RGBA')
    image.paste((10, 20, 30, 0), (0, 0, 5, 5))
    pixels = decode(encoded(image, icc_profile=WIDE))
    assert (pixels[:5, :5] == 255).all()
    assert np.abs(pixels - by_lcms(image.convert('RGB'), WIDE))[5:].max() <= 2


@pytest.mark.parametrize('mode', ['L', 'LA', 'I;16'])
def test_grey_profiles(mode):
    grey, profile = gradient('L'), grey_profile(1.0)
    stored = Image.fromarray(np.asarray(grey, np.uint16) << 8) if mode == 'I;16' else grey.convert(mode)
    pixels = decode(encoded(stored, icc_profile=profile))
    assert np.abs(pixels - by_lcms(grey, profile)).max() <= 2
    assert np.abs(pixels - np.asarray(grey.convert('RGB'), int)).mean() > 5


@pytest.mark.parametrize('file_format', ['JPEG', 'TIFF'])
def test_inks_have_the_colours_that_their_profile_says(file_format):
    colours = np.random.RandomState(5).randint(40, 216, [2, 2, 2, 2, 3]).astype(np.uint8)
    colours[0, 0, 0, 0] = 255  # paper
    profile = ink_profile(colours)
    for inks in ([0, 0, 0, 0], [1, 0, 0, 0], [0, 1, 1, 0], [0, 0, 0, 1], [1, 0, 1, 1]):
        stored = Image.new('CMYK', (16, 16), tuple(255 * ink for ink in inks))
        options = {'quality': 100} if file_format == 'JPEG' else {}
        pixels = decode(encoded(stored, file_format, icc_profile=profile, **options)).astype(int)
        assert np.abs(pixels - colours[tuple(inks)]).max() <= 4, inks  # Lab of 8 bits is that coarse
        plain = decode(encoded(stored, file_format, **options)).astype(int)
        assert inks == [0, 0, 0, 0] or np.abs(plain - colours[tuple(inks)]).max() > 30


@pytest.mark.parametrize('mode', ['RGB', 'L', 'P', 'CMYK'])
def test_srgb_by_any_name_changes_nothing(mode):
    file_format = 'TIFF' if mode == 'CMYK' else 'PNG'
    plain = encoded(gradient(mode), file_format)
    np.testing.assert_array_equal(decode(encoded(gradient(mode), file_format, icc_profile=SRGB)), decode(plain))


@pytest.mark.parametrize('profile', [b'', b'x' * 200, WIDE[:300], WIDE[:16] + b'Lab ' + WIDE[20:]], ids='abcd')
def test_profiles_that_do_not_fit_change_nothing(profile):
    np.testing.assert_array_equal(to_srgb(gradient(), profile), gradient())
    np.testing.assert_array_equal(decode(encoded(gradient('L'), icc_profile=WIDE)), gradient('L').convert('RGB'))


def test_the_reference_ignores_profiles():
    np.testing.assert_array_equal(decode_as_reference(encoded(gradient(), icc_profile=WIDE)), gradient())
