"""The losses, their gradients and the processing of reals against numbers of the original code."""

import numpy as np
import tensorflow.compat.v1 as tf

from tests.goldens.files import Golden
from tests.goldens.kinds import assert_agreement, golden_cases
from training import losses


@golden_cases('losses_*')
def test_losses_and_gradients_are_the_originals(open_layout_session, kind, path, case):
    assert_agreement(kind, path, case, open_layout_session)


def test_statistics_name_what_the_loss_is_made_of(session):
    golden = Golden('losses_16')
    G, D = golden.network('G', 'G_style'), golden.network('D', 'D_basic')
    latents, labels, reals = tf.zeros([3, 16]), tf.zeros([3, 0]), tf.ones([3, 3, 16, 16])
    loss = losses.D_logistic_simplegp(G, D, latents, labels, reals, r1_gamma=1.0, r2_gamma=1.0)
    shapes = {name: tensor.shape for name, tensor in session.run(loss.stats).items()}
    assert shapes == {'real_scores': (3, 1), 'fake_scores': (3, 1), 'r1_penalty': (3,), 'r2_penalty': (3,)}
    assert list(losses.D_logistic_simplegp(G, D, latents, labels, reals).stats) == [
        'real_scores', 'fake_scores', 'r1_penalty']
    assert list(losses.G_logistic_nonsaturating(G, D, latents, labels).stats) == ['fake_scores']


def test_a_seed_gives_each_draw_of_a_step_a_stream_of_its_own(session, monkeypatch):
    golden = Golden('losses_16')
    G, D = golden.network('G', 'G_style'), golden.network('D', 'D_basic')
    seeds = []
    for draw in (tf.random.stateless_normal, tf.random.stateless_uniform):
        def recorded(shape, seed, draw=draw, **kwargs):
            seeds.append(seed)
            return draw(shape, seed, **kwargs)
        monkeypatch.setattr(tf.random, draw.__name__.replace('_random', ''), recorded)
    loss = losses.D_wgan_gp(G, D, tf.constant(golden['in/latents']), tf.zeros([4, 0]), tf.zeros([4, 3, 16, 16]),
                            random_seed=[1, 2], structure='linear')
    numbers = {tuple(seed) for seed in session.run(seeds)}
    assert len(numbers) == len(seeds) == 3 + 6 + 1  # style mixing, noise, gradient penalty
    value, again = session.run(loss.value), session.run(loss.value)
    np.testing.assert_allclose(value, again, rtol=1e-5)


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
