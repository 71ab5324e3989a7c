"""The session and the helpers around it."""

import os

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from dnnlib import tflib
from tests.goldens.files import Golden


def test_the_session_is_opened_once_and_is_the_default(open_session):
    session = open_session(device='cpu', cpu_replicas=2)
    assert tflib.init_tf() is session is tf.get_default_session()
    assert [d.name.split('device:')[1] for d in session.list_devices() if d.device_type == 'CPU'] == ['CPU:0', 'CPU:1']


def test_a_seed_fixes_the_initial_weights(open_session):
    def weights(seed):
        session = open_session(device='cpu', seed=seed)
        x = tf.get_variable('x', [4], initializer=tf.initializers.random_normal())
        session.run(x.initializer)
        return session.run(x).tolist()

    assert weights(1) == weights(1) != weights(2)
    assert weights(None) != weights(None)


def test_running_without_a_session_says_what_to_call():
    with pytest.raises(RuntimeError, match=r'call dnnlib.tflib.init_tf\(\) first'):
        tflib.run(None)


def test_set_vars_sets_many_and_adds_nothing_to_the_graph(session):
    x, y = (tf.get_variable(name, [2], initializer=tf.initializers.zeros()) for name in 'xy')
    operations = len(session.graph.get_operations())
    tflib.set_vars({x: [1, 2], y: np.array([3, 4])})
    assert [v.tolist() for v in tflib.run([x, y])] == [[1, 2], [3, 4]]
    tflib.set_vars({y: [5, 6]})
    tflib.set_vars({})
    assert tflib.run(y).tolist() == [5, 6] and tflib.run(x).tolist() == [1, 2]
    assert len(session.graph.get_operations()) == operations
    with pytest.raises(ValueError, match='shape'):
        tflib.set_vars({x: [1, 2, 3]})
    session.run([x.initializer, y.initializer])
    assert [v.tolist() for v in tflib.run([x, y])] == [[0, 0], [0, 0]]


def test_set_vars_sets_variables_that_share_their_initial_value(session):
    initial_value = tf.constant([1.0, 2.0])
    variables = [tf.get_variable(name, initializer=initial_value) for name in 'xyz']
    tflib.set_vars({variable: [number, 5] for number, variable in enumerate(variables)})
    assert [v.tolist() for v in tflib.run(variables)] == [[0, 5], [1, 5], [2, 5]]


def test_what_is_an_expression(session):
    x = tf.get_variable('x', [])
    assert all(map(tflib.is_tf_expression, [x, x + 1, x.initializer]))
    assert not any(map(tflib.is_tf_expression, [1.0, np.ones(2), 'x', None]))


def test_absolute_name_scopes_start_at_the_root(session):
    with tf.name_scope('outer'), tflib.absolute_name_scope('inner'):
        assert tf.no_op(name='op').name == 'inner/op'


@pytest.mark.parametrize('t, expected, clipped', [(0, 2, 2), (0.25, 3, 3), (1, 6, 6), (2, 10, 6), (-1, -2, 2)])
def test_lerp(session, t, expected, clipped):
    assert session.run(
        [tflib.lerp(2.0, 6.0, tf.constant(t, tf.float32)), tflib.lerp_clip(2.0, 6.0, tf.constant(t, tf.float32))]
    ) == [expected, clipped]


# ---------------------------------------------------------------------------------------------------------------------
# uint8


def test_quantisation_is_the_originals(session):
    golden = Golden('process_reals')
    images = session.run(tflib.convert_images_to_uint8(golden['in/to_uint8/float']))
    np.testing.assert_array_equal(images, golden['out/to_uint8/uint8'])
    levels = golden['in/from_uint8/uint8']
    expected = golden['out/from_uint8/float_default']  # not from -1 to 1
    np.testing.assert_allclose(session.run(tflib.convert_images_from_uint8(levels)), expected, atol=1e-6)
    channels_last = tflib.convert_images_from_uint8(levels.transpose(0, 2, 3, 1), nhwc_to_nchw=True)
    np.testing.assert_allclose(session.run(channels_last), expected, atol=1e-6)


@settings(max_examples=10, database=None)
@given(
    seed=st.integers(0, 2**31),
    shrink=st.sampled_from([1, 2, 4]),
    channels=st.integers(1, 4),
    channels_last=st.booleans(),
    drange=st.sampled_from([(-1, 1), (0, 1), (0, 255)]),
)
def test_quantisation_clips_shrinks_and_turns(seed, shrink, channels, channels_last, drange):
    low, high = drange
    random = np.random.RandomState(seed)
    images = (random.uniform(-0.2, 1.2, [2, channels, 8, 8]) * (high - low) + low).astype(np.float32)
    blocks = images.astype(np.float64).reshape(2, channels, 8 // shrink, shrink, 8 // shrink, shrink).mean(axis=(3, 5))
    expected = np.clip((blocks - low) * 255 / (high - low) + 0.5, 0, 255)
    with tf.Graph().as_default(), tf.Session() as session:
        actual = session.run(tflib.convert_images_to_uint8(images, drange, channels_last, shrink))
    assert actual.dtype == np.uint8
    if channels_last:
        actual = actual.transpose(0, 3, 1, 2)
    assert (np.abs(actual - np.floor(expected)) <= (np.abs(expected - np.round(expected)) < 1e-3)).all()


@pytest.mark.parametrize('device', ['gpus', 'cpu:0', ''])
def test_a_device_that_does_not_exist_is_refused_also_when_a_session_is_open(session, device):
    with pytest.raises(ValueError, match=f"'{device}' is no kind of device: choose from auto, gpu, cpu"):
        tflib.init_tf(device)


def test_the_dict_of_scripts_for_the_original_code_is_obeyed(open_session, monkeypatch):
    levels = []  # as they are when GPUs are looked for: CUDA reads the environment only then

    def list_gpus():
        levels.append(os.environ.get('TF_CPP_MIN_LOG_LEVEL'))
        return []

    monkeypatch.setattr('dnnlib.tflib.devices.list_gpus', list_gpus)
    monkeypatch.delenv('TF_CPP_MIN_LOG_LEVEL', raising=False)
    config = {
        'rnd.np_random_seed': 1000,
        'rnd.tf_random_seed': 5,
        'env.TF_CPP_MIN_LOG_LEVEL': 1,
        'gpu_options.per_process_gpu_memory_fraction': 0.5,
        'intra_op_parallelism_threads': 1,
    }
    session = open_session(device=config)
    assert np.random.rand() == pytest.approx(0.65358958, abs=1e-8) and session.graph.seed == 5
    assert os.environ['TF_CPP_MIN_LOG_LEVEL'] == '1'
    assert set(levels) == {'1'}
    assert session._config.gpu_options.per_process_gpu_memory_fraction == 0.5
    assert session._config.intra_op_parallelism_threads == 1


@pytest.mark.parametrize(
    'config', [{'rnd.seed': 1}, {'gpu_options.no_such': 1}, {'no_such': 1}, {'log_device_placement': 'x'}]
)
def test_a_field_of_the_dict_that_does_not_exist_is_refused(config):
    with pytest.raises(ValueError, match=f'init_tf: .{[*config][0]}.: .* cannot be set'):
        tflib.init_tf(config)
