"""A set in two parts, for training and for testing, that have no identity in common."""

import hashlib
from typing import Dict, Tuple

import numpy as np

from dnnlib.errors import UserError

TRAIN, TEST = PARTS = 'train', 'test'


def is_for_testing(identity: int, share: float) -> bool:
    """Whether an identity is for testing. It depends on the number alone, so a set that grows keeps its split.

    Args:
        identity: Its number.
        share: Of all identities, 0 to 1; on average so many are chosen. A larger share chooses the same ones and more.
    """
    digest = hashlib.sha256(f'split {identity}'.encode()).digest()
    return int.from_bytes(digest[:8], 'big') < share * 2**64


def split_by_identity(identities: np.ndarray, share: float) -> Dict[str, np.ndarray]:
    """The places of the images of both parts.

    Args:
        identities: int64 [number of images].
        share: As for `is_for_testing`.

    Returns:
        {'train': places, 'test': places}, int64, ascending.

    Raises:
        UserError: A part would have no identity.
    """
    distinct, where = np.unique(identities, return_inverse=True)
    chosen = np.array([is_for_testing(int(identity), share) for identity in distinct], bool)
    for part, number in ((TEST, chosen.sum()), (TRAIN, (~chosen).sum())):
        if not number:
            raise UserError(
                f'--test-share {share:g} leaves no identity for the part {part}, of {len(distinct):,}: '
                f'give a {"larger" if part == TEST else "smaller"} share, or leave it out.'
            )
    return {TRAIN: np.flatnonzero(~chosen[where]), TEST: np.flatnonzero(chosen[where])}


def classes_of(identities: np.ndarray) -> Tuple[np.ndarray, int]:
    """Counts identities from 0 without gaps, in ascending order, as classifiers need them.

    Returns:
        (class of each image, int64; number of classes).
    """
    distinct, classes = np.unique(identities, return_inverse=True)
    return classes, len(distinct)
