"""What an export reads: the images of a set in their order, and who is in each one if that is known."""

from typing import Any, List, Optional, Union

import numpy as np

from dnnlib.exports.encoding import png_bytes
from dnnlib.records.labels import Labels
from dnnlib.records.tfrecords import MultiResolutionDataset

Label = Union[None, int, List[float]]  # of one image, as JSON has it


class Images:
    """The images of a set. Each kind of set has a subclass.

    Attributes:
        count: Number of images.
        shape: (C, H, W), C 1 or 3, H = W.
        labels: None, class numbers int [count], or rows of numbers [count, label size].
    """

    count = 0
    shape = ()
    labels: Any = None

    def read(self, place: int) -> np.ndarray:
        """An image: uint8 [C, H, W], dynamic range [0, 255]."""
        raise NotImplementedError

    def png(self, place: int) -> bytes:
        """An image as a PNG of level 1. A set that holds PNGs returns them as they are."""
        return png_bytes(self.read(place))

    @property
    def holds_pngs(self) -> bool:
        """Whether the set holds PNGs, which `png` returns: whether its class has a `png` of its own."""
        return type(self).png is not Images.png

    def identity(self, place: int) -> Optional[int]:
        """Number of the person in an image, 0 or more; None if the set does not know who is in its images."""
        return None

    def number(self, place: int) -> Optional[int]:
        """Number of an image among those of its identity, from 0; None where `identity` is None."""
        return None


class DatasetImages(Images):
    """The images of multi-resolution records, at full resolution, in the order of the records.

    Takes 16 bytes of memory an image if the identities are known.

    Args:
        dataset: An open `dnnlib.records.tfrecords.MultiResolutionDataset`.
        labels_are_identities: Whether the labels are one-hot, or class numbers, and tell who is in an image.
    """

    def __init__(self, dataset: MultiResolutionDataset, labels_are_identities: bool = False) -> None:
        self._dataset = dataset
        self.count, self.shape = dataset.num_images, tuple(dataset.shape)
        self.labels = labels_or_classes(dataset.labels)
        self._identities = self._numbers = None
        if labels_are_identities:
            rows = self.labels.ndim == 2  # of one column, if there is only one identity
            self._identities = np.zeros(self.count, np.int64) if rows else self.labels.astype(np.int64)
            self._numbers = count_within(self._identities)

    def read(self, place: int) -> np.ndarray:
        """An image: uint8 [C, H, W], dynamic range [0, 255]."""
        return self._dataset.read(place)

    def identity(self, place: int) -> Optional[int]:
        """See `Images`."""
        return None if self._identities is None else int(self._identities[place])

    def number(self, place: int) -> Optional[int]:
        """See `Images`."""
        return None if self._numbers is None else int(self._numbers[place])


def identities_of(images: Images, places: Optional[np.ndarray] = None) -> np.ndarray:
    """Who is in some images of a set, or in all; the identities are known. int64 [number of these images]."""
    places = range(images.count) if places is None else places
    return np.fromiter((images.identity(int(place)) for place in places), np.int64, len(places))


def label_of(images: Images, place: int) -> Label:
    """The label of an image as JSON has it: a class number, a list of numbers, or None without labels."""
    return None if images.labels is None else images.labels[place].tolist()


def labels_or_classes(labels: Optional[Labels]) -> Optional[np.ndarray]:
    """Class numbers int [N], if each image has one class; other labels as rows [N, K]; None without labels."""
    if labels is None:
        return None
    classes = labels.classes()
    return labels.array if classes is None else classes


def count_within(identities: np.ndarray) -> np.ndarray:
    """For each image its number among those of the same identity, from 0, in their order; int64 like `identities`."""
    order = np.argsort(identities, kind='stable')
    ordered = identities[order]
    is_first = np.ones(len(order), bool)
    is_first[1:] = ordered[1:] != ordered[:-1]
    place = np.arange(len(order))
    numbers = np.empty(len(order), np.int64)
    numbers[order] = place - np.maximum.accumulate(np.where(is_first, place, 0))
    return numbers
