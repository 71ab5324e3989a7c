"""Chooses classes of a dataset, such as the identities with the most images."""

from typing import Optional

import numpy as np


def largest_classes(numbers: np.ndarray, at_most: Optional[int] = None, at_least: int = 1) -> np.ndarray:
    """The classes with the most images; of two with equally many images, the one with the smaller number comes first.

    Args:
        numbers: Class number of each image, integers [number of images] from 0 on.
        at_most: How many classes to take; None takes all.
        at_least: How many images a class needs.

    Returns:
        int64 [number of classes taken]: their numbers, ascending. A class without images is never taken.
    """
    counts = np.bincount(numbers)
    order = np.argsort(-counts, kind='stable')[:at_most]
    return np.sort(order[counts[order] >= max(at_least, 1)])
