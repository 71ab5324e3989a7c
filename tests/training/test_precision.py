"""Half precision: what it computes, how near its gradients are to those in float32, and what it leaves as it is."""

import collections
import re

import click
import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from dnnlib.tflib import versions
from tests.half_gradients import LOSSES, Gradients, errors
from tests.sessions import KeptSession
from training import networks_stylegan
from training.options import TrainingOptions
from training.precision import FIRST_LOSS_SCALING_LOG2, check_kernels, precision_arguments, sentence_about_precision


@pytest.fixture(scope='module')
def gradients():
    """`Gradients` of networks of 16x16 px, in a session of their own."""
    kept = KeptSession()
    with kept.as_default():
        made = Gradients(16, fmap_max=16, minibatch=16)
    yield kept, made
    kept.close()


ALONE = LOSSES[::2]  # G's loss and R1; R1 is also a part of D's loss


# A number in bfloat16 has three bits less than one in float16, so its errors are larger.
@pytest.mark.parametrize('precision, total, worst', [('mixed', 0.07, 0.05), ('mixed-bfloat16', 0.3, 1.0)])
@pytest.mark.slow
def test_no_layer_loses_its_gradient(gradients, precision, total, worst):
    if precision == 'mixed-bfloat16' and not versions.IS_TF2:
        pytest.skip('TensorFlow 1.15 has no kernels in bfloat16')
    kept, gradients = gradients
    with kept.as_default():
        exact = gradients.of('float32', losses=ALONE)
        half = gradients.of(precision, scale_log2=FIRST_LOSS_SCALING_LOG2, losses=ALONE)
    for loss in ALONE:
        found = errors(exact[loss], half[loss])
        assert found.lost == 0 and found.total < total, (loss, found)
    assert errors(exact['R1 alone'], half['R1 alone']).worst < worst


@pytest.mark.parametrize('half_levels', [1, 4])
def test_only_convolutions_of_the_highest_levels_are_in_half_precision(gradients, half_levels):
    kept, gradients = gradients
    options = TrainingOptions(data='', precision='mixed', half_levels=half_levels)
    kwargs = dict(precision_arguments(options, '/cpu:0'), structure='linear')
    with kept.as_default():
        before = len(kept.graph.get_operations())
        images = gradients.networks['G'].get_output_for(tf.zeros([4, 16]), None, **kwargs)
        gradients.networks['D'].get_output_for(images, None, **kwargs)
    half = collections.defaultdict(set)
    for operation in kept.graph.get_operations()[before:]:
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
