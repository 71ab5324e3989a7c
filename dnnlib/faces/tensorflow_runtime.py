"""MTCNN's networks in TensorFlow, for GPUs."""

import dnnlib.quiet  # noqa: F401, I001  before TensorFlow

import numpy as np
import tensorflow.compat.v1 as tf

from dnnlib.faces.mtcnn_weights import SIDES, normalise, read_layers
from dnnlib.faces.mtcnn_trunk import mtcnn_trunk
from dnnlib.faces.patches import PIXEL_ZERO
from dnnlib.faces.runtimes import Runtime


class TensorFlowRuntime(Runtime):
    """The networks in a graph and session of their own, so that they can run beside a network in training.

    Do not use it in a process that is forked later: TensorFlow does not survive a fork.
    """

    batch = {'rnet': 256, 'onet': 64}

    def __init__(self):
        self._heads = {}
        graph = tf.Graph()
        with graph.as_default():
            for network in SIDES:
                self._heads[network] = _build(network)
        # Takes GPU memory only as needed, because the process may need the rest for other things.
        self._session = tf.Session(graph=graph, config=tf.ConfigProto(gpu_options={'allow_growth': True}))

    def run(self, network: str, pixels: np.ndarray) -> np.ndarray:
        """See `Runtime.run`."""
        placeholder, heads = self._heads[network]
        try:
            result = self._session.run(heads, {placeholder: pixels.transpose(0, 2, 1, 3)})
        except tf.errors.ResourceExhaustedError as error:
            raise MemoryError(error.message.splitlines()[0]) from error
        return result.transpose(0, 2, 1, 3) if network == 'pnet' else result


def _build(network):
    layers = read_layers(network)
    side = None if network == 'pnet' else SIDES[network]
    pixels = tf.placeholder(tf.float32, [None, side, side, 3])
    x = mtcnn_trunk(normalise(pixels + PIXEL_ZERO), layers)
    kernels, biases = zip(*layers.heads[:2])
    if network == 'pnet':
        outputs = [tf.nn.conv2d(x, kernel, 1, 'VALID') for kernel in kernels]
    else:
        outputs = [tf.matmul(x, kernel) for kernel in kernels]
    return pixels, tf.concat([output + bias for output, bias in zip(outputs, biases)], axis=-1)
