"""The networks against outputs of the original code, and what holds for them beyond these."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from dnnlib import tflib
from tests.goldens.files import OUTPUT_TOLERANCE, Golden, relative_error, set_lod
from tests.goldens.kinds import assert_agreement, golden_cases
from tests.sessions import KeptSession
from training import networks_stylegan


@pytest.fixture(scope='module')
def built():
    """A generator of 16x16 px with all weights random and noise switched on, its latents, and their session."""
    golden, kept = Golden('g_style_16_variants', 'gray'), KeptSession()
    with kept.as_default():
        G = golden.network('G', 'G_style')
    yield kept, G, golden['in/latents']
    kept.close()


@pytest.fixture
def small(built):
    """That generator and its latents; its variables are as at first."""
    kept, G, latents = built
    with kept.as_default():
        before = tflib.run(G.vars)
        yield G, latents
        tflib.set_vars({G.vars[name]: value for name, value in before.items()})


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


@pytest.mark.parametrize('options', [{'resolution': 16}, {'resolution': 4, 'fused_scale': True}])
@pytest.mark.slow
def test_structures_agree_at_every_lod(session, options):
    kwargs = dict({'num_channels': 3, 'fmap_base': 64, 'fmap_max': 8, 'fused_scale': False}, **options)
    D = tflib.Network('D', networks_stylegan.D_basic, **kwargs)
    G = tflib.Network('G', networks_stylegan.G_synthesis, dlatent_size=8, **kwargs)
    w = np.random.RandomState(0).randn(*[2] + G.input_shape[1:])
    images = np.random.RandomState(1).randn(*[4] + D.input_shape[1:])
    for lod in np.linspace(0, np.log2(kwargs['resolution']) - 2, 5):
        for net, array, run_kwargs in ((G, w, {'randomize_noise': False}), (D, images, {})):
            inputs = [array, None][: len(net.input_shapes)]
            set_lod(net, lod)
            linear = net.run(*inputs, structure='linear', **run_kwargs)
            assert relative_error(net.run(*inputs, structure='recursive', **run_kwargs), linear) < OUTPUT_TOLERANCE
            if lod == 0:
                assert relative_error(net.run(*inputs, structure='fixed', **run_kwargs), linear) < OUTPUT_TOLERANCE


@pytest.mark.slow
def test_only_active_levels_are_computed(session):
    """What is not computed cannot spoil the result: the weights of inactive levels are not numbers."""
    kwargs = {'num_channels': 3, 'resolution': 16, 'fmap_base': 64, 'fmap_max': 8}
    G = tflib.Network('G', networks_stylegan.G_synthesis, dlatent_size=8, **kwargs)
    D = tflib.Network('D', networks_stylegan.D_basic, **kwargs)
    for net in (G, D):
        set_lod(net, 1)
        inactive = [
            variable
            for name, variable in net.trainables.items()
            if name.startswith('16x16') or name.split('/')[0][-4:] in ('lod0', 'lod2')
        ]
        tflib.set_vars({variable: np.full(variable.shape.as_list(), np.nan) for variable in inactive})
    images = G.run(np.ones([2, 6, 8]))
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
    seed = tf.placeholder(tf.int32, [2])
    images = G.get_output_for(latents, tf.zeros([len(latents), 0]), is_training=True, random_seed=seed)
    first, again, other, far = (tflib.run(images, {seed: number}) for number in ([1, 7], [1, 7], [2, 7], [1, 1007]))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.01
    assert np.abs(first - far).max() > 0.01


ROWS = np.array([[1, 7], [2**31 - 1, 2**26 - 1], [-5, 0], [1, 8]])


def test_noise_of_a_row_is_a_stateless_draw_of_its_two_numbers_and_the_layer(session):
    """The formula that docs/networks.md gives, and numbers that must never change."""
    random = networks_stylegan.Random(tf.constant(ROWS))
    for layer in (0, 13, 17):
        noise, *expected = session.run(
            [
                random.noise(layer, 4, len(ROWS)),
                *(tf.random.stateless_normal([1, 4, 4], [a, b * 32 + layer]) for a, b in ROWS),
            ]
        )
        np.testing.assert_array_equal(noise, expected)
    first = session.run(networks_stylegan.Random(tf.constant([[7, 3]])).noise(1, 4, 1))
    np.testing.assert_allclose(first.ravel()[:4], [0.428397, -0.435957, 1.295941, -0.265283], rtol=1e-5)


def test_noise_of_an_image_depends_on_its_own_row_alone(session):
    rows = tf.placeholder(tf.int32, [None, 2])
    noise = networks_stylegan.Random(rows).noise(5, 8, tf.shape(rows)[0])
    together = session.run(noise, {rows: ROWS})
    assert len(np.unique(together)) == together.size
    for order in ([3, 2, 1, 0], [1, 1, 1], [2], [0, 3] * 9):
        np.testing.assert_array_equal(session.run(noise, {rows: ROWS[order]}), together[order])


def test_images_with_rows_of_seeds_do_not_depend_on_their_companions(small):
    G, latents = small
    latents = latents[[0, 1, 1, 0]]
    images = G.run(latents, None, random_seed=ROWS)
    assert np.abs(images[0] - images[3]).max() > 0.01  # equal latents
    zeros = [np.concatenate([array[:1], np.zeros_like(array[:3])]) for array in (latents, ROWS)]
    np.testing.assert_array_equal(G.run(zeros[0], None, random_seed=zeros[1])[0], images[0])
    for order in ([3, 2, 1, 0], [1], [2, 0, 0]):
        assert relative_error(G.run(latents[order], None, random_seed=ROWS[order]), images[order]) < 1e-5


def test_each_layer_gets_its_noise_from_the_row(small):
    """The images are those with the same noise in the noise variables."""
    G, latents = small
    images = G.run(latents[:2], None, random_seed=ROWS[:2])
    noise = {int(name.split('noise')[1]): variable for name, variable in G.vars.items() if '/noise' in name}
    assert sorted(noise) == list(range(6))
    for number, (a, b) in enumerate(ROWS[:2]):
        draws = {
            variable: tflib.run(
                tf.random.stateless_normal(variable.shape.as_list()[1:], [a, b * 32 + layer])[np.newaxis]
            )
            for layer, variable in noise.items()
        }
        tflib.set_vars(draws)
        fixed = G.run(latents[:2], None, randomize_noise=False)
        assert relative_error(fixed[number], images[number]) < 1e-6


def test_rows_of_seeds_decide_noise_only(small):
    G, latents = small
    inputs = tf.constant(latents[:2], tf.float32), tf.zeros([2, 0])
    with pytest.raises(ValueError, match='style mixing and gradient penalties draw once .* give two numbers'):
        G.get_output_for(*inputs, is_training=True, random_seed=ROWS[:2])
    images = G.get_output_for(*inputs, is_training=True, style_mixing_prob=None, random_seed=ROWS[:2])
    first, again = tflib.run(images), tflib.run(images)
    np.testing.assert_array_equal(first, again)
    assert np.abs(first[0] - first[1]).max() > 0.01


def test_seeds_of_a_wrong_form_are_refused(small):
    G, latents = small
    inputs = tf.constant(latents[:2], tf.float32), tf.zeros([2, 0])
    for seed, form in (([1, 2, 3], r'int32 \(3,\)'), ([[1], [2]], r'int32 \(2, 1\)'), ([1.0, 2.0], r'float32 \(2,\)')):
        with pytest.raises(ValueError, match=f'random_seed is {form}: give int32 .* a row for each image'):
            G.get_output_for(*inputs, random_seed=seed)
    seed = tf.placeholder(tf.int32, [None, 2])
    images = G.get_output_for(*inputs, random_seed=seed)
    with pytest.raises(tf.errors.InvalidArgumentError, match='random_seed needs a row for each image'):
        tflib.run(images, {seed: ROWS[:1]})


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
    G = tflib.Network(
        'G', networks_stylegan.G_style, resolution=8, latent_size=64, dlatent_size=64, mapping_fmaps=64, fmap_max=64
    )
    values = session.run(G.vars)
    assert values['G_mapping/Dense0/weight'].std() == pytest.approx(100, rel=0.1)
    assert values['G_synthesis/8x8/Conv1/weight'].std() == pytest.approx(1, rel=0.1)
    assert values['G_synthesis/noise2'].std() == pytest.approx(1, rel=0.3)
    assert (values['G_synthesis/4x4/Const/const'] == 1).all()
    zeros = [name for name in values if name.endswith(('bias', 'Noise/weight', 'lod', 'dlatent_avg'))]
    assert not any(values[name].any() for name in zeros)


@pytest.mark.parametrize(
    'build, options',
    [
        (networks_stylegan.G_style, {'latent_size': 8, 'mapping_fmaps': 8, 'mapping_layers': 1, 'dlatent_size': 8}),
        (networks_stylegan.G_synthesis, {'fused_scale': True, 'dlatent_size': 8}),
        (networks_stylegan.D_basic, {}),
    ],
)
@pytest.mark.slow
def test_graphs_with_channels_first_have_the_same_shapes_and_variables(session, monkeypatch, build, options):
    monkeypatch.setattr('dnnlib.tflib.versions.CPU_GETS_NCHW_WRONG', False)  # none of them is run
    # So that both of the forms in which a layout resizes are there.
    monkeypatch.setattr(networks_stylegan, 'RESIZING_SIDES', {'NHWC': 16, 'NCHW': 16})
    kwargs = {'num_channels': 3, 'resolution': 16, 'fmap_base': 64, 'fmap_max': 8, **options}
    seen = []
    for data_format in ('NCHW', 'NHWC'):
        operations_before = len(session.graph.get_operations())
        net = tflib.Network('net', build, data_format=data_format, **kwargs)
        output = net.get_output_for(*[tf.zeros([2] + shape[1:]) for shape in net.input_shapes])
        assert output.shape.as_list()[1:] == net.output_shape[1:]
        formats = {
            op.get_attr('data_format').decode()
            for op in session.graph.get_operations()[operations_before:]
            if op.type in ('Conv2D', 'Conv2DBackpropInput', 'DepthwiseConv2dNative', 'BiasAdd')
            and op.outputs[0].shape.ndims == 4
        }
        assert formats == {data_format}
        seen.append((net.output_shape, [(local_name, v.shape.as_list()) for local_name, v in net.vars.items()]))
    assert seen[0] == seen[1]


def test_half_precision_gives_about_the_same_images(small):
    G, latents = small
    set_lod(G, 0.3)
    images = G.run(latents, None, randomize_noise=False, truncation_psi=None)
    halves = G.run(latents, None, randomize_noise=False, truncation_psi=None, dtype='float16')
    assert halves.dtype == np.float32
    assert relative_error(halves, images) < 0.05


def test_half_precision_gives_about_the_same_scores(session):
    golden = Golden('d_basic_16_variants', 'mbstd_feat2')
    D = golden.network('D', 'D_basic')
    set_lod(D, 0.3)
    scores = D.run(golden['in/images_b8'], None)
    assert relative_error(D.run(golden['in/images_b8'], None, dtype='float16'), scores) < 0.05


@pytest.mark.parametrize('dtype', ['float32', 'float16'])
@pytest.mark.parametrize('shape', [[1, 2], [1, 2, 2, 2]])
def test_leaky_relu_of_exactly_zero_has_slope_one_in_every_precision(session, shape, dtype):
    x = tf.zeros(shape, dtype)
    activation, _ = networks_stylegan.activation_and_gain('lrelu')
    y = activation(networks_stylegan._Layout('NHWC').apply_bias(x))
    session.run(tf.global_variables_initializer())
    assert (session.run(tf.gradients(y, x)[0]) == 1).all()
    assert np.abs(session.run(y)).max() < 1e-7


@pytest.mark.parametrize('taps', [(1, 3, 3, 1), (1, 2, 3, 4), (1, 3)])
def test_blur_of_even_taps_leans_and_its_gradient_leans_the_same_way(layout_session, layout, taps):
    """The original's: both have the additional zeros below and on the right, where the true gradient has them above."""
    kernel = np.outer(taps, taps) / np.sum(taps) ** 2
    before, size = (len(taps) - 1) // 2, 6
    x, dy = np.random.RandomState(4).randn(2, size, size).astype(np.float32)

    def blurred(image, kernel):
        padded = np.pad(image, [[before, len(taps) - 1 - before]] * 2)
        return sum(
            weight * padded[row : row + size, column : column + size]
            for (row, column), weight in np.ndenumerate(kernel)
        )

    its_layout = networks_stylegan._Layout(layout)
    image = its_layout.from_nchw(tf.constant(x.reshape(1, 1, size, size)))
    y = its_layout.blur(image, taps)
    gradient = tf.gradients(y, image, its_layout.from_nchw(tf.constant(dy.reshape(1, 1, size, size))))[0]
    y, gradient = layout_session.run([its_layout.to_nchw(y), its_layout.to_nchw(gradient)])
    np.testing.assert_allclose(y[0, 0], blurred(x, kernel), atol=1e-5)
    np.testing.assert_allclose(gradient[0, 0], blurred(dy, kernel[::-1, ::-1]), atol=1e-5)


def test_without_mapping_layers_w_is_the_normalised_z(session):
    mapping = tflib.Network('mapping', networks_stylegan.G_mapping, latent_size=6, dlatent_size=6, mapping_layers=0)
    z = np.random.RandomState(1).randn(3, 6)
    expected = z / np.sqrt((z**2).mean(axis=1, keepdims=True) + 1e-8)
    np.testing.assert_allclose(mapping.run(z, None), expected, rtol=1e-5)
