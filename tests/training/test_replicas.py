"""Replicas: together they take the step that one would take alone, in every layout, and they stay equal."""

import collections
import contextlib
import types

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from dnnlib import tflib
from dnnlib.processes import ALONE, Processes
from tests.goldens.files import relative_error
from tests.layouts import networks_in
from tests.steps import SharedSteps, train, with_all_weights_random
from tests.toy_run import make_dataset
from training.dataset import TrainingSet
from training.networks_stylegan import Random
from training.options import resolve_options
from training.schedule import training_schedule

TINY = {'latent_size': 8, 'mapping_layers': 1, 'fmap_base': 32, 'fmap_max': 8, 'initial_resolution': 4, 'minibatch': 8}
HALF_FADED = 900000  # images shown when 8x8 has come half way
ALIKE = 'replicas_draw_alike'


def switch_of_draws():
    """The tensor that makes replicas draw alike where 1 is fed; without it they draw as always."""
    graph = tf.get_default_graph()
    if not graph.get_collection(ALIKE):
        with tf.control_dependencies(None), tf.device('/cpu:0'):
            graph.add_to_collection(ALIKE, tf.placeholder_with_default(0.0, [], ALIKE))
    return graph.get_collection(ALIKE)[0]


class SwitchedDraws:
    """Draws of `Random` with a switch. If it is on, every image gets the same noise, and no styles are mixed."""

    normal, uniform = Random.normal, Random.uniform

    def noise(self, shape, dtype=tf.float32):
        own, alike = SwitchedDraws.normal(self, shape, dtype), switch_of_draws()
        if not isinstance(shape, list):  # latents of the second style
            return own
        same = tf.constant(np.random.RandomState(shape[-1]).randn(1, 1, shape[-1], shape[-1]), dtype)
        return own * (1 - alike) + same * alike

    def share(self, shape=()):
        return tf.maximum(SwitchedDraws.uniform(self, shape), switch_of_draws())


@pytest.fixture(scope='module')
def steps_of_layouts():
    """`SharedSteps` for each layout, apart from the ones of other files, whose draws have no switch."""
    steps = collections.defaultdict(SharedSteps)
    yield steps
    for shared in steps.values():
        shared.close()


@pytest.fixture
def make_step(open_layout_session, layout, tmp_path, steps_of_layouts, monkeypatch):
    monkeypatch.setattr(Random, 'normal', SwitchedDraws.noise)
    monkeypatch.setattr(Random, 'uniform', SwitchedDraws.share)
    data = make_dataset(str(tmp_path / 'toy'))
    sessions = contextlib.ExitStack()

    def make(layout=layout, **given):
        sessions.close()  # that of the step before, if any
        options = resolve_options('paper', {**TINY, **given, 'data': data}, 8)
        session = open_layout_session(cpu_replicas=options.gpus, seed=1000)
        gpus = sum(device.device_type == 'GPU' for device in session.list_devices())
        if 0 < gpus < options.gpus:
            pytest.skip(f'{gpus} GPU for {options.gpus} replicas')
        devices = tflib.replica_devices('gpu' if gpus else 'cpu', options.gpus)
        reals = TrainingSet(data, mirror=True, seed=options.seed)
        with networks_in(layout):
            shared = sessions.enter_context(steps_of_layouts[layout].in_use())
            return shared(options, reals, tflib.Replicas(devices)), reals, options

    with sessions:
        yield make


@pytest.fixture
def draw_alike(monkeypatch):
    """A function that switches the draws of a step, and puts its latents in an order."""

    def switch(step, order=slice(None)):
        numbers_of = step._random_numbers

        def in_that_order(*args):
            feed = numbers_of(*args)
            feed[step._inputs.latents] = feed[step._inputs.latents][order]
            return {**feed, switch_of_draws(): 1.0}

        monkeypatch.setattr(step, '_random_numbers', in_that_order)

    return switch


@pytest.mark.thorough
def test_replicas_average_to_the_gradients_of_one_with_the_whole_minibatch(make_step, draw_alike):
    """Adam's first moment is the gradient, since beta1 is 0. What replicas draw for themselves is made the same."""
    alone, reals, options = make_step('NHWC')
    draw_alike(alone)
    initial = with_all_weights_random(alone.get_state())
    alone.set_state(initial)
    schedule = training_schedule(HALF_FADED, 8, **options.schedule_options())
    assert (schedule.lod, schedule.minibatch) == (0.5, 8)
    expected_stats = train(alone, reals, options, 1, HALF_FADED)[1]
    expected = alone.get_state()

    together, reals, options = make_step(gpus=2)
    together.set_state(initial)  # a run may go on with more replicas
    assert_same(tflib.run(together._G_replicas[1].vars), tflib.run(together.G.vars))
    # The minibatch stddev layer compares every second image of the eight: these go to the same replica.
    order = np.arange(8).reshape(4, 2).T.ravel()
    draw_alike(together, order)
    reordered = types.SimpleNamespace(minibatch=lambda *args: [array[order] for array in reals.minibatch(*args)])
    stats = train(together, reordered, options, 1, HALF_FADED)[1]

    assert stats.keys() == expected_stats.keys()
    for name, value in stats.items():
        assert value == pytest.approx(expected_stats[name], rel=1e-4), name
    actual = together.get_state()
    moments = [name for name in expected if name.startswith(('TrainD/', 'TrainG/'))]
    assert sum(bool(np.any(expected[name])) for name in moments) > 80
    errors = {name: relative_error(actual[name], expected[name]) for name in moments}
    assert {name: error for name, error in errors.items() if not error < 1e-4} == {}


@pytest.mark.parametrize('begin', [0, HALF_FADED])
@pytest.mark.slow
def test_replicas_stay_equal_bit_by_bit_but_for_their_average_w(make_step, begin):
    step, reals, options = make_step(gpus=2)
    before = step.get_state()
    train(step, reals, options, 3, begin)
    after = step.get_state()
    assert np.any(before['Gs/G_synthesis/4x4/Conv/weight'] != after['Gs/G_synthesis/4x4/Conv/weight'])
    for first, copy in (step._G_replicas, step._D_replicas):
        assert_same(*tflib.run([first.trainables, copy.trainables]))
    for optimizer in (step._G_optimizer, step._D_optimizer):
        for copies in tflib.run(optimizer.state_variables[:-1]):  # the last is the loss scale, which all share
            np.testing.assert_array_equal(*copies)
    assert np.any(after['G/dlatent_avg'] != after['G_replica1/dlatent_avg'])


@pytest.mark.slow
def test_state_of_two_replicas_reaches_both(make_step):
    step, reals, options = make_step(gpus=2, minibatch=16)
    cur_nimg, _ = train(step, reals, options, 2)
    saved = step.get_state()
    train(step, reals, options, 1, cur_nimg)
    expected = step.get_state()
    other, reals, options = make_step(gpus=2, minibatch=16)
    other.set_state(saved)
    train(other, reals, options, 1, cur_nimg)
    # Sums over two devices may be added up in either order.
    for name, value in other.get_state().items():
        np.testing.assert_allclose(value, expected[name], rtol=1e-4, atol=1e-6, err_msg=name)


@pytest.mark.slow
def test_networks_of_a_pickle_reach_all_replicas(make_step):
    step, reals, options = make_step(gpus=2, minibatch=16)
    train(step, reals, options, 1)
    values = {name: tflib.run(net.vars) for name, net in (('G', step.G), ('D', step.D), ('Gs', step.Gs))}
    other, _, _ = make_step(gpus=2, minibatch=16, seed=5)
    other.set_networks(values)
    for nets, name in ((other._G_replicas, 'G'), (other._D_replicas, 'D'), ([other.Gs], 'Gs')):
        for net in nets:
            assert_same(tflib.run(net.vars), values[name])
    del values['G']['dlatent_avg']
    with pytest.raises(KeyError, match='dlatent_avg'):
        other.set_networks(values)


@pytest.mark.optimized
@pytest.mark.parametrize('shape', [(), (7,), (3, 3, 8, 8)])
def test_a_sum_over_replicas_rounds_as_one_over_processes_in_a_graph_that_is_optimised(shape):
    values, scale = np.random.RandomState(1).randn(2, *shape).astype(np.float32), np.float32(0.123)
    with tf.Graph().as_default(), tf.Session(config=tf.ConfigProto(device_count={'GPU': 0})) as session:
        variables = [tf.get_variable(name, initializer=value) for name, value in zip('ab', values)]
        gradients = [[tf.sin(variable) * scale] for variable in variables]
        averages = tflib.Replicas(['/cpu:0', '/cpu:0']).averages(gradients)
        session.run(tf.global_variables_initializer())
        found = session.run(averages)
        each = [session.run(gradient) for (gradient,) in gradients]
    for (average,) in found:
        np.testing.assert_array_equal(average, (each[0] + each[1]) * np.float32(0.5))


class SumsOverTwo(Processes):
    """Two processes, as a graph knows them."""

    size = 2

    def sums(self, tensors):
        return [tensor * 2 for tensor in tensors]


@pytest.mark.parametrize('processes', [ALONE, SumsOverTwo()])
def test_all_gpus_take_part_in_a_sum_since_nccl_waits_for_them_for_ever(processes):
    devices = ['/gpu:0', '/gpu:1']
    with tf.Graph().as_default() as graph:
        gradients = []
        for device in devices:
            with tf.device(device):
                gradients.append([tf.identity([1.0])])
        averages = tflib.Replicas(devices, processes).averages(gradients)
        members = [operation for operation in graph.get_operations() if operation.type == 'NcclAllReduce']
        assert len(members) == 2
        assert {*members} <= ancestors([average.op for (average,) in averages])


def ancestors(operations):
    """The operations that are run to run some operations."""
    found, waiting = set(), [*operations]
    while waiting:
        operation = waiting.pop()
        if operation not in found:
            found.add(operation)
            waiting += [each.op for each in operation.inputs] + operation.control_inputs
    return found


def assert_same(state, other):
    assert state.keys() == other.keys()
    for name, value in state.items():
        np.testing.assert_array_equal(value, other[name], err_msg=name)
