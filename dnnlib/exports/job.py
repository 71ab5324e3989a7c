"""What one writer of a form is asked to do."""

import dataclasses
from typing import Callable, Iterable, Iterator, Optional, Tuple

import numpy as np

from dnnlib.exports.encoding import Encoding, encode_all
from dnnlib.exports.images import Images


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

    def pictures(self, images: Images, places: Optional[np.ndarray] = None) -> Iterator[Tuple[int, bytes]]:
        """Yields (place, encoded picture) for all images of the job, or for those of `places`, in their order."""
        places = self.shown((self.places if places is None else places).tolist())
        return encode_all(images, places, self.encoding)
