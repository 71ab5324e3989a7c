"""Pixels to the bytes of a picture: PNG or JPEG, at the set's own side or a smaller one."""

import collections
import concurrent.futures
import io
import os
from typing import Any, Iterable, Iterator, NamedTuple, Optional, Tuple

import numpy as np
from PIL import Image

from dnnlib.images import shrink

PNG_LEVEL = 1  # 6 takes 4 times as long for files that are a tenth smaller
SAMPLE = 64  # images that are encoded to foretell the size of all
AHEAD = 2  # images that wait for each thread


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

    def takes_pngs(self, images: Any) -> bool:
        """Whether the pictures are the PNGs that a `dnnlib.exports.images.Images` holds, as they are."""
        return self.jpeg is None and self.side_of(images) == images.shape[1] and images.holds_pngs

    def encode(self, image: np.ndarray) -> bytes:
        """A picture of an image, uint8 [C, H, W]."""
        if self.side not in (None, image.shape[1]):
            image = shrink(image, self.side)
        return png_bytes(image) if self.jpeg is None else jpeg_bytes(image, self.jpeg)

    def largest(self, shape: Any) -> int:
        """Bytes that no picture of a set exceeds, for images of a shape [C, H, W]; noise comes near it."""
        side = self.side or shape[1]
        return shape[0] * side * side * 102 // 100 + 1024

    def expected(self, images: Any) -> int:
        """Bytes of a picture on average, and a tenth more, from a sample of the set."""
        chosen = min(images.count, SAMPLE)
        places = (number * images.count // chosen for number in range(chosen))
        total = sum(len(picture) for _, picture in encode_all(images, places, self))
        return total * 11 // (10 * chosen) + 1


AS_THEY_ARE = Encoding()


def encode_all(images: Any, places: Iterable[int], encoding: Encoding = AS_THEY_ARE) -> Iterator[Tuple[int, bytes]]:
    """Yields (place, picture) for images of a `dnnlib.exports.images.Images`, in the order of the places.

    A thread on each core encodes; a few images are read ahead. PNGs that the set holds are taken as they are.
    """
    if encoding.takes_pngs(images):
        for place in places:
            yield place, images.png(place)
        return
    threads = len(os.sched_getaffinity(0))
    ahead = collections.deque()
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        try:
            for place in places:
                ahead.append((place, pool.submit(encoding.encode, images.read(place))))
                if len(ahead) > AHEAD * threads:
                    first, picture = ahead.popleft()
                    yield first, picture.result()
            while ahead:
                first, picture = ahead.popleft()
                yield first, picture.result()
        finally:
            for _, picture in ahead:
                picture.cancel()
