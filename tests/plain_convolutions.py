"""The convolutions of the networks as plainly as they can be said, with TensorFlow's own derivatives.

The tests hold training/networks_stylegan.py against these, and benchmarks/iteration.py times both. Channels last.
"""

import contextlib

import tensorflow.compat.v1 as tf

from training import networks_stylegan


def plain_conv(x, weight):
    """Convolution of [N, H, W, C] with [k, k, C, D], k odd, zero padding."""
    return tf.nn.conv2d(x, weight, 1, 'SAME')


def plain_doubling_conv(x, weight):
    """Nearest upscale by 2, then convolution."""
    return plain_conv(networks_stylegan._Layout('NHWC').upscale(x, 2), weight)


def plain_halving_conv(x, weight):
    """Convolution, then the sum of blocks of 2x2 pixels."""
    return networks_stylegan._Layout('NHWC').downscale(plain_conv(x, weight), 2) * 4


@contextlib.contextmanager
def plain_networks():
    """Networks whose graphs are built inside use the plain forms."""
    plain = {'_same_conv': plain_conv, '_doubling_conv': plain_doubling_conv, '_halving_conv': plain_halving_conv}
    originals = {name: getattr(networks_stylegan, name) for name in plain}
    try:
        for name, function in plain.items():
            setattr(networks_stylegan, name, function)
        yield
    finally:
        for name, function in originals.items():
            setattr(networks_stylegan, name, function)
