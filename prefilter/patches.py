"""What the networks get to see: levels of the image pyramid, and the squares of an image around candidates.

Pixels come out normalised, (value - 127.5) / 128 as float32, and with the channels outermost in memory, which is what
ONNX Runtime takes without copying them.
"""

import functools

import cv2
import numpy as np
from scipy import sparse

PYRAMID_PIXELS = 1 << 22  # of an image that is held as float32 while its levels are made
PATCH_PIXELS = 1 << 20  # of a candidate that are held as float64 at once
ROUND = np.float32(3 << 22)  # added and subtracted, it rounds a small float32 to whole numbers, halves to even ones

# OpenCV's threads would compete with other processes of the filter, and do not survive a fork.
cv2.setNumThreads(0)


class Pyramid:
    """The levels of an image.

    Args:
        image: uint8 [H, W, 3], dynamic range [0, 255].
    """

    def __init__(self, image):
        self._image = image
        small = image.shape[0] * image.shape[1] <= PYRAMID_PIXELS
        self._columns = cv2.transpose(image).astype(np.float32) if small else None

    def level(self, scale):
        """The image resized to [ceil(H * scale), ceil(W * scale), 3], scale < 1; whole numbers in uint8 or float32.

        The numbers are those of OpenCV's INTER_AREA on uint8, to the bit.
        """
        height, width = self._image.shape[:2]
        rows, columns = int(np.ceil(height * scale)), int(np.ceil(width * scale))
        # Where both sides shrink by whole factors, OpenCV rounds in other ways.
        if self._columns is None or (height % rows == 0 and width % columns == 0):
            return _resize(self._image, np.empty([rows, columns, 3], np.uint8))
        # OpenCV adds up the same float32 products in the same order, but one by one: a third of the speed.
        level = _area_weights(width, columns) @ self._columns.reshape(width, -1)
        level = cv2.transpose(level.reshape(columns, height, 3))
        level = _area_weights(height, rows) @ level.reshape(height, -1)
        level += ROUND
        level -= ROUND
        return level.reshape(rows, columns, 3)


@functools.lru_cache(maxsize=1024)
def _area_weights(source, target):
    """Shares of `source` px in each of `target` px, fewer: a sparse float32 matrix [target, source]."""
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
    return sparse.csr_matrix((shares.astype(np.float32), places, np.append(0, ends)), (target, source))


def normalise(pixels):
    """Whole numbers [H, W, 3] to float32 [1, H, W, 3] in [-1, 1]; no step of it rounds."""
    planes = np.empty([3, *pixels.shape[:2]], np.float32)
    planes[...] = pixels.transpose(2, 0, 1)
    planes -= np.float32(127.5)
    planes *= np.float32(1 / 128)
    return planes.transpose(1, 2, 0)[np.newaxis]


def cut_patches(images, owners, boxes, side):
    """Cuts squares out of images, resizes them as floating-point numbers, and normalises them.

    Args:
        images: List of uint8 [H, W, 3].
        owners: int [N], which image each square is of.
        boxes: int [N, 4]: left, top, right, bottom in px, counted from 1 and the last pixels included. They may reach
            outside the image, where everything is 0, and must not be empty.
        side: Of the result, px.

    Returns:
        float32 [N, side, side, 3].
    """
    patches = np.empty([len(boxes), side, side, 3])
    for patch, owner, box in zip(patches, owners.tolist(), boxes.tolist()):
        _shrink(images[owner], box, patch)
    patches -= 127.5
    patches *= 1 / 128
    return patches.transpose(0, 3, 1, 2).astype(np.float32, order='C').transpose(0, 2, 3, 1)


def _shrink(image, box, target):
    """Resizes the pixels in a box to those of `target`, a square of float64."""
    left, top, right, bottom = box
    width, height = right - left + 1, bottom - top + 1
    if width * height > PATCH_PIXELS:
        # First the width, strip by strip, then the height: the order in which OpenCV adds up anyway.
        strip = max(PATCH_PIXELS // width, 1)
        narrow = np.empty([height, len(target), 3])
        for row in range(0, height, strip):
            end = min(row + strip, height)
            _resize(_cut(image, left, top + row, right, top + end - 1), narrow[row:end])
    else:
        narrow = _cut(image, left, top, right, bottom)
    _resize(narrow, target)


def _cut(image, left, top, right, bottom):
    """Float64 [bottom - top + 1, right - left + 1, 3], 0 outside the image."""
    height, width = image.shape[:2]
    if left >= 1 and top >= 1 and right <= width and bottom <= height:
        return image[top - 1:bottom, left - 1:right].astype(np.float64)
    patch = np.zeros([bottom - top + 1, right - left + 1, 3])
    from_x, from_y, to_x, to_y = max(left, 1), max(top, 1), min(right, width), min(bottom, height)
    if from_x <= to_x and from_y <= to_y:
        patch[from_y - top:to_y - top + 1, from_x - left:to_x - left + 1] = image[from_y - 1:to_y, from_x - 1:to_x]
    return patch


def _resize(pixels, target):
    try:
        cv2.resize(pixels, target.shape[1::-1], target, interpolation=cv2.INTER_AREA)
    except cv2.error as error:
        if error.code == cv2.Error.StsNoMem:
            raise MemoryError(error.err) from error
        raise
    return target
