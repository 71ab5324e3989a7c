"""Half precision: what it computes, how near its gradients are to those in float32, and what it leaves as it is."""

import collections
import contextlib
import re

import click
import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from dnnlib import tflib
from dnnlib.tflib import versions
from tests.half_gradients import LOSSES, Gradients, errors
from tests.sessions import KeptSession
from tests.steps import train
from tests.toy_run import make_dataset
from training import networks_stylegan
from training.dataset import TrainingSet
from training.options import TrainingOptions, resolve_options
from training.precision import FIRST_LOSS_SCALING_LOG2, check_kernels, precision_arguments, sentence_about_precision
from training.step import make_networks

TINY = {'latent_size': 8, 'mapping_layers': 2, 'fmap_base': 32, 'fmap_max': 8, 'minibatch': 8, 'initial_resolution': 8}


@pytest.fixture
def make_step(open_session, tmp_path, built_steps):
    """The function that gives a step of 8x8 px in a precision, with the training set and the options."""
    data = make_dataset(str(tmp_path / 'toy'))
    sessions = contextlib.ExitStack()

    def make(precision):
        sessions.close()
        options = resolve_options('paper', {**TINY, 'precision': precision, 'data': data}, 8)
        open_session(device='cpu', seed=1000)
        reals = TrainingSet(data, 8, mirror=True, seed=options.seed)
        return sessions.enter_context(built_steps.in_use())(options, reals, tflib.Replicas(['/cpu:0'])), reals, options

    with sessions:
        yield make


@pytest.fixture(scope='module')
def gradients():
    """`Gradients` of networks of 16x16 px, in a session of their own."""
    kept = KeptSession()
    with kept.as_default():
        made = Gradients(16, fmap_max=16)
    yield kept, made
    kept.close()


# A number in bfloat16 has three bits less than one in float16, so its errors are larger.
@pytest.mark.parametrize('precision, total, worst', [('mixed', 0.07, 0.05), ('mixed-bfloat16', 0.3, 0.5)])
def test_no_layer_loses_its_gradient(gradients, precision, total, worst):
    if precision == 'mixed-bfloat16' and not versions.IS_TF2:
        pytest.skip('TensorFlow 1.15 has no kernels in bfloat16')
    kept, gradients = gradients
    with kept.as_default():
        exact = gradients.of('float32')
        half = gradients.of(precision, scale_log2=FIRST_LOSS_SCALING_LOG2)
    for loss in LOSSES:
        found = errors(exact[loss], half[loss])
        assert found.lost == 0 and found.total < total, (loss, found)
    assert errors(exact['R1 alone'], half['R1 alone']).worst < worst


@pytest.mark.parametrize('half_levels', [1, 4])
def test_only_convolutions_of_the_highest_levels_are_in_half_precision(session, half_levels):
    options = TrainingOptions(
        data='', resolution=16, latent_size=8, fmap_base=64, fmap_max=8, precision='mixed', half_levels=half_levels
    )
    G, D = make_networks(options, 3, 0)
    before = len(session.graph.get_operations())
    kwargs = precision_arguments(options, '/cpu:0')
    images = G.get_output_for(tf.zeros([4, 8]), None, **kwargs)
    D.get_output_for(images, None, **kwargs)
    half = collections.defaultdict(set)
    for operation in session.graph.get_operations()[before:]:
        block = re.search(r'/(\d+)x\1', operation.name)
        if operation.type in ('Rsqrt', 'Sqrt', 'Mean') or (block and operation.type == 'Conv2D'):
            half[block[1] if operation.type == 'Conv2D' else operation.type].add(operation.outputs[0].dtype.name)
    assert half['Rsqrt'] == half['Sqrt'] == half['Mean'] == half['4'] == {'float32'}  # normalisation and stddev
    assert half['8'] == {'float16' if half_levels == 4 else 'float32'} and half['16'] == {'float16'}


def test_layers_in_half_precision_are_clamped_with_derivatives_of_any_order(session):
    x = tf.constant([-1000.0, -3.0, 2.0, 300.0, np.inf], tf.float16)
    y = networks_stylegan._clamped(x)
    first = tf.gradients(y * y, x)[0]
    second = tf.gradients(first, x)[0]
    values = session.run([y, first, second])
    np.testing.assert_array_equal(values, [[-256, -3, 2, 256, 256], [0, -6, 4, 0, 0], [0, 2, 2, 0, 0]])
    exact = tf.constant([1000.0])
    assert networks_stylegan._clamped(exact) is exact


def pickle_of(step, path):
    tflib.save_networks(str(path), (step.G, step.D, step.Gs))
    return path.read_bytes()


def test_states_cross_between_precisions_and_pickles_are_the_same(make_step, tmp_path):
    step, reals, options = make_step('float32')
    first = step.get_state()
    cur_nimg, _ = train(step, reals, options, 1)
    exact, expected = step.get_state(), pickle_of(step, tmp_path / 'exact.pkl')
    step, reals, options = make_step('mixed')
    scaling = {f'Train{which}/loss_scaling_log2': np.float32(FIRST_LOSS_SCALING_LOG2) for which in 'GD'}
    assert set(step.get_state()) - set(first) == set(scaling)
    step.set_state(exact)
    assert pickle_of(step, tmp_path / 'mixed.pkl') == expected
    step.set_state(first)
    assert step.loss_scales() == {'G_loss_scale': 4096.0, 'D_loss_scale': 4096.0}
    _, stats = train(step, reals, options, 1)
    assert stats['G_skipped'] == stats['D_skipped'] == 0
    mixed = step.get_state()
    for name, value in exact.items():
        assert mixed[name].dtype == value.dtype and mixed[name].shape == value.shape
        np.testing.assert_allclose(mixed[name], value, rtol=0, atol=0.1 * np.abs(value).max() + 0.005, err_msg=name)
    assert all(mixed[name] > scaling[name] for name in scaling)  # it grows
    step, reals, options = make_step('float32')
    step.set_state(mixed)
    _, stats = train(step, reals, options, 1, cur_nimg)
    assert all(np.isfinite(value) for value in stats.values()) and 'G_skipped' not in stats


def test_a_loss_scale_that_is_too_large_skips_updates_and_shrinks(make_step):
    step, reals, options = make_step('mixed')
    cur_nimg, _ = train(step, reals, options, 1)
    before = dict(step.get_state(), **{f'Train{which}/loss_scaling_log2': np.float32(100) for which in 'GD'})
    step.set_state(before)
    _, stats = train(step, reals, options, 1, cur_nimg)
    after = step.get_state()
    assert stats['G_skipped'] == stats['D_skipped'] == 1 and np.isfinite(stats['D_loss'])
    assert after['TrainG/loss_scaling_log2'] == after['TrainD/loss_scaling_log2'] == 99
    for name, value in before.items():
        if not name.endswith(('loss_scaling_log2', 'dlatent_avg')) and not name.startswith('Gs/'):
            np.testing.assert_array_equal(after[name], value, err_msg=name)
    assert list(step.loss_scales().values()) == [2.0**99] * 2


def test_tf32_is_off_but_for_training_in_half_precision():
    if not versions.IS_TF2:
        assert versions.allow_tf32(True) is None
        return
    is_on = tf.config.experimental.tensor_float_32_execution_enabled
    assert not is_on()
    try:
        assert versions.allow_tf32(True) is True and is_on()
        with versions.exact_float32():
            assert not is_on()
        assert is_on()
    finally:
        assert versions.allow_tf32(False) is False and not is_on()


def test_a_run_says_its_precision():
    options = TrainingOptions(data='', precision='mixed')
    assert sentence_about_precision(options, True) == (
        'Precision mixed: the blocks of the 4 highest resolutions in float16, the rest in float32; TF32 on.'
    )
    sentence = sentence_about_precision(TrainingOptions(data=''), None)
    assert sentence == 'Precision float32: everything in float32; this TensorFlow has no TF32.'


def test_bfloat16_is_refused_where_there_are_no_kernels():
    options = TrainingOptions(data='', precision='mixed-bfloat16')
    if versions.IS_TF2:
        check_kernels(options)
        return
    with pytest.raises(click.UsageError, match='--precision mixed-bfloat16: TensorFlow 1.15 has no convolutions'):
        check_kernels(options)
