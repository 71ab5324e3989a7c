"""The optimizer against trajectories of the original's, and its promises over replicas."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from dnnlib import tflib
from tests.goldens.files import Golden
from tests.goldens.kinds import assert_agreement, golden_cases


def variable(name, value):
    return tf.get_variable(name, initializer=tf.constant(value))


def linear_loss(variables, gradients):
    """A loss whose gradients are given."""
    return tf.add_n([tf.reduce_sum(v * g) for v, g in zip(variables, gradients)])


@golden_cases('optimizer*')
def test_steps_are_the_originals(open_session, kind, path, case):
    assert_agreement(kind, path, case, open_session)


@golden_cases('optimizer_*towers*')
def test_replicas_take_the_originals_step(open_session, kind, path, case):
    assert_agreement(kind, path, case, open_session)


@pytest.fixture(params=[{}], ids=['the defaults'])
def two_replicas(open_session, request):
    """Two variables on two devices and the placeholders of their gradients; Adam's settings may be parameters."""
    session = open_session(device='cpu', cpu_replicas=2)
    golden = Golden('optimizer_two_towers')
    variables, gradients = [], []
    optimizer = tflib.Optimizer('opt', golden.meta['lr'], **request.param)
    for replica, device in enumerate(tflib.replica_devices('cpu', 2)):
        with tf.device(device):
            variables.append(variable(f'v{replica}', golden['init']))
            gradients.append(tf.placeholder(tf.float32, variables[-1].shape))
            loss = linear_loss(variables[-1:], gradients[-1:])
        optimizer.register_gradients(loss, variables[-1:], device)
    update = optimizer.apply_updates()
    session.run(tf.variables_initializer(variables))
    return golden, optimizer, update, variables, gradients


def test_each_replica_has_its_variables_on_its_device(two_replicas):
    _, _, _, variables, _ = two_replicas
    assert [v.device for v in variables] == ['/device:CPU:0', '/device:CPU:1']


@pytest.mark.parametrize('two_replicas', [{'epsilon': 1.0}], indirect=True, ids=['a large epsilon'])
def test_the_mean_is_no_sum(two_replicas):
    """With a large epsilon the size of the gradient counts, too."""
    golden, _, update, variables, gradients = two_replicas
    tflib.run(update, dict(zip(gradients, [golden['grad0'], golden['grad1']])))
    mean = (golden['grad0'] + golden['grad1']) / 2
    step = golden.meta['lr'] * np.sqrt(1 - 0.99) * mean / (0.1 * np.abs(mean) + 1)
    for value in tflib.run(variables):
        np.testing.assert_allclose(value, golden['init'] - step, rtol=0, atol=1e-6)


def test_a_replica_without_a_finite_gradient_holds_back_all(two_replicas):
    golden, optimizer, update, variables, gradients = two_replicas
    state = tflib.run(optimizer.state_variables)
    tflib.run(update, {gradients[0]: golden['grad0'], gradients[1]: np.full([3, 4], np.inf)})
    for value in tflib.run(variables):
        np.testing.assert_array_equal(value, golden['init'])
    for old, new in zip(state, tflib.run(optimizer.state_variables)):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize('two_replicas', [{'beta1': 0.5}], indirect=True, ids=['with momentum'])
def test_its_state_is_all_a_later_run_needs(two_replicas):
    """Setting `state_variables` back brings the same step again; they are equal on all replicas."""
    golden, optimizer, update, variables, gradients = two_replicas
    feed = dict(zip(gradients, [golden['grad0'], golden['grad1']]))
    tflib.run(update, feed)
    saved_values, saved_state = tflib.run(variables), tflib.run(optimizer.state_variables)
    for copies in saved_state[:-1]:
        np.testing.assert_array_equal(*copies)
    tflib.run(update, feed)
    expected = tflib.run(variables)
    optimizer.reset_state()
    tflib.set_vars(dict(zip(variables, saved_values)))
    tflib.set_vars(
        {v: value for copies, values in zip(optimizer.state_variables, saved_state) for v, value in zip(copies, values)}
    )
    tflib.run(update, feed)
    np.testing.assert_array_equal(tflib.run(variables), expected)


def test_a_variable_the_loss_ignores_stays(session):
    used, ignored = variable('used', np.float32([1])), variable('ignored', np.float32([2]))
    optimizer = tflib.Optimizer('opt', 0.1)
    optimizer.register_gradients(used * 3, [used, ignored])
    update = optimizer.apply_updates()
    session.run(tf.variables_initializer([used, ignored]))
    session.run(update)
    assert session.run(ignored) == [2] and session.run(used) == pytest.approx([0.9])


def test_the_mean_of_the_loss_is_what_counts(session):
    x = variable('x', np.float32([1, 1]))
    optimizer = tflib.Optimizer('opt', 0.1, epsilon=1.0)
    optimizer.register_gradients(x * [[1.0, 2.0]] + [[0.0], [1.0], [2.0]], [x])  # [3, 2]: gradient 3/6, 6/6
    update = optimizer.apply_updates()
    session.run(x.initializer)
    session.run(update)
    gradient = np.array([0.5, 1.0])
    corrected = 0.1 * np.sqrt(1 - 0.99)
    np.testing.assert_allclose(session.run(x), 1 - corrected * gradient / (0.1 * gradient + 1), rtol=1e-5)
