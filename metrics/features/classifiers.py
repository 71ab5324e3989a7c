"""The published classifiers of CelebA's attributes, one pickle each."""

import tensorflow.compat.v1 as tf

from dnnlib.errors import UserError
from metrics.features.adapting import as_rgb, shrink, shrink_factor
from metrics.features.extractor import Extractor
from metrics.features.foreign import ForeignNetwork


class Classifiers(Extractor):
    """Probabilities of attributes, computed inside the graph of a generator.

    Args:
        paths: Dict of the attributes' names to the pickles of their classifiers. The inputs are images and labels.

    Attributes:
        names: The attributes' names.

    Raises:
        UserError: A file is no network pickle, or is not trusted.
    """

    def __init__(self, paths):
        self._networks = [ForeignNetwork(path, num_inputs=2) for path in paths.values()]
        self.names = list(paths)

    @property
    def identity(self):
        return ' '.join(network.identity for network in self._networks)

    def open(self, shape):
        side = shape[-1] // shrink_factor(shape[-1])
        for network in self._networks:
            taken = network.open().input_shape[1:]
            if any(mine not in (None, side) for mine in taken[1:]):
                raise UserError(
                    f'The classifiers of ls take images of {taken[1]}x{taken[2]} px; this network makes '
                    f'{shape[1]}x{shape[2]}: choose other --metrics.'
                )

    def in_graph(self, images):
        """Images [N, C, H, W] in [-1, 1] to float32 [N, attributes, 2]; the first of the 2 is the attribute."""
        images = shrink(images)
        return tf.stack([self._probabilities(network.open(), images) for network in self._networks], axis=1)

    @staticmethod
    def _probabilities(network, images):
        images = as_rgb(images) if network.input_shape[1] == 3 else images
        labels = tf.zeros([tf.shape(images)[0], network.input_shapes[1][1] or 0])
        logits = tf.reshape(network.get_output_for(images, labels), [-1, 1])
        return tf.nn.softmax(tf.concat([logits, -logits], axis=1))

    def errors_as_sentences(self):
        return self._networks[0].errors_as_sentences()
