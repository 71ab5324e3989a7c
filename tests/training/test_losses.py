"""The losses, their gradients and the processing of reals against numbers of the original code."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from dnnlib import tflib
from tests.goldens.built_once import BuiltOnce
from tests.goldens.files import relative_error, set_lod
from tests.goldens.kinds import assert_agreement, golden_cases
from tests.goldens.losses import SharedLosses
from training import losses, networks_stylegan

SMALL = {'num_channels': 3, 'resolution': 16, 'fmap_base': 64, 'fmap_max': 8}


def small_networks(**options):
    """G and D with 8 latents, two mapping layers and few feature maps."""
    options = {**SMALL, **options}
    mapping = {'latent_size': 8, 'dlatent_size': 8, 'mapping_fmaps': 8, 'mapping_layers': 2}
    G = tflib.Network('G', networks_stylegan.G_style, **mapping, **options)
    return G, tflib.Network('D', networks_stylegan.D_basic, **options)


@golden_cases('losses_*')
def test_losses_and_gradients_are_the_originals(open_layout_session, kind, path, case):
    assert_agreement(kind, path, case, open_layout_session)


def test_statistics_name_what_the_loss_is_made_of(session):
    G, D = (BuiltOnce(net) for net in small_networks(resolution=4))
    latents, labels, reals = tf.zeros([3, 8]), tf.zeros([3, 0]), tf.ones([3, 3, 4, 4])
    loss = losses.D_logistic_simplegp(G, D, latents, labels, reals, r1_gamma=1.0, r2_gamma=1.0)
    shapes = {name: tensor.shape for name, tensor in session.run(loss.stats).items()}
    assert shapes == {'real_scores': (3, 1), 'fake_scores': (3, 1), 'r1_penalty': (3,), 'r2_penalty': (3,)}
    assert list(losses.D_logistic_simplegp(G, D, latents, labels, reals).stats) == [
        'real_scores',
        'fake_scores',
        'r1_penalty',
    ]
    assert list(losses.G_logistic_nonsaturating(G, D, latents, labels).stats) == ['fake_scores']


def test_a_seed_gives_each_draw_of_a_step_a_stream_of_its_own(session, monkeypatch):
    G, D = small_networks(resolution=8)
    seeds = []
    for draw in (tf.random.stateless_normal, tf.random.stateless_uniform):

        def recorded(shape, seed, draw=draw, **kwargs):
            seeds.append(seed)
            return draw(shape, seed, **kwargs)

        monkeypatch.setattr(tf.random, draw.__name__.replace('_random', ''), recorded)
    loss = losses.D_wgan_gp(
        G,
        D,
        tf.constant(np.random.RandomState(0).randn(4, 8), tf.float32),
        tf.zeros([4, 0]),
        tf.zeros([4, 3, 8, 8]),
        random_seed=[1, 2],
        structure='linear',
    )
    numbers = {tuple(seed) for seed in session.run(seeds)}
    assert len(numbers) == len(seeds) == 3 + 4 + 1  # style mixing, noise, gradient penalty
    value, again = session.run(loss.value), session.run(loss.value)
    np.testing.assert_allclose(value, again, rtol=1e-5)


# ---------------------------------------------------------------------------------------------------------------------
# At the resolution that trains


@pytest.mark.slow
def test_images_of_the_active_side_give_the_losses_and_gradients_of_full_resolution(open_layout_session):
    open_layout_session(seed=2)
    G, D = small_networks()
    lod, pixels = tf.placeholder(tf.float32, []), tf.placeholder(tf.uint8, [4, 3, None, None])
    latents, labels = tf.constant(np.random.RandomState(0).randn(4, 8), tf.float32), tf.zeros([4, 0])
    mixing_factors = np.linspace(0, 1, 4).reshape(4, 1, 1, 1).astype(np.float32)

    def built(active):
        # Full resolution in the structure that has fewer operations.
        form = {'active_resolution': True} if active else {'structure': 'linear'}
        kwargs = {'randomize_noise': False, 'style_mixing_prob': None, **form}
        reals = losses.process_reals(
            pixels, lod, output_lod=networks_stylegan.active_lod(lod, SMALL['resolution']) if active else 0.0
        )
        penalties = {**kwargs, 'r1_gamma': 1e3, 'r2_gamma': 1e3}
        return SharedLosses(
            G,
            D,
            {
                'G': (losses.G_logistic_nonsaturating, [latents, labels], kwargs),
                'R1, R2': (losses.D_logistic_simplegp, [latents, labels, reals], penalties),
                'WGAN-GP': (losses.D_wgan_gp, [latents, labels, reals], {**kwargs, 'mixing_factors': mixing_factors}),
            },
        )

    both = [built(active=True), built(active=False)]
    for number in (2, 1.6, 1.2, 1, 0.4, 0):
        for net in (G, D):
            set_lod(net, number)
        side = SMALL['resolution'] >> int(number)
        feed = {lod: number, pixels: np.random.RandomState(1).randint(0, 256, [4, 3, side, side])}
        for (_, active_value, _, active_gradients), (_, value, _, gradients) in zip(
            *[shared.evaluate(['G', 'R1, R2', 'WGAN-GP'], feed) for shared in both]
        ):
            assert relative_error(active_value, value) < 1e-5
            largest = max(np.abs(gradient).max() for gradient in gradients.values())
            assert all(np.abs(active_gradients[name] - gradients[name]).max() < 1e-5 * largest for name in gradients)


def test_active_resolution_is_the_side_that_trains_and_at_least_8(session):
    lod = tf.placeholder(tf.float32)
    levels = [session.run(networks_stylegan.active_lod(lod, 256), {lod: number}) for number in (0, 0.9, 1, 4.5, 5, 6)]
    assert levels == [0, 0, 1, 4, 5, 5]
    assert session.run(networks_stylegan.active_lod(lod, 4), {lod: 0}) == 0
    G = tflib.Network('G', networks_stylegan.G_synthesis, dlatent_size=4, **SMALL)
    set_lod(G, 1.5)
    assert G.run(np.ones([2, G.input_shape[1], 4]), active_resolution=True).shape == (2, 3, 8, 8)


@pytest.mark.parametrize('structure', ['linear', 'fixed'])
def test_active_resolution_is_refused_where_every_level_is_computed(session, structure):
    D = tflib.Network('D', networks_stylegan.D_basic, **SMALL)
    with pytest.raises(ValueError, match='active_resolution needs the recursive structure'):
        D.run(np.zeros([4, 3, 16, 16]), None, active_resolution=True, structure=structure)


# ---------------------------------------------------------------------------------------------------------------------
# Reals


@golden_cases('process_reals*')
def test_reals_fade_grow_and_are_mirrored_as_in_the_original(open_layout_session, kind, path, case):
    assert_agreement(kind, path, case, open_layout_session)


def test_an_image_is_mirrored_from_a_draw_of_one_half_on(session):
    draws = tf.constant([0.5, np.nextafter(np.float32(0.5), np.float32(0))])
    pixels = np.arange(8).reshape(1, 1, 2, 4)[[0, 0]].repeat(2, 2)
    flipped, kept = session.run(losses.process_reals(pixels, tf.constant(0.0), draws))
    np.testing.assert_array_equal(flipped, kept[:, :, ::-1])
    assert (flipped != kept).any()
