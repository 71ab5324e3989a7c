"""Face features that need no download: the trunk of MTCNN's O-Net, from the weights inside the `mtcnn` package."""

import os

import cv2
import mtcnn
import numpy as np
import tensorflow.compat.v1 as tf

NUM_FEATURES = 256
SIDE = 48  # px, the input of O-Net
POOLS = [(3, 'SAME'), (3, 'VALID'), (2, 'SAME'), None]  # max pool (size, padding) after each convolution; stride 2
TRUNK_ARRAYS = 3 * len(POOLS) + 3  # kernel, bias, slope of each convolution and of the dense layer


class ONet:
    """uint8 images to O-Net's 256 values after its dense layer and that layer's PReLU, before its three heads.

    The weights are read at once; the graph is built in the default graph at the first call, once.
    """

    def __init__(self):
        self._weights = read_weights()
        self._graph = self._input = self._output = None

    def __call__(self, images):
        """Features of a batch.

        Args:
            images: uint8 [N, C, H, W], C 1 (gray) or 3 (RGB), any size, dynamic range [0, 255].

        Returns:
            float32 [N, 256].
        """
        if self._graph is not tf.get_default_graph():
            self._graph = tf.get_default_graph()
            with tf.name_scope('ONet'), tf.control_dependencies(None):
                self._input = tf.placeholder(tf.float32, [None, SIDE, SIDE, 3])
                self._output = trunk(self._input, self._weights)
        return tf.get_default_session().run(self._output, {self._input: prepare(images)})


def read_weights():
    """The 21 float32 arrays of O-Net, in the order of the package's Keras model: trunk first, then the heads."""
    path = os.path.join(os.path.dirname(mtcnn.__file__), 'data', 'mtcnn_weights.npy')
    return np.load(path, allow_pickle=True).item()['onet']  # a file of an installed package, so as trusted as its code


def prepare(images):
    """Brings images to O-Net's input.

    Args:
        images: uint8 [N, C, H, W], C 1 (gray, repeated) or 3 (RGB).

    Returns:
        float32 [N, 48, 48, 3] in [-1, 1]: resized as uint8 by OpenCV's INTER_AREA, then (x - 127.5) / 128, with
        width before height because the weights come from column-major Caffe.
    """
    resized = np.empty([len(images), SIDE, SIDE, 3], np.uint8)
    for target, image in zip(resized, images):
        rgb = np.broadcast_to(image, (3, *image.shape[1:])).transpose(1, 2, 0)
        target[...] = cv2.resize(np.ascontiguousarray(rgb), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return ((resized.astype(np.float32) - 127.5) / 128).transpose(0, 2, 1, 3)


def trunk(x, weights):
    """O-Net without its heads, in plain operations.

    Args:
        x: float32 tensor [N, 48, 48, 3], from `prepare`.
        weights: The arrays of `read_weights`.

    Returns:
        float32 tensor [N, 256].
    """
    arrays = iter(weights[:TRUNK_ARRAYS])
    for pool in POOLS:
        x = _prelu(tf.nn.conv2d(x, next(arrays), strides=1, padding='VALID') + next(arrays), next(arrays))
        if pool:
            x = tf.nn.max_pool2d(x, pool[0], strides=2, padding=pool[1])
    x = tf.reshape(x, [-1, int(np.prod(x.shape[1:]))])
    return _prelu(tf.matmul(x, next(arrays)) + next(arrays), next(arrays))


def _prelu(x, slope):
    return tf.nn.relu(x) - slope * tf.nn.relu(-x)
