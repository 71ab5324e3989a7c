"""Colour profiles: brings the values of an image to sRGB, as viewers do, by LittleCMS."""

import functools
import io

import numpy as np
from PIL import Image, ImageCms

SPACES = {  # in bytes 16 to 19 of a profile -> (modes of PIL that it can describe, what is given to LittleCMS)
    b'RGB ': (('RGB',), 'RGB'),
    b'GRAY': (('L',), 'L'),
    b'CMYK': (('CMYK',), 'CMYK'),
}
SAME = 2  # levels: a profile that changes no colour by more is sRGB by another name, and changes nothing
KEPT = 16  # transforms that a process keeps; a set of photographs has few profiles
LARGEST = 16 << 20  # bytes of a profile


def to_srgb(image, profile):
    """Turns an image to sRGB, relative colorimetric.

    Args:
        image: A PIL image, L, RGB or CMYK.
        profile: The bytes of its ICC profile, or None.

    Returns:
        The image itself if it has no profile that describes it and can be read, or if that is sRGB; else an RGB image.
    """
    if not isinstance(profile, bytes) or not 0 < len(profile) <= LARGEST:  # a damaged tag of TIFF is a number
        return image
    transform = _transform(profile, image.mode)
    return image if transform is None else ImageCms.applyTransform(image, transform)


@functools.lru_cache(maxsize=KEPT)
def _transform(profile, mode):
    modes, given = SPACES.get(profile[16:20], ((), None))
    if mode not in modes:
        return None
    try:
        transform = ImageCms.buildTransform(
            ImageCms.ImageCmsProfile(io.BytesIO(profile)),
            ImageCms.createProfile('sRGB'),
            given,
            'RGB',
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
        )
        return None if _is_srgb(transform, mode) else transform
    except (OSError, ImageCms.PyCMSError):  # a damaged profile makes no photograph unusable
        return None


def _is_srgb(transform, mode):
    if mode == 'CMYK':
        return False
    colours = _colours().convert(mode)
    change = np.asarray(ImageCms.applyTransform(colours, transform), int) - np.asarray(colours.convert('RGB'), int)
    return np.abs(change).max() <= SAME


@functools.lru_cache(maxsize=1)
def _colours():
    """A picture of 17 values of each channel, and of all greys."""
    steps = np.linspace(0, 255, 17).astype(np.uint8)
    grid = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(-1, 17, 3)
    greys = np.repeat(np.arange(16 * 17).clip(0, 255).astype(np.uint8).reshape(16, 17, 1), 3, axis=2)
    return Image.fromarray(np.concatenate([grid, greys]))
