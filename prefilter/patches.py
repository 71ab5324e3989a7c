"""What the networks get to see: levels of the image pyramid, and the squares of an image around candidates.

Pixels come out normalised, (value - 127.5) / 128 as float32, and with the channels outermost in memory, which is what
ONNX Runtime takes without copying them.
"""

import cv2
import numpy as np

FLOAT_PIXELS = 1 << 20  # of an image, or of a candidate, that are held as floating-point numbers at once
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
        self._floats = image.astype(np.float32) if image.shape[0] * image.shape[1] <= FLOAT_PIXELS else None

    def level(self, scale):
        """The image resized to [ceil(H * scale), ceil(W * scale), 3]; values are whole numbers in uint8 or float32."""
        height, width = self._image.shape[:2]
        rows, columns = int(np.ceil(height * scale)), int(np.ceil(width * scale))
        # OpenCV resizes float32 faster than uint8, by the same sums, except where it has a way of its own for uint8.
        if self._floats is None or (height % rows == 0 and width % columns == 0):
            return _resize(self._image, columns, rows)
        level = _resize(self._floats, columns, rows)
        level += ROUND
        level -= ROUND
        return level


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
    patches = np.empty([len(boxes), 3, side, side], np.float32).transpose(0, 2, 3, 1)
    for patch, owner, box in zip(patches, owners.tolist(), boxes.tolist()):
        patch[...] = _shrink(images[owner], box, side) - 127.5
    patches *= np.float32(1 / 128)
    return patches


def _shrink(image, box, side):
    left, top, right, bottom = box
    width, height = right - left + 1, bottom - top + 1
    if width * height <= FLOAT_PIXELS:
        return _resize(_cut(image, left, top, right, bottom), side, side)
    # First the width, strip by strip, then the height: the order in which OpenCV adds up anyway.
    strip = max(FLOAT_PIXELS // width, 1)
    narrow = np.empty([height, side, 3])
    for row in range(0, height, strip):
        end = min(row + strip, height)
        narrow[row:end] = _resize(_cut(image, left, top + row, right, top + end - 1), side, end - row)
    return _resize(narrow, side, side)


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


def _resize(pixels, width, height):
    try:
        return cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
    except cv2.error as error:
        if error.code == cv2.Error.StsNoMem:
            raise MemoryError(error.err) from error
        raise
