"""Pixels to the bytes of a picture: PNG or JPEG, at the set's own side or a smaller one."""

import io
from typing import Any, NamedTuple, Optional

import numpy as np
from PIL import Image

from dnnlib.images import shrink

PNG_LEVEL = 1  # 6 takes 4 times as long for files that are a tenth smaller
SAMPLE = 64  # images that are encoded to foretell the size of all


def png_bytes(image: np.ndarray) -> bytes:
    """An image, uint8 [C, H, W] with 1 or 3 channels, as a PNG. The same pixels give the same bytes."""
    return _encoded(image, 'PNG', compress_level=PNG_LEVEL)


def jpeg_bytes(image: np.ndarray, quality: int) -> bytes:
    """An image, uint8 [C, H, W] with 1 or 3 channels, as a JPEG that keeps its colours at full resolution (4:4:4).

    The usual 4:2:0 would halve the resolution of colours, which at 112 px leaves 56: a fifth of the bytes is no reason.
    """
    return _encoded(image, 'JPEG', quality=quality, subsampling=0)


def pil_image(image: np.ndarray) -> Image.Image:
    """uint8 [C, H, W] as a `PIL.Image`; `dnnlib.images.to_pil` also takes floats, and is slower for that."""
    return Image.fromarray(image[0] if image.shape[0] == 1 else np.ascontiguousarray(image.transpose(1, 2, 0)))


def _encoded(image, kind, **options):
    file = io.BytesIO()
    pil_image(image).save(file, kind, **options)
    return file.getvalue()


class Encoding(NamedTuple):
    """How the pictures of an export are encoded.

    Attributes:
        jpeg: Quality of JPEG, 1 to 100; None for PNG.
        side: px, at most the side of the images, which are shrunk by area; None for as they are.
    """

    jpeg: Optional[int] = None
    side: Optional[int] = None

    @property
    def extension(self) -> str:
        """Of the files: 'png' or 'jpg'."""
        return 'png' if self.jpeg is None else 'jpg'

    def side_of(self, images: Any) -> int:
        """Side of the pictures in px."""
        return self.side or images.shape[1]

    def encode(self, images: Any, place: int) -> bytes:
        """The bytes of a picture of a `dnnlib.exports.images.Images`."""
        is_whole = self.side_of(images) == images.shape[1]
        if self.jpeg is None and is_whole:
            return images.png(place)
        image = images.read(place)
        image = image if is_whole else shrink(image, self.side)
        return png_bytes(image) if self.jpeg is None else jpeg_bytes(image, self.jpeg)

    def largest(self, shape: Any) -> int:
        """Bytes that no picture of a set exceeds, for images of a shape [C, H, W]; noise comes near it."""
        side = self.side or shape[1]
        return shape[0] * side * side * 102 // 100 + 1024

    def expected(self, images: Any) -> int:
        """Bytes of a picture on average, and a tenth more, from a sample of the set."""
        chosen = min(images.count, SAMPLE)
        total = sum(len(self.encode(images, number * images.count // chosen)) for number in range(chosen))
        return total * 11 // (10 * chosen) + 1
