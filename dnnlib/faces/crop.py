"""Which face of a photograph is taken, and which pixels of it. Pure functions, the reference filter's rule to the byte.

`take_whole` is for images that are crops already, of which the reference filter knows nothing.

The reference is facenet's alignment script, the MTCNN implementation that Section III of the paper used.
"""

from typing import List, Sequence

import numpy as np
from PIL import Image

from dnnlib.records.levels import is_resolution, pyramid

OFF_CENTRE_PENALTY = 2.0  # px^2 of face area that each px^2 of distance from the image's centre costs


def choose_face(faces: np.ndarray, width: int, height: int) -> int:
    """The face that is large and near the centre: the highest area - 2 * (distance from the image's centre)^2.

    Args:
        faces: float64 [N, 4 or more], N >= 1; left, top, right, bottom in px. Boxes may reach outside the image.
        width: Of the image, px.
        height: Of the image, px.

    Returns:
        Index of the face; the first one of equals.
    """
    left, top, right, bottom = faces[:, :4].T
    area = (right - left) * (bottom - top)
    off_x = (left + right) / 2 - width / 2
    off_y = (top + bottom) / 2 - height / 2
    return int(np.argmax(area - OFF_CENTRE_PENALTY * (off_x**2 + off_y**2)))


def crop_box(box: Sequence[float], width: int, height: int, margin: int) -> List[int]:
    """The pixels to cut out: the face's box, half the margin wider on every side, ended by the image's edges.

    It is neither padded nor shifted, so at an edge (and in general) it is not square.

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
    """Cuts a box out of an image and resizes it to a square, bilinear, whatever its proportions.

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
    """All of an image that is a crop already, brought to a square.

    A square of `size` times a power of two is averaged over 2x2 blocks, unrounded until the end, as the levels of a
    dataset are, so that it gives what the original tool makes of it. Anything else loses what is longer than its
    shorter side, the same at both ends, and is resized with PIL's Lanczos filter.

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
    """[left, top, right, bottom], ints, right and bottom exclusive, of what `take_whole` takes of an image."""
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    return [left, top, left + side, top + side]
