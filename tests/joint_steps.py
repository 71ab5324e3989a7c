"""A process of several that take training steps together: `python -m tests.joint_steps DATA FOLDER`.

It goes through what a test wants to see, and leaves it as rank0.npz, rank1.npz, ... in FOLDER. With one process, the
replicas are all in that. On request it trains on after that, until it is killed.
"""

import dnnlib.quiet  # noqa: F401, I001  first: silences TensorFlow before anything imports it

import contextlib
import os
import sys

import numpy as np
import tensorflow.compat.v1 as tf

from dnnlib import tflib
from dnnlib.processes import ALONE, launched
from tests.sessions import without_graph_optimizer
from tests.steps import train, with_all_weights_random
from training.dataset import TrainingSet
from training.options import resolve_options
from training.step import TrainingStep

OPTIONS = {'latent_size': 8, 'mapping_layers': 2, 'fmap_base': 32, 'fmap_max': 8}
STEPS = 6


class Share:
    """The reals of a process."""

    def __init__(self, reals, share_of):
        self._reals, self._share_of = reals, share_of

    def minibatch(self, position, size, lod):
        return self._reals.minibatch(position, size, lod, self._share_of(size))


def main(data, folder, gpus=2, optimizes=False, trains_on=False):
    """Trains `gpus` replicas on a dataset.

    Args:
        data, folder: As above.
        gpus: Replicas of all processes.
        optimizes: Whether TensorFlow optimises the graph.
        trains_on: Whether to train until this process or another one is killed.
    """
    launch = launched()
    processes = ALONE
    if launch is not None:
        from dnnlib.tflib.joining import join

        processes = join(launch)
    with contextlib.ExitStack() as stack:
        if not optimizes:
            stack.enter_context(without_graph_optimizer())
        one_more = take_steps(processes, data, folder, gpus)
        try:
            while trains_on:
                one_more()
        except tf.errors.OpError as error:
            sys.exit(f'Error: {(processes.explain(error) or error).message}')
    processes.gather(None)
    processes.leave()


def take_steps(processes, data, folder, gpus=2):
    """Trains `STEPS` steps, then one with NaN in the weights of the last process. Returns what trains one more."""
    reals = TrainingSet(data, max_label_size='full', mirror=True)
    side = reals.shape[1]
    given = {**OPTIONS, 'initial_resolution': side, 'data': data, 'gpus': gpus, 'minibatch': 4 * gpus}
    if reals.label_size:
        given.update(use_labels=True, auxiliary='vac')
    options = resolve_options('paper', given, side)
    here = processes.share(gpus)
    tflib.init_tf('cpu', cpu_replicas=here, seed=1000, open_session=processes.open_session)
    replicas = tflib.Replicas(tflib.replica_devices('cpu', here), processes)
    step, share = TrainingStep(options, reals, replicas), Share(reals, replicas.share_of)
    step.set_state(with_all_weights_random(step.get_state()))
    cur_nimg, _ = train(step, share, options, 1)
    # Adam's moments follow from the gradients of one step, before it makes more of their rounding.
    found = {f'first/{name}': value for name, value in step.get_state().items() if name.rpartition('/')[2].isdigit()}
    cur_nimg, stats = train(step, share, options, STEPS - 1, cur_nimg)
    found.update({f'after/{name}': value for name, value in step.get_state().items()})
    found.update({f'stats/{name}': value for name, value in stats.items()})
    weight = step._D_replicas[-1].vars['4x4/Dense1/weight']
    good = tflib.run(weight)
    if processes.rank == processes.size - 1:
        tflib.set_vars({weight: np.full_like(good, np.nan)})
    _, stats = train(step, share, options, 1, cur_nimg)
    found.update({f'nan_stats/{name}': value for name, value in stats.items()})
    tflib.set_vars({weight: good})
    found.update({f'after_nan/{name}': value for name, value in step.get_state().items()})
    part = os.path.join(folder, f'part{processes.rank}.npz')
    np.savez(part, **found)
    os.rename(part, os.path.join(folder, f'rank{processes.rank}.npz'))  # whole, once it has its name
    return lambda: train(step, share, options, 1, cur_nimg)


if __name__ == '__main__':
    data, folder, *flags = sys.argv[1:]
    main(data, folder, *map(int, flags))
