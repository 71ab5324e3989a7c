"""Distances between two images, computed inside a graph, for path lengths.

A distance has
    open(): called in the graph before the distance is used there;
    __call__(a, b): from two float32 tensors of images [N, C, H, W], C 1 (gray) or 3 (RGB), dynamic range [0, 255], to a
        tensor [N];
    errors_as_sentences(): see `Extractor`;
    identity: text that changes with the weights.
"""

import contextlib

import tensorflow.compat.v1 as tf

from dnnlib.errors import UserError
from dnnlib.faces.mtcnn_trunk import mtcnn_trunk
from dnnlib.faces.mtcnn_weights import SIDES, identity_of, normalise, read_layers
from metrics.features.adapting import as_rgb, crop_window, shrink
from metrics.features.extractor import Extractor
from metrics.features.foreign import ForeignNetwork


class Perceptual(ForeignNetwork):
    """The published LPIPS network on VGG16 (Zhang et al. 2018, reference [24] of the paper).

    Args:
        path: Its pickle.
    """

    def __init__(self, path):
        super().__init__(path, num_inputs=2)

    def __call__(self, a, b):
        return self.open().get_output_for(as_rgb(a), as_rgb(b))


class ONetDistance:
    """The squared Euclidean distance between O-Net's 256 features, see `metrics.features.onet`.

    Images are not quantised, because a step of a path changes pixels by less than a level.
    """

    def __init__(self):
        self._layers = read_layers('onet')
        self.identity = identity_of('onet')

    def open(self):
        """Does nothing. The weights are constants of each graph."""

    def __call__(self, a, b):
        features = mtcnn_trunk(_onet_input(as_rgb(tf.concat([a, b], axis=0))), self._layers)
        return tf.reduce_sum(tf.squared_difference(*tf.split(features, 2)), axis=1)

    def errors_as_sentences(self):
        """A block that changes nothing, because this distance has no errors of its own."""
        return contextlib.nullcontext()


def _onet_input(images):
    """[N, 3, H, W] in [0, 255] to O-Net's input, without quantising."""
    resized = tf.image.resize_area(tf.transpose(images, [0, 2, 3, 1]), [SIDES['onet']] * 2)
    return normalise(tf.transpose(resized, [0, 2, 1, 3]))  # width before height


class PairDistance(Extractor):
    """Distances between neighbours in a minibatch, in the part of the images with the face.

    Args:
        distance: A distance of this module.
    """

    def __init__(self, distance):
        self._distance, self.identity = distance, distance.identity

    def open(self, shape):
        if shape[1] < 8:
            raise UserError(
                'Path lengths look at the middle of images of 8x8 px and more; this network makes '
                f'{shape[1]}x{shape[1]}: choose other --metrics.'
            )
        self._distance.open()

    def in_graph(self, images):
        """Images [2 N, C, H, W] in [-1, 1] to a tensor [N]: 1st and 2nd image, 3rd and 4th image, ..."""
        top, left, side = crop_window(images.shape[2].value)
        crops = shrink((images[:, :, top : top + side, left : left + side] + 1) * 127.5)
        return self._distance(crops[0::2], crops[1::2])

    def errors_as_sentences(self):
        return self._distance.errors_as_sentences()
