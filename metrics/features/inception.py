"""The published Inception networks: features for the FID, and classes for the Inception Score."""

import numpy as np

from dnnlib.errors import UserError
from metrics.features.extractor import FeatureNetwork
from metrics.features.foreign import ForeignNetwork


class Inception(FeatureNetwork):
    """uint8 images to the 2048 features of the published Inception-v3 network.

    Args:
        path: The network's pickle.

    Raises:
        UserError: The file is no network pickle, or is not trusted.
    """

    def __init__(self, path):
        self._network = ForeignNetwork(path)
        self.path = path

    @property
    def identity(self):
        return self._network.identity

    def errors_as_sentences(self):
        return self._network.errors_as_sentences()

    def __call__(self, images, num_gpus=1):
        """Features of a batch.

        Args:
            images: uint8 [N, C, H, W], C 1 (gray, repeated) or 3 (RGB), any size, dynamic range [0, 255].
            num_gpus: How many GPUs share the work.

        Returns:
            float32 [N, F].

        Raises:
            UserError: The network cannot run on this machine's devices.
        """
        network = self._network.open()
        rgb = np.broadcast_to(images, (len(images), 3, *images.shape[2:]))
        with self.errors_as_sentences():
            return network.run(rgb, num_gpus=num_gpus).astype(np.float32, copy=False)


class InceptionClasses(Inception):
    """uint8 images to the probabilities of the 1008 classes of the published Inception-v3 network; rows have sum 1."""

    def __call__(self, images, num_gpus=1):
        probabilities = super().__call__(images, num_gpus)
        if not (probabilities.min() >= 0 and np.allclose(probabilities.sum(axis=1), 1, atol=1e-3)):
            raise UserError(
                f'The network in {self.path} gives no probabilities of classes, so it is not the file that its name '
                'says: delete it, and it is downloaded again.'
            )
        return probabilities
