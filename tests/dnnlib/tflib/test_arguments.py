"""Arguments of networks: each is obeyed or refused."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from dnnlib import tflib
from dnnlib.network_file import read_network_file

SMALL = {'resolution': 4, 'num_channels': 1, 'fmap_max': 4, 'latent_size': 6, 'dlatent_size': 6, 'mapping_fmaps': 6}
Z = np.random.RandomState(1).randn(2, 6).astype(np.float32)


@pytest.fixture
def Gs(shared_networks):
    return shared_networks.generator(mapping_layers=1, **SMALL)


@pytest.mark.parametrize(
    'kwargs, message',
    [
        ({'truncation_psy': 0}, "Gs.run has no argument 'truncation_psy': its arguments are .*truncation_psi"),
        ({'no_such_thing': 3}, "Gs.run has no argument 'no_such_thing'"),
        ({'out_type': 'uint8'}, "Gs.run has no argument 'out_type'"),
    ],
)
def test_unknown_arguments_are_refused(Gs, kwargs, message):
    with pytest.raises(TypeError, match=message):
        Gs.run(Z, None, **kwargs)
    with pytest.raises(TypeError, match="G_mapping.run has no argument 'truncation_psi'"):
        Gs.components.mapping.run(Z, None, truncation_psi=0.5)
    with pytest.raises(TypeError, match="D has no argument 'resolutoin'"):
        tflib.Network('D', 'training.networks_stylegan.D_basic', resolutoin=4)


@pytest.mark.parametrize('kwargs', [{'minibatch_size': -1}, {'minibatch_size': 0}, {'num_gpus': 0}, {'num_gpus': -2}])
def test_numbers_below_one_are_refused(Gs, kwargs):
    with pytest.raises(ValueError, match=f'Gs.run: {[*kwargs][0]} must be at least 1, not {[*kwargs.values()][0]}'):
        Gs.run(Z, None, **kwargs)


def test_inputs_are_transformed_inside_the_graph(Gs):
    plain = {'randomize_noise': False, 'truncation_psi': 1}

    def negate(latents, labels, factor):
        return latents * factor, labels

    found = Gs.run(Z, None, input_transform={'func': negate, 'factor': -1.0}, assume_frozen=True, **plain)
    np.testing.assert_allclose(found, Gs.run(-Z, None, **plain), atol=1e-5)
    assert np.abs(found - Gs.run(Z, None, **plain)).max() > 1e-3


def test_none_stands_for_zeros_in_graphs_too(Gs):
    latents = tf.placeholder(tf.float32, [None, 6])
    images = Gs.get_output_for(latents, None, is_validation=True, randomize_noise=False)
    dlatents = Gs.components.mapping.get_output_for(latents, None)
    found = tflib.run([images, dlatents], {latents: Z})
    np.testing.assert_allclose(found[0], Gs.run(Z, None, is_validation=True, randomize_noise=False), atol=1e-5)
    np.testing.assert_allclose(found[1], Gs.components.mapping.run(Z, None), atol=1e-5)
    with pytest.raises(ValueError, match='Gs needs at least one input that is not None'):
        Gs.get_output_for(None, None)


def test_what_both_networks_have_is_copied(Gs):
    synthesis = Gs.components.synthesis
    other = tflib.Network('Other', 'training.networks_stylegan.G_synthesis', use_noise=False, **SMALL)
    values = tflib.run(synthesis.vars)
    other.copy_vars_from(synthesis)
    assert set(other.vars) < set(values)
    for name, variable in other.vars.items():
        np.testing.assert_array_equal(tflib.run(variable), values[name])
    with pytest.raises(ValueError, match='Gs and G_mapping have no variable in common'):
        Gs.copy_vars_from(Gs.components.mapping)


def test_only_what_opens_again_is_written(Gs, tmp_path):
    path = str(tmp_path / 'a.pkl')
    for wrong in ({'Gs': Gs}, (), (Gs, None), None):
        with pytest.raises(TypeError, match='A network pickle holds one network, or a tuple'):
            tflib.save_networks(path, wrong)
    assert list(tmp_path.iterdir()) == []
    tflib.save_networks(path, [Gs, Gs, Gs])
    assert len(read_network_file(path).networks) == 3
