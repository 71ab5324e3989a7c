"""The losses, their gradients and the processing of reals against numbers of the original code."""

import inspect
import re

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tests.goldens import Golden, relative_error, set_lod
from training import losses

LOSS_TOLERANCE = 1e-5  # of the largest value
GRADIENT_TOLERANCE = 1e-4  # of the largest value of each variable's gradient


def families(*names):
    """A test case for each loss and its options in each file."""
    found = sorted({(name, case.split('/')[0]) for name in names for case in Golden(name).meta['cases']})
    return pytest.mark.parametrize('name, family', found)


def graph_of(golden, func, kwargs, reals):
    """The network whose gradients the file has, the loss tensor, and d mean(loss) / d variable by variable."""
    G, D = golden.network('G', 'G_style'), golden.network('D', 'D_basic')
    arguments = [G, D, tf.constant(golden['in/latents'])]
    if func.__name__.startswith('G_'):
        net, arguments = G, arguments + [tf.constant(golden['in/fake_labels_for_G'])]
    else:
        net, arguments = D, arguments + [tf.constant(golden['in/real_labels']), reals]
    if 'mixing_factors' in inspect.signature(func).parameters:
        kwargs = dict(kwargs, mixing_factors=tf.constant(golden['in/wgan_gp_mixing_factors']))
    loss = func(*arguments, **kwargs, randomize_noise=False, style_mixing_prob=None)
    gradients = tf.gradients(tf.reduce_mean(loss.value), list(net.trainables.values()))
    gradients = {name: tf.zeros_like(variable) if gradient is None else gradient
                 for (name, variable), gradient in zip(net.trainables.items(), gradients)}
    return (G, D), loss.value, gradients


@families('losses_16', 'losses_16_label', 'losses_32_fusedTrue')
def test_losses_and_gradients_are_the_originals(session, name, family):
    golden = Golden(name)
    cases = {case.split('/')[1]: spec for case, spec in golden.meta['cases'].items() if case.split('/')[0] == family}
    spec = next(iter(cases.values()))
    reals = tf.placeholder(tf.float32, golden['in/reals/lod0'].shape)
    nets, loss, gradients = graph_of(golden, getattr(losses, spec['func']), spec['kwargs'], reals)
    for lod, spec in cases.items():
        for net in nets:
            set_lod(net, spec['lod'])
        value, actual = session.run([loss, gradients], {reals: golden[f'in/reals/{lod}']})
        assert list(value.shape) == spec['loss_shape']
        assert relative_error(value, golden[f'out/loss/{family}/{lod}']) < LOSS_TOLERANCE
        expected = golden.under(f'out/grad/{family}/{lod}/')
        assert len(expected) == len(actual) - spec['n_all_zero_gradients_not_stored']
        errors = {variable: relative_error(actual[variable], gradient) for variable, gradient in expected.items()}
        assert {variable: error for variable, error in errors.items() if not error < GRADIENT_TOLERANCE} == {}
        assert not any(gradient.any() for variable, gradient in actual.items() if variable not in expected)


@pytest.mark.parametrize('name', ['losses_16', 'losses_16_label'])
def test_reals_of_the_files_score_as_in_the_original(session, name):
    golden = Golden(name)
    D = golden.network('D', 'D_basic')
    for lod, scores in golden.under('out/real_scores/lod').items():
        set_lod(D, float(lod))
        actual = D.run(golden[f'in/reals/lod{lod}'], golden['in/real_labels'])
        assert relative_error(actual, scores) < LOSS_TOLERANCE


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


@pytest.fixture(scope='module')
def process_golden():
    return Golden('process_reals')


@pytest.mark.parametrize('lod', ['0', '0.4', '1', '1.7'])
def test_reals_fade_and_grow_as_in_the_original(session, process_golden, lod):
    images = session.run(losses.process_reals(process_golden[f'in/uint8/lod{lod}'], tf.constant(float(lod))))
    np.testing.assert_allclose(images, process_golden[f'out/lod{lod}'], rtol=0, atol=1e-6)


def test_reals_are_mirrored_where_their_draw_says(session, process_golden):
    draws = process_golden['in/mirror/uniform_draws'].ravel()
    images = losses.process_reals(process_golden['in/mirror/uint8'], tf.constant(0.4), draws)
    np.testing.assert_allclose(session.run(images), process_golden['out/mirror/lod0.4'], rtol=0, atol=1e-6)
    halves = losses.process_reals(np.arange(8).reshape(1, 1, 2, 4)[[0, 0], :, :, :].repeat(2, 2), tf.constant(0.0),
                                  tf.constant([0.5, np.nextafter(np.float32(0.5), np.float32(0))]))
    flipped, kept = session.run(halves)
    np.testing.assert_array_equal(flipped, kept[:, :, ::-1])


def test_reals_take_another_range(session, process_golden):
    images = losses.process_reals(process_golden['in/drange01/uint8'], tf.constant(0.0), drange_net=(0, 1))
    np.testing.assert_allclose(session.run(images), process_golden['out/drange01/lod0'], rtol=0, atol=1e-6)


@pytest.mark.parametrize('name', ['losses_16', 'losses_16_label', 'losses_32_fusedTrue'])
def test_reals_of_the_losses_come_from_their_pixels(session, name):
    golden = Golden(name)
    for key, pixels in golden.under('in/reals_uint8/').items():
        lod = tf.constant(float(re.sub('^lod', '', key)))
        np.testing.assert_allclose(session.run(losses.process_reals(pixels, lod)), golden[f'in/reals/{key}'],
                                   rtol=0, atol=1e-6)
