"""Training steps that tests share, and iterations of training without the loop around them."""

import contextlib
import json

import numpy as np
import tensorflow.compat.v1 as tf

from training.schedule import training_schedule
from training.step import TrainingStep, network_arguments


class SharedSteps:
    """Builds each `TrainingStep` once, since that takes seconds: one for each graph.

    Each step stays in a graph and a session of its own until `close`.
    """

    def __init__(self):
        self._built = {}

    @contextlib.contextmanager
    def in_use(self):
        """Gives what stands for `TrainingStep` inside the block: a function that returns a step as if newly built.

        It takes the configuration and the seed of the default session, and makes the session of the step the default
        one until the block ends. A second call with equal arguments returns the same step, with its first values.
        """
        with contextlib.ExitStack() as stack:

            def make(options, training_set, replicas):
                step, session, first = self._get(options, training_set, replicas)
                if tf.get_default_session() is not session:
                    stack.enter_context(session.graph.as_default())
                    stack.enter_context(session.as_default())
                step.set_state(first)
                step.options, step.training_set = options, training_set
                return step

            yield make

    def close(self):
        """Closes all sessions."""
        for _, session, _ in self._built.values():
            session.close()
        self._built.clear()

    def _get(self, options, training_set, replicas):
        outer = tf.get_default_session()
        seed, config = outer.graph.seed, outer._config
        shape, label_size = training_set.shape, training_set.label_size
        # All options that the graph depends on; a run that starts from a pickle of such networks has the same graph.
        networks = network_arguments(options, shape[0], label_size)
        graph_options = [networks['G'], networks['D'], options.resolution, options.r1_gamma]
        graph_options += [options.loss, options.architecture, options.precision, options.half_levels]
        graph_options += [options.auxiliary, options.auxiliary_weight]
        key = json.dumps([graph_options, shape, label_size, replicas.devices, seed, str(config)], sort_keys=True)
        if key not in self._built:
            with tf.Graph().as_default(), tf.Session(config=config).as_default() as session:
                tf.set_random_seed(seed)
                step = TrainingStep(options, training_set, replicas)
                self._built[key] = step, session, step.get_state()
        return self._built[key]


def with_all_weights_random(state):
    """A state in which all weights are random; a constant that is 1 everywhere has gradients of rounding errors."""
    random = np.random.RandomState(7)
    constant = ('bias', 'Noise/weight', 'const')
    return {
        name: value + 0.5 * random.randn(*value.shape) if name.endswith(constant) else value
        for name, value in sorted(state.items())
    }


def train(step, reals, options, steps, cur_nimg=0):
    """Trains for a few iterations; returns the number of images shown then, and the losses of the last one."""
    for _ in range(steps):
        schedule = training_schedule(cur_nimg, options.resolution, **options.schedule_options())
        step.set_lod(schedule.lod)
        stats = step.train_D(schedule, cur_nimg, *reals.minibatch(cur_nimg, schedule.minibatch, int(schedule.lod)))
        step.update_Gs(schedule.minibatch)
        cur_nimg += schedule.minibatch
        stats.update(step.train_G(schedule, cur_nimg))
    return cur_nimg, stats
