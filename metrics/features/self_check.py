"""Tries an embedding on two pictures that the product brings, so that a wrong network or setting is noticed at once.

They show Eileen Collins (NASA) and Grace Hopper (US Navy); works of the government of the United States are free.
"""

import os
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from dnnlib.errors import UserError

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'pictures')
PICTURES = ('astronaut.png', 'hopper.png')


class SelfCheck(NamedTuple):
    """Scores of the pictures."""

    mated: float  # the lowest of a picture with itself, mirrored, darker or of half the side
    nonmated: float  # the highest of the two people
    swapped: float  # the mean of a picture with itself, red and blue swapped: what a wrong colour order does


def read_pictures() -> np.ndarray:
    """The pictures, uint8 [2, 3, 128, 128], RGB: crops as `python -m prefilter` makes them."""
    pictures = [np.asarray(Image.open(os.path.join(FOLDER, name))) for name in PICTURES]
    return np.stack(pictures).transpose(0, 3, 1, 2)


def self_check(embedding: Any) -> SelfCheck:
    """Compares the pictures.

    Args:
        embedding: A `metrics.features.embeddings.Embedding`.

    Raises:
        UserError: Two people are as alike as one with himself.
    """
    pictures = read_pictures()
    darker = (pictures * 0.7).astype(np.uint8)
    halves = pictures[:, :, ::2, ::2].repeat(2, axis=2).repeat(2, axis=3)
    looks = [pictures, pictures[..., ::-1], darker, halves, pictures[:, ::-1]]
    vectors = embedding.embed(np.concatenate(looks)).reshape(len(looks), len(pictures), -1)
    scores = np.einsum('lpd,mqd->lmpq', vectors, vectors)[0]  # of the pictures as they are: [look, picture, picture]
    same, other = scores[:, [0, 1], [0, 1]], scores[:, [0, 1], [1, 0]]
    check = SelfCheck(float(same[1:4].min()), float(other[:4].max()), float(same[4].mean()))
    if check.mated <= check.nonmated:
        raise UserError(
            f'The embedding {embedding.title} finds two people as alike ({check.nonmated:.3f}) as one with the same '
            f'picture mirrored, darker or smaller ({check.mated:.3f}): check --embedding-settings, as alignment, '
            'mean and scale.'
        )
    return check
