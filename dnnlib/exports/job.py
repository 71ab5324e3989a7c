"""What one writer of a form is asked to do."""

import dataclasses
from typing import Callable, Iterable

import numpy as np

from dnnlib.exports.encoding import Encoding


@dataclasses.dataclass(frozen=True)
class Job:
    """Which images of a set a form gets, and how.

    Attributes:
        places: int64, numbers of the images in the set, ascending.
        encoding: Of the pictures; forms that hold PNGs as they are do not look at it.
        prefix: Begins the names of files where a part of a set is known by names: '' for a whole set, else 'train-'.
        shown: Wraps an iterable of images, to show how far it is.
    """

    places: np.ndarray
    encoding: Encoding = Encoding()
    prefix: str = ''
    shown: Callable[[Iterable[int]], Iterable[int]] = iter
