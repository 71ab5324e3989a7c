"""The layers of the networks against plain formulations of what they mean, with first and second derivatives."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.plain_convolutions import plain_conv, plain_doubling_conv, plain_halving_conv
from training import networks_stylegan
from training.networks_stylegan import _Layout, activation_and_gain, dense, pixel_norm

SEEDS = st.integers(0, 2**31)
quickly = settings(max_examples=3, database=None)


def normal(seed, *shape):
    return np.random.RandomState(seed).randn(*shape).astype(np.float32)


def unfolded(value):
    """A tensor of a value; no constant, since intel-tensorflow gives gradients of convolutions of these at random."""
    return tf.placeholder_with_default(value, value.shape)


def evaluate(build):
    """What `build()` gives, in a graph of its own."""
    config = tf.ConfigProto()
    config.graph_options.rewrite_options.disable_meta_optimizer = True  # it takes longer than what it improves
    with tf.Graph().as_default(), tf.Session(config=config) as session:
        results = build()
        session.run(tf.global_variables_initializer())
        return session.run(results)


def value_and_derivatives(layer, x, seed):
    """The layer's output, the gradient of a non-linear function of it, and a second derivative of that."""
    x = unfolded(x)
    y = layer(x)
    towards = [
        tf.constant(normal(seed + number, *shape)) for number, shape in ((1, y.shape.as_list()), (2, x.shape.as_list()))
    ]
    first = tf.gradients(tf.reduce_sum(y**3 * towards[0]), x)[0]
    second = tf.gradients(tf.reduce_sum(first * towards[1]), x)[0]
    return y, first, second


def assert_same_function(layer, reference, x, seed):
    actual, expected = evaluate(
        lambda: (value_and_derivatives(layer, x, seed), value_and_derivatives(reference, x, seed))
    )
    for a, b in zip(actual, expected):
        np.testing.assert_allclose(a, b, rtol=0, atol=2e-5 * np.abs(b).max() + 1e-6)


def in_layout(data_format, build):
    """The function of images, channels last, that a layer in some layout computes; `build` takes the layout and x."""
    its = _Layout(data_format)
    if not its.channels_first:
        return lambda x: build(its, tf.convert_to_tensor(x))
    return lambda x: tf.transpose(build(its, tf.transpose(x, [0, 3, 1, 2])), [0, 2, 3, 1])


# ---------------------------------------------------------------------------------------------------------------------
# Resizing and blurring


def upscaled(x, factor):
    batch, side, _, fmaps = x.shape.as_list()
    x = tf.reshape(x, [batch, side, 1, side, 1, fmaps]) * tf.ones([1, 1, factor, 1, factor, 1])
    return tf.reshape(x, [batch, side * factor, side * factor, fmaps])


def downscaled(x, factor):
    batch, side, _, fmaps = x.shape.as_list()
    x = tf.reshape(x, [batch, side // factor, factor, side // factor, factor, fmaps])
    return tf.reduce_mean(x, axis=[2, 4])


def blurred(x, taps):
    half, side = len(taps) // 2, int(x.shape[1])
    padded = tf.pad(x, [[0, 0], [half, half], [half, half], [0, 0]])
    rows = tf.add_n([padded[:, row : row + side] * (tap / sum(taps)) for row, tap in enumerate(taps)])
    return tf.add_n([rows[:, :, column : column + side] * (tap / sum(taps)) for column, tap in enumerate(taps)])


@pytest.mark.parametrize('factor', [1, 2, 4])
@quickly
@given(seed=SEEDS, batch=st.integers(1, 3), side=st.integers(1, 5), fmaps=st.integers(1, 3))
def test_upscale_repeats_pixels(layout, seed, batch, side, fmaps, factor):
    x = normal(seed, batch, side, side, fmaps)
    layer = in_layout(layout, lambda its, x: its.upscale(x, factor))
    assert_same_function(layer, lambda x: upscaled(x, factor), x, seed)


@pytest.mark.parametrize('factor', [1, 2, 4])
@quickly
@given(seed=SEEDS, batch=st.integers(1, 3), side=st.integers(1, 5), fmaps=st.integers(1, 3))
def test_downscale_averages_blocks(layout, seed, batch, side, fmaps, factor):
    x = normal(seed, batch, side * factor, side * factor, fmaps)
    layer = in_layout(layout, lambda its, x: its.downscale(x, factor))
    assert_same_function(layer, lambda x: downscaled(x, factor), x, seed)


@pytest.mark.parametrize('taps', [(1, 2, 1), (1, 2, 3), (1, 4, 6, 4, 1), (2,)])
@quickly
@given(seed=SEEDS, batch=st.integers(1, 3), side=st.integers(2, 6), fmaps=st.integers(1, 3))
def test_blur_is_a_normalised_separable_filter_over_zero_padding(layout, seed, batch, side, fmaps, taps):
    x = normal(seed, batch, side, side, fmaps)
    assert_same_function(in_layout(layout, lambda its, x: its.blur(x, taps)), lambda x: blurred(x, taps), x, seed)


# ---------------------------------------------------------------------------------------------------------------------
# Convolutions


def value_and_all_derivatives(function, x, weight, seed):
    """The value, and the first and second derivatives by both arguments, along random directions."""
    x, weight = unfolded(x), unfolded(weight)
    y = function(x, weight)
    direction = tf.constant(normal(seed + 2, *y.shape.as_list()))
    first = tf.gradients(tf.reduce_sum(y * direction + y**3 / 3), [x, weight])
    directions = [tf.constant(normal(seed + 3 + number, *g.shape.as_list())) for number, g in enumerate(first)]
    # y is linear in each argument, so that the mixed derivatives need both terms of the sum.
    seconds = [tf.gradients(tf.reduce_sum(g * d), [x, weight]) for g, d in zip(first, directions)]
    return [y, *first, *seconds[0], *seconds[1]]


def assert_same_convolution(fast, plain, x, weight, seed, tolerance=2e-5):
    actual, expected = evaluate(lambda: [value_and_all_derivatives(f, x, weight, seed) for f in (fast, plain)])
    for a, b in zip(actual, expected):
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * np.abs(b).max() + 1e-6)


@pytest.mark.parametrize(
    'fast, plain, size, even',
    [
        (networks_stylegan._same_conv, plain_conv, 1, False),
        (networks_stylegan._same_conv, plain_conv, 3, False),
        (networks_stylegan._doubling_conv, plain_doubling_conv, 3, False),
        (networks_stylegan._halving_conv, plain_halving_conv, 3, True),
    ],
)
@quickly
@given(seed=SEEDS, batch=st.integers(1, 3), side=st.integers(1, 5), inputs=st.integers(1, 3), outputs=st.integers(1, 3))
def test_fast_convolutions_are_the_plain_ones_with_all_derivatives(
    fast, plain, size, even, seed, batch, side, inputs, outputs
):
    side *= 2 if even else 1
    x, weight = normal(seed, batch, side, side, inputs), normal(seed + 1, size, size, inputs, outputs)
    assert_same_convolution(fast, plain, x, weight, seed)


def with_weight(scope, layer, x, weight):
    """The layer's output for NHWC with the tensor of a weight, undoing its He scale."""

    def fixed(getter, name, *args, **kwargs):
        return weight * float(np.sqrt(np.prod(weight.shape.as_list()[:-1])))

    with tf.variable_scope(scope, custom_getter=fixed):
        return layer(tf.convert_to_tensor(x))


@pytest.mark.parametrize('side', [2, 4, 64])  # either side of where a layout changes the form
@pytest.mark.parametrize('fused', [False, True])
def test_upscaling_convolution_means_the_same_in_every_form(layout, side, fused):
    """Fused is another function than unfused: its kernel is turned by 180 degrees."""
    x, weight = normal(side, 2, side, side, 2), normal(1, 3, 3, 2, 3)
    layer = in_layout(layout, lambda its, x: its.upscale_conv(x, 3, fused, gain=1))
    assert_same_convolution(
        lambda x, weight: with_weight('actual', layer, x, weight),
        lambda x, weight: plain_doubling_conv(x, weight[::-1, ::-1] if fused else weight),
        x,
        weight,
        side,
        tolerance=1e-4,  # derivatives by the weight are sums over all pixels
    )


@pytest.mark.parametrize('side', [4, 8, 128])
def test_downscaling_convolution_means_the_same_in_every_form(layout, side):
    x, weight = normal(side, 2, side, side, 2), normal(1, 3, 3, 2, 3)
    layer = in_layout(layout, lambda its, x: its.conv_downscale(x, 3, gain=1))
    assert_same_convolution(
        lambda x, weight: with_weight('actual', layer, x, weight),
        lambda x, weight: plain_halving_conv(x, weight) / 4,
        x,
        weight,
        side,
        tolerance=1e-4,  # derivatives by the weight are sums over all pixels
    )


@pytest.mark.parametrize('larger_side, turned', [(64, False), (128, True)])
def test_auto_fuses_where_the_larger_side_is_128_or_more(layout, larger_side, turned):
    side = larger_side // 2
    x, weight = normal(side, 1, side, side, 1), normal(1, 3, 3, 1, 1)
    actual, expected = evaluate(
        lambda: [
            with_weight(
                'auto', in_layout(layout, lambda its, x: its.upscale_conv(x, 1, 'auto', gain=1)), x, unfolded(weight)
            ),
            plain_doubling_conv(tf.constant(x), tf.constant(weight[::-1, ::-1] if turned else weight)),
        ]
    )
    np.testing.assert_allclose(actual, expected, atol=2e-5)


# ---------------------------------------------------------------------------------------------------------------------
# Activation, normalisation, statistics


@pytest.mark.parametrize('shape', [[1, 3], [1, 2, 2, 3]])
def test_leaky_relu_of_exactly_zero_has_slope_one(layout, shape):
    values = np.zeros(shape, np.float32)
    values[..., 0], values[..., 1] = -1, 1

    def build():
        x = tf.constant(values)
        activation, gain = activation_and_gain('lrelu')
        assert gain == pytest.approx(np.sqrt(2))
        biased = in_layout(layout, lambda its, x: its.apply_bias(x)) if len(shape) == 4 else _Layout(layout).apply_bias
        y = activation(biased(x))
        return y, tf.gradients(y, x)[0]

    y, slope = evaluate(build)
    np.testing.assert_allclose(y.reshape(-1, 3)[0], [-0.2, 1, 0], atol=1e-6)
    np.testing.assert_allclose(slope.reshape(-1, 3)[0], [0.2, 1, 1], atol=1e-6)


@quickly
@given(seed=SEEDS, batch=st.integers(1, 4), fmaps=st.integers(1, 8), size=st.sampled_from([1e-6, 1.0, 1e3]))
def test_pixel_norm_brings_the_mean_square_to_one(seed, batch, fmaps, size):
    x = normal(seed, batch, fmaps) * np.float32(size)
    expected = x / np.sqrt((x.astype(np.float64) ** 2).mean(axis=1, keepdims=True) + 1e-8)
    np.testing.assert_allclose(evaluate(lambda: pixel_norm(tf.constant(x), axis=1)), expected, rtol=1e-4, atol=1e-6)


@quickly
@given(seed=SEEDS, side=st.integers(2, 5), fmaps=st.integers(1, 4))
def test_style_scales_and_shifts_normalised_maps(layout, seed, side, fmaps):
    x, style = normal(seed, 2, side, side, fmaps) * 3 + 1, normal(seed + 1, 2, 2, fmaps)

    def build():
        with tf.variable_scope(
            's',
            custom_getter=lambda getter, name, shape, *args, **kwargs: (
                tf.eye(shape[0]) * np.sqrt(shape[0]) if len(shape) == 2 else tf.zeros(shape)
            ),
        ):
            return in_layout(
                layout, lambda its, x: its.normalize_and_style(x, tf.constant(style.reshape(2, -1)), True, True, True)
            )(x)

    centred = x - x.mean(axis=(1, 2), keepdims=True)
    normalised = centred / np.sqrt((centred**2).mean(axis=(1, 2), keepdims=True) + 1e-8)
    expected = normalised * (style[:, None, None, 0] + 1) + style[:, None, None, 1]
    np.testing.assert_allclose(evaluate(build), expected, rtol=1e-3, atol=1e-4)


@quickly
@given(
    seed=SEEDS,
    groups=st.integers(1, 3),
    group_size=st.integers(2, 4),
    features=st.integers(1, 2),
    maps=st.integers(1, 2),
)
def test_minibatch_stddev_compares_every_groups_strided_samples(layout, seed, groups, group_size, features, maps):
    x = normal(seed, groups * group_size, 4, 4, features * maps)
    y = evaluate(lambda: in_layout(layout, lambda its, x: its.append_minibatch_stddev(x, group_size, features))(x))
    np.testing.assert_array_equal(y[..., : features * maps], x)
    for sample in range(len(x)):
        members = x[sample % groups :: groups]
        for feature in range(features):
            deviation = np.sqrt(members[..., feature * maps : (feature + 1) * maps].var(axis=0) + 1e-8).mean()
            np.testing.assert_allclose(y[sample, :, :, features * maps + feature], deviation, rtol=1e-4)


def test_minibatch_stddev_of_few_samples_takes_them_as_one_group(layout):
    x = normal(3, 3, 4, 4, 2)
    y = evaluate(lambda: in_layout(layout, lambda its, x: its.append_minibatch_stddev(x, 4, 1))(x))
    np.testing.assert_allclose(y[..., 2], np.sqrt(x.var(axis=0) + 1e-8).mean(), rtol=1e-4)


def test_images_are_flattened_before_a_dense_layer():
    def build():
        with tf.variable_scope('d', custom_getter=lambda getter, name, shape, *args, **kwargs: tf.ones(shape)):
            return dense(tf.constant(normal(0, 2, 3, 4)), 5, gain=1)

    np.testing.assert_allclose(evaluate(build)[:, 0], normal(0, 2, 12).sum(axis=1) / np.sqrt(12), rtol=1e-4)
