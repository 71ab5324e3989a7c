"""The networks of ProGAN (Karras et al. 2018) as StyleGAN's code has them: G_paper and D_paper.

The layers are those of `training.networks_stylegan`. A pickle of such a network contains the source text of both
modules in one, so that StyleGAN's own code can rebuild the network: see `dnnlib.own_modules.self_contained`.

The inputs and outputs are NCHW, with dynamic range [-1, 1]. There is no w, no truncation and no noise.
"""

import numpy as np
import tensorflow.compat.v1 as tf

# <from training.networks_stylegan>
from dnnlib.own_modules import own_module

# A program may have another module of this name, so it is not imported the usual way.
networks_stylegan = own_module('training.networks_stylegan')
Discriminator, Synthesis = networks_stylegan.Discriminator, networks_stylegan.Synthesis
activation_and_gain, dense = networks_stylegan.activation_and_gain, networks_stylegan.dense
feature_maps, get_lod = networks_stylegan.feature_maps, networks_stylegan.get_lod
layout_of, pixel_norm = networks_stylegan.layout_of, networks_stylegan.pixel_norm
# </from>


def G_paper(
    latents_in,
    labels_in,
    num_channels=1,
    resolution=32,
    label_size=0,  # 0: unconditional
    fmap_base=8192,  # feature maps: fmap_base / 2^(stage * fmap_decay), but at most fmap_max
    fmap_decay=1.0,
    fmap_max=512,
    latent_size=None,  # None: as many as the first stage has feature maps
    normalize_latents=True,
    use_wscale=True,  # equalised learning rate
    use_pixelnorm=True,
    pixelnorm_epsilon=1e-8,
    use_leakyrelu=True,  # False: ReLU
    dtype='float32',
    fused_scale=True,  # True: kernels of upscaling layers are turned by 180 degrees, and their variables named Conv0_up
    structure=None,  # 'linear': all levels; 'recursive': only active ones; None: linear for the template graph
    is_template_graph=False,
    data_format='auto',  # 'NCHW', 'NHWC', or 'auto': by the device
    active_resolution=False,  # make images at the side of `active_lod`; needs the recursive structure
    **_kwargs,  # what only generators with w, truncation or noise need has no effect
):
    """The generator of ProGAN: latents to images, with progressive growing by the variable `lod`.

    Args:
        latents_in: Tensor [N, latent_size], N(0, 1).
        labels_in: Tensor [N, label_size].

    Returns:
        Images [N, num_channels, resolution, resolution], nominal range [-1, 1], not clipped. With `active_resolution`,
        their side is smaller.
    """
    return images_of(Generator(locals()), locals())


def images_of(net, options):
    """The output of G_paper; `options` are its arguments by name."""
    latents_in, labels_in = options['latents_in'], options['labels_in']
    latent_size = options['latent_size'] or net.nf(0)
    latents_in.set_shape([None, latent_size])
    labels_in.set_shape([None, options['label_size']])
    net.layout = layout_of(latents_in, options['data_format'])
    lod = get_lod()
    net.latents = tf.concat([tf.cast(latents_in, net.dtype), tf.cast(labels_in, net.dtype)], axis=1)
    if options['normalize_latents']:
        net.latents = pixel_norm(net.latents, 1, net.pixelnorm_epsilon)
    return net.images_at(lod, options['structure'] or 'auto', options['is_template_graph'])


class Generator(Synthesis):
    """The blocks of the generator. The structures that connect them are StyleGAN's."""

    def __init__(self, options):
        for name in (
            'num_channels',
            'resolution',
            'dtype',
            'use_wscale',
            'use_pixelnorm',
            'pixelnorm_epsilon',
            'active_resolution',
        ):
            setattr(self, name, options[name])
        self.fused_scale = bool(options['fused_scale'])  # here 'auto' counts as true
        self.log2 = int(np.log2(self.resolution))
        if self.resolution != 2**self.log2 or self.resolution < 4:
            raise ValueError(f'resolution {self.resolution} is no power of two from 4 on.')
        self.nf = feature_maps(options['fmap_base'], options['fmap_decay'], options['fmap_max'])
        self.activation, self.gain = activation_and_gain('lrelu' if options['use_leakyrelu'] else 'relu')

    def epilogue(self, x):
        """The end of every layer: bias, activation, normalisation."""
        x = self.activation(self.layout.apply_bias(x))
        return pixel_norm(x, self.layout.channel_axis, self.pixelnorm_epsilon) if self.use_pixelnorm else x

    def first_block(self):
        """The block at 4x4."""
        fmaps = self.nf(1)
        with tf.variable_scope('4x4'):
            with tf.variable_scope('Dense'):
                x = dense(self.latents, fmaps * 16, self.gain / 4, self.use_wscale)
                x = self.epilogue(self.layout.from_nchw(tf.reshape(x, [-1, fmaps, 4, 4])))
            with tf.variable_scope('Conv'):
                return self.epilogue(self.layout.conv(x, fmaps, 3, self.gain, self.use_wscale))

    def block(self, level, x):
        """The block at 2^level px; x is the output of the block at half that side."""
        with tf.variable_scope('{0}x{0}'.format(2**level)):
            with tf.variable_scope('Conv0_up' if self.fused_scale else 'Conv0'):
                x = self.epilogue(self.upscale_conv(x, self.nf(level - 1)))
            with tf.variable_scope('Conv1'):
                return self.epilogue(self.layout.conv(x, self.nf(level - 1), 3, self.gain, self.use_wscale))

    def upscale_conv(self, x, fmaps):
        return self.layout.upscale_conv(x, fmaps, self.fused_scale, self.gain, self.use_wscale)


def D_paper(
    images_in,
    labels_in,
    num_channels=1,
    resolution=32,
    label_size=0,  # 0: unconditional
    fmap_base=8192,
    fmap_decay=1.0,
    fmap_max=512,
    use_wscale=True,
    mbstd_group_size=4,  # samples compared with each other by the minibatch stddev layer; 0: no such layer
    dtype='float32',
    fused_scale=True,  # True: downscaling layers average before bias and activation, and are named Conv1_down
    structure=None,
    is_template_graph=False,
    data_format='auto',
    active_resolution=False,  # take images at the side of `active_lod`; needs the recursive structure
    **_kwargs,
):
    """The discriminator of ProGAN: images to scores, growing by the variable `lod`. The labels have no effect.

    Args:
        images_in: Tensor [N, num_channels, resolution, resolution], dynamic range [-1, 1]. With `active_resolution`,
            the side is smaller.
        labels_in: Tensor [N, label_size].

    Returns:
        Scores [N, 1].
    """
    labels_in.set_shape([None, label_size])
    return tf.cast(scores_of(locals(), num_outputs=1), tf.float32, name='scores_out')


def scores_of(options, num_outputs):
    """The output of D_paper's last layer, [N, num_outputs]; `options` are its arguments by name."""
    net = _PaperDiscriminator(options, num_outputs)
    return net.outputs(
        options['images_in'], options['structure'] or 'auto', options['is_template_graph'], options['data_format']
    )


class _PaperDiscriminator(Discriminator):
    """The blocks of the discriminator. Those from RGB and at 4x4, and what connects them, are StyleGAN's."""

    def __init__(self, options, num_outputs):
        super().__init__(
            dict(options, label_size=num_outputs, nonlinearity='lrelu', mbstd_num_features=1, blur_filter=None)
        )
        self.fused_scale = bool(options['fused_scale'])

    def block(self, level, x):
        """The block at 2^level px, level >= 3; its output has half the side."""
        fmaps, smaller = self.nf(level - 1), self.nf(level - 2)
        with tf.variable_scope('{0}x{0}'.format(2**level)):
            with tf.variable_scope('Conv0'):
                x = self.activation(self.layout.apply_bias(self.layout.conv(x, fmaps, 3, self.gain, self.use_wscale)))
            if self.fused_scale:
                with tf.variable_scope('Conv1_down'):
                    x = self.layout.conv_downscale(x, smaller, self.gain, self.use_wscale)
                    return self.activation(self.layout.apply_bias(x))
            with tf.variable_scope('Conv1'):
                x = self.layout.conv(x, smaller, 3, self.gain, self.use_wscale)
                return self.layout.downscale(self.activation(self.layout.apply_bias(x)), 2)
