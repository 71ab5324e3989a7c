"""Labels for the figures of a generator that takes labels: those of images of its dataset, or chosen classes."""

import zlib

import numpy as np

from dnnlib.errors import UserError
from dnnlib.records.datasets import open_dataset
from dnnlib.records.labels import Labels
from dnnlib.util import EasyDict


class LabelledNetwork:
    """A generator, or its mapping network, that takes labels of a choice where a figure gives None.

    The same latents always get the same label. Everything else is as in the network.

    Args:
        network: `Network` whose second input are labels.
        labels: `dnnlib.records.labels.Labels` to choose from.
    """

    def __init__(self, network, labels):
        self._network, self.labels = network, labels
        self.components = EasyDict(network.components)
        if 'mapping' in self.components:
            self.components['mapping'] = LabelledNetwork(network.components['mapping'], labels)

    def __getattr__(self, name):
        return getattr(self._network, name)

    def labels_of(self, latents):
        """The label of each row of latents [N, L]; float32 [N, label size]."""
        rows = np.ascontiguousarray(latents, np.float32)
        return self.labels[[zlib.crc32(row.tobytes()) % len(self.labels) for row in rows]]

    def run(self, latents, labels=None, **kwargs):
        """As `Network.run`."""
        return self._network.run(latents, self.labels_of(latents) if labels is None else labels, **kwargs)


def label_size(Gs):
    """Numbers in a label that a generator takes; 0 without labels."""
    return Gs.input_shapes[1][1] if len(Gs.input_shapes) > 1 else 0


def with_labels(Gs, data, classes=None):
    """A generator that figures can draw, with labels of a dataset if it takes labels.

    Args:
        Gs: Generator `Network`.
        data: Folder of the dataset, or None.
        classes: Tuple of class numbers, of which each latent gets one; None takes the labels of the dataset.

    Returns:
        (generator, remark): Gs or a `LabelledNetwork`, and a sentence about the labels or None.

    Raises:
        UserError: The network has no such class.
    """
    size = label_size(Gs)
    if classes is not None:
        _check_classes(classes, size)
        names = ', '.join(map(str, classes))
        return LabelledNetwork(Gs, Labels(np.array(classes), size)), f'Each image is of one of the classes {names}.'
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


def _check_classes(classes, size):
    if not size:
        raise UserError('--classes is for networks with labels, and this one has none: leave it out.')
    if max(classes) >= size:
        raise UserError(f'--classes: there is no class {max(classes)}; this network has classes 0 to {size - 1}.')


def known_labels(Gs):
    """The `dnnlib.records.labels.Labels` that a `LabelledNetwork` chooses from; None for another network."""
    return Gs.labels if isinstance(Gs, LabelledNetwork) else None


def labels_of(Gs, latents):
    """The labels of latents if Gs is a `LabelledNetwork`; else None, which stands for zeros."""
    return Gs.labels_of(latents) if isinstance(Gs, LabelledNetwork) else None
