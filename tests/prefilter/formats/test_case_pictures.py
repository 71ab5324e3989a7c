"""Pictures of `tests/cases`, as they came from users' disks, and what they should give."""

import pathlib

import numpy as np
import pytest
from PIL import Image

from prefilter.images import decode, decode_as_reference
from prefilter.reasons import Refusal

CASES = pathlib.Path(__file__).parents[2] / 'cases'


def pixels_of(case, name):
    return decode((CASES / case / 'in' / name).read_bytes())


def right_pixels(case, name):
    return np.asarray(Image.open(str(CASES / case / 'right' / name)).convert('RGB'), int)


@pytest.mark.parametrize('name', ['half_with_end_mark', 'half_without_end_mark', 'half_zeros'])
def test_half_a_jpeg_is_truncated_whatever_its_last_bytes_are(name):
    with pytest.raises(Refusal) as refusal:
        pixels_of('jpeg-grey-tail', f'{name}.jpg')
    assert refusal.value.reason == 'truncated'
    assert pixels_of('jpeg-grey-tail', 'whole.jpg').shape == (64, 64, 3)


def test_the_reference_takes_half_a_jpeg():
    assert decode_as_reference((CASES / 'jpeg-grey-tail/in/half_with_end_mark.jpg').read_bytes()).shape == (64, 64, 3)


@pytest.mark.parametrize(
    'case, name',
    [
        *[('jpeg-damaged-metadata', f'{note}_short.jpg') for note in ('adobe', 'exif', 'icc', 'jfif')],
        *[('png-large-metadata', f'{note}.png') for note in ('iccp', 'itxt', 'ztxt')],
    ],
)
def test_notes_that_cannot_be_read_leave_the_pixels(case, name):
    np.testing.assert_array_equal(pixels_of(case, name), pixels_of(case, 'whole' + name[-4:]))


@pytest.mark.parametrize('name', ['gamma18.png', 'wide.png'])
def test_colour_profiles_are_turned_to_srgb(name):
    difference = pixels_of('colour-profile-ignored', name) - right_pixels('colour-profile-ignored', name)
    assert np.abs(difference).max() <= 2


@pytest.mark.parametrize('name', ['gamma18.png', 'wide.png'])
def test_the_reference_keeps_the_stored_numbers(name):
    path = CASES / 'colour-profile-ignored/in' / name
    np.testing.assert_array_equal(decode_as_reference(path.read_bytes()), np.asarray(Image.open(str(path))))


def test_run_lengths_of_four_bits():
    case = 'bmp-wrong-pixels'
    np.testing.assert_array_equal(pixels_of(case, 'rle4.bmp'), right_pixels(case, 'rle4.png'))
