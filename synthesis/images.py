"""From the network's output to what a set keeps: levels, side, grey; and the images of a finished set for exports."""

import zipfile
from typing import Optional

import numpy as np
from PIL import Image

from dnnlib.exports.dataset_json import IMAGES_PER_ZIP, image_name, zip_name
from dnnlib.exports.images import Images
from dnnlib.exports.parts import classes_of
from dnnlib.images import shrink

GREY = np.float32([0.299, 0.587, 0.114])[:, np.newaxis, np.newaxis]  # luma of ITU-R BT.601


def finish_image(image: np.ndarray, side: Optional[int], grey: bool) -> np.ndarray:
    """What a set keeps of an image.

    Args:
        image: uint8 [C, H, W], dynamic range [0, 255], C 1 or 3, as the network makes it.
        side: px, at most H; the image is shrunk by area. None: as it is.
        grey: Whether colours become their luma (ITU-R BT.601).

    Returns:
        uint8 [C or 1, side, side].
    """
    if side is not None and side != image.shape[1]:
        image = shrink(image, side)
    if grey and image.shape[0] == 3:
        image = np.rint((image * GREY).sum(axis=0, keepdims=True)).astype(np.uint8)
    return image


class ZipImages(Images):
    """The images of a folder of .zip files with `IMAGES_PER_ZIP` images each, as the verbs of this package make them.

    Args:
        folder: With `00000.zip`, `00001.zip`, ...
        labels: int64 [number of images]: the labels, which count the identities from 0 on without gaps, ascending.
    """

    def __init__(self, folder: str, labels: np.ndarray) -> None:
        self._folder = folder
        self._number, self._zip = None, None
        self.count, self.labels = len(labels), labels
        self.shape = self.read(0).shape

    def __enter__(self):
        return self

    def __exit__(self, kind, value, traceback):
        if self._zip is not None:
            self._zip.close()

    def read(self, place: int) -> np.ndarray:
        """An image: uint8 [C, H, W], dynamic range [0, 255]."""
        with self._open(place) as file, Image.open(file) as picture:
            pixels = np.asarray(picture)
        return pixels[np.newaxis] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)

    def png(self, place: int) -> bytes:
        """The bytes of the PNG, as they are."""
        with self._open(place) as file:
            return file.read()

    def _open(self, place):
        number = place // IMAGES_PER_ZIP
        if number != self._number:  # one is open: exports read forward
            if self._zip is not None:
                self._zip.close()
            self._zip = zipfile.ZipFile(f'{self._folder}/{zip_name(number)}')
            self._number = number
        return self._zip.open(image_name(place))


class SetImages(ZipImages):
    """The images of a set as `generate` makes it.

    Args:
        folder: With `00000.zip`, `00001.zip`, ...
        count: Number of images.
        per_identity: Number of images of each identity, which follow each other.
    """

    def __init__(self, folder: str, count: int, per_identity: int) -> None:
        self._per_identity = per_identity
        super().__init__(folder, np.arange(count, dtype=np.int64) // per_identity)

    def identity(self, place: int) -> int:
        """Number of the identity."""
        return place // self._per_identity

    def number(self, place: int) -> int:
        """Number of the image within its identity."""
        return place % self._per_identity


class PrunedImages(ZipImages):
    """The images of a set from which some were taken out. Identities and images keep the numbers that they had.

    Args:
        folder: With `00000.zip`, `00001.zip`, ...
        identities: int64 [number of images], ascending: who is in each image.
        variations: int64 [number of images]: the number of each image within its identity.
    """

    def __init__(self, folder: str, identities: np.ndarray, variations: np.ndarray) -> None:
        self._identities, self._variations = identities, variations
        super().__init__(folder, classes_of(identities)[0])

    def identity(self, place: int) -> int:
        """Number of the identity."""
        return int(self._identities[place])

    def number(self, place: int) -> int:
        """Number of the image within its identity; where images were taken out, numbers are missing."""
        return int(self._variations[place])
