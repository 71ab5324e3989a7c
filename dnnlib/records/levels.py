"""The levels of a dataset: the same image at every power of two from 4x4 up."""

from typing import Iterator, List

import numpy as np

from dnnlib.errors import UserError

SMALLEST_RESOLUTION = 4  # px; every dataset goes down to this level
LARGEST_EXACT = 1024  # px; up to this side, float32 holds the means of all levels of a uint8 image exactly


def is_resolution(side: int) -> bool:
    """Whether images of StyleGAN can have this side in px: a power of two from 4 on."""
    return side >= SMALLEST_RESOLUTION and side & (side - 1) == 0


def check_resolution(name: str, resolution: int, largest: int) -> None:
    """Refuses, with a `UserError`, a side that no level of a dataset has; `largest` is the side of its images, px."""
    if not is_resolution(resolution) or resolution > largest:
        raise UserError(f'Dataset {name} has no resolution {resolution}: choose a power of two from 4 to {largest}.')


def resolutions(largest: int) -> List[int]:
    """Sides of all levels in px, largest first."""
    sides = []
    while largest >= SMALLEST_RESOLUTION:
        sides.append(largest)
        largest //= 2
    return sides


def pyramid(image: np.ndarray) -> Iterator[np.ndarray]:
    """An image at every level of a dataset, largest first, ending at 4x4.

    Each level is the mean of 2x2 blocks of the level above. Means are taken before rounding, so errors never add up.

    Args:
        image: [C, H, W], uint8 or float, dynamic range [0, 255], H = W a power of two >= 4.

    Yields:
        uint8 [C, H, W], [C, H/2, W/2], ..., [C, 4, 4]; rounded half to even, clipped to [0, 255].
    """
    yield _quantized(image)
    if image.dtype == np.uint8 and image.shape[1] <= LARGEST_EXACT:
        yield from _whole_number_levels(image)
        return
    image = image.astype(np.float32)
    while image.shape[1] > SMALLEST_RESOLUTION:
        image = (image[:, 0::2, 0::2] + image[:, 0::2, 1::2] + image[:, 1::2, 0::2] + image[:, 1::2, 1::2]) * 0.25
        yield _quantized(image)


def _whole_number_levels(image):
    """The same levels as with float32, which is exact for all these numbers, in a third of the time."""
    sums, bits = image.astype(np.uint16), 0  # sums of 4, 16, ... pixels: the level times 2^bits
    while sums.shape[1] > SMALLEST_RESOLUTION:
        if bits == 8:
            sums = sums.astype(np.uint32)
        rows = sums[:, 0::2] + sums[:, 1::2]
        sums, bits = rows[:, :, 0::2] + rows[:, :, 1::2], bits + 2
        odd = sums >> bits & 1
        yield (sums + ((1 << (bits - 1)) - 1 + odd) >> bits).astype(np.uint8)


def _quantized(image):
    if image.dtype == np.uint8:
        return image
    return np.rint(image).clip(0, 255).astype(np.uint8)
