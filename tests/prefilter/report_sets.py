"""Datasets for the tests of the report, and a detector of theirs."""

from unittest import mock

import numpy as np
from shelves import Here

from prefilter.options import DatasetOptions
from prefilter.pipeline import make_dataset
from prefilter.sources import open_source


class RedEye:
    """Finds a face in each picture whose red value is below 100, outside of the picture from 50 on."""

    def __call__(self):
        return self

    def detect_batch(self, images):
        return [self._detect(int(image[0, 0, 0])) for image in images]

    def _detect(self, red):
        left = 0 if red < 50 else 80
        return np.array([[left, 0, left + 6.2, 7, 0.9 + red / 1000]] * (red < 100)).reshape(-1, 5)


def make(location, out, detect=True):
    """A dataset of 8x8 crops, by `RedEye` or of whole images."""
    device = 'cpu' if detect else None
    options = DatasetOptions(
        source=location, out=str(out), format='tree', size=8, margin=10, detect=detect, device=device
    )
    with mock.patch('prefilter.pipeline.Workers', Here):
        make_dataset(open_source(location), options, make_detector=RedEye() if detect else None)
