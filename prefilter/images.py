"""Encoded bytes of whatever a source holds to pixels, or to the reason why there are none."""

import io
import warnings

import numpy as np
from PIL import Image, UnidentifiedImageError

SIXTEEN_BITS_AS_I = ('PNG', 'PPM')  # formats whose 16-bit grey PIL calls I, 32-bit integers, which they do not have


class RefusedImage(Exception):
    """An image that cannot be used.

    Attributes:
        reason: One word for the manifest and the closing count.
        detail: What exactly happened, for a person.
    """

    def __init__(self, reason, detail):
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


def read_bytes(source, path):
    """The bytes of one image of a source. Raises `RefusedImage` ('unreadable')."""
    try:
        return source.read(path)
    except OSError as error:
        raise RefusedImage('unreadable', error.strerror or str(error)) from error


def decode(data):
    """Decodes an image file of any format PIL knows; of an animation, the first frame.

    Args:
        data: The file's bytes.

    Returns:
        uint8 [H, W, 3], RGB, dynamic range [0, 255]; grey becomes three equal channels, of 16 bits the high 8 are
        kept, transparency is dropped.

    Raises:
        RefusedImage: 'unreadable', or 'too-large' for what memory cannot be expected to hold.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')  # PIL's remarks about odd files that it nevertheless reads
            with Image.open(io.BytesIO(data)) as image:
                pixels = _to_rgb(image)
    except RefusedImage:
        raise
    except UnidentifiedImageError as error:
        raise RefusedImage('unreadable', 'no image format that PIL knows') from error
    except (Image.DecompressionBombError, MemoryError) as error:
        raise RefusedImage('too-large', str(error) or 'not enough memory') from error
    except Exception as error:  # PIL's decoders raise nearly any type on damaged files, and not one may end the run
        raise RefusedImage('unreadable', str(error) or type(error).__name__) from error
    if pixels.size == 0:
        raise RefusedImage('unreadable', 'it has no pixels')
    return pixels


def _to_rgb(image):
    if image.mode.startswith('I;16') or (image.mode == 'I' and image.format in SIXTEEN_BITS_AS_I):
        grey = (np.asarray(image) >> 8).astype(np.uint8)  # PIL's conversion would make all above 255 white
        return np.stack([grey] * 3, axis=-1)
    if image.mode in ('I', 'F'):
        raise RefusedImage('unreadable', 'nothing says which of its grey values is white: save it with 8 or 16 bits')
    return np.asarray(image.convert('RGB'))
