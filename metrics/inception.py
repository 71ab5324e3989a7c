"""The features of the FID: the published Inception network, a pickle whose build function is source text inside it."""

import numpy as np
import tensorflow.compat.v1 as tf

from dnnlib import tflib
from dnnlib.errors import UserError


class Inception:
    """uint8 images to the 2048 features of the published Inception-v3 network.

    The network is opened in the default graph at the first call, once; a printed line says that the file's own code
    runs then, which happens only for a file that is trusted.

    Args:
        path: The pickle.

    Raises:
        UserError: It is no network pickle, or not trusted.
    """

    def __init__(self, path):
        tflib.check_trusted(path)
        self._path = path
        self._graph = self._network = None

    def __call__(self, images):
        """Features of a batch.

        Args:
            images: uint8 [N, C, H, W], C 1 (gray, repeated) or 3 (RGB), any size, dynamic range [0, 255].

        Returns:
            float32 [N, 2048].

        Raises:
            UserError: Its graph cannot run on this machine's devices.
        """
        if self._graph is not tf.get_default_graph():
            self._network = tflib.load_networks(self._path)
            self._graph = tf.get_default_graph()
        rgb = np.broadcast_to(images, (len(images), 3, *images.shape[2:]))
        try:
            return self._network.run(rgb).astype(np.float32, copy=False)
        except (tf.errors.UnimplementedError, tf.errors.InvalidArgumentError) as error:
            raise UserError(
                f'The network in {self._path} cannot run on this machine, as its layers may need a GPU: use one, or '
                f'choose --metrics fd_onet5k ({error.message.splitlines()[0]}).'
            ) from error
