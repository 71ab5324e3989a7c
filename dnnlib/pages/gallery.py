"""Galleries: a grid of samples from the accepted or the refused images, as in the paper's Figures 1 to 4."""

from typing import List, Sequence

import numpy as np
from PIL import Image, ImageDraw

COLUMNS, ROWS = 8, 6
CELL = 128  # px
GAP = 4  # px
BACKGROUND = (255, 255, 255)


def choose_evenly(count: int) -> List[int]:
    """Chooses which of `count` samples a gallery shows: as many as fit, evenly spaced, in order.

    Returns:
        Sorted list of distinct indices.
    """
    shown = min(count, COLUMNS * ROWS)
    return np.linspace(0, count - 1, shown).round().astype(int).tolist()


def draw_gallery(images: Sequence[Image.Image]) -> Image.Image:
    """Draws thumbnails side by side, each in the middle of its cell.

    Args:
        images: List of at most 48 PIL images from `thumbnail`.

    Returns:
        A PIL image; the word 'none' when the list is empty.
    """
    columns = min(COLUMNS, max(len(images), 1))
    rows = max(-(-len(images) // columns), 1)
    canvas = Image.new('RGB', (columns * (CELL + GAP) + GAP, rows * (CELL + GAP) + GAP), BACKGROUND)
    for index, image in enumerate(images):
        left = GAP + index % columns * (CELL + GAP) + (CELL - image.width) // 2
        top = GAP + index // columns * (CELL + GAP) + (CELL - image.height) // 2
        canvas.paste(image, (left, top))
    if not images:
        ImageDraw.Draw(canvas).text((CELL // 2, CELL // 2), 'none', fill=(0, 0, 0))
    return canvas


def thumbnail(pixels: np.ndarray) -> Image.Image:
    """Resizes an image to fit a cell, keeping its proportions.

    Args:
        pixels: uint8 [H, W, 3], dynamic range [0, 255].

    Returns:
        A PIL image with its longer side equal to the cell's.
    """
    image = Image.fromarray(pixels)
    factor = CELL / max(image.size)
    size = tuple(max(round(side * factor), 1) for side in image.size)
    return image.resize(size, Image.LANCZOS if factor < 1 else Image.NEAREST)
