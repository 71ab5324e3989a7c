"""The styles of a generator: which weight is whose, and what has no directions."""

import numpy as np
import pytest

from dnnlib import tflib
from dnnlib.errors import UserError
from metrics.arithmetic.dlatents import truncate
from metrics.styles import network_directions, style_weights
from tests.toy_run import SMALL, SMALL_G


def generator(**options):
    return tflib.Network('Gs', 'training.networks_stylegan.G_style', **{**SMALL, **SMALL_G, **options})


def test_each_layer_has_the_weight_of_its_place(session):
    Gs = generator(resolution=16)
    names = ['4x4/Const', '4x4/Conv', '8x8/Conv0_up', '8x8/Conv1', '16x16/Conv0_up', '16x16/Conv1']
    weights = style_weights(Gs.components.synthesis)
    assert len(weights) == 6
    for weight, name in zip(weights, names):
        np.testing.assert_array_equal(weight, Gs.get_var(f'G_synthesis/{name}/StyleMod/weight'))


def test_a_network_that_begins_with_a_dense_layer_has_its_style_first(session):
    Gs = generator(const_input_layer=False)
    weights = style_weights(Gs.components.synthesis)
    assert len(weights) == 4
    np.testing.assert_array_equal(weights[0], Gs.get_var('G_synthesis/4x4/Dense/StyleMod/weight'))


def test_directions_are_those_of_the_chosen_layers(session):
    Gs = generator()
    fmaps = Gs.get_var('G_synthesis/4x4/Const/StyleMod/weight').shape[1]
    for layer, name in enumerate(['4x4/Const', '4x4/Conv', '8x8/Conv0_up', '8x8/Conv1']):
        Gs.set_var(f'G_synthesis/{name}/StyleMod/weight', np.outer(np.eye(8)[layer], np.ones(fmaps)))
    for layer in range(4):
        directions, eigenvalues = network_directions(Gs, [layer])
        np.testing.assert_allclose(directions[0], np.eye(8)[layer], atol=1e-6)
        assert abs(eigenvalues[0] - fmaps) < 1e-6


def test_what_has_no_directions_is_a_sentence(session):
    with pytest.raises(UserError, match='no styles, so it has no directions'):
        network_directions(generator(use_styles=False, const_input_layer=False, style_mixing_prob=None))
    Gs = generator()
    with pytest.raises(UserError, match='--direction-layers: there is no layer 4; this network has layers 0 to 3'):
        network_directions(Gs, range(2, 5))
    Gs.set_var('G_synthesis/4x4/Conv/StyleMod/weight', np.full([8, 16], np.nan))
    with pytest.raises(UserError, match='NaN'):
        network_directions(Gs)
    network_directions(Gs, [0])  # its weights are numbers


def test_truncation_outside_the_network_gives_its_images(session):
    Gs = generator()
    Gs.set_var('dlatent_avg', np.linspace(-1, 1, 8))
    latents = np.random.RandomState(0).randn(4, 8)
    dlatents = truncate(Gs.components.mapping.run(latents, None), Gs.get_var('dlatent_avg'), 0.7, 2)
    images = Gs.components.synthesis.run(dlatents, randomize_noise=False)
    whole = Gs.run(latents, None, truncation_psi=0.7, truncation_cutoff=2, randomize_noise=False)
    np.testing.assert_allclose(images, whole, atol=1e-5)
