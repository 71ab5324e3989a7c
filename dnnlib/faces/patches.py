"""The inputs of the networks: levels of the image pyramid, and squares of an image around candidates.

`PIXEL_ZERO` is subtracted from all pixels. `stack` and `cut_patches` return arrays in the memory order that
`dnnlib.faces.onnx_graphs.as_lines` needs, so that it copies nothing. Levels lie in memory row by row: they are resized
across first, as OpenCV does, then down. Patches lie column by column: they are resized down first, in the order of the
image's rows, then across.
"""

import functools
from typing import Sequence

import cv2
import numpy as np
from scipy.sparse import _sparsetools  # a call of `csr_matrix` costs more than most products here

PYRAMID_PIXELS = 1 << 22  # px; an image of at most this size is held as float32 while its levels are made
PATCH_PIXELS = 1 << 16  # px of a candidate that are held as floats at once, so that the processor's cache holds them
PIXEL_ZERO = 128  # a whole number, unlike the middle 127.5, so that it can be subtracted together with `ROUND`, exactly
ROUND = np.float32(3 << 22)  # added and then subtracted, it rounds a small float32 to a whole number, halves to even

# OpenCV's threads would compete with other processes of the filter, and do not survive a fork.
cv2.setNumThreads(0)


def _exhaustion_is_memory_error(function):
    """Makes a function raise MemoryError instead of the error that OpenCV has for too little memory."""

    @functools.wraps(function)
    def wrapped(*args):
        try:
            return function(*args)
        except cv2.error as error:
            if error.code == cv2.Error.StsNoMem:
                raise MemoryError(error.err) from error
            raise

    return wrapped


class Pyramid:
    """The levels of an image.

    Args:
        image: uint8 [H, W, 3], dynamic range [0, 255].
    """

    @_exhaustion_is_memory_error
    def __init__(self, image: np.ndarray) -> None:
        self._image = image
        small = image.shape[0] * image.shape[1] <= PYRAMID_PIXELS
        self._columns = cv2.transpose(image).astype(np.float32) if small else None  # [W, H, 3]

    @_exhaustion_is_memory_error
    def level(self, scale: float) -> np.ndarray:
        """The image resized as by OpenCV's INTER_AREA on uint8, to the bit, minus `PIXEL_ZERO`.

        Args:
            scale: Less than 1.

        Returns:
            [ceil(H * scale), ceil(W * scale), 3], whole numbers as float32 or int8, dynamic range [-128, 127].
        """
        height, width = self._image.shape[:2]
        rows, columns = int(np.ceil(height * scale)), int(np.ceil(width * scale))
        # Where both sides shrink by whole factors, OpenCV rounds differently.
        if self._columns is None or (height % rows == 0 and width % columns == 0):
            level = cv2.resize(self._image, (columns, rows), interpolation=cv2.INTER_AREA)
            level ^= PIXEL_ZERO  # in two's complement, this subtracts it
            return level.view(np.int8)
        # OpenCV adds the same float32 products in the same order, but one by one, at a third of this speed.
        level = _level_weights(_area, width, columns).times(self._columns)
        level = _level_weights(_area, height, rows).times(cv2.transpose(level))
        level += ROUND
        level -= ROUND + PIXEL_ZERO
        return level.reshape(rows, 3, columns).transpose(0, 2, 1)


def stack(levels: Sequence[np.ndarray]) -> np.ndarray:
    """Stacks levels of one size: a list of [H, W, 3] becomes float32 [N, H, W, 3], in memory as [N, H, 3, W]."""
    lines = np.array([level.transpose(0, 2, 1) for level in levels], np.float32)
    return lines.transpose(0, 1, 3, 2)


@_exhaustion_is_memory_error
def cut_patches(images: Sequence[np.ndarray], owners: np.ndarray, boxes: np.ndarray, side: int) -> np.ndarray:
    """Cuts squares out of images, and resizes them as floating-point numbers.

    They are resized as by OpenCV's INTER_AREA. The references resize in float64, and here large squares are too. Small
    squares are resized in float32, which changes values by less than 1e-4, and scores by less than two runtimes differ.

    Args:
        images: List of uint8 [H, W, 3], contiguous.
        owners: int [N], the number of each square's image.
        boxes: int [N, 4]: left, top, right, bottom in px, counted from 1 and the last pixels included; one side may be
            a pixel longer than the other. They may reach outside the image, where everything is 0; none is empty.
        side: Side of the results, px.

    Returns:
        float32 [N, side, side, 3], dynamic range [-128, 127], in memory as [N, column, colour, row].
    """
    patches = np.zeros([len(boxes), side, 3, side], np.float32)
    for patch, owner, box in zip(patches, owners.tolist(), boxes.tolist()):
        _shrink(images[owner], box, patch)
    patches -= PIXEL_ZERO
    return patches.transpose(0, 3, 1, 2)


def _shrink(image, box, target):
    """Adds the resized pixels of a box to `target`: zeros, float32 [column, colour, row]."""
    left, top, right, bottom = box
    width, height, side = right - left + 1, bottom - top + 1, len(target)
    way = _area if width >= side and height >= side else _line
    if width * height <= PATCH_PIXELS:
        pixels = _cut(image, left, top, right, bottom, np.float32)
        low = _patch_weights(way, height, side).times(pixels)
        _patch_weights(way, width, side).add_product(cv2.transpose(low), target)
        return
    # In float64: float32 sums over a large bright surface would all be rounded in one direction.
    down, across = (_patch_weights(way, source, side, np.float64) for source in (height, width))
    low, strip = np.empty([side, width, 3]), max(PATCH_PIXELS // height, 1)
    for column in range(0, width, strip):
        end = min(column + strip, width)
        pixels = _cut(image, left + column, top, left + end - 1, bottom, np.float64)
        low[:, column:end] = down.times(pixels).reshape(side, -1, 3)
    target += across.times(cv2.transpose(low.reshape(side, -1))).reshape(target.shape)


def _cut(image, left, top, right, bottom, dtype):
    """Numbers [bottom - top + 1, right - left + 1, 3], 0 outside the image."""
    height, width, _ = image.shape
    if left >= 1 and top >= 1 and right <= width and bottom <= height:
        return image[top - 1 : bottom, left - 1 : right].astype(dtype)
    patch = np.zeros([bottom - top + 1, right - left + 1, 3], dtype)
    from_x, from_y, to_x, to_y = max(left, 1), max(top, 1), min(right, width), min(bottom, height)
    if from_x <= to_x and from_y <= to_y:
        patch[from_y - top : to_y - top + 1, from_x - left : to_x - left + 1] = image[
            from_y - 1 : to_y, from_x - 1 : to_x
        ]
    return patch


# ----------------------------------------------------------------------------------------------------------------------
# The weights with which OpenCV's INTER_AREA adds up pixels along a side.


class _Weights:
    """A sparse matrix [target, source] for quick products with small matrices.

    Args:
        counts: int [target], how many numbers each row has.
        places: int [sum of counts], the column of each number.
        shares: float [sum of counts], the numbers, row by row.
        source: Number of columns.
        dtype: float32 or float64: the type of all numbers.
    """

    def __init__(self, counts, places, shares, source, dtype):
        ends = np.append(0, np.cumsum(counts)).astype(np.int32)
        self._rows, self._columns = len(counts), source
        self._numbers = ends, places.astype(np.int32), shares.astype(np.float32).astype(dtype, copy=False)

    def times(self, values):
        """The product with numbers [source, ...], contiguous: [target, N]."""
        product = np.zeros((self._rows, values.size // self._columns), values.dtype)
        self.add_product(values, product)
        return product

    def add_product(self, values, target):
        """Adds the product with numbers [source, ...] to numbers [target, ...], both contiguous."""
        count = values.size // self._columns
        _sparsetools.csr_matvecs(self._rows, self._columns, count, *self._numbers, values, target)


def _weights(way, source, target, dtype=np.float32):
    return _Weights(*way(source, target), source, dtype)


_level_weights = functools.lru_cache(maxsize=1024)(_weights)
_patch_weights = functools.lru_cache(maxsize=2048)(
    _weights
)  # a cache of its own: levels of many sizes would evict these


def _area(source, target):
    """Weights to shrink a side, by averages: counts, places and shares as for `_Weights`."""
    scale = 1 / (target / source)  # not source / target, which may differ in the last bit
    start = np.arange(target) * scale
    end, length = start + scale, np.minimum(scale, source - start)
    last_whole = np.minimum(np.floor(end), source - 1).astype(np.int32)
    first_whole = np.minimum(np.ceil(start).astype(np.int32), last_whole)
    partly_before, partly_after = first_whole - start > 1e-3, end - last_whole > 1e-3
    counts = last_whole - first_whole + partly_before + partly_after
    ends = np.cumsum(counts)
    places = np.arange(ends[-1]) + np.repeat(first_whole - partly_before - (ends - counts), counts)
    shares = np.repeat(1 / length, counts)
    shares[(ends - counts)[partly_before]] = ((first_whole - start) / length)[partly_before]
    shares[ends[partly_after] - 1] = (np.minimum(np.minimum(end - last_whole, 1), length) / length)[partly_after]
    return counts, places, shares


def _line(source, target):
    """Weights to enlarge a side, by linear interpolation: counts, places and shares as for `_Weights`."""
    scale = target / source
    place = np.arange(target)
    before = np.floor(place * (1 / scale)).astype(np.int32)
    after = ((place + 1) - (before + 1) * scale).astype(np.float32)
    after = np.where(after <= 0, np.float32(0), after - np.floor(after))
    places = np.stack([before, before + 1], axis=1).clip(0, source - 1).reshape(-1)
    return np.full(target, 2), places, np.stack([1 - after, after], axis=1).reshape(-1)
