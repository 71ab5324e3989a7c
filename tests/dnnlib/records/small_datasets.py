"""Small datasets, and what damages them."""

import os

import numpy as np
import pytest

from dnnlib.errors import UserError
from dnnlib.records.levels import pyramid
from dnnlib.records.tfrecords import (
    MultiResolutionDataset,
    MultiResolutionWriter,
)


def write(folder, images, name='set', labels=None):
    os.makedirs(str(folder), exist_ok=True)
    with MultiResolutionWriter(str(folder), name) as writer:
        for image in images:
            writer.add(image)
        if labels is not None:
            writer.add_labels(labels)
    return str(folder)


def some_images(count=5, resolution=16, channels=3):
    return np.random.RandomState(1).randint(0, 256, [count, channels, resolution, resolution]).astype(np.uint8)


def some_levels(index, side):
    return {level.shape[1]: level for level in pyramid(some_images()[index])}[side]


def damage(path, position, value):
    with open(path, 'r+b') as file:
        file.seek(position)
        file.write(value)


def refusal(folder, **kwargs):
    with pytest.raises(UserError) as error:
        MultiResolutionDataset(folder, **kwargs)
    message = error.value.message
    assert message.endswith('.') and '\n' not in message
    return message
