"""Networks: what they know of themselves, how they run, and how their variables move."""

import gc

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from dnnlib import tflib
from dnnlib.tflib import run_graphs
from tests.goldens.files import relative_error
from tests.goldens.kinds import assert_agreement, golden_cases
from training import networks_stylegan


def affine(x, y, size=3, offset=0.0, is_template_graph=False, components=None):
    """A small network of two inputs and outputs."""
    x.set_shape([None, size])
    y.set_shape([None, 2])
    with tf.variable_scope('Dense'):
        weight = tf.get_variable('weight', [size, 2], initializer=tf.initializers.random_normal())
    steps = tf.get_variable('steps', [], initializer=tf.initializers.zeros(), trainable=False)
    return tf.matmul(x, weight) + y + offset + steps, tf.cast(tf.fill([tf.shape(x)[0]], is_template_graph), tf.float32)


def outer(x, is_template_graph=False, components=None, **kwargs):
    """A network with a sub-network."""
    if 'inner' not in components:
        components['inner'] = tflib.Network('Inner', affine, **kwargs)
    gain = tf.get_variable('gain', [], initializer=tf.initializers.ones())
    return components['inner'].get_output_for(x, tf.zeros([tf.shape(x)[0], 2]))[0] * gain


X, Y = np.arange(12, dtype=np.float32).reshape(4, 3), np.ones([4, 2], np.float32)


# ---------------------------------------------------------------------------------------------------------------------
# What a network is


def test_a_network_knows_its_shapes_variables_and_arguments(session):
    net = tflib.Network('Net', affine, size=3)
    assert net.static_kwargs == {'size': 3}  # without defaults
    assert (net.name, net.scope) == ('Net', 'Net')
    assert (net.input_shape, net.output_shape) == ([None, 3], [None, 2])
    assert (net.input_shapes, net.output_shapes) == ([[None, 3], [None, 2]], [[None, 2], [None]])
    assert list(net.vars) == ['Dense/weight', 'steps'] and list(net.trainables) == ['Dense/weight']
    assert net.vars['steps'].name == 'Net/steps:0'


def test_a_network_has_the_variables_of_its_parts(session):
    net = tflib.Network('Net', outer, size=3)
    assert list(net.own_vars) == ['gain']
    assert list(net.vars) == ['gain', 'Inner/Dense/weight', 'Inner/steps']
    assert list(net.trainables) == ['gain', 'Inner/Dense/weight']
    assert net.components.inner.name == 'Inner' and list(net.components.inner.vars) == ['Dense/weight', 'steps']
    assert net.input_shape == [None, 3]  # known from the sub-network


def test_names_may_repeat_but_scopes_do_not(session):
    nets = [tflib.Network('Net', outer) for _ in range(3)]
    assert len({net.scope for net in nets}) == 3
    assert len({v.name for net in nets for v in net.vars.values()}) == 9
    assert [list(net.vars) for net in nets[1:]] == [list(nets[0].vars)] * 2


def test_a_build_function_may_be_named(session):
    D = tflib.Network('D', 'training.networks_stylegan.D_basic', resolution=4, fmap_max=4)
    assert D.output_shape == [None, 1]


def test_variables_are_initialised_and_the_callers_scopes_left_alone(session):
    with tf.name_scope('caller'), tf.control_dependencies([tf.no_op(name='before')]):
        net = tflib.Network('Net', affine)
    assert net.scope == 'Net' and net.get_var('steps') == 0
    assert not any('caller' in op.name for op in session.graph.get_operations() if op.name != 'caller/before')


def test_layers_are_printed_as_a_table(session, capsys):
    tflib.Network(
        'G', networks_stylegan.G_style, resolution=8, fmap_max=8, latent_size=6, dlatent_size=5, mapping_layers=1
    ).print_layers()
    assert (
        capsys.readouterr().out
        == """\
G                         Params  OutputShape      WeightShape
---                       ---     ---              ---
G_synthesis/4x4/Const     240     [None, 8, 4, 4]  [1, 8, 4, 4]
G_synthesis/4x4/Conv      688     [None, 8, 4, 4]  [3, 3, 8, 8]
G_synthesis/ToRGB_lod1    27      [None, 3, 4, 4]  [1, 1, 8, 3]
G_synthesis/8x8/Conv0_up  688     [None, 8, 8, 8]  [3, 3, 8, 8]
G_synthesis/8x8/Conv1     688     [None, 8, 8, 8]  [3, 3, 8, 8]
G_synthesis/ToRGB_lod0    27      [None, 3, 8, 8]  [1, 1, 8, 3]
G_mapping/Dense0          35      [None, 5]        [6, 5]
---                       ---     ---              ---
Total                     2393
"""
    )


@pytest.mark.parametrize('data_format', ['NCHW', 'NHWC'])
def test_printed_shapes_do_not_depend_on_the_layout_inside(session, capsys, data_format):
    D = tflib.Network(
        'D', networks_stylegan.D_basic, resolution=8, fmap_max=6, num_channels=3, label_size=2, data_format=data_format
    )
    D.print_layers(title='The judge')
    lines = [line.split(maxsplit=2) for line in capsys.readouterr().out.splitlines()]
    assert lines[0][:2] == ['The', 'judge']
    assert lines[2:-2] == [
        ['FromRGB_lod0', '24', '[None, 6, 8, 8]  [1, 1, 3, 6]'],
        ['8x8/Conv0', '330', '[None, 6, 8, 8]  [3, 3, 6, 6]'],
        ['8x8/Conv1_down', '330', '[None, 6, 4, 4]  [3, 3, 6, 6]'],
        ['FromRGB_lod1', '24', '[None, 6, 4, 4]  [1, 1, 3, 6]'],
        ['4x4/Conv', '384', '[None, 6, 4, 4]  [3, 3, 7, 6]'],
        ['4x4/Dense0', '582', '[None, 6]        [96, 6]'],
        ['4x4/Dense1', '14', '[None, 2]        [6, 2]'],
    ]
    assert lines[-1] == ['Total', str(24 + 330 + 330 + 24 + 384 + 582 + 14)]


def test_a_graph_can_be_built_without_a_session():
    with tf.Graph().as_default():
        with tf.Session():
            net = tflib.Network('Net', affine, offset=1.0)
        assert tf.get_default_session() is None
        outputs = net.get_output_for(*[tf.zeros([4, shape[1]]) for shape in net.input_shapes])
        assert [output.shape.as_list()[1:] for output in outputs] == [shape[1:] for shape in net.output_shapes]


# ---------------------------------------------------------------------------------------------------------------------
# Running


def test_a_network_runs_on_arrays(session):
    net = tflib.Network('Net', affine, offset=1.0)
    net.set_var('Dense/weight', np.ones([3, 2]))
    first, is_template = net.run(X, Y)
    np.testing.assert_allclose(first, X.sum(axis=1, keepdims=True) + Y + 1)
    assert not is_template.any()
    np.testing.assert_allclose(net.run(X, None)[0], first - 1)
    np.testing.assert_allclose(net.run(None, Y, offset=3.0)[0], Y + 3)  # a call may override the network's arguments
    assert net.static_kwargs == {'offset': 1.0}


@pytest.mark.parametrize('minibatch_size', [1, 3, 4, 9])
def test_minibatches_do_not_change_the_result(session, minibatch_size):
    net = tflib.Network('Net', outer)
    np.testing.assert_allclose(net.run(X, minibatch_size=minibatch_size), net.run(X), atol=1e-5)


def test_outputs_can_be_transformed_inside_the_graph(session):
    net = tflib.Network('Net', outer)
    both = net.run(X, output_transform={'func': lambda y, factor: (y, y * factor), 'factor': 2})
    np.testing.assert_allclose(both[1], both[0] * 2, atol=1e-5)
    np.testing.assert_allclose(net.run(X, output_transform={'func': lambda y: y + 1}), both[0] + 1, atol=1e-5)
    as_list = net.run(X, return_as_list=True)
    assert isinstance(as_list, list) and len(as_list) == 1
    assert isinstance(net.get_output_for(tf.constant(X), return_as_list=True), list)


def test_running_again_adds_nothing_to_the_graph(session):
    net = tflib.Network('Net', outer)
    net.run(X)
    operations = len(session.graph.get_operations())
    net.run(X[:2], minibatch_size=1)
    assert len(session.graph.get_operations()) == operations


def test_each_function_of_the_outputs_gets_the_graph_that_is_its_own(session):
    net = tflib.Network('Net', outer)
    plain = net.run(X)
    gc.freeze()  # so that `collect` looks at what is made from here on
    for k in (1, 2, 3, 4):  # each lambda may be made at the address of the one before
        np.testing.assert_allclose(net.run(X, output_transform={'func': lambda x, k=k: x * k}), plain * k, rtol=1e-5)
        gc.collect()
    scale = np.ones([2000], np.float32)
    for factor in (1, 2):  # `repr` abbreviates both to the same text
        scale[1000] = factor
        scaled = net.run(X, output_transform={'func': lambda x, by: x * by[1000], 'by': scale})
        np.testing.assert_allclose(scaled, plain * factor, rtol=1e-5)
    gc.unfreeze()


def test_equal_arguments_use_a_graph_again(session):
    def times(x, by):
        return x * by[0]

    net = tflib.Network('Net', outer)
    net.run(X, output_transform={'func': times, 'by': np.full([3000], 2, np.float32)}, offset=[1.0])
    operations = len(session.graph.get_operations())
    net.run(X, output_transform={'by': np.full([3000], 2, np.float32), 'func': times}, offset=[1.0])
    assert len(session.graph.get_operations()) == operations


def test_progress_is_shown_on_demand(session, capsys):
    net = tflib.Network('Net', outer)
    net.run(X, print_progress=True)
    assert '4/4' in capsys.readouterr().err
    net.run(X)
    assert not capsys.readouterr().err


@pytest.mark.parametrize('count', [1, 3, 4])
def test_several_devices_share_a_minibatch(open_session, monkeypatch, count):
    session = open_session(device='cpu', cpu_replicas=3)
    monkeypatch.setattr(run_graphs, 'session_gpus', lambda: ['/cpu:0', '/cpu:1', '/cpu:2'])
    net = tflib.Network('Net', affine)
    expected = net.run(X[:count], Y[:count])
    operations_before = len(session.graph.get_operations())
    for array, reference in zip(net.run(X[:count], Y[:count], num_gpus=3), expected):
        np.testing.assert_allclose(array, reference, atol=1e-5)
    new = session.graph.get_operations()[operations_before:]
    assert {op.device for op in new if op.type == 'MatMul'} == {f'/device:CPU:{number}' for number in range(3)}


def noisy(x, size=3, random_seed=None, is_template_graph=False, components=None):
    """A network that returns its input and the seed it got."""
    x.set_shape([None, size])
    return x, tf.zeros([tf.shape(x)[0], 2], tf.int32) if random_seed is None else tf.identity(random_seed)


ROWS = np.array([[1, 5], [2**31 - 1, 2**26 - 1], [-(2**31), 0], [3, 4]])


@pytest.mark.parametrize('count, minibatch_size', [(4, None), (4, 3), (4, 1), (1, None), (1, 8)])
@pytest.mark.parametrize('devices', [1, 3])
def test_each_image_keeps_its_own_seed(open_session, monkeypatch, count, minibatch_size, devices):
    session = open_session(device='cpu', cpu_replicas=3)
    monkeypatch.setattr(run_graphs, 'session_gpus', lambda: ['/cpu:0', '/cpu:1', '/cpu:2'])
    net = tflib.Network('Net', noisy)
    arguments = {'minibatch_size': minibatch_size, 'num_gpus': devices}
    images, seeds = net.run(X[:count], random_seed=ROWS[:count], **arguments)
    np.testing.assert_array_equal(images, X[:count])
    np.testing.assert_array_equal(seeds, ROWS[:count])
    operations = len(session.graph.get_operations())
    np.testing.assert_array_equal(
        net.run(X[:count], random_seed=(ROWS[:count] + [-1, 1]) // 2, **arguments)[1], (ROWS[:count] + [-1, 1]) // 2
    )
    assert len(session.graph.get_operations()) == operations


@pytest.mark.thorough
def test_images_have_the_same_noise_on_any_device_and_in_any_minibatch(open_session, monkeypatch):
    open_session(device='cpu', cpu_replicas=3)
    monkeypatch.setattr(run_graphs, 'session_gpus', lambda: ['/cpu:0', '/cpu:1', '/cpu:2'])
    G = tflib.Network('G', networks_stylegan.G_synthesis, resolution=8, fmap_max=16, dlatent_size=16)
    tflib.set_vars({variable: np.ones(16) for name, variable in G.vars.items() if name.endswith('Noise/weight')})
    w = np.random.RandomState(0).randn(4, 4, 16)
    images, order, seeds = G.run(w, random_seed=ROWS), [2, 0, 1, 3], tf.constant(ROWS)
    for others in (
        G.run(w, random_seed=ROWS, num_gpus=3),
        G.run(w, random_seed=seeds, num_gpus=3),
        G.run(w, random_seed=ROWS, minibatch_size=3),
        G.run(w[order], random_seed=ROWS[order], minibatch_size=1)[np.argsort(order)],
    ):
        np.testing.assert_allclose(others, images, atol=1e-5 * np.abs(images).max())
    assert np.abs(G.run(w, random_seed=ROWS[order]) - images).max() > 0.01


@pytest.mark.parametrize(
    'seed, message',
    [
        (ROWS[:3], r'random_seed is int64 \[3, 2\]: for 4 images give integers \[4, 2\], a row for each image, or two'),
        (ROWS.astype(np.float32), r'random_seed is float32 \[4, 2\]'),
        ([[1, 2, 3]] * 4, r'random_seed is int64 \[4, 3\]'),
        ([1, 2, 3, 4], r'random_seed is int64 \[4\]'),
        (5, r'random_seed is int64 \[\]'),
        ([1.5, 2], r'random_seed is float64 \[2\]'),
        (
            ROWS + [0, 1],
            r'random_seed has the row \[2147483647, 67108864\]: its first number must be an int32, its .* to 67108863',
        ),
        (ROWS + [1, 0], r'random_seed has the row \[2147483648, 67108863\]'),
        (ROWS - [0, 1], r'random_seed has the row \[-2147483648, -1\]'),
    ],
)
def test_seeds_that_do_not_fit_the_images_are_refused(session, seed, message):
    with pytest.raises(ValueError, match='Net.run: ' + message):
        tflib.Network('Net', noisy).run(X, random_seed=seed)


def test_wrong_inputs_are_refused(session):
    net = tflib.Network('Net', affine)
    with pytest.raises(TypeError, match=r'Net takes 2 inputs \(x, y\), got 1'):
        net.get_output_for(tf.constant(X))
    with pytest.raises(TypeError, match=r'Net takes 2 inputs \(x, y\), got 3'):
        net.run(X, Y, Y)
    for arrays in ([X[:0], Y[:0]], [None, None]):
        with pytest.raises(ValueError, match='Net.run needs at least one sample'):
            net.run(*arrays)


# ---------------------------------------------------------------------------------------------------------------------
# Variables


def test_variables_can_be_read_and_set(session):
    net = tflib.Network('Net', outer)
    net.set_var('Inner/Dense/weight', np.full([3, 2], 7))
    assert (net.components.inner.get_var('Dense/weight') == 7).all()
    with pytest.raises(ValueError, match='shape'):
        net.set_var('Inner/Dense/weight', np.zeros([2, 3]))


def test_a_clone_is_equal_and_independent(session):
    net = tflib.Network('Net', outer, offset=2.0)
    net.set_var('gain', 5)
    clone = net.clone('Clone')
    assert (clone.name, clone.static_kwargs, list(clone.vars)) == ('Clone', net.static_kwargs, list(net.vars))
    assert not set(clone.vars.values()) & set(net.vars.values())
    np.testing.assert_allclose(clone.run(X), net.run(X), atol=1e-5)
    clone.set_var('gain', 0)
    assert net.get_var('gain') == 5 and not clone.run(X).any()
    assert net.clone().name == 'Net'


def test_variables_are_copied_from_another_network(session):
    net, other = (tflib.Network('Net', outer) for _ in range(2))
    other.set_var('Inner/steps', 3)
    net.copy_vars_from(other)
    np.testing.assert_allclose(net.run(X), other.run(X), atol=1e-5)
    assert net.get_var('Inner/steps') == 3


@golden_cases('ema*')
def test_the_moving_average_is_the_originals(open_layout_session, kind, path, case):
    assert_agreement(kind, path, case, open_layout_session)


def test_the_moving_average_decays_what_is_not_trained_on_demand(session):
    source, average = (tflib.Network('Net', affine) for _ in range(2))
    source.set_var('steps', 10)
    session.run(average.setup_as_moving_average_of(source, beta=0.5, beta_nontrainable=0.25))
    assert average.get_var('steps') == 7.5


def test_variables_are_shared_by_all_uses_in_graphs(session):
    G = tflib.Network(
        'G', networks_stylegan.G_style, resolution=8, num_channels=1, fmap_max=4, latent_size=6, mapping_layers=1
    )
    latents = tf.constant(np.random.RandomState(1).randn(2, 6), tf.float32)
    images = G.get_output_for(latents, tf.zeros([2, 0]), randomize_noise=False)
    variables = len(tf.global_variables())
    again = G.get_output_for(latents, tf.zeros([2, 0]), randomize_noise=False)
    assert len(tf.global_variables()) == variables and images.shape.as_list() == [2, 1, 8, 8]
    G.set_var('G_synthesis/ToRGB_lod0/bias', [9])
    before, after = session.run([images, again])
    assert relative_error(before, after) < 1e-6 and before.mean() > 5
