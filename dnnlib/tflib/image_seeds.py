"""A `random_seed` with a row for each image, as `Network.run` takes it."""

from typing import Any, Optional

import numpy as np

from dnnlib.tflib.tfutil import is_tf_expression

SECOND_NUMBER_LIMIT = 2**26  # a network multiplies it by 32, for a seed of each layer, and stays within int32


def has_rows(random_seed: Any) -> bool:
    """Whether a seed is part of a graph and has a row for each image."""
    return is_tf_expression(random_seed) and random_seed.shape.ndims == 2


def rows_of_seeds(name: str, random_seed: Any, count: int) -> Optional[np.ndarray]:
    """The seed of each image.

    Args:
        name: Of the network, for messages.
        random_seed: What `Network.run` got.
        count: Number of images.

    Returns:
        int32 [count, 2]; None if the argument is two numbers for all images, a part of a graph, or None.

    Raises:
        ValueError: There is no row of two integers for each image, or a number is too large or too small.
    """
    parts = random_seed if isinstance(random_seed, (list, tuple)) else [random_seed]
    if random_seed is None or any(is_tf_expression(part) for part in parts):
        return None
    array = np.array(random_seed)
    if array.shape == (2,) and array.dtype.kind in 'iu':
        return None
    if array.shape != (count, 2) or array.dtype.kind not in 'iu':
        raise ValueError(
            f'{name}.run: random_seed is {array.dtype} {list(array.shape)}: for {count} images give integers '
            f'[{count}, 2], a row for each image, or two integers.'
        )
    int32 = np.iinfo(np.int32)
    wrong = (array < [int32.min, 0]) | (array > [int32.max, SECOND_NUMBER_LIMIT - 1])
    if wrong.any():
        raise ValueError(
            f'{name}.run: random_seed has the row {array[wrong.any(axis=1)][0].tolist()}: its first number must be an '
            f'int32, its second from 0 to {SECOND_NUMBER_LIMIT - 1}.'
        )
    return array.astype(np.int32)
