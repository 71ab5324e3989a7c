"""The networks against outputs of the original code, and what holds for them beyond these."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from dnnlib import tflib
from tests.goldens.files import OUTPUT_TOLERANCE, Golden, relative_error, set_lod
from tests.goldens.kinds import assert_agreement, golden_cases
from training import networks_stylegan


@pytest.fixture
def small(session):
    """A generator of 16x16 px with all weights random and noise switched on."""
    golden = Golden('g_style_16_variants', 'gray')
    return golden.network('G', 'G_style'), golden['in/latents']


# ---------------------------------------------------------------------------------------------------------------------
# Outputs of the original code


@golden_cases('g_style_*')
def test_generator_gives_the_originals_numbers(open_layout_session, kind, path, case):
    assert_agreement(kind, path, case, open_layout_session)


@golden_cases('d_basic_*')
def test_discriminator_gives_the_originals_scores(open_layout_session, kind, path, case):
    assert_agreement(kind, path, case, open_layout_session)


# ---------------------------------------------------------------------------------------------------------------------
# Beyond the original's numbers


def test_an_option_the_networks_do_not_know_is_refused_or_ignored_where_the_original_does(session):
    with pytest.raises(ValueError, match='resolution 24'):
        tflib.Network('D', networks_stylegan.D_basic, resolution=24)
    with pytest.raises(ValueError, match='resolution 2 '):
        tflib.Network('G', networks_stylegan.G_synthesis, resolution=2)
    with pytest.raises(KeyError, match='swish'):
        tflib.Network('D', networks_stylegan.D_basic, resolution=4, nonlinearity='swish')
    with pytest.raises(KeyError, match='spiral'):
        tflib.Network('D', networks_stylegan.D_basic, resolution=4, structure='spiral')
    D = tflib.Network('D', networks_stylegan.D_basic, resolution=4, fmap_max=4, latent_size=99)
    assert D.static_kwargs['latent_size'] == 99


def test_training_and_validation_exclude_each_other(small):
    G, latents = small
    with pytest.raises(ValueError, match='is_training and is_validation'):
        G.run(latents, None, is_training=True, is_validation=True)


@pytest.mark.parametrize('options', [{'resolution': 32}, {'resolution': 4, 'fused_scale': True}])
def test_structures_agree_at_every_lod(session, options):
    kwargs = dict({'num_channels': 3, 'fmap_base': 64, 'fmap_max': 8, 'fused_scale': False}, **options)
    D = tflib.Network('D', networks_stylegan.D_basic, **kwargs)
    G = tflib.Network('G', networks_stylegan.G_synthesis, dlatent_size=8, **kwargs)
    w = np.random.RandomState(0).randn(*[2] + G.input_shape[1:])
    images = np.random.RandomState(1).randn(*[4] + D.input_shape[1:])
    for lod in np.linspace(0, np.log2(kwargs['resolution']) - 2, 5):
        for net, array, run_kwargs in ((G, w, {'randomize_noise': False}), (D, images, {})):
            inputs = [array, None][:len(net.input_shapes)]
            set_lod(net, lod)
            linear = net.run(*inputs, structure='linear', **run_kwargs)
            assert relative_error(net.run(*inputs, structure='recursive', **run_kwargs), linear) < OUTPUT_TOLERANCE
            if lod == 0:
                assert relative_error(net.run(*inputs, structure='fixed', **run_kwargs), linear) < OUTPUT_TOLERANCE


def test_only_active_levels_are_computed(session):
    """What is not computed cannot spoil the result: the weights of inactive levels are not numbers."""
    kwargs = {'num_channels': 3, 'resolution': 32, 'fmap_base': 64, 'fmap_max': 8}
    G = tflib.Network('G', networks_stylegan.G_synthesis, dlatent_size=8, **kwargs)
    D = tflib.Network('D', networks_stylegan.D_basic, **kwargs)
    for net in (G, D):
        set_lod(net, 1)
        for name in net.trainables:
            if name.startswith('32x32') or name.split('/')[0][-4:] in ('lod0', 'lod2', 'lod3'):
                net.set_var(name, np.full(net.vars[name].shape.as_list(), np.nan))
    images = G.run(np.ones([2, 8, 8]))
    assert np.isfinite(images).all()
    np.testing.assert_array_equal(images[:, :, ::2, ::2], images[:, :, 1::2, 1::2])
    assert np.isfinite(D.run(images, None)).all()


def test_noise_is_drawn_for_every_image_unless_it_is_fixed(small):
    G, latents = small
    latents = latents[[0, 0]]
    drawn = G.run(latents, None)
    assert np.abs(drawn[0] - drawn[1]).max() > 0.01
    fixed = G.run(latents, None, randomize_noise=False)
    np.testing.assert_allclose(fixed[0], fixed[1], atol=1e-5 * np.abs(fixed).max())


def test_a_seed_repeats_training_mode(small):
    G, latents = small
    before = G.get_var('dlatent_avg')

    def images(seed):
        G.set_var('dlatent_avg', before)
        return G.run(latents, None, is_training=True, random_seed=seed)

    np.testing.assert_array_equal(images([1, 7]), images([1, 7]))
    assert np.abs(images([1, 7]) - images([2, 7])).max() > 0.01
    assert np.abs(images([1, 7]) - images([1, 1007])).max() > 0.01


def test_random_repeats_from_its_seed_and_differs_between_streams(session):
    def draws(seed, first_draw=0):
        random = networks_stylegan.Random(seed, first_draw)
        return np.concatenate(session.run([random.normal([2]), random.normal([2]), random.uniform([2])]))

    numbers = [draws([1, 2]), draws([1, 2], 100), draws([2, 2]), draws([1, 1002])]
    np.testing.assert_array_equal(draws([1, 2]), numbers[0])
    np.testing.assert_array_equal(draws(tf.constant([1, 2])), numbers[0])
    assert len(np.unique(numbers)) == 4 * 6


@pytest.mark.parametrize('seed', [None, [3, 4]])
def test_random_integers_are_uniform_below_their_upper_bound(session, seed):
    counter = tf.placeholder(tf.int32)
    random = networks_stylegan.Random(None if seed is None else [counter, 4])
    draw = random.integer(1, tf.constant(5))
    counts = np.bincount([session.run(draw, {counter: number}) for number in range(800)], minlength=5)
    assert len(counts) == 5 and counts[0] == 0
    assert (np.abs(counts[1:] - 200) < 75).all()


def test_initial_weights_follow_the_equalised_learning_rate(session):
    G = tflib.Network('G', networks_stylegan.G_style, resolution=8, latent_size=64, dlatent_size=64, mapping_fmaps=64,
                      fmap_max=64)
    values = session.run(G.vars)
    assert values['G_mapping/Dense0/weight'].std() == pytest.approx(100, rel=0.1)
    assert values['G_synthesis/8x8/Conv1/weight'].std() == pytest.approx(1, rel=0.1)
    assert values['G_synthesis/noise2'].std() == pytest.approx(1, rel=0.3)
    assert (values['G_synthesis/4x4/Const/const'] == 1).all()
    zeros = [name for name in values if name.endswith(('bias', 'Noise/weight', 'lod', 'dlatent_avg'))]
    assert not any(values[name].any() for name in zeros)


@pytest.mark.parametrize('build, name, options', [
    (networks_stylegan.G_style, 'g_style_64_fused', {}), (networks_stylegan.D_basic, 'd_basic_64_fused', {}),
    (networks_stylegan.G_style, 'g_style_32', {'fused_scale': True})])
def test_graphs_with_channels_first_have_the_same_shapes_and_variables(session, build, name, options):
    kwargs = dict(Golden(name).meta['static_kwargs'], **options)
    seen = []
    for data_format in ('NCHW', 'NHWC'):
        operations_before = len(session.graph.get_operations())
        net = tflib.Network('net', build, data_format=data_format, **kwargs)
        output = net.get_output_for(*[tf.zeros([2] + shape[1:]) for shape in net.input_shapes])
        assert output.shape.as_list()[1:] == net.output_shape[1:]
        formats = {op.get_attr('data_format').decode() for op in session.graph.get_operations()[operations_before:]
                   if op.type in ('Conv2D', 'Conv2DBackpropInput', 'DepthwiseConv2dNative', 'BiasAdd')
                   and op.outputs[0].shape.ndims == 4}
        assert formats == {data_format}
        seen.append((net.output_shape, [(local_name, v.shape.as_list()) for local_name, v in net.vars.items()]))
    assert seen[0] == seen[1]


def test_half_precision_gives_about_the_same(session):
    golden = Golden('g_style_16_variants', 'gray')
    G = golden.network('G', 'G_style')
    set_lod(G, 0.3)
    images = G.run(golden['in/latents'], None, randomize_noise=False, truncation_psi=None)
    halves = G.run(golden['in/latents'], None, randomize_noise=False, truncation_psi=None, dtype='float16')
    assert halves.dtype == np.float32
    assert relative_error(halves, images) < 0.05

    golden = Golden('d_basic_16_variants', 'mbstd_feat2')
    D = golden.network('D', 'D_basic')
    set_lod(D, 0.3)
    scores = D.run(golden['in/images_b8'], None)
    assert relative_error(D.run(golden['in/images_b8'], None, dtype='float16'), scores) < 0.05
