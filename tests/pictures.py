"""Small encoded images for tests."""

import io

import numpy as np
from PIL import Image


def encoded(image, file_format='PNG', **options):
    """A PIL image, or an array of pixels, as the bytes of a file."""
    file = io.BytesIO()
    image = image if isinstance(image, Image.Image) else Image.fromarray(image)
    image.save(file, file_format, **options)
    return file.getvalue()


def npy(array):
    """An array as the bytes of a .npy."""
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def gradient(mode='RGB', size=(20, 10)):
    """A picture with many values, in a mode of PIL."""
    ramp = np.arange(size[0] * size[1] * 3, dtype=np.uint32).reshape(size[1], size[0], 3) % 256
    return Image.fromarray(ramp.astype(np.uint8)).convert(mode)


def picture(red):
    """The bytes of a small PNG that is known by its red value."""
    return encoded(Image.new('RGB', (8, 8), (red, 100, 200)))


def red_of(data):
    """What `picture` was given."""
    return Image.open(io.BytesIO(data)).getpixel((0, 0))[0]
