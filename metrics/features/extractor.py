"""The base classes of all that looks at images, first inside the generator's graph, then outside of it."""

import contextlib

import numpy as np

from dnnlib import tflib


class Extractor:
    """Something that computes an array from images.

    Attributes:
        identity: Text that changes with the weights.
    """

    def open(self, shape):
        """Prepares for use in the default graph.

        Args:
            shape: (C, H, W) of the images.

        Raises:
            UserError: It does not take images of that shape.
        """

    def in_graph(self, images):
        """A tensor of images [N, C, H, W] in [-1, 1] to the tensor for `finish`."""
        raise NotImplementedError

    def finish(self, outputs, num_gpus):
        """The output of `in_graph` for a minibatch, as an array, to the array [N, ...] of this extractor."""
        return np.asarray(outputs)

    def errors_as_sentences(self):
        """A block in which errors of TensorFlow become UserErrors."""
        return contextlib.nullcontext()


class FeatureNetwork(Extractor):
    """An extractor of features. It takes images as they are in files, so it works for reals and fakes.

    It is called with images, uint8 [N, C, H, W] of dynamic range [0, 255], and the number of GPUs. It returns float32
    [N, F].
    """

    in_graph = staticmethod(tflib.convert_images_to_uint8)  # the same object for all, so that the graph has it once

    def finish(self, outputs, num_gpus):
        return self(outputs, num_gpus)

    def __call__(self, images, num_gpus=1):
        raise NotImplementedError
