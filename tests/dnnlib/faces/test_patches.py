import cv2
import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from dnnlib.faces import patches
from dnnlib.faces.cascade import pyramid_scales
from dnnlib.faces.patches import PIXEL_ZERO, Pyramid, cut_patches, stack


def noise(height, width, seed=0):
    return np.random.RandomState(seed).randint(0, 256, [height, width, 3]).astype(np.uint8)


@hypothesis.settings(deadline=None, max_examples=60)
@hypothesis.given(height=st.integers(12, 160), width=st.integers(12, 160), scale=st.floats(0.05, 0.99))
def test_a_level_has_the_bytes_of_opencv(height, width, scale):
    image = noise(height, width)
    size = int(np.ceil(width * scale)), int(np.ceil(height * scale))
    expected = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    np.testing.assert_array_equal(Pyramid(image).level(scale) + np.float32(PIXEL_ZERO), expected)


@pytest.mark.parametrize('scale', [0.5, 0.25, 1 / 3, 1.0])
def test_a_level_has_the_bytes_of_opencv_where_that_has_a_way_of_its_own(scale):
    image = noise(96, 48)
    size = int(np.ceil(48 * scale)), int(np.ceil(96 * scale))
    expected = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    np.testing.assert_array_equal(Pyramid(image).level(scale) + np.float32(PIXEL_ZERO), expected)


def test_large_images_are_resized_as_bytes(monkeypatch):
    image = noise(61, 47)
    as_floats = [Pyramid(image).level(scale) for scale in pyramid_scales(61, 47)]
    monkeypatch.setattr(patches, 'PYRAMID_PIXELS', 61 * 47 - 1)
    as_bytes = [Pyramid(image).level(scale) for scale in pyramid_scales(61, 47)]
    assert len(as_bytes) == 3 and {level.dtype.name for level in as_bytes} == {'int8'}
    assert all(np.array_equal(one, other) for one, other in zip(as_bytes, as_floats))


def test_levels_are_stacked_as_lines_of_floats():
    levels = [(noise(9, 7, seed) ^ PIXEL_ZERO).view(np.int8) for seed in range(3)]
    for dtype in (np.int8, np.float32):
        stacked = stack([level.astype(dtype) for level in levels])
        assert stacked.dtype == np.float32 and stacked.transpose(0, 1, 3, 2).flags.c_contiguous
        np.testing.assert_array_equal(stacked, levels)


@pytest.mark.parametrize(
    'box',
    [
        (1, 1, 40, 40),
        (5, 7, 28, 30),
        (-9, -3, 20, 26),
        (30, 20, 70, 60),
        (-20, -20, 90, 90),
        (60, 60, 90, 90),
        (-90, 5, -60, 34),
        (17, 17, 17, 17),
    ],
)
@pytest.mark.parametrize('side', [24, 48])
def test_a_patch_is_resized_unrounded_and_zero_outside(box, side):
    image, margin = noise(50, 40), 100
    padded = np.pad(image.astype(np.float64), [(margin, margin), (margin, margin), (0, 0)], 'constant')
    left, top, right, bottom = (value + margin for value in box)
    expected = cv2.resize(padded[top - 1 : bottom, left - 1 : right], (side, side), interpolation=cv2.INTER_AREA)
    patch = cut_patches([None, image], np.array([1]), np.array([box]), side)
    assert patch.shape == (1, side, side, 3) and patch.dtype == np.float32
    assert patch.transpose(0, 2, 3, 1).flags.c_contiguous
    np.testing.assert_allclose(patch[0], expected - PIXEL_ZERO, rtol=0, atol=7e-5)


@pytest.mark.parametrize('box', [(1, 1, 301, 301), (-20, 30, 280, 331), (2, 3, 193, 194)])
def test_a_large_patch_in_strips_is_opencvs(box, monkeypatch):
    image, margin = noise(310, 305), 50
    padded = np.pad(image.astype(np.float64), [(margin, margin), (margin, margin), (0, 0)], 'constant')
    left, top, right, bottom = (value + margin for value in box)
    expected = cv2.resize(padded[top - 1 : bottom, left - 1 : right], (48, 48), interpolation=cv2.INTER_AREA)
    monkeypatch.setattr(patches, 'PATCH_PIXELS', 2000)
    patch = cut_patches([image], np.array([0]), np.array([box]), 48)[0]
    np.testing.assert_allclose(patch, expected - PIXEL_ZERO, rtol=0, atol=4e-5)


@pytest.mark.parametrize('size', [100, 255, 256, 257, 1000, 3000])
def test_a_bright_surface_stays_as_bright_in_patches_of_any_size(size):
    image = np.full([size, size, 3], 255, np.uint8)
    for side in (24, 48):
        patch = cut_patches([image], np.array([0]), np.array([[1, 1, size, size]]), side)
        np.testing.assert_allclose(patch, 255 - PIXEL_ZERO, rtol=0, atol=1.3e-4)


@hypothesis.settings(deadline=None, max_examples=60)
@hypothesis.given(
    width=st.integers(1, 150),
    longer=st.sampled_from([-1, 0, 1]),
    side=st.sampled_from([24, 48]),
    left=st.integers(-60, 60),
    top=st.integers(-60, 60),
)
def test_a_patch_of_any_size_is_opencvs(width, longer, side, left, top):
    """Also where one side has to grow and the other does not, and by whole factors."""
    image, margin, height = noise(70, 80), 250, max(width + longer, 1)
    padded = np.pad(image.astype(np.float64), [(margin, margin), (margin, margin), (0, 0)], 'constant')
    cut = padded[margin + top - 1 : margin + top - 1 + height, margin + left - 1 : margin + left - 1 + width]
    expected = cv2.resize(cut, (side, side), interpolation=cv2.INTER_AREA)
    patch = cut_patches([image], np.array([0]), np.array([[left, top, left + width - 1, top + height - 1]]), side)
    np.testing.assert_allclose(patch[0], expected - PIXEL_ZERO, rtol=0, atol=7e-5)


@pytest.fixture
def exhaust(monkeypatch):
    """Has an operation of OpenCV find no memory."""

    def fail(*args, **kwargs):
        error = cv2.error('Failed to allocate')
        error.code, error.err = cv2.Error.StsNoMem, 'Failed to allocate 9 bytes'
        raise error

    return lambda operation: monkeypatch.setattr(cv2, operation, fail)


@pytest.mark.parametrize('operation, pixels', [('resize', 99), ('transpose', 400)])
def test_exhausted_memory_is_one_kind_of_error(operation, pixels, exhaust, monkeypatch):
    exhaust(operation)
    monkeypatch.setattr(patches, 'PYRAMID_PIXELS', pixels)
    with pytest.raises(MemoryError, match='Failed to allocate 9 bytes'):
        Pyramid(noise(20, 20)).level(0.6)


def test_exhausted_memory_is_such_an_error_of_patches_too(exhaust):
    exhaust('transpose')
    with pytest.raises(MemoryError, match='Failed to allocate 9 bytes'):
        cut_patches([noise(30, 30)], np.array([0]), np.array([[1, 1, 30, 30]]), 24)
