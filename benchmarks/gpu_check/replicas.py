"""Do two replicas train together? On two cards by NCCL; on one card, as two virtual devices."""

import os
import tempfile

import numpy as np
import tensorflow.compat.v1 as tf
from tensorflow.python.ops import nccl_ops

from benchmarks.gpu_check.card import device_name, open_session
from benchmarks.gpu_check.report import judged
from dnnlib import tflib
from tests.joint_steps import OPTIONS
from tests.steps import train, with_all_weights_random
from tests.toy_run import make_dataset
from training.dataset import TrainingSet
from training.options import resolve_options
from training.step import TrainingStep

PART = 'two replicas'
TOLERANCE = 1e-4
VIRTUAL_MB = 1024  # of each of the two virtual devices
STEPS = 3


class OnOneCard(tflib.Replicas):
    """Replicas that share a card: NCCL refuses them, so their gradients are added up by TensorFlow."""

    def _sums_here(self, copies):
        with tf.device(self.devices[0]):
            return [tf.add_n(copies)] * len(copies)


def open_replicas(device, stack):
    """The items: sums of gradients, and training.

    Args:
        device: 'gpu' or 'cpu'.
        stack: Closes the session.
    """
    share_a_card = device == 'gpu' and len(tflib.list_gpus()) == 1
    options = {'open_session': _open_virtual} if share_a_card else {'cpu_replicas': 2}
    open_session(stack, device, seed=1000, **options)
    devices = [device_name(device, index) for index in range(2)]
    replicas = (OnOneCard if share_a_card else tflib.Replicas)(devices)
    how = 'one card, TensorFlow' if share_a_card else 'two cards, NCCL' if device == 'gpu' else 'CPU'
    items = [
        ('sums', lambda: [row_about_sums(replicas, how)]),
        ('training', lambda: [row_about_training(replicas, how)]),
    ]
    if share_a_card:
        items.insert(0, ('NCCL with one member', lambda: [row_about_nccl(devices[0])]))
    return items


def _open_virtual(config):
    config.gpu_options.experimental.virtual_devices.add(memory_limit_mb=[VIRTUAL_MB] * 2)
    return tf.Session(config=config)


def row_about_nccl(device):
    """NCCL's sum over one member, which is the member."""
    values = np.random.RandomState(1).randn(1000).astype(np.float32)
    with tf.device(device):
        (found,) = tflib.run(nccl_ops.all_sum([tf.constant(values)]))
    error = np.abs(found - values).max()
    return judged(PART, 'NCCL with one member', f'error {error:.1e}', 'at most 0', error <= 0)


def row_about_sums(replicas, how):
    """Means of gradients of several shapes over the replicas, beside numpy's."""
    random = np.random.RandomState(2)
    shapes = [[3, 3, 16, 32], [512], [1], [1024, 512]]
    values = [[random.randn(*shape).astype(np.float32) for shape in shapes] for _ in replicas.devices]
    gradients = []
    for device, own in zip(replicas.devices, values):
        with tf.device(device):
            gradients.append([tf.identity(tf.constant(value)) for value in own])
    error = 0.0
    for averaged in tflib.run(replicas.averages(gradients)):
        for found, *own in zip(averaged, *values):
            expected = np.mean(own, axis=0)
            error = max(error, np.abs(found - expected).max() / np.abs(expected).max())
    what = f'means of gradients: {how}'
    return judged(PART, what, f'error {error:.1e}', f'at most {TOLERANCE:g}', error <= TOLERANCE)


def row_about_training(replicas, how):
    """Steps of small networks, after which both replicas have the same weights."""
    with tempfile.TemporaryDirectory() as folder:
        data = make_dataset(os.path.join(folder, 'toy'))
        options = resolve_options('paper', {**OPTIONS, 'data': data, 'gpus': 2, 'minibatch': 8}, 8)
        with TrainingSet(data, mirror=True, seed=options.seed) as reals:
            step = TrainingStep(options, reals, replicas)
            step.set_state(with_all_weights_random(step.get_state()))
            before = step.get_state()
            train(step, reals, options, STEPS)
            after = step.get_state()
    pairs = [
        tflib.run([first.vars[name], second.vars[name]])
        for first, second in (step._G_replicas, step._D_replicas)
        for name in first.trainables
    ]
    differing = sum(not np.array_equal(*pair) for pair in pairs)
    moved = np.any(before['G/G_synthesis/4x4/Conv/weight'] != after['G/G_synthesis/4x4/Conv/weight'])
    here = f'{differing} of {len(pairs)} variables differ' if moved else 'nothing was trained'
    passes = moved and not differing and not step.is_spoiled(after)
    return judged(PART, f'{STEPS} steps of small networks: {how}', here, 'equal on both, finite', passes)
