"""Replicas: together they take the step that one would take alone, in every layout, and they stay equal."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from dnnlib import tflib
from tests.goldens.files import relative_error
from tests.layouts import networks_in
from tests.toy_run import make_dataset
from training import networks_stylegan
from training.dataset import TrainingSet
from training.options import resolve_options
from training.schedule import training_schedule
from training.step import TrainingStep

TINY = {'latent_size': 8, 'mapping_layers': 2, 'fmap_base': 32, 'fmap_max': 8, 'initial_resolution': 4, 'minibatch': 8}
HALF_FADED = 900000  # images shown when 8x8 has come half way


@pytest.fixture
def make_step(open_layout_session, tmp_path):
    data = make_dataset(str(tmp_path / 'toy'))

    def make(**given):
        options = resolve_options('paper', {**TINY, **given, 'data': data}, 8)
        session = open_layout_session(cpu_replicas=options.gpus, seed=3)
        gpus = sum(device.device_type == 'GPU' for device in session.list_devices())
        if 0 < gpus < options.gpus:
            pytest.skip(f'{gpus} GPU for {options.gpus} replicas')
        devices = tflib.replica_devices('gpu' if gpus else 'cpu', options.gpus)
        reals = TrainingSet(data, mirror=True, seed=options.seed)
        schedule = training_schedule(HALF_FADED, 8, **options.schedule_options())
        assert (schedule.lod, schedule.minibatch) == (0.5, 8)
        step = TrainingStep(options, reals, devices)
        step.set_lod(schedule.lod)
        return step, schedule, reals.minibatch(HALF_FADED, 8, 0)

    return make


def train(step, schedule, minibatch, cur_nimg=HALF_FADED):
    stats = step.train_D(schedule, cur_nimg, *minibatch)
    step.update_Gs(schedule.minibatch)
    stats.update(step.train_G(schedule, cur_nimg))
    return stats


def with_all_weights_random(state):
    """A state in which all weights are random; a constant that is 1 everywhere has gradients of rounding errors."""
    random = np.random.RandomState(7)
    constant = ('bias', 'Noise/weight', 'const')
    return {
        name: value + 0.5 * random.randn(*value.shape) if name.endswith(constant) else value
        for name, value in sorted(state.items())
    }


def same_noise_for_every_image(_self, shape, dtype=tf.float32):
    side = shape[-1]
    noise = tf.constant(np.random.RandomState(side).randn(1, 1, side, side), dtype)
    return tf.tile(noise, [shape[0], 1, 1, 1])


def test_replicas_average_to_the_gradients_of_one_with_the_whole_minibatch(make_step, monkeypatch):
    """Adam's first moment is the gradient, since beta1 is 0. What replicas draw for themselves is made the same."""
    monkeypatch.setattr(networks_stylegan.Random, 'normal', same_noise_for_every_image)
    with networks_in('NHWC'):
        alone, schedule, minibatch = make_step(style_mixing_prob=0)
        initial = with_all_weights_random(alone.get_state())
        alone.set_state(initial)
        expected_stats = train(alone, schedule, minibatch)
        expected = alone.get_state()

    together, schedule, _ = make_step(style_mixing_prob=0, gpus=2)
    together.set_state({**together.get_state(), **initial})
    # The minibatch stddev layer compares every second image of the eight: these go to the same replica.
    order = np.arange(8).reshape(4, 2).T.ravel()
    numbers_of = together._random_numbers

    def in_that_order(*args):
        feed = numbers_of(*args)
        feed[together._inputs.latents] = feed[together._inputs.latents][order]
        return feed

    together._random_numbers = in_that_order
    stats = train(together, schedule, [array[order] for array in minibatch])

    assert stats.keys() == expected_stats.keys()
    for name, value in stats.items():
        assert value == pytest.approx(expected_stats[name], rel=1e-4), name
    actual = together.get_state()
    moments = [name for name in expected if name.startswith(('TrainD/', 'TrainG/'))]
    assert sum(bool(np.any(expected[name])) for name in moments) > 80
    errors = {name: relative_error(actual[name], expected[name]) for name in moments}
    assert {name: error for name, error in errors.items() if not error < 1e-4} == {}


def test_replicas_stay_equal_bit_by_bit_but_for_their_average_w(make_step):
    step, schedule, minibatch = make_step(gpus=2)
    before = step.get_state()
    for number in range(3):
        train(step, schedule, minibatch, HALF_FADED + number * 8)
    after = step.get_state()
    assert np.any(before['Gs/G_synthesis/4x4/Conv/weight'] != after['Gs/G_synthesis/4x4/Conv/weight'])
    for first, copy in (step._G_replicas, step._D_replicas):
        for name, (value, other) in tflib.run(
            {n: (v, copy.vars[n]) for n, v in first.vars.items() if v in tf.trainable_variables()}
        ).items():
            np.testing.assert_array_equal(value, other, err_msg=name)
    for optimizer in (step._G_optimizer, step._D_optimizer):
        for copies in tflib.run(optimizer.state_variables[:-1]):  # the last is the loss scale, which all share
            np.testing.assert_array_equal(*copies)
    assert np.any(after['G/dlatent_avg'] != after['G_replica1/dlatent_avg'])
