"""Face features that need no download: the trunk of MTCNN's O-Net, from the weights inside the `mtcnn` package."""

import cv2
import numpy as np
import tensorflow.compat.v1 as tf

from dnnlib.faces.mtcnn_trunk import mtcnn_trunk
from dnnlib.faces.mtcnn_weights import SIDES, identity_of, normalise, read_layers
from metrics.features.extractor import FeatureNetwork

SIDE = SIDES['onet']


class ONet(FeatureNetwork):
    """uint8 images to O-Net's 256 values after its dense layer and the PReLU, before its three heads.

    The constructor reads the weights. The first call in a graph builds the layers there.
    """

    def __init__(self):
        self._layers = read_layers('onet')
        self.identity = identity_of('onet')
        self._graph = self._input = self._output = None

    def __call__(self, images, num_gpus=1):
        """Features of a batch.

        Args:
            images: uint8 [N, C, H, W], C 1 (gray) or 3 (RGB), any size, dynamic range [0, 255].
            num_gpus: Ignored, because the network is small.

        Returns:
            float32 [N, 256].
        """
        if self._graph is not tf.get_default_graph():
            self._graph = tf.get_default_graph()
            with tf.name_scope('ONet'), tf.control_dependencies(None):
                self._input = tf.placeholder(tf.float32, [None, SIDE, SIDE, 3])
                self._output = mtcnn_trunk(self._input, self._layers)
        return tf.get_default_session().run(self._output, {self._input: prepare(images)})


def prepare(images):
    """Converts images to O-Net's input.

    Args:
        images: uint8 [N, C, H, W], C 1 (gray, repeated) or 3 (RGB).

    Returns:
        float32 [N, 48, 48, 3] in [-1, 1]: resized as uint8 by OpenCV's INTER_AREA, then normalised. Width comes before
        height, because the weights come from column-major Caffe.
    """
    resized = np.empty([len(images), SIDE, SIDE, 3], np.uint8)
    for target, image in zip(resized, images):
        rgb = np.broadcast_to(image, (3, *image.shape[1:])).transpose(1, 2, 0)
        target[...] = cv2.resize(np.ascontiguousarray(rgb), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return normalise(resized.astype(np.float32)).transpose(0, 2, 1, 3)
