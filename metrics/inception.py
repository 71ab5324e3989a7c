"""The features of the FID: the published Inception network."""

import numpy as np

from metrics.foreign import ForeignNetwork


class Inception(ForeignNetwork):
    """uint8 images to the 2048 features of the published Inception-v3 network, given its pickle."""

    def __call__(self, images):
        """Features of a batch.

        Args:
            images: uint8 [N, C, H, W], C 1 (gray, repeated) or 3 (RGB), any size, dynamic range [0, 255].

        Returns:
            float32 [N, 2048].

        Raises:
            UserError: Its graph cannot run on this machine's devices.
        """
        network = self.open()
        rgb = np.broadcast_to(images, (len(images), 3, *images.shape[2:]))
        with self.errors_as_sentences():
            return network.run(rgb).astype(np.float32, copy=False)
