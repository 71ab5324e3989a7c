"""A dataset of random images, for programs to which the content does not matter."""

import os

import numpy as np

from dnnlib.records.tfrecords import MultiResolutionWriter


def make_random_dataset(folder, resolution, count):
    """Writes `count` random RGB images of a side in px into a new folder, and returns its path."""
    os.makedirs(folder)
    random = np.random.RandomState(0)
    with MultiResolutionWriter(folder, os.path.basename(folder)) as writer:
        for _ in range(count):
            writer.add(random.randint(0, 256, [3, resolution, resolution]).astype(np.uint8))
    return folder
