"""The networks of ProGAN (Karras et al. 2018) as its own program has them, which wrote the published pickles.

G_paper and D_paper have the names of those in `training.networks_progan`, and another meaning: the kernels of G's
upscaling layers have other axes, and D has one input and two outputs. A pickle tells the programs apart by its class.
"""

import numpy as np
import tensorflow.compat.v1 as tf

from dnnlib.network_file import PROGAN
from dnnlib.own_modules import own_module

networks_progan = own_module('training.networks_progan')

PROGRAM_OF_PICKLES = PROGAN  # in whose form networks of this module are pickled


def G_paper(
    latents_in,
    labels_in,
    num_channels=1,
    resolution=32,
    label_size=0,
    fmap_base=8192,
    fmap_decay=1.0,
    fmap_max=512,
    latent_size=None,
    normalize_latents=True,
    use_wscale=True,
    use_pixelnorm=True,
    pixelnorm_epsilon=1e-8,
    use_leakyrelu=True,
    dtype='float32',
    fused_scale=True,
    structure=None,
    is_template_graph=False,
    data_format='auto',
    active_resolution=False,
    **_kwargs,
):
    """The generator; arguments and output as of `training.networks_progan.G_paper`."""
    return networks_progan.images_of(_Generator(locals()), locals())


class _Generator(networks_progan.Generator):
    def upscale_conv(self, x, fmaps):
        if not self.fused_scale:
            return super().upscale_conv(x, fmaps)
        # The variable is [3, 3, outputs, inputs], as a transposed convolution takes it.
        inputs = self.layout.fmaps(x)
        he_std = self.gain / np.sqrt(9 * inputs)
        stored_std, scale = (1.0, he_std) if self.use_wscale else (he_std, 1.0)
        initializer = tf.initializers.random_normal(0, stored_std)
        weight = tf.get_variable('weight', [3, 3, fmaps, inputs], initializer=initializer) * np.float32(scale)
        turned = tf.reverse(tf.transpose(weight, [0, 1, 3, 2]), [0, 1])
        return self.layout.upscale_conv_with(x, tf.cast(turned, x.dtype))


def D_paper(
    images_in,
    num_channels=1,
    resolution=32,
    label_size=0,  # labels that D tells apart
    fmap_base=8192,
    fmap_decay=1.0,
    fmap_max=512,
    use_wscale=True,
    mbstd_group_size=4,
    dtype='float32',
    fused_scale=True,
    structure=None,
    is_template_graph=False,
    data_format='auto',
    active_resolution=False,
    **_kwargs,
):
    """The discriminator; arguments as of `training.networks_progan.D_paper`, without labels.

    Returns:
        Tuple of scores [N, 1] and logits of the labels [N, label_size].
    """
    outputs = tf.cast(networks_progan.scores_of(locals(), num_outputs=1 + label_size), tf.float32)
    return tf.identity(outputs[:, :1], name='scores_out'), tf.identity(outputs[:, 1:], name='labels_out')
