"""What looks at images: first inside the generator's graph, then on the arrays that come out of it."""

import contextlib

import numpy as np

from dnnlib import tflib


class Extractor:
    """Something that looks at images.

    Attributes:
        identity: Text that changes with the weights.
    """

    def open(self, shape):
        """Prepares for use in the default graph.

        Args:
            shape: (C, H, W) of the images to come.

        Raises:
            UserError: It cannot look at images of that shape.
        """

    def in_graph(self, images):
        """From a tensor of images [N, C, H, W] in [-1, 1] to the tensor that `finish` takes."""
        raise NotImplementedError

    def finish(self, outputs, num_gpus):
        """From the array that `in_graph` gave for a minibatch to the array [N, ...] of this extractor."""
        return np.asarray(outputs)

    def errors_as_sentences(self):
        """Context that turns errors of TensorFlow inside the block into sentences."""
        return contextlib.nullcontext()


class FeatureNetwork(Extractor):
    """An extractor that is called with images as they are in files.

    (uint8 [N, C, H, W] of dynamic range [0, 255], number of GPUs) to float32 [N, F].
    """

    in_graph = staticmethod(tflib.convert_images_to_uint8)  # one object for all, so that the graph has one copy

    def finish(self, outputs, num_gpus):
        return self(outputs, num_gpus)

    def __call__(self, images, num_gpus=1):
        raise NotImplementedError
