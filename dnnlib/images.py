"""Images to files: grids, and the rounding that goes with them."""

import functools
from typing import Optional, Sequence, Tuple

import numpy as np
import PIL.Image

from dnnlib.files import Path, atomic_write


def create_image_grid(images: np.ndarray, grid_size: Optional[Sequence[int]] = None) -> np.ndarray:
    """Puts images side by side, row by row; cells without an image stay 0.

    Args:
        images: Array [N, C, H, W].
        grid_size: (columns, rows); None takes the smallest near-square grid.

    Returns:
        Array [C, rows * H, columns * W] of the images' dtype.
    """
    count, channels, height, width = images.shape
    if grid_size is None:
        columns = max(int(np.ceil(np.sqrt(count))), 1)
        grid_size = columns, max((count - 1) // columns + 1, 1)
    columns, rows = grid_size
    grid = np.zeros([rows * columns, channels, height, width], images.dtype)
    grid[:count] = images[: rows * columns]
    grid = grid.reshape(rows, columns, channels, height, width).transpose(2, 0, 3, 1, 4)
    return grid.reshape(channels, rows * height, columns * width)


def to_uint8(images: np.ndarray, drange: Tuple[float, float] = (-1, 1)) -> np.ndarray:
    """Rounds to the nearest of 256 levels: rint(x * 127.5 + 127.5) for [-1, 1], clipped; uint8 of the same shape."""
    scale = 255 / (drange[1] - drange[0])
    return np.rint((np.asarray(images, np.float32) - drange[0]) * scale).clip(0, 255).astype(np.uint8)


def to_pil(image: np.ndarray, drange: Tuple[float, float] = (0, 255)) -> PIL.Image.Image:
    """An array [C, H, W] with 1 or 3 channels, or [H, W], as a `PIL.Image`."""
    pixels = to_uint8(image, drange)
    if pixels.ndim == 3:
        pixels = pixels[0] if pixels.shape[0] == 1 else pixels.transpose(1, 2, 0)
    return PIL.Image.fromarray(pixels)


def shrink(image: np.ndarray, side: int) -> np.ndarray:
    """Shrinks an image by area: each new pixel is the mean of what it covers, parts of old pixels included.

    Args:
        image: uint8 [C, H, W], H = W, at most 2,048: the sums are int32.
        side: px, 1 to H.

    Returns:
        uint8 [C, side, side]: means rounded to the nearest level, halves to the even one. The sums are whole numbers,
        so each machine gives the same bytes.
    """
    before = image.shape[1]
    sums = image.astype(np.int32)
    for axis in (1, 2):
        sums = sum(np.take(sums, places, axis) * _along(shares, axis) for places, shares in _covered(before, side))
    return np.rint(sums / float(before * before)).astype(np.uint8)


@functools.lru_cache(maxsize=8)
def _covered(before, after):
    """The old pixels that each new one covers, along one axis.

    Returns:
        List of (places, shares), each int32 [after]: the first old pixel of each new one, then the second one, ...; and
        how much of it is covered, in units of 1 / `after` old pixels.
    """
    edges = np.arange(after + 1, dtype=np.int32) * before
    first = edges[:-1] // after
    found = []
    for offset in range(-(-before // after) + 1):
        places = first + offset
        left, right = np.maximum(places * after, edges[:-1]), np.minimum((places + 1) * after, edges[1:])
        found.append((np.minimum(places, before - 1), np.maximum(right - left, 0)))
    return [(places, shares) for places, shares in found if shares.any()]


def _along(shares, axis):
    return shares.reshape([1, -1, 1] if axis == 1 else [1, 1, -1])


def save_image_grid(
    path: Path,
    images: np.ndarray,
    grid_size: Optional[Sequence[int]] = None,
    drange: Tuple[float, float] = (-1, 1),
) -> None:
    """Writes images as one PNG; it appears whole or not at all.

    Args:
        path: Target file.
        images: Array [N, C, H, W] of dynamic range `drange`.
        grid_size: (columns, rows), see `create_image_grid`.
        drange: Dynamic range.
    """
    with atomic_write(path) as file:
        to_pil(create_image_grid(np.asarray(images), grid_size), drange).save(file, 'PNG')
