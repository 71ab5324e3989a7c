"""Labels for the figures of a generator that takes labels: those of images of its dataset."""

import zlib

import numpy as np

from dnnlib.errors import UserError
from dnnlib.records.datasets import open_dataset
from dnnlib.util import EasyDict


class LabelledNetwork:
    """A generator, or its mapping network, that takes labels from a dataset where a figure gives None.

    The same latents always get the same label. Everything else is as in the network.

    Args:
        network: `Network` whose second input are labels.
        labels: `dnnlib.records.labels.Labels` to choose from.
    """

    def __init__(self, network, labels):
        self._network, self._labels = network, labels
        self.components = EasyDict(network.components)
        if 'mapping' in self.components:
            self.components['mapping'] = LabelledNetwork(network.components['mapping'], labels)

    def __getattr__(self, name):
        return getattr(self._network, name)

    def labels_of(self, latents):
        """The label of each row of latents [N, L]; float32 [N, label size]."""
        rows = np.ascontiguousarray(latents, np.float32)
        return self._labels[[zlib.crc32(row.tobytes()) % len(self._labels) for row in rows]]

    def run(self, latents, labels=None, **kwargs):
        """As `Network.run`."""
        return self._network.run(latents, self.labels_of(latents) if labels is None else labels, **kwargs)


def with_labels(Gs, data):
    """A generator that figures can draw, with labels of a dataset if it takes labels.

    Args:
        Gs: Generator `Network`.
        data: Folder of the dataset, or None.

    Returns:
        (generator, remark): Gs or a `LabelledNetwork`, and a sentence about the labels or None.
    """
    size = Gs.input_shapes[1][1] if len(Gs.input_shapes) > 1 else 0
    if not size:
        return Gs, None
    try:
        with open_dataset(data or '') as dataset:
            labels = dataset.labels
    except UserError:
        labels = None
    if labels is None or labels.size != size:
        return Gs, (
            f'The network takes labels of {size} numbers, and figures have zeros for them, which no image in training '
            'had: name a dataset with such labels with --data.'
        )
    return LabelledNetwork(Gs, labels), f'The network takes labels: each image has the label of an image of {data}.'


def labels_of(Gs, latents):
    """The labels of latents if Gs is a `LabelledNetwork`; else None, which stands for zeros."""
    return Gs.labels_of(latents) if isinstance(Gs, LabelledNetwork) else None
