"""The labels of images: a row of numbers for each image, or the number of its class."""

from typing import Optional, Sequence, Tuple, Union

import numpy as np

CLASSES, ATTRIBUTES, NUMBERS = 'classes', 'attributes', 'numbers'  # kinds of labels


class Labels:
    """The labels of images, which `labels[...]` gives as rows.

    Class numbers take 4 bytes an image; as one-hot rows they would take 4 bytes for each class. So only the rows that
    are asked for are made: a million images of a million classes take 4 MB, and a row of theirs 4 MB too.

    Args:
        array: Rows [number of images, K] of numbers; or class numbers, integers [number of images] from 0 on.
        size: K, for class numbers: an image of a class from K on has a row of zeros. None takes the largest class
            number plus 1.

    Attributes:
        array: float32 [number of images, K], or int32 [number of images].
        numbers: The class numbers, int32 [number of images]; None for rows.
        size: K, the length of a row.
    """

    def __init__(self, array: np.ndarray, size: Optional[int] = None) -> None:
        are_numbers = array.ndim == 1
        self.array = array.astype(np.int32 if are_numbers else np.float32, copy=False)
        self.numbers = self.array if are_numbers else None
        if not are_numbers:
            self.size = array.shape[1]
        else:
            self.size = int(self.array.max(initial=-1)) + 1 if size is None else size

    def __len__(self):
        return len(self.array)

    def __getitem__(self, chosen: Union[int, slice, Sequence[int]]) -> np.ndarray:
        """The rows of some images: float32 [number of chosen images, K]; [K] for one."""
        if self.numbers is None:
            return self.array[chosen]
        numbers = self.numbers[chosen]
        rows = np.zeros([numbers.size, self.size], np.float32)
        (places,) = np.nonzero(numbers.ravel() < self.size)
        rows[places, numbers.ravel()[places]] = 1
        return rows.reshape([*numbers.shape, self.size])

    @property
    def shape(self) -> Tuple[int, int]:
        """(number of images, K)."""
        return len(self), self.size

    def select(self, indices: Sequence[int]) -> 'Labels':
        """The labels of some images, in the order of `indices`, without making rows of class numbers."""
        return Labels(self.array[indices], self.size)

    def columns(self, count: int) -> 'Labels':
        """The same labels, with only the first `count` columns of their rows; all, if there are fewer."""
        if self.numbers is None:
            return Labels(self.array[:, :count])
        return Labels(self.array, min(count, self.size))

    def classes(self) -> Optional[np.ndarray]:
        """The class of each image, int [number of images]; None if a row is not one-hot, or rows have one column."""
        if self.numbers is not None:
            return self.numbers
        if self.size < 2 or not (np.isin(self.array, (0, 1)).all() and (self.array.sum(axis=1) == 1).all()):
            return None
        return self.array.argmax(axis=1)

    def kind(self) -> str:
        """CLASSES: each image is of one class. ATTRIBUTES: numbers 0 and 1, each for itself. NUMBERS: any others."""
        if self.classes() is not None:
            return CLASSES
        return ATTRIBUTES if np.isin(self.array, (0, 1)).all() else NUMBERS

    def describe(self) -> str:
        """What the labels are, for a person: '40 labels an image', 'class numbers of 10,177 classes'."""
        return f'{self.size} labels an image' if self.numbers is None else f'class numbers of {self.size:,} classes'

    def tobytes(self) -> bytes:
        """Bytes that differ if the labels differ. Class numbers and one-hot rows differ too."""
        return (b'' if self.numbers is None else b'class numbers') + self.array.tobytes()
