"""Generators and discriminators of any options: each structure of the graph gives the same numbers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dnnlib import tflib
from tests.goldens.files import relative_error, set_lod, without_random_values
from tests.layouts import device_for, networks_in
from tests.sessions import one_session_at_a_time
from training import networks_stylegan


def with_random_weights(build, options, seed):
    """A network with weights that all count: biases, noise and the average w are not 0."""
    with without_random_values():
        net = tflib.Network('net', build, **options)
    random = np.random.RandomState(seed)
    tflib.set_vars(
        {
            variable: random.randn(*variable.shape.as_list()) * (100 if 'mapping' in name else 1)
            for name, variable in sorted(net.vars.items())
            if not name.endswith('lod')
        }
    )
    return net


SHARED_OPTIONS = {
    'resolution': st.sampled_from([4, 8, 16]),
    'num_channels': st.integers(1, 4),
    'label_size': st.sampled_from([0, 1, 3]),
    'fmap_base': st.sampled_from([16, 40]),
    'fmap_decay': st.sampled_from([0.5, 1.0]),
    'fmap_max': st.sampled_from([4, 8]),
    'nonlinearity': st.sampled_from(['lrelu', 'relu']),
    'use_wscale': st.booleans(),
    'fused_scale': st.sampled_from([True, False, 'auto']),
    'blur_filter': st.sampled_from([None, [1, 2, 1], [1, 3, 3, 1], [1, 2, 3], [1, 1]]),
}
G_OPTIONS = st.fixed_dictionaries(
    {
        **SHARED_OPTIONS,
        'latent_size': st.just(6),
        'dlatent_size': st.sampled_from([5, 6, 7]),
        'mapping_fmaps': st.just(9),
        'mapping_layers': st.integers(1, 3),
        'normalize_latents': st.booleans(),
        'use_styles': st.booleans(),
        'const_input_layer': st.booleans(),
        'use_noise': st.booleans(),
        'use_pixel_norm': st.booleans(),
        'use_instance_norm': st.booleans(),
    }
)
D_OPTIONS = st.fixed_dictionaries(
    {**SHARED_OPTIONS, 'mbstd_group_size': st.integers(0, 4), 'mbstd_num_features': st.sampled_from([1, 2])}
)
LODS = st.floats(0, 1)  # of what the resolution allows
slowly = settings(max_examples=5, database=None)


@pytest.mark.thorough
@slowly
@given(options=G_OPTIONS, seed=st.integers(0, 99), part=LODS)
def test_generators_of_any_options_have_one_value_in_all_structures(layout, options, seed, part):
    with networks_in(layout), one_session_at_a_time() as open_session:
        open_session(device=device_for(layout), seed=1)
        G = with_random_weights(networks_stylegan.G_style, options, seed)
        random = np.random.RandomState(seed)
        inputs = (
            random.randn(2, 6),
            np.eye(options['label_size'])[random.randint(0, options['label_size'], 2)]
            if options['label_size']
            else None,
        )
        lod = part * (np.log2(options['resolution']) - 2)
        set_lod(G, lod)
        linear, recursive = (
            G.run(*inputs, structure=structure, randomize_noise=False) for structure in ('linear', 'recursive')
        )
        assert linear.shape == (2, options['num_channels'], options['resolution'], options['resolution'])
        assert np.isfinite(linear).all() and relative_error(recursive, linear) < 1e-4
        block = 2 ** int(lod)  # nothing finer than the level that trains
        assert relative_error(linear[:, :, ::block, ::block].repeat(block, 2).repeat(block, 3), linear) < 1e-4


@pytest.mark.thorough
@slowly
@given(options=D_OPTIONS, seed=st.integers(0, 99), part=LODS)
def test_discriminators_of_any_options_have_one_value_in_all_structures(layout, options, seed, part):
    with networks_in(layout), one_session_at_a_time() as open_session:
        open_session(device=device_for(layout), seed=1)
        D = with_random_weights(networks_stylegan.D_basic, options, seed)
        images = np.random.RandomState(seed).randn(12, *D.input_shape[1:])
        set_lod(D, part * (np.log2(options['resolution']) - 2))
        size = max(options['label_size'], 1)
        of_each_label = []
        for label in range(size):
            labels = np.eye(size)[[label] * 12] if options['label_size'] else None
            linear, recursive = (D.run(images, labels, structure=structure) for structure in ('linear', 'recursive'))
            assert linear.shape == (12, 1) and np.isfinite(linear).all()
            assert relative_error(recursive, linear) < 1e-4
            of_each_label.append(linear)
        if options['label_size']:  # the score is that of the label, and of several labels their sum
            np.testing.assert_allclose(D.run(images, np.ones([12, size])), sum(of_each_label), rtol=1e-3, atol=1e-3)
