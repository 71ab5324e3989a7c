"""Losses of the generator and the discriminator, and the preparation of reals for the discriminator.

Every loss returns a `Loss`. A gradient penalty has the shape [N]; its sum with scores of shape [N, 1] broadcasts to
[N, N]. Training minimises the mean, which is the mean score term plus the mean penalty.
"""

import collections
import functools

import tensorflow.compat.v1 as tf

import dnnlib.tflib as tflib
from training.networks_stylegan import Random

# In half precision, D's scores are multiplied by this before a penalty takes their gradient, which is divided by it. At
# 256 px the elements of the gradient are about 1e-4, where float16 loses digits.
HALF_GRADIENT_SCALE = 2.0**8

Loss = collections.namedtuple('Loss', 'value stats')
Loss.__doc__ = """A loss. Training minimises the mean of `value`, and reports the means of the tensors in `stats`."""


# ---------------------------------------------------------------------------------------------------------------------
# Reals


def process_reals(images, lod, mirror_draws=None, drange_data=(0, 255), drange_net=(-1, 1), output_lod=0.0):
    """Prepares real images: mirrors, scales to the range of the network, and blends two levels for the current lod.

    Args:
        images: Tensor [N, C, H, W] at the resolution of level floor(lod), dynamic range `drange_data`.
        lod: Scalar tensor; its fraction is the weight of the image at half the resolution.
        mirror_draws: float32 tensor [N]; an image is flipped horizontally if its draw is >= 0.5. None flips no image.
        drange_data: Dynamic range of the input.
        drange_net: Dynamic range of the output.
        output_lod: Scalar, at most floor(lod): level of the output; 0 is the full resolution.

    Returns:
        float32 tensor [N, C, H * f, W * f], f = 2^(floor(lod) - output_lod).
    """
    with tf.name_scope('process_reals'):
        scale = (drange_net[1] - drange_net[0]) / (drange_data[1] - drange_data[0])
        x = tf.cast(images, tf.float32) * scale + (drange_net[0] - drange_data[0] * scale)
        if mirror_draws is not None:
            x = tf.where(mirror_draws >= 0.5, tf.reverse(x, [3]), x)
        x = tf.transpose(x, [0, 2, 3, 1])  # resizing and pooling exist on every device only with channels last
        side = tf.shape(x)[1]
        half = tf.nn.avg_pool(x, [1, 2, 2, 1], [1, 2, 2, 1], 'VALID')
        x = tflib.lerp(x, tf.image.resize_nearest_neighbor(half, [side, side]), lod - tf.floor(lod))
        side *= tf.cast(2 ** (tf.floor(lod) - output_lod), tf.int32)
        return tf.transpose(tf.image.resize_nearest_neighbor(x, [side, side]), [0, 3, 1, 2])


# ---------------------------------------------------------------------------------------------------------------------
# Generator losses. Arguments: networks G and D, latents [N, Z] ~ N(0, 1), labels [N, L], keywords for the networks.


def G_logistic_nonsaturating(G, D, latents, labels, **network_kwargs):
    """softplus(-f), f = D(G(z)) (Goodfellow et al.)."""
    f = _fake_scores(G, D, latents, labels, network_kwargs)
    return Loss(tf.nn.softplus(-f), {'fake_scores': f})  # -log(sigmoid(f))


def G_logistic_saturating(G, D, latents, labels, **network_kwargs):
    """-softplus(f)."""
    f = _fake_scores(G, D, latents, labels, network_kwargs)
    return Loss(-tf.nn.softplus(f), {'fake_scores': f})  # log(1 - sigmoid(f))


def G_wgan(G, D, latents, labels, **network_kwargs):
    """-f."""
    f = _fake_scores(G, D, latents, labels, network_kwargs)
    return Loss(-f, {'fake_scores': f})


# ---------------------------------------------------------------------------------------------------------------------
# Discriminator losses. Arguments: networks G and D, latents [N, Z], labels [N, L] for reals and fakes alike, reals
# [N, C, H, W] from process_reals, keywords for the networks.
#
# Gradient penalties are defined for images at full resolution. With active_resolution the networks work on smaller
# images. Upscaling by F, with repeated pixels, divides each element of the gradient by F^2 and repeats it F^2 times, so
# the squared norm at full resolution is smaller by F^2.


def D_logistic(G, D, latents, labels, reals, **network_kwargs):
    """softplus(f) + softplus(-r)."""
    return _logistic(_scores(G, D, latents, labels, reals, network_kwargs))


def D_logistic_simplegp(G, D, latents, labels, reals, r1_gamma=10.0, r2_gamma=0.0, **network_kwargs):
    """D_logistic + r1_gamma/2 |grad r|^2 + r2_gamma/2 |grad f|^2 (Mescheder et al., R1 and R2), at every step."""
    scores = _scores(G, D, latents, labels, reals, network_kwargs)
    loss = _logistic(scores)
    for name, gamma, images, output in (
        ('r1_penalty', r1_gamma, scores.real_images, scores.r),
        ('r2_penalty', r2_gamma, scores.fake_images, scores.f),
    ):
        if gamma != 0:
            penalty = _squared_gradient(D, output, images, network_kwargs)
            loss = Loss(loss.value + penalty * (gamma * 0.5), dict(loss.stats, **{name: penalty}))
    return loss


def D_hinge(G, D, latents, labels, reals, **network_kwargs):
    """relu(1 + f) + relu(1 - r)."""
    return _hinge(_scores(G, D, latents, labels, reals, network_kwargs))


def D_hinge_gp(G, D, latents, labels, reals, wgan_lambda=10.0, wgan_target=1.0, mixing_factors=None, **network_kwargs):
    """D_hinge + the gradient penalty of WGAN-GP."""
    scores = _scores(G, D, latents, labels, reals, network_kwargs)
    return _with_gradient_penalty(
        _hinge(scores), D, scores, labels, wgan_lambda, wgan_target, mixing_factors, network_kwargs
    )


def D_wgan(G, D, latents, labels, reals, wgan_epsilon=0.001, **network_kwargs):
    """f - r + wgan_epsilon r^2."""
    scores = _scores(G, D, latents, labels, reals, network_kwargs)
    return Loss(scores.f - scores.r + wgan_epsilon * tf.square(scores.r), _stats(scores))


def D_wgan_gp(
    G,
    D,
    latents,
    labels,
    reals,
    wgan_lambda=10.0,
    wgan_epsilon=0.001,
    wgan_target=1.0,
    mixing_factors=None,
    **network_kwargs,
):
    """D_wgan + wgan_lambda (|grad D(mix)| - target)^2 / target^2 (Gulrajani et al.).

    `mixing_factors` is a tensor [N, 1, 1, 1] of U[0, 1): the place between real and fake where the gradient is taken.
    None draws it.
    """
    scores = _scores(G, D, latents, labels, reals, network_kwargs)
    loss = Loss(scores.f - scores.r + wgan_epsilon * tf.square(scores.r), _stats(scores))
    return _with_gradient_penalty(loss, D, scores, labels, wgan_lambda, wgan_target, mixing_factors, network_kwargs)


# ---------------------------------------------------------------------------------------------------------------------
# The losses of a run, by their names in `training.options`

_BY_NAME = {
    'logistic-r1': (G_logistic_nonsaturating, D_logistic_simplegp),
    'logistic-r2': (G_logistic_nonsaturating, D_logistic_simplegp),
    'logistic-saturating': (G_logistic_saturating, D_logistic),
    'wgan': (G_wgan, D_wgan),
    'wgan-gp': (G_wgan, D_wgan_gp),
    'hinge': (G_wgan, D_hinge),
    'hinge-gp': (G_wgan, D_hinge_gp),
}


def losses_of(options):
    """The losses of G and D of a run: functions as above, for the weights in its `TrainingOptions`."""
    G_loss, D_loss = _BY_NAME[options.loss]
    if options.loss == 'logistic-r1':
        D_loss = functools.partial(D_loss, r1_gamma=options.r1_gamma)
    elif options.loss == 'logistic-r2':
        D_loss = functools.partial(D_loss, r1_gamma=0.0, r2_gamma=options.r1_gamma)
    return G_loss, D_loss


# ---------------------------------------------------------------------------------------------------------------------


_Scores = collections.namedtuple('_Scores', 'real_images fake_images r f')


def _fake_scores(G, D, latents, labels, network_kwargs):
    fakes = G.get_output_for(latents, labels, is_training=True, **network_kwargs)
    return D.get_output_for(fakes, labels, **network_kwargs)


def _scores(G, D, latents, labels, reals, network_kwargs):
    fakes = G.get_output_for(latents, labels, is_training=True, **network_kwargs)
    r, f = (D.get_output_for(images, labels, **network_kwargs) for images in (reals, fakes))
    return _Scores(reals, fakes, r, f)


def _stats(scores):
    return {'real_scores': scores.r, 'fake_scores': scores.f}


def _logistic(scores):
    return Loss(tf.nn.softplus(scores.f) + tf.nn.softplus(-scores.r), _stats(scores))


def _hinge(scores):
    return Loss(tf.nn.relu(1 + scores.f) + tf.nn.relu(1 - scores.r), _stats(scores))


def _squared_gradient(D, scores, images, network_kwargs):
    """[N]: |d sum(scores) / d images|^2 for images at full resolution."""
    if network_kwargs.get('half_levels'):
        gradient = tf.gradients(tf.reduce_sum(scores) * HALF_GRADIENT_SCALE, [images])[0] / HALF_GRADIENT_SCALE
    else:
        gradient = tf.gradients(tf.reduce_sum(scores), [images])[0]
    factor = D.input_shape[2] / tf.cast(tf.shape(images)[2], tf.float32)
    return tf.reduce_sum(tf.square(gradient), axis=[1, 2, 3]) / factor**2


def _with_gradient_penalty(loss, D, scores, labels, wgan_lambda, wgan_target, mixing_factors, network_kwargs):
    if mixing_factors is None:
        random = Random(network_kwargs.get('random_seed'), first_draw=500)  # not the numbers that G draws
        mixing_factors = random.uniform([tf.shape(scores.real_images)[0], 1, 1, 1])
    mixed = tflib.lerp(scores.real_images, scores.fake_images, mixing_factors)
    scores_of_mixed = D.get_output_for(mixed, labels, **network_kwargs)
    norm = tf.sqrt(_squared_gradient(D, scores_of_mixed, mixed, network_kwargs))
    penalty = tf.square(norm - wgan_target) * (wgan_lambda / wgan_target**2)
    return Loss(loss.value + penalty, dict(loss.stats, gradient_penalty=penalty))
