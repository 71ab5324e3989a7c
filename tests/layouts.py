"""The layouts of images inside the networks that this machine can execute: NHWC, and NCHW as on a GPU where it runs."""

import functools
from unittest import mock

import numpy as np
import tensorflow.compat.v1 as tf

from training import networks_stylegan


@functools.lru_cache(maxsize=None)
def runs(data_format):
    """Whether TensorFlow executes convolutions and pooling in a layout here, and rightly: it is asked to.

    On a CPU, TensorFlow 1.15 refuses NCHW, and 2.15 gives wrong gradients of pooling in it.
    """
    inner = (2, 3) if data_format == 'NCHW' else (1, 2)
    strides = [2 if axis in inner else 1 for axis in range(4)]
    image = np.arange(8, dtype=np.float32).reshape([1, 2, 2, 2])
    image = np.repeat(np.repeat(image, 2, inner[0]), 2, inner[1])
    with tf.Graph().as_default(), tf.Session(config=_config()) as session:
        x, kernel = tf.placeholder(tf.float32, image.shape), tf.placeholder(tf.float32, [1, 1, 2, 2])
        convolved = tf.nn.conv2d(x, kernel, [1, 1, 1, 1], 'SAME', data_format=data_format)
        pooled = tf.nn.avg_pool(x, strides, strides, 'VALID', data_format=data_format)
        try:
            feed = {x: image, kernel: np.ones([1, 1, 2, 2])}
            session.run(tf.gradients(convolved, x), feed)
            slope = session.run(tf.gradients(pooled ** 2, x)[0], feed)
        except tf.errors.OpError:
            return False
    return np.allclose(slope, image / 2)


def _config():
    options = tf.ConfigProto(allow_soft_placement=True)
    options.gpu_options.allow_growth = True
    return options


LAYOUTS = [data_format for data_format in ('NHWC', 'NCHW') if runs(data_format)]


def device_for(data_format):
    """What to give `init_tf` so that the layout runs: without a GPU, NCHW takes a TensorFlow that has it on the CPU."""
    return 'cpu' if data_format == 'NHWC' else 'auto'


def networks_in(data_format):
    """A context in which the networks take this layout wherever they would take that of the device."""
    return mock.patch.object(networks_stylegan, '_layout_of', lambda *_: networks_stylegan._Layout(data_format))
