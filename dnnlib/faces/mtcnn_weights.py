"""MTCNN's three networks as the `mtcnn` package stores them: their weights and how they are arranged in layers.

Zhang et al., "Joint Face Detection and Alignment Using Multitask Cascaded Convolutional Networks", 2016. Reading them
starts neither TensorFlow nor the package. They come from column-major Caffe, so kernels and inputs have width before
height.
"""

import collections
import hashlib
import importlib.util
import os

import numpy as np

SIDES = {'pnet': 12, 'rnet': 24, 'onet': 48}  # px, of the input; P-Net also slides over larger ones
STRIDE = 2  # px between P-Net's outputs
PIXEL_MIDDLE, PIXEL_SPREAD = 127.5, 128  # see `normalise`

# Max pool (size, padding) after each convolution; stride 2.
_POOLS = {
    'pnet': [(2, 'SAME'), None, None],
    'rnet': [(3, 'SAME'), (3, 'VALID'), None],
    'onet': [(3, 'SAME'), (3, 'VALID'), (2, 'SAME'), None],
}

# kernel: float32 [width, height, in, out], in a dense layer [in, out]; bias and slope (of the PReLU): float32 [out].
Convolution = collections.namedtuple('Convolution', 'kernel bias slope pool')
Dense = collections.namedtuple('Dense', 'kernel bias slope')
Head = collections.namedtuple('Head', 'kernel bias')

# heads: logits of 'no face' and 'face' [2], regression of left, top, right and bottom [4], in O-Net landmarks [10] too.
Layers = collections.namedtuple('Layers', 'convolutions dense heads')


def read_weights(network):
    """The float32 arrays of 'pnet', 'rnet' or 'onet', in the order of the package's Keras models."""
    folder = importlib.util.find_spec('mtcnn').submodule_search_locations[0]  # finds it and does not run it
    path = os.path.join(folder, 'data', 'mtcnn_weights.npy')
    return np.load(path, allow_pickle=True).item()[network]  # a file of an installed package, so as trusted as its code


def read_layers(network):
    """The layers of 'pnet', 'rnet' or 'onet': a `Layers`; `dense` is None in P-Net, which is convolutions only."""
    arrays = iter(read_weights(network))
    convolutions = [Convolution(next(arrays), next(arrays), next(arrays).reshape(-1), pool) for pool in _POOLS[network]]
    dense = None if network == 'pnet' else Dense(next(arrays), next(arrays), next(arrays))
    return Layers(convolutions, dense, [Head(kernel, bias) for kernel, bias in zip(arrays, arrays)])


def normalise(pixels):
    """Pixels as the networks take them.

    Args:
        pixels: float32 array or tensor of any shape, dynamic range [0, 255].

    Returns:
        The same shape and type, dynamic range [-1, 1].
    """
    return (pixels - PIXEL_MIDDLE) / PIXEL_SPREAD


def identity_of(network):
    """SHA-256 of the weights of 'pnet', 'rnet' or 'onet', as hexadecimal digits."""
    digest = hashlib.sha256()
    for array in read_weights(network):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
