"""Which face of a photograph is taken, and which pixels of it. Pure functions; the reference filter's rule to the byte.

The reference is facenet's alignment script, the MTCNN implementation that Section III of the paper used. It has no
counterpart of `take_whole`, which is for images that are crops already.
"""

from typing import List, Sequence

import numpy as np
from PIL import Image

from dnnlib.records.levels import is_resolution, pyramid

OFF_CENTRE_PENALTY = 2.0  # each px^2 of distance from the image's centre costs as much as so many px^2 of face area


def choose_face(faces: np.ndarray, width: int, height: int) -> int:
    """Chooses the face with the highest area - 2 * (distance from the image's centre)^2: large, and near the centre.

    Args:
        faces: float64 [N, 4 or more], N >= 1; left, top, right, bottom in px. Boxes may reach outside the image.
        width: Of the image, px.
        height: Of the image, px.

    Returns:
        Index of the face; of equal ones, the first.
    """
    left, top, right, bottom = faces[:, :4].T
    area = (right - left) * (bottom - top)
    off_x = (left + right) / 2 - width / 2
    off_y = (top + bottom) / 2 - height / 2
    return int(np.argmax(area - OFF_CENTRE_PENALTY * (off_x**2 + off_y**2)))


def crop_box(box: Sequence[float], width: int, height: int, margin: int) -> List[int]:
    """The pixels to cut out: the face's box, half the margin wider on every side, clipped to the image.

    The crop is neither padded nor shifted, so it is often not square.

    Args:
        box: Four floats: left, top, right, bottom in px.
        width: Of the image, px.
        height: Of the image, px.
        margin: px added to width and height together; may be odd.

    Returns:
        [left, top, right, bottom], ints, right and bottom exclusive. Empty (right <= left or bottom <= top) for a box
        entirely outside the image.
    """
    left, top, right, bottom = box[:4]
    return [
        int(max(left - margin / 2, 0)),
        int(max(top - margin / 2, 0)),
        int(min(right + margin / 2, width)),
        int(min(bottom + margin / 2, height)),
    ]


def cut_out(pixels: np.ndarray, crop: Sequence[int], size: int) -> np.ndarray:
    """Cuts a box out of an image and resizes it to a square, bilinear, without keeping its proportions.

    Args:
        pixels: uint8 [H, W, 3], dynamic range [0, 255].
        crop: [left, top, right, bottom] as from `crop_box`, not empty.
        size: Side of the result, px.

    Returns:
        uint8 [size, size, 3], dynamic range [0, 255].
    """
    left, top, right, bottom = crop
    # Cut first: resize(box=...) on the whole image would let pixels from outside the box bleed in.
    face = Image.fromarray(np.ascontiguousarray(pixels[top:bottom, left:right]))
    return np.asarray(face.resize((size, size), Image.BILINEAR))


def take_whole(pixels: np.ndarray, size: int) -> np.ndarray:
    """Resizes an image that is a crop already to a square.

    A square whose side is `size` times a power of two is averaged over 2x2 blocks and rounded only at the end, like the
    levels of a dataset; the original tool gives the same pixels. Any other image is cut to its central square and
    resized with PIL's Lanczos filter.

    Args:
        pixels: uint8 [H, W, 3], dynamic range [0, 255].
        size: Side of the result, px, a power of two >= 4.

    Returns:
        uint8 [size, size, 3], dynamic range [0, 255].
    """
    height, width = pixels.shape[:2]
    if height == width >= size and is_resolution(height):
        levels = pyramid(pixels.transpose(2, 0, 1))
        return next(level for level in levels if level.shape[1] == size).transpose(1, 2, 0)
    left, top, right, bottom = central_square(width, height)
    square = Image.fromarray(np.ascontiguousarray(pixels[top:bottom, left:right]))
    return np.asarray(square.resize((size, size), Image.LANCZOS))


def central_square(width: int, height: int) -> List[int]:
    """The part of an image that `take_whole` uses: [left, top, right, bottom], ints, right and bottom exclusive."""
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    return [left, top, left + side, top + side]
