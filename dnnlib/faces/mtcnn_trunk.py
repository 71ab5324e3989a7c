"""MTCNN's networks without their heads, in plain TensorFlow operations."""

import numpy as np
import tensorflow.compat.v1 as tf

from dnnlib.faces.mtcnn_weights import Layers


def mtcnn_trunk(x: tf.Tensor, layers: Layers) -> tf.Tensor:
    """The convolutions of a network, and its dense layer if it has one.

    Args:
        x: float32 tensor [N, W, H, 3], width before height, from `dnnlib.faces.mtcnn_weights.normalise`.
        layers: From `dnnlib.faces.mtcnn_weights.read_layers`.

    Returns:
        float32 tensor, [N, w, h, C] for P-Net and [N, C] for the others.
    """
    for layer in layers.convolutions:
        x = _prelu(tf.nn.conv2d(x, layer.kernel, strides=1, padding='VALID') + layer.bias, layer.slope)
        if layer.pool:
            size, padding = layer.pool
            x = tf.nn.max_pool2d(x, size, strides=2, padding=padding)
    if layers.dense is not None:
        x = tf.reshape(x, [-1, int(np.prod(x.shape[1:]))])
        x = _prelu(tf.matmul(x, layers.dense.kernel) + layers.dense.bias, layers.dense.slope)
    return x


def _prelu(x, slope):
    return tf.nn.relu(x) - slope * tf.nn.relu(-x)
