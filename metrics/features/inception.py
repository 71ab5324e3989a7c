"""The features of the FID, and classes of the Inception Score: the published Inception networks."""

import numpy as np

from metrics.features.foreign import ForeignNetwork


class Inception(ForeignNetwork):
    """uint8 images to what a published Inception-v3 network says of them, given its pickle: 2048 features, or the
    probabilities of 1008 classes."""

    def __call__(self, images, num_gpus=1):
        """Features of a batch.

        Args:
            images: uint8 [N, C, H, W], C 1 (gray, repeated) or 3 (RGB), any size, dynamic range [0, 255].
            num_gpus: How many GPUs share the work.

        Returns:
            float32 [N, F].

        Raises:
            UserError: Its graph cannot run on this machine's devices.
        """
        network = self.open()
        rgb = np.broadcast_to(images, (len(images), 3, *images.shape[2:]))
        with self.errors_as_sentences():
            return network.run(rgb, num_gpus=num_gpus).astype(np.float32, copy=False)
