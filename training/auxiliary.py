"""C, a network beside D that reads the label from an image: a classifier, or a regressor.

As in VAC+GAN and VAR+GAN (Bazrafkan and Corcoran 2018), C is trained together with G and D, on reals and on fakes. G is
rewarded for images in which C reads the label that G was given. D is trained as without C. Unlike in these papers,
where the label is a part of the latent vector, G has the label as its second input, and C is trained by Adam, as D is.

C is in the state of a run. No pickle contains it, because generating images needs G alone.
"""

import collections

import tensorflow.compat.v1 as tf

from dnnlib import tflib
from dnnlib.records.labels import ATTRIBUTES, CLASSES
from training.networks_stylegan import Discriminator
from training.options import CLASSIFIER

# Arguments that C takes over from D.
_OF_D = ('num_channels', 'resolution', 'label_size', 'fmap_base', 'fmap_decay', 'fmap_max', 'nonlinearity')
_OF_D += ('use_wscale', 'blur_filter')


def C_labels(
    images_in,
    num_channels=1,
    resolution=32,
    label_size=1,  # numbers to read
    fmap_base=8192,
    fmap_decay=1.0,
    fmap_max=512,
    nonlinearity='lrelu',
    use_wscale=True,
    blur_filter=(1, 2, 1),
    structure='auto',
    is_template_graph=False,
    data_format='auto',
    active_resolution=False,
    **_kwargs,
):
    """A discriminator without the minibatch stddev layer, which looks at each image for itself, with other outputs.

    Args:
        images_in: Tensor [N, num_channels, resolution, resolution], dynamic range [-1, 1]. With `active_resolution`,
            the side is smaller.

    Returns:
        float32 [N, label_size]: logits, or numbers.
    """
    net = Discriminator(dict(locals(), dtype='float32', mbstd_group_size=0, mbstd_num_features=0))
    return tf.identity(net.outputs(images_in, structure, is_template_graph, data_format), name='labels_out')


class Auxiliary:
    """C of each replica in this process, and what it adds to the losses. C is made on the default device.

    Args:
        options: `TrainingOptions` with `auxiliary`.
        D: Discriminator `Network` of the first replica; C has its layers.
        label_kind: Kind of the labels, from `TrainingSet.label_kind`.

    Attributes:
        replicas: List of `Network`: C of the first replica, to which the caller adds copies for the others.
    """

    def __init__(self, options, D, label_kind):
        self._options, self._kind = options, label_kind
        arguments = {name: D.static_kwargs[name] for name in _OF_D if name in D.static_kwargs}
        self.replicas = [tflib.Network('C', C_labels, **arguments)]

    def losses(self, replica, fakes_of_G, fakes_of_D, reals, labels, **network_kwargs):
        """What a replica adds to its losses.

        Args:
            replica: Number of the replica in this process.
            fakes_of_G, fakes_of_D: Images of the steps of G and D.
            reals: Images.
            labels: [N, L], of the reals, and what G was given for the fakes.
            **network_kwargs: Arguments of `C_labels`.

        Returns:
            `AuxiliaryLosses`: scalars.
        """
        C = self.replicas[replica]
        of_G, of_fakes, of_reals = (
            C.get_output_for(images, **network_kwargs) for images in (fakes_of_G, fakes_of_D, reals)
        )
        real, fake = (tf.reduce_mean(self._errors(output, labels)) for output in (of_reals, of_fakes))
        stats = {'C_real_loss': real, 'C_fake_loss': fake}
        if self._options.auxiliary == CLASSIFIER:
            for name, output in (('C_real_accuracy', of_reals), ('C_fake_accuracy', of_fakes)):
                stats[name] = tf.reduce_mean(tf.cast(self._hits(output, labels), tf.float32))
        return AuxiliaryLosses(tf.reduce_mean(self._errors(of_G, labels)), (real + fake) / 2, stats)

    def mixed(self, adversarial, of_label):
        """What G minimises: (1 - b) times its loss against D, plus b times C's loss; b is `auxiliary_weight`."""
        weight = self._options.auxiliary_weight
        return adversarial * (1 - weight) + of_label * weight

    def _errors(self, outputs, labels):
        """The loss of each output, [N] or [N, L]."""
        if self._kind == CLASSES:
            return tf.nn.softmax_cross_entropy_with_logits_v2(labels=labels, logits=outputs)
        if self._kind == ATTRIBUTES:
            return tf.nn.sigmoid_cross_entropy_with_logits(labels=labels, logits=outputs)
        return tf.math.log1p(tf.abs(labels - outputs))

    def _hits(self, outputs, labels):
        if self._kind == CLASSES:
            return tf.equal(tf.argmax(outputs, axis=1), tf.argmax(labels, axis=1))
        return tf.equal(outputs > 0, labels > 0.5)


AuxiliaryLosses = collections.namedtuple('AuxiliaryLosses', 'of_G of_C stats')
AuxiliaryLosses.__doc__ = """C's loss for the images of a step of G, C's own loss, and means to report."""


class KeptImages:
    """A generator that keeps the images it makes, for those who need them after a loss has made them.

    Attributes:
        images: The newest output.
    """

    def __init__(self, G):
        self._G, self.images = G, None

    def get_output_for(self, *inputs, **kwargs):
        """As `Network.get_output_for`."""
        self.images = self._G.get_output_for(*inputs, **kwargs)
        return self.images
