"""The networks of StyleGAN: mapping, synthesis, the generator made of both, and the discriminator.

Every network pickle contains the source text of this module. StyleGAN's own code executes that text to rebuild the
network. So this module is self-contained: it imports only what both code bases have, and is longer than other files.

The inputs and outputs of the networks are NCHW, with dynamic range [-1, 1]. Inside, the layout follows the device: NCHW
on a GPU; NHWC on a CPU, because stock TensorFlow has no NCHW convolution there. Weights do not depend on the layout.
"""

import numpy as np
import tensorflow.compat.v1 as tf

import dnnlib.tflib as tflib

# Added to biases, so that the leaky ReLU treats exactly zero as positive (slope 1). The smallest normal number; for
# float16, the smallest number of all, because the smallest normal one would change results.
_SMALLEST = {tf.float32: 1.1754944e-38, tf.bfloat16: 1.1754944e-38, tf.float16: 6e-8}

# In half precision, outputs of layers are clamped to this size, as in StyleGAN2-ADA, so that none becomes infinite.
HALF_LIMIT = 256.0

# From this side on (px, of the larger image) resizing by 2 and a 3x3 convolution are one convolution, with 4
# multiplications instead of 9. On a CPU this is faster at every level (benchmarks/iteration.py). On a GPU it has not
# been measured; the original's fused layers begin at 128 px.
RESIZING_SIDES = {'NHWC': 8, 'NCHW': 128}


# ---------------------------------------------------------------------------------------------------------------------
# Repeatable random numbers


class Random:
    """Draws random tensors.

    Args:
        seed: int32 tensor [2] that decides all draws, each by its own stream. None: TensorFlow's hidden state decides.
            Or int32 [N, 2], a row for each image of the minibatch: it decides `noise`, and nothing else can be drawn.
        first_draw: Number of the first stream. Two `Random` with the same seed and distant numbers draw differently.
    """

    def __init__(self, seed, first_draw=0):
        self._seed = seed
        self._draws = first_draw

    def normal(self, shape, dtype=tf.float32):
        """Tensor of N(0, 1)."""
        if self._seed is None:
            return tf.random.normal(shape, dtype=dtype)
        return tf.random.stateless_normal(shape, self._next_seed(), dtype=dtype)

    def noise(self, layer, side, count):
        """The noise of a layer, [count, 1, side, side], N(0, 1).

        From a seed with a row [a, b] for each image, layer l draws each image by itself with the seed [a, b * 32 + l].
        So the noise of an image depends neither on the rest of the minibatch nor on its place in it.
        """
        if not _has_rows(self._seed):
            return self.normal([count, 1, side, side])
        noise = tf.map_fn(
            lambda seed: tf.random.stateless_normal([1, side, side], seed),
            self._seed * [1, _MAX_LAYERS] + [0, layer],
            dtype=tf.float32,
            back_prop=False,
        )
        same_count = tf.assert_equal(tf.shape(noise)[0], count, message='random_seed needs a row for each image')
        with tf.control_dependencies([same_count]):
            return tf.identity(noise)

    def uniform(self, shape=()):
        """Tensor of U[0, 1)."""
        if self._seed is None:
            return tf.random.uniform(shape)
        return tf.random.stateless_uniform(shape, self._next_seed())

    def integer(self, low, high):
        """int32 scalar, uniform over low, ..., high - 1; `high` may be a tensor."""
        span = tf.cast(high - low, tf.float32)
        return low + tf.minimum(tf.cast(self.uniform() * span, tf.int32), high - low - 1)

    def _next_seed(self):
        if _has_rows(self._seed):
            raise ValueError(
                'random_seed has a row for each image, which decides noise only: style mixing and gradient penalties '
                'draw once for the minibatch, so give two numbers, or style_mixing_prob=None.'
            )
        self._draws += 1
        return tf.stack([self._seed[0], self._seed[1] + self._draws])


# Seeds of an image's layers are this far apart; there are 18 layers at 1024x1024.
_MAX_LAYERS = 32


def _has_rows(seed):
    return isinstance(seed, tf.Tensor) and seed.shape.ndims == 2


def _seed_tensor(random_seed):
    """The seed as a tensor; None stays None."""
    if random_seed is None:
        return None
    seed = tf.convert_to_tensor(random_seed)
    fits = seed.shape.is_compatible_with([2]) or seed.shape.is_compatible_with([None, 2])
    if not fits or seed.dtype not in (tf.int32, tf.int64):
        raise ValueError(
            f'random_seed is {seed.dtype.name} {seed.shape}: give int32 [2], or int32 [N, 2] with a row for each image.'
        )
    return seed


# ---------------------------------------------------------------------------------------------------------------------
# Variables


def _get_weight(shape, gain, use_wscale=True, lrmul=1.0):
    """A weight with the equalised learning rate: stored with deviation 1 / lrmul, scaled to He's deviation in use."""
    he_std = gain / np.sqrt(np.prod(shape[:-1]))
    stored_std, scale = (1.0 / lrmul, he_std * lrmul) if use_wscale else (he_std / lrmul, lrmul)
    weight = tf.get_variable('weight', shape, initializer=tf.initializers.random_normal(0, stored_std))
    return weight * np.float32(scale)


def _get_bias(size, lrmul=1.0):
    bias = tf.get_variable('bias', [size], initializer=tf.initializers.zeros())
    return bias * np.float32(lrmul) if lrmul != 1.0 else bias


def get_lod():
    """The level of detail, float32 scalar, from the variable of the network that is being built."""
    lod = tf.get_variable('lod', [], initializer=tf.initializers.zeros(), trainable=False)
    return lod.read_value()  # read after the control dependencies, not where the variable was made


# ---------------------------------------------------------------------------------------------------------------------
# Layers that do not depend on the layout


def dense(x, fmaps, gain, use_wscale=True, lrmul=1.0):
    """A fully connected layer without bias: [N, ...] to [N, fmaps]; `gain` is the factor of He's deviation."""
    if x.shape.ndims > 2:
        x = tf.reshape(x, [-1, np.prod([int(size) for size in x.shape[1:]])])
    weight = _get_weight([int(x.shape[1]), fmaps], gain, use_wscale, lrmul)
    return tf.matmul(x, tf.cast(weight, x.dtype))


def activation_and_gain(name):
    """(activation, gain) by the name 'lrelu' or 'relu': with this gain of the weights before, it keeps the variance."""
    activations = {'lrelu': lambda x: tf.nn.leaky_relu(x, 0.2), 'relu': tf.nn.relu}
    return activations[name], np.sqrt(2)


def pixel_norm(x, axis, epsilon=1e-8):
    """Scales each vector along an axis to the mean square 1."""
    # In float32 whatever the dtype: squares overflow half precision.
    y = tf.cast(x, tf.float32)
    return tf.cast(y * tf.rsqrt(tf.reduce_mean(tf.square(y), axis=axis, keepdims=True) + epsilon), x.dtype)


# ---------------------------------------------------------------------------------------------------------------------
# Half precision


class _Precision:
    """What both networks share: in which precision the block of a level computes.

    The blocks of the `half_levels` highest resolutions compute in `half_dtype`, all others in `dtype`. Weights, styles,
    normalisation, images and everything at 4x4 are in `dtype` at each level.
    """

    def dtype_of(self, level):
        return self.half_dtype if level > max(self.log2 - self.half_levels, 2) else self.dtype


def _clamped(x):
    """Clamps a tensor in half precision to HALF_LIMIT; gradients do not pass where it is reached."""
    if x.dtype == tf.float32:
        return x

    @tf.custom_gradient  # tf.clip_by_value would keep two more tensors for the gradient
    def forward(x):
        y = tf.clip_by_value(x, -HALF_LIMIT, HALF_LIMIT)
        return y, lambda dy: tf.where(tf.abs(y) < HALF_LIMIT, dy, tf.zeros_like(dy))

    return forward(x)


# ---------------------------------------------------------------------------------------------------------------------
# Convolutions, channels last
#
# On a CPU, TensorFlow's own gradient of a convolution with respect to its input takes up to 3 times as long as the
# convolution. Yet it is a convolution too, with the kernel turned and its channels exchanged. So every convolution here
# defines its gradient with the functions of this section. Derivatives of any order are then equally fast.


def _adjoint_kernel(weight):
    """The kernel turned by 180 degrees, inputs and outputs exchanged. Convolving with it is the adjoint map."""
    height, width, inputs, outputs = weight.shape.as_list()
    # With three axes instead of four: TensorFlow transposes them about 4 times as fast.
    turned = tf.reverse(tf.reshape(weight, [height * width, inputs, outputs]), [0])
    return tf.reshape(tf.transpose(turned, [0, 2, 1]), [height, width, outputs, inputs])


def _combine_taps(weight, matrix, size):
    """A [size, size] kernel: its taps are linear combinations of the taps of `weight`; `matrix` is [size^2, taps]."""
    taps, inputs, outputs = matrix.shape[1], *weight.shape.as_list()[2:]
    combined = tf.matmul(tf.constant(matrix, weight.dtype), tf.reshape(weight, [taps, inputs * outputs]))
    return tf.reshape(combined, [size, size, inputs, outputs])


# Resizing by 2 and a 3x3 kernel equal a 4x4 kernel with stride 2: the sum of four shifted copies of the 3x3 kernel.
_SPREAD = np.kron(*[np.array([[1, 0, 0], [1, 1, 0], [0, 1, 1], [0, 0, 1]], np.float32)] * 2)


def _spread_kernel(weight):
    return _combine_taps(weight, _SPREAD, 4)


def _same_conv(x, weight):
    """Convolution of [N, H, W, C] with a kernel [k, k, C, D], k odd, zero padding."""

    @tf.custom_gradient
    def forward(x, weight):
        def backward(dy):
            return _same_conv(dy, _adjoint_kernel(weight)), _same_conv_weight_gradient(x, dy, int(weight.shape[0]))

        return tf.nn.conv2d(x, weight, [1, 1, 1, 1], 'SAME'), backward

    return forward(x, weight)


def _same_conv_weight_gradient(x, dy, size):
    """The derivative of <dy, _same_conv(x, weight)> with respect to the weight."""
    shape = [size, size, int(x.shape[3]), int(dy.shape[3])]

    @tf.custom_gradient
    def forward(x, dy):
        def backward(weight):
            return _same_conv(dy, _adjoint_kernel(weight)), _same_conv(x, weight)

        return tf.nn.conv2d_backprop_filter(x, shape, dy, [1, 1, 1, 1], 'SAME'), backward

    return forward(x, dy)


def _doubling_conv(x, weight):
    """Nearest upscale by 2 and convolution with a 3x3 kernel, with 4 multiplications instead of 9.

    Upscaling makes a block of four pixels from each pixel. Each of the four is the result of a 2x2 convolution. One
    convolution computes all four, as feature maps, and `depth_to_space` moves them to their places.
    """

    @tf.custom_gradient
    def forward(x, weight):
        def backward(dy):
            return (_halving_conv(dy, _adjoint_kernel(weight)), _adjoint_kernel(_halving_conv_weight_gradient(dy, x)))

        side, inputs, outputs = int(x.shape[1]), int(weight.shape[2]), int(weight.shape[3])
        # [rows, columns of the kernel, inputs] and [row, column within the block of 2x2 pixels, outputs]
        kernel = _combine_taps(weight, _SUBPIXEL, 4)
        kernel = tf.reshape(tf.transpose(kernel, [0, 2, 1, 3]), [2, 2, inputs, 4 * outputs])
        padded = tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]])
        y = tf.depth_to_space(tf.nn.conv2d(padded, kernel, [1, 1, 1, 1], 'VALID'), 2)
        return y[:, 1 : side * 2 + 1, 1 : side * 2 + 1], backward

    return forward(x, weight)


# Along one axis the taps w0, w1, w2 fall on two neighbouring pixels of the smaller image: w0 and w1 + w2 for the first
# pixel of a pair, w0 + w1 and w2 for the second. Rows of the matrix: tap of the 2-kernel, and place in the block. The
# block begins one pixel early.
_SUBPIXEL = np.kron(*[np.array([[[1, 1, 0], [1, 0, 0]], [[0, 0, 1], [0, 1, 1]]], np.float32)] * 2)
_SUBPIXEL = _SUBPIXEL.reshape(16, 9)


def _halving_conv(x, weight):
    """Convolution with a 3x3 kernel and sum of blocks of 2x2 pixels, with 4 multiplications instead of 9."""

    @tf.custom_gradient
    def forward(x, weight):
        def backward(dy):
            return _doubling_conv(dy, _adjoint_kernel(weight)), _halving_conv_weight_gradient(x, dy)

        return tf.nn.conv2d(x, _spread_kernel(weight), [1, 2, 2, 1], 'SAME'), backward

    return forward(x, weight)


def _halving_conv_weight_gradient(x, dy):
    """The derivative of <dy, _halving_conv(x, weight)> with respect to the weight."""
    shape = [4, 4, int(x.shape[3]), int(dy.shape[3])]

    @tf.custom_gradient
    def forward(x, dy):
        def backward(weight):
            return _doubling_conv(dy, _adjoint_kernel(weight)), _halving_conv(x, weight)

        return _combine_taps(tf.nn.conv2d_backprop_filter(x, shape, dy, [1, 2, 2, 1], 'SAME'), _SPREAD.T, 3), backward

    return forward(x, dy)


# ---------------------------------------------------------------------------------------------------------------------
# Layers that depend on the layout


def layout_of(tensor, data_format):
    """The `_Layout`. 'auto' chooses by the device of `tensor`; without one, by whether the session has a GPU."""
    if data_format == 'auto':
        device = tensor.device.upper()
        if 'CPU' in device or 'GPU' in device:
            on_gpu = 'GPU' in device
        else:
            session = tf.get_default_session()
            # Not XLA_GPU, which is listed even if the card cannot be used.
            on_gpu = session is not None and any(d.device_type == 'GPU' for d in session.list_devices())
        data_format = 'NCHW' if on_gpu else 'NHWC'
    return _Layout(data_format)


class _Layout:
    """Layers for one layout: 'NCHW' or 'NHWC'."""

    def __init__(self, data_format):
        self.data_format = data_format
        self.channels_first = data_format == 'NCHW'
        self.channel_axis = 1 if self.channels_first else 3
        self.spatial_axes = [2, 3] if self.channels_first else [1, 2]

    def from_nchw(self, x):
        return x if self.channels_first else tf.transpose(x, [0, 2, 3, 1])

    def to_nchw(self, x):
        return x if self.channels_first else tf.transpose(x, [0, 3, 1, 2])

    def fmaps(self, x):
        return int(x.shape[self.channel_axis])

    def side(self, x):
        return int(x.shape[self.spatial_axes[0]])

    def image_shape(self, side, fmaps):
        return [-1, fmaps, side, side] if self.channels_first else [-1, side, side, fmaps]

    def per_channel(self, values):
        """Reshapes [C] or [N, C] so that it broadcasts over the pixels of an image."""
        if values.shape.ndims == 1 and not self.channels_first:
            return values
        count = -1 if values.shape.ndims > 1 else 1
        fmaps = int(values.shape[-1])
        return tf.reshape(values, [count, fmaps, 1, 1] if self.channels_first else [count, 1, 1, fmaps])

    def apply_bias(self, x, lrmul=1.0):
        fmaps = int(x.shape[1]) if x.shape.ndims == 2 else self.fmaps(x)
        bias = tf.cast(_get_bias(fmaps, lrmul), x.dtype) + _SMALLEST[x.dtype]
        return _clamped(tf.nn.bias_add(x, bias, data_format='NHWC' if x.shape.ndims == 2 else self.data_format))

    def conv(self, x, fmaps, kernel, gain, use_wscale=True):
        return self._conv(x, tf.cast(_get_weight([kernel, kernel, self.fmaps(x), fmaps], gain, use_wscale), x.dtype))

    def _conv(self, x, weight):
        if self.channels_first:
            return tf.nn.conv2d(x, weight, [1, 1, 1, 1], 'SAME', data_format=self.data_format)
        return _same_conv(x, weight)

    def _resizes_in_the_kernel(self, larger_side):
        return larger_side >= RESIZING_SIDES[self.data_format]

    def upscale_conv(self, x, fmaps, fused_scale, gain, use_wscale=True):
        """Doubles the side and convolves with 3x3. If fused, the kernel is turned by 180 degrees, as in StyleGAN."""
        weight = tf.cast(_get_weight([3, 3, self.fmaps(x), fmaps], gain, use_wscale), x.dtype)
        if _is_fused(fused_scale, self.side(x) * 2):
            weight = tf.reverse(weight, [0, 1])
        return self.upscale_conv_with(x, weight)

    def upscale_conv_with(self, x, weight):
        """Doubles the side and convolves with a kernel [3, 3, C, D]."""
        side, batch, fmaps = self.side(x) * 2, tf.shape(x)[0], int(weight.shape[3])
        if not self._resizes_in_the_kernel(side):
            return self._conv(self.upscale(x, 2), weight)
        if not self.channels_first:
            return _doubling_conv(x, weight)
        y = tf.nn.conv2d_transpose(
            x,
            _spread_kernel(_adjoint_kernel(weight)),
            [batch, fmaps, side, side],
            [1, 1, 2, 2],
            'SAME',
            data_format=self.data_format,
        )
        y.set_shape([x.shape[0], fmaps, side, side])
        return y

    def conv_downscale(self, x, fmaps, gain, use_wscale=True):
        """Convolves with 3x3 and averages blocks of 2x2 pixels. The original's fused form gives the same result."""
        weight = tf.cast(_get_weight([3, 3, self.fmaps(x), fmaps], gain, use_wscale), x.dtype)
        if not self._resizes_in_the_kernel(self.side(x)):
            return self.downscale(self._conv(x, weight), 2)
        if not self.channels_first:
            return _halving_conv(x, weight * 0.25)
        return tf.nn.conv2d(x, _spread_kernel(weight) * 0.25, [1, 1, 2, 2], 'SAME', data_format=self.data_format)

    def upscale(self, x, factor):
        """Nearest-neighbour upscale. The gradient adds up blocks of factor x factor pixels."""
        if factor == 1:
            return x

        @tf.custom_gradient
        def forward(x):
            return self._repeat_pixels(x, factor), backward

        @tf.custom_gradient
        def backward(dy):
            return self._mean_of_blocks(dy, factor) * factor**2, forward

        return forward(x)

    def downscale(self, x, factor):
        """Mean of blocks of factor x factor pixels. The gradient is the nearest upscale, divided by factor^2."""
        if factor == 1:
            return x

        @tf.custom_gradient
        def forward(x):
            return self._mean_of_blocks(x, factor), backward

        @tf.custom_gradient
        def backward(dy):
            return self._repeat_pixels(dy, factor) * (1.0 / factor**2), forward

        return forward(x)

    def _repeat_pixels(self, x, factor):
        side, fmaps = self.side(x), self.fmaps(x)
        if not self.channels_first:
            return tf.image.resize_nearest_neighbor(x, [side * factor, side * factor])  # by far the fastest on a CPU
        x = tf.reshape(x, [-1, fmaps, side, 1, side, 1])
        return tf.reshape(tf.tile(x, [1, 1, 1, factor, 1, factor]), [-1, fmaps, side * factor, side * factor])

    def _mean_of_blocks(self, x, factor):
        block = [1, 1, factor, factor] if self.channels_first else [1, factor, factor, 1]
        return tf.nn.avg_pool(x, block, block, 'VALID', data_format=self.data_format)

    def blur(self, x, blur_filter):
        """Depthwise convolution with the outer product of a filter with itself, zero padding.

        The gradient blurs with the flipped filter. For an odd number of taps this is exact. For an even number, zero
        padding has one pixel more below and on the right, and the gradient is shifted by one pixel, as in the original.
        """
        taps = np.asarray(blur_filter, np.float32)
        kernel = np.outer(taps, taps)
        kernel = kernel / np.sum(kernel)

        @tf.custom_gradient
        def forward(x):
            return self._depthwise(x, kernel), backward

        @tf.custom_gradient
        def backward(dy):
            return self._depthwise(dy, kernel[::-1, ::-1]), forward

        return forward(x)

    def _depthwise(self, x, kernel):
        kernel = np.tile(kernel[:, :, np.newaxis, np.newaxis], [1, 1, self.fmaps(x), 1])
        return tf.nn.depthwise_conv2d(
            x, tf.constant(kernel, x.dtype), [1, 1, 1, 1], 'SAME', data_format=self.data_format
        )

    def apply_noise(self, x, noise):
        with tf.variable_scope('Noise'):
            weight = tf.get_variable('weight', [self.fmaps(x)], initializer=tf.initializers.zeros())
        return x + self.from_nchw(tf.cast(noise, x.dtype)) * self.per_channel(tf.cast(weight, x.dtype))

    def normalize_and_style(self, x, dlatent, use_instance_norm, use_styles, use_wscale):
        """Adaptive instance normalisation (Karras et al., equation 1). Both of its parts are optional."""
        # In float32 whatever the dtype: sums over many pixels overflow half precision, small variances vanish in it.
        dtype, x, scale = x.dtype, tf.cast(x, tf.float32), None
        if use_instance_norm:
            x -= tf.reduce_mean(x, axis=self.spatial_axes, keepdims=True)
            scale = tf.rsqrt(tf.reduce_mean(tf.square(x), axis=self.spatial_axes, keepdims=True) + 1e-8)
        if not use_styles:
            return tf.cast(x if scale is None else x * scale, dtype)
        fmaps = self.fmaps(x)
        with tf.variable_scope('StyleMod'):
            style = dense(tf.cast(dlatent, tf.float32), fmaps * 2, gain=1.0, use_wscale=use_wscale)
            style = tf.nn.bias_add(style, _get_bias(fmaps * 2))
        style = tf.reshape(style, [-1, 2, fmaps, 1, 1] if self.channels_first else [-1, 2, 1, 1, fmaps])
        style_scale, shift = tf.unstack(style, axis=1)
        style_scale += 1
        return tf.cast(x * (style_scale if scale is None else style_scale * scale) + shift, dtype)

    def append_minibatch_stddev(self, x, group_size, num_features):
        """Adds feature maps: the mean standard deviation over a group of samples. Sample i is in group i modulo M."""
        side, fmaps, batch = self.side(x), self.fmaps(x), tf.shape(x)[0]
        group = tf.minimum(group_size, batch)
        y = tf.cast(self.to_nchw(x), tf.float32)
        y = tf.reshape(y, [group, -1, num_features, fmaps // num_features, side, side])
        y -= tf.reduce_mean(y, axis=0, keepdims=True)
        y = tf.sqrt(tf.reduce_mean(tf.square(y), axis=0) + 1e-8)
        y = tf.reduce_mean(y, axis=[2, 3, 4])  # [M, num_features]
        y = tf.tile(
            self.per_channel(tf.cast(y, x.dtype)),
            [group, *((1, side, side) if self.channels_first else (side, side, 1))],
        )
        return tf.concat([x, y], axis=self.channel_axis)


def _is_fused(fused_scale, larger_side):
    return larger_side >= 128 if fused_scale == 'auto' else fused_scale


def _structure(structure, clean_graph, active_resolution):
    if structure == 'auto' or (structure == 'recursive' and clean_graph):
        structure = 'linear' if clean_graph else 'recursive'
    if active_resolution and structure != 'recursive':
        raise ValueError(f'active_resolution needs the recursive structure, not {structure!r}.')
    return structure


def active_lod(lod, resolution):
    """How many levels images are below the full resolution at `lod`: floor(lod), but images have 8x8 px at least.

    Images at full resolution hold nothing more: they are the images at this level with repeated pixels.

    Args:
        lod: Scalar tensor.
        resolution: Full side, px.

    Returns:
        float32 scalar tensor.
    """
    return tf.minimum(tf.floor(lod), max(np.log2(resolution) - 3, 0))


def _side_of_images(resolution, active_resolution):
    """Side of the images that a network takes or makes, px; None if it changes with the lod."""
    return None if active_resolution and resolution > 8 else resolution


def feature_maps(fmap_base, fmap_decay, fmap_max):
    """The function nf, from a stage (0: 2x2, 1: 4x4, ...) to its number of feature maps."""
    return lambda stage: min(int(fmap_base / 2.0 ** (stage * fmap_decay)), fmap_max)


# ---------------------------------------------------------------------------------------------------------------------
# Generator


def G_style(
    latents_in,
    labels_in,
    truncation_psi=0.7,  # style strength of truncated layers; None: no truncation
    truncation_cutoff=8,  # number of layers truncated, from the coarsest; None: no truncation
    truncation_psi_val=None,  # psi and cutoff in validation mode
    truncation_cutoff_val=None,
    dlatent_avg_beta=0.995,  # decay of the average w, tracked in training mode; None: not tracked
    style_mixing_prob=0.9,  # probability of mixing two styles in training mode; None: never
    is_training=False,
    is_validation=False,
    is_template_graph=False,
    components=None,  # sub-networks by role; filled here when empty
    random_seed=None,  # int32 [2] for mixing and noise; [N, 2]: noise of each image; None: from hidden state
    **kwargs,  # for the sub-networks
):
    """The generator, latents to images: the mapping and the synthesis network (Karras et al., figure 1b).

    Args:
        latents_in: Tensor [N, latent_size], N(0, 1).
        labels_in: Tensor [N, label_size].

    Returns:
        Images [N, num_channels, resolution, resolution], nominal range [-1, 1], not clipped.

    Raises:
        ValueError: Training and validation mode at once, a `random_seed` of another shape or type, or rows of seeds
            together with style mixing.
    """
    if is_training and is_validation:
        raise ValueError('is_training and is_validation exclude each other.')
    if is_validation:
        truncation_psi, truncation_cutoff = truncation_psi_val, truncation_cutoff_val

    components = {} if components is None else components
    if 'synthesis' not in components:
        components['synthesis'] = tflib.Network('G_synthesis', func_name=G_synthesis, **kwargs)
    num_layers, dlatent_size = components['synthesis'].input_shape[1:]
    if 'mapping' not in components:
        components['mapping'] = tflib.Network('G_mapping', func_name=G_mapping, dlatent_broadcast=num_layers, **kwargs)
    mapping, synthesis = components['mapping'], components['synthesis']

    lod = get_lod()
    dlatent_avg = tf.get_variable('dlatent_avg', [dlatent_size], initializer=tf.initializers.zeros(), trainable=False)
    random_seed = _seed_tensor(random_seed)
    random = Random(random_seed, first_draw=100)  # not the numbers that the synthesis network draws

    dlatents = mapping.get_output_for(latents_in, labels_in, **kwargs)
    dependencies = []
    if is_training:
        if dlatent_avg_beta is not None and dlatent_avg_beta != 1:
            batch_mean = tf.reduce_mean(dlatents[:, 0], axis=0)
            dependencies.append(tf.assign(dlatent_avg, tflib.lerp(batch_mean, dlatent_avg, dlatent_avg_beta)))
        if style_mixing_prob is not None and style_mixing_prob > 0:
            other = mapping.get_output_for(random.normal(tf.shape(latents_in)), labels_in, **kwargs)
            dlatents = _mix_styles(dlatents, other, lod, style_mixing_prob, random)
    else:
        dlatents = _truncate(dlatents, dlatent_avg, truncation_psi, truncation_cutoff)

    dependencies.append(tf.assign(synthesis.vars['lod'], lod))
    with tf.control_dependencies(dependencies):
        images_out = synthesis.get_output_for(
            tf.identity(dlatents), **dict(kwargs, random_seed=random_seed, force_clean_graph=is_template_graph)
        )
    return tf.identity(images_out, name='images_out')


def _mix_styles(dlatents, other, lod, probability, random):
    """With a probability, takes the styles from a random layer on from `other`. One draw decides for the minibatch."""
    num_layers = int(dlatents.shape[1])
    active_layers = num_layers - 2 * tf.cast(lod, tf.int32)
    draw, cutoff = random.uniform(), random.integer(1, active_layers)
    cutoff = tf.where(draw < probability, cutoff, active_layers)
    layer = np.arange(num_layers)[np.newaxis, :, np.newaxis]
    return tf.where(tf.broadcast_to(layer < cutoff, tf.shape(dlatents)), dlatents, other)


def _truncate(dlatents, dlatent_avg, psi, cutoff):
    """The truncation trick: w' = avg + psi * (w - avg) for the first `cutoff` layers (Karras et al., appendix B)."""
    if psi is None or cutoff is None or psi == 1 or cutoff <= 0:
        return dlatents
    layer = np.arange(int(dlatents.shape[1]))[np.newaxis, :, np.newaxis]
    coefficients = np.where(layer < cutoff, psi, 1.0).astype(np.float32)
    return tflib.lerp(dlatent_avg, dlatents, coefficients)


def G_mapping(
    latents_in,
    labels_in,
    latent_size=512,
    label_size=0,  # 0: unconditional
    dlatent_size=512,
    dlatent_broadcast=None,  # repeat w this many times, [N, layers, dlatent_size]; None: [N, dlatent_size]
    mapping_layers=8,
    mapping_fmaps=512,
    mapping_lrmul=0.01,  # learning rate relative to the other layers
    mapping_nonlinearity='lrelu',
    use_wscale=True,  # equalised learning rate
    normalize_latents=True,
    dtype='float32',
    **_kwargs,
):
    """The mapping network f: latents z to dlatents w.

    Args:
        latents_in: Tensor [N, latent_size].
        labels_in: Tensor [N, label_size].

    Returns:
        Tensor [N, dlatent_broadcast, dlatent_size], or [N, dlatent_size].
    """
    activation, gain = activation_and_gain(mapping_nonlinearity)
    latents_in.set_shape([None, latent_size])
    labels_in.set_shape([None, label_size])
    layout = _Layout('NHWC')  # vectors have no layout, so any will do
    x = tf.cast(latents_in, dtype)
    if label_size:
        with tf.variable_scope('LabelConcat'):
            weight = tf.get_variable('weight', [label_size, latent_size], initializer=tf.initializers.random_normal())
            embedded = tf.matmul(tf.cast(labels_in, dtype), tf.cast(weight, dtype))
        x = tf.concat([x, embedded], axis=1)
    if normalize_latents:
        x = pixel_norm(x, axis=1)
    for index in range(mapping_layers):
        with tf.variable_scope(f'Dense{index}'):
            fmaps = dlatent_size if index == mapping_layers - 1 else mapping_fmaps
            x = activation(layout.apply_bias(dense(x, fmaps, gain, use_wscale, mapping_lrmul), mapping_lrmul))
    if dlatent_broadcast is not None:
        x = tf.tile(x[:, np.newaxis], [1, dlatent_broadcast, 1])
    return tf.cast(x, tf.float32, name='dlatents_out')


def G_synthesis(
    dlatents_in,
    dlatent_size=512,
    num_channels=3,
    resolution=1024,
    fmap_base=8192,  # feature maps: fmap_base / 2^(stage * fmap_decay), but at most fmap_max
    fmap_decay=1.0,
    fmap_max=512,
    use_styles=True,
    const_input_layer=True,  # start from a learned constant instead of from w
    use_noise=True,
    randomize_noise=True,  # fresh noise for every image; False: the noise variables
    nonlinearity='lrelu',
    use_wscale=True,
    use_pixel_norm=False,
    use_instance_norm=True,
    dtype='float32',
    half_levels=0,  # blocks of this many highest resolutions, but not 4x4, compute in `half_dtype`
    half_dtype='float16',  # or 'bfloat16'
    fused_scale='auto',  # True, False, or 'auto': from 128 px on
    blur_filter=(1, 2, 1),  # None: no blur
    structure='auto',  # 'fixed': lod 0; 'linear': all levels; 'recursive': only active ones; 'auto'
    is_template_graph=False,  # for the graph that creates the variables: no randomness, no conditionals
    force_clean_graph=False,  # the same, for the template graph of the whole generator
    data_format='auto',  # 'NCHW', 'NHWC', or 'auto': by the device
    active_resolution=False,  # make images at the side of `active_lod`; needs the recursive structure
    random_seed=None,  # int32 [2] for the noise of the minibatch; [N, 2]: of each image; None: from hidden state
    **_kwargs,
):
    """The synthesis network g: dlatents to images, with progressive growing by the variable `lod`.

    Args:
        dlatents_in: Tensor [N, layers, dlatent_size].

    Returns:
        Images [N, num_channels, resolution, resolution], not clipped. With `active_resolution`, their side is smaller.
    """
    net = Synthesis(locals())
    clean_graph = is_template_graph or force_clean_graph
    dlatents_in.set_shape([None, net.num_styles, dlatent_size])
    net.layout = layout_of(dlatents_in, data_format)
    net.dlatents = tf.cast(dlatents_in, dtype)
    lod = get_lod()
    net.make_noise(randomize=randomize_noise and not clean_graph, random=Random(_seed_tensor(random_seed)))
    return net.images_at(lod, structure, clean_graph)


class Synthesis(_Precision):
    """The blocks of the synthesis network, and the structures that connect them."""

    def __init__(self, options):
        for name in (
            'num_channels',
            'resolution',
            'use_styles',
            'const_input_layer',
            'use_noise',
            'use_wscale',
            'use_pixel_norm',
            'use_instance_norm',
            'dtype',
            'half_levels',
            'half_dtype',
            'fused_scale',
            'blur_filter',
            'dlatent_size',
            'active_resolution',
        ):
            setattr(self, name, options[name])
        self.log2 = int(np.log2(self.resolution))
        if self.resolution != 2**self.log2 or self.resolution < 4:
            raise ValueError(f'resolution {self.resolution} is no power of two from 4 on.')
        self.nf = feature_maps(options['fmap_base'], options['fmap_decay'], options['fmap_max'])
        self.num_layers = self.log2 * 2 - 2
        self.num_styles = self.num_layers if self.use_styles else 1
        self.activation, self.gain = activation_and_gain(options['nonlinearity'])

    def make_noise(self, randomize, random):
        self.noise = []
        for layer in range(self.num_layers if self.use_noise else 0):
            side = 2 ** (layer // 2 + 2)
            fixed = tf.get_variable(
                f'noise{layer}', [1, 1, side, side], trainable=False, initializer=tf.initializers.random_normal()
            )
            self.noise.append(
                (lambda layer=layer, side=side: random.noise(layer, side, tf.shape(self.dlatents)[0]))
                if randomize
                else (lambda fixed=fixed: fixed)
            )

    def epilogue(self, x, layer):
        """The end of every layer: noise, bias, activation, normalisation, style."""
        if self.use_noise:
            x = self.layout.apply_noise(x, self.noise[layer]())
        x = self.activation(self.layout.apply_bias(x))
        if self.use_pixel_norm:
            x = pixel_norm(x, self.layout.channel_axis)
        return self.layout.normalize_and_style(
            x,
            self.dlatents[:, layer] if self.use_styles else None,
            self.use_instance_norm,
            self.use_styles,
            self.use_wscale,
        )

    def first_block(self):
        """The block at 4x4."""
        fmaps = self.nf(1)
        with tf.variable_scope('4x4'):
            if self.const_input_layer:
                with tf.variable_scope('Const'):
                    x = tf.get_variable('const', [1, fmaps, 4, 4], initializer=tf.initializers.ones())
                    x = tf.tile(tf.cast(x, self.dtype), [tf.shape(self.dlatents)[0], 1, 1, 1])
                    x = self.epilogue(self.layout.from_nchw(x), 0)
            else:
                with tf.variable_scope('Dense'):
                    x = dense(self.dlatents[:, 0], fmaps * 16, self.gain / 4, self.use_wscale)
                    x = self.epilogue(self.layout.from_nchw(tf.reshape(x, [-1, fmaps, 4, 4])), 0)
            with tf.variable_scope('Conv'):
                return self.epilogue(self.layout.conv(x, fmaps, 3, self.gain, self.use_wscale), 1)

    def block(self, level, x):
        """The block at 2^level px; x is the output of the block at half that side."""
        fmaps, side = self.nf(level - 1), 2**level
        x = tf.cast(x, self.dtype_of(level))
        with tf.variable_scope(f'{side}x{side}'):
            with tf.variable_scope('Conv0_up'):
                x = self.layout.upscale_conv(x, fmaps, self.fused_scale, self.gain, self.use_wscale)
                if self.blur_filter:
                    x = self.layout.blur(x, self.blur_filter)
                x = self.epilogue(x, level * 2 - 4)
            with tf.variable_scope('Conv1'):
                return self.epilogue(self.layout.conv(x, fmaps, 3, self.gain, self.use_wscale), level * 2 - 3)

    def images_at(self, lod, structure, clean_graph):
        """The output of the network, float32 NCHW; `lod` as from `get_lod`, `structure` as of `G_synthesis`."""
        builders = {'fixed': self.build_fixed, 'linear': self.build_linear, 'recursive': self.build_recursive}
        builder = builders[_structure(structure, clean_graph, self.active_resolution)]
        images_out = self.layout.to_nchw(builder(tf.cast(lod, self.dtype)))
        side = _side_of_images(self.resolution, self.active_resolution)
        images_out.set_shape([None, self.num_channels, side, side])
        return tf.cast(images_out, tf.float32, name='images_out')

    def to_rgb(self, level, x):
        with tf.variable_scope(f'ToRGB_lod{self.log2 - level}'):
            x = _clamped(self.layout.conv(x, self.num_channels, 1, gain=1.0, use_wscale=self.use_wscale))
            return self.layout.apply_bias(tf.cast(x, self.dtype))

    def build_fixed(self, _lod):
        x = self.first_block()
        for level in range(3, self.log2 + 1):
            x = self.block(level, x)
        return self.to_rgb(self.log2, x)

    def build_linear(self, lod):
        x = self.first_block()
        image = self.to_rgb(2, x)
        for level in range(3, self.log2 + 1):
            x = self.block(level, x)
            image = tflib.lerp_clip(self.to_rgb(level, x), self.layout.upscale(image, 2), lod - (self.log2 - level))
        return image

    def build_recursive(self, lod):
        x = self.first_block()
        return self._image_from(3, x, lod) if self.log2 > 2 else self.to_rgb(2, x)

    def _image_from(self, level, below, lod):
        """The image, from the features `below` the level. This level, or a higher one, is the last active level."""
        level_lod = self.log2 - level
        x = self.block(level, below)

        def fading():
            return tflib.lerp(
                self.to_rgb(level, x), self.layout.upscale(self.to_rgb(level - 1, below), 2), lod - level_lod
            )

        def image():
            rgb = tf.cond(lod > level_lod, fading, lambda: self.to_rgb(level, x))
            return rgb if self.active_resolution else self.layout.upscale(rgb, 2**level_lod)

        if level_lod == 0:
            return image()
        return tf.cond(lod < level_lod, lambda: self._image_from(level + 1, x, lod), image)


# ---------------------------------------------------------------------------------------------------------------------
# Discriminator


def D_basic(
    images_in,
    labels_in,
    num_channels=1,
    resolution=32,
    label_size=0,  # 0: unconditional
    fmap_base=8192,
    fmap_decay=1.0,
    fmap_max=512,
    nonlinearity='lrelu',
    use_wscale=True,
    mbstd_group_size=4,  # samples compared with each other by the minibatch stddev layer; 0: no such layer
    mbstd_num_features=1,  # maps it adds
    dtype='float32',
    half_levels=0,  # as for G_synthesis
    half_dtype='float16',
    fused_scale='auto',
    blur_filter=(1, 2, 1),
    structure='auto',
    is_template_graph=False,
    data_format='auto',
    active_resolution=False,  # take images at the side of `active_lod`; needs the recursive structure
    **_kwargs,
):
    """The discriminator of progressive GANs, with blur: images to scores, growing by the variable `lod`.

    Args:
        images_in: Tensor [N, num_channels, resolution, resolution], dynamic range [-1, 1]. With `active_resolution`,
            the side is smaller.
        labels_in: Tensor [N, label_size].

    Returns:
        Scores [N, 1]: logits of being real.
    """
    labels_in.set_shape([None, label_size])
    scores = Discriminator(locals()).outputs(images_in, structure, is_template_graph, data_format)
    if label_size:
        scores = tf.reduce_sum(scores * tf.cast(labels_in, dtype), axis=1, keepdims=True)
    return tf.cast(scores, tf.float32, name='scores_out')


class Discriminator(_Precision):
    """The blocks of the discriminator, and the structures that connect them."""

    def __init__(self, options):
        for name in (
            'resolution',
            'use_wscale',
            'mbstd_group_size',
            'mbstd_num_features',
            'blur_filter',
            'num_channels',
            'dtype',
            'active_resolution',
        ):
            setattr(self, name, options[name])
        self.half_levels, self.half_dtype = options.get('half_levels', 0), options.get('half_dtype')  # ProGAN: none
        self.log2 = int(np.log2(self.resolution))
        if self.resolution != 2**self.log2 or self.resolution < 4:
            raise ValueError(f'resolution {self.resolution} is no power of two from 4 on.')
        self.nf = feature_maps(options['fmap_base'], options['fmap_decay'], options['fmap_max'])
        self.num_outputs = max(options['label_size'], 1)
        self.activation, self.gain = activation_and_gain(options['nonlinearity'])

    def outputs(self, images_in, structure, is_template_graph, data_format):
        """The output of the last layer, [N, label_size or 1] in `dtype`; arguments as of `D_basic`."""
        side = _side_of_images(self.resolution, self.active_resolution)
        images_in.set_shape([None, self.num_channels, side, side])
        self.layout = layout_of(images_in, data_format)
        lod = tf.cast(get_lod(), self.dtype)
        image = self.layout.from_nchw(tf.cast(images_in, self.dtype))
        builders = {'fixed': self.build_fixed, 'linear': self.build_linear, 'recursive': self.build_recursive}
        builder = builders[_structure(structure, is_template_graph, self.active_resolution)]
        return self.last_block(builder(image, lod))

    def from_rgb(self, level, image):
        with tf.variable_scope(f'FromRGB_lod{self.log2 - level}'):
            image = tf.cast(image, self.dtype_of(level))
            x = self.layout.conv(image, self.nf(level - 1), 1, self.gain, self.use_wscale)
            return self.activation(self.layout.apply_bias(x))

    def block(self, level, x):
        """The block at 2^level px, level >= 3; its output has half the side, and the next block's precision."""
        with tf.variable_scope('{0}x{0}'.format(2**level)):
            with tf.variable_scope('Conv0'):
                x = self.layout.conv(x, self.nf(level - 1), 3, self.gain, self.use_wscale)
                x = self.activation(self.layout.apply_bias(x))
            with tf.variable_scope('Conv1_down'):
                if self.blur_filter:
                    x = self.layout.blur(x, self.blur_filter)
                x = self.layout.conv_downscale(x, self.nf(level - 2), self.gain, self.use_wscale)
                x = self.activation(self.layout.apply_bias(x))
                return tf.cast(x, self.dtype_of(level - 1))

    def last_block(self, x):
        """The block at 4x4, down to scores."""
        with tf.variable_scope('4x4'):
            if self.mbstd_group_size > 1:
                x = self.layout.append_minibatch_stddev(x, self.mbstd_group_size, self.mbstd_num_features)
            with tf.variable_scope('Conv'):
                x = self.layout.conv(x, self.nf(1), 3, self.gain, self.use_wscale)
                x = self.activation(self.layout.apply_bias(x))
            with tf.variable_scope('Dense0'):
                x = dense(self.layout.to_nchw(x), self.nf(0), self.gain, self.use_wscale)
                x = self.activation(self.layout.apply_bias(x))
            with tf.variable_scope('Dense1'):
                return self.layout.apply_bias(dense(x, self.num_outputs, 1.0, self.use_wscale))

    def build_fixed(self, image, _lod):
        x = self.from_rgb(self.log2, image)
        for level in range(self.log2, 2, -1):
            x = self.block(level, x)
        return x

    def build_linear(self, image, lod):
        x = self.from_rgb(self.log2, image)
        for level in range(self.log2, 2, -1):
            image = self.layout.downscale(image, 2)
            features = self.block(level, x), self.from_rgb(level - 1, image)
            x = tflib.lerp_clip(*features, tf.cast(lod - (self.log2 - level), self.dtype_of(level - 1)))
        return x

    def build_recursive(self, image, lod):
        return self._features_above(3, image, lod) if self.log2 > 2 else self.from_rgb(2, image)

    def _features_above(self, level, image, lod):
        """The input of the block below. While this level fades in, features of the halved image are blended in."""
        level_lod = self.log2 - level

        def image_at(side):
            if not self.active_resolution:
                return self.layout.downscale(image, self.resolution // side)
            active = tf.reshape(image, self.layout.image_shape(2**level, self.num_channels))
            return self.layout.downscale(active, 2**level // side)

        def from_image():
            return self.from_rgb(level, image_at(2**level))

        x = (
            from_image()
            if level_lod == 0
            else tf.cond(lod < level_lod, lambda: self._features_above(level + 1, image, lod), from_image)
        )
        x = self.block(level, x)

        def fading():
            from_half = self.from_rgb(level - 1, image_at(2 ** (level - 1)))
            return tflib.lerp(x, from_half, tf.cast(lod - level_lod, x.dtype))

        return tf.cond(lod > level_lod, fading, lambda: x)
