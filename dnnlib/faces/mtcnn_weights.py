"""MTCNN's three networks as the `mtcnn` package stores them: their weights and how they are arranged in layers.

Zhang et al., "Joint Face Detection and Alignment Using Multitask Cascaded Convolutional Networks", 2016. Reading the
weights imports neither TensorFlow nor the package. Kernels and inputs have width before height, because the weights
come from Caffe, which is column-major.
"""

import collections
import hashlib
import importlib.util
import os
from typing import Any, List

import numpy as np

SIDES = {'pnet': 12, 'rnet': 24, 'onet': 48}  # px, side of the input; P-Net also takes larger ones
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

# heads: logits of 'no face' and 'face' [2], regression of left, top, right and bottom [4], O-Net's landmarks [10].
Layers = collections.namedtuple('Layers', 'convolutions dense heads')


def read_weights(network: str) -> List[np.ndarray]:
    """The float32 arrays of 'pnet', 'rnet' or 'onet', in the order of the package's Keras models."""
    folder = importlib.util.find_spec('mtcnn').submodule_search_locations[0]  # finds the package without importing it
    path = os.path.join(folder, 'data', 'mtcnn_weights.npy')
    return np.load(path, allow_pickle=True).item()[network]  # an installed file is as trusted as installed code


def read_layers(network: str) -> Layers:
    """The layers of 'pnet', 'rnet' or 'onet'. `dense` is None for P-Net, which has only convolutions."""
    arrays = iter(read_weights(network))
    convolutions = [Convolution(next(arrays), next(arrays), next(arrays).reshape(-1), pool) for pool in _POOLS[network]]
    dense = None if network == 'pnet' else Dense(next(arrays), next(arrays), next(arrays))
    return Layers(convolutions, dense, [Head(kernel, bias) for kernel, bias in zip(arrays, arrays)])


def normalise(pixels: Any) -> Any:
    """Scales pixels to the range that the networks were trained with.

    Args:
        pixels: float32 array or tensor of any shape, dynamic range [0, 255].

    Returns:
        The same shape and type, dynamic range [-1, 1].
    """
    return (pixels - PIXEL_MIDDLE) / PIXEL_SPREAD


def identity_of(network: str) -> str:
    """SHA-256 of the weights of 'pnet', 'rnet' or 'onet', as hexadecimal digits."""
    digest = hashlib.sha256()
    for array in read_weights(network):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
