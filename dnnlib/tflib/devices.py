"""The devices of this machine, and the device of each replica."""

import os
from typing import List

import click
import tensorflow.compat.v1 as tf

from dnnlib.flags import DEVICE_CHOICES
from dnnlib.processes import ALONE, Processes
from dnnlib.tflib.versions import CUDA

GPU_HINT = f'If the machine has one, check the driver and {CUDA} with nvidia-smi.'


def list_gpus() -> List[str]:
    """Names of the GPUs that TensorFlow can use: ['/gpu:0', ...]. Opens no session."""
    gpus = tf.config.experimental.list_physical_devices('GPU')
    return [f'/gpu:{index}' for index in range(len(gpus))]


def session_gpus() -> List[str]:
    """Names of the GPUs of the default session: none if the GPUs are hidden from it, or there is no session."""
    session = tf.get_default_session()
    devices = [] if session is None else session.list_devices()
    return [f'/gpu:{index}' for index in range(sum(device.device_type == 'GPU' for device in devices))]


def resolve_device(device: str) -> str:
    """Chooses the kind of device: for 'auto' a GPU if there is one, else the CPU.

    Args:
        device: 'auto', 'gpu' or 'cpu'.

    Returns:
        'gpu' or 'cpu'.

    Raises:
        click.UsageError: 'gpu' was asked for and there is none.
        ValueError: There is no such kind.
    """
    if device not in DEVICE_CHOICES:
        raise ValueError(f'{device!r} is no kind of device: choose from {", ".join(DEVICE_CHOICES)}.')
    gpus = list_gpus()
    if device == 'gpu' and not gpus:
        raise click.UsageError(f'--device gpu: TensorFlow sees no GPU on this machine; use --device cpu. {GPU_HINT}')
    if device == 'auto':
        return 'gpu' if gpus else 'cpu'
    return device


def memory_of(kind: str) -> int:
    """Bytes of memory of the device that trains: of this machine, or what TensorFlow may take of its smallest GPU.

    Args:
        kind: 'gpu' or 'cpu', as from `resolve_device`.
    """
    if kind == 'cpu':
        return os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE')
    session = tf.get_default_session()
    if session is None:
        with tf.Session(graph=tf.Graph(), config=tf.ConfigProto(gpu_options={'allow_growth': True})):
            return memory_of(kind)
    return min(device.memory_limit_bytes for device in session.list_devices() if device.device_type == 'GPU')


def replica_devices(device: str, count: int, processes: Processes = ALONE) -> List[str]:
    """A device for each of `count` replicas in this process.

    Args:
        device: 'auto', 'gpu' or 'cpu'.
        count: Number of replicas, at least 1.
        processes: `Processes` that train together. The ones of a machine share its GPUs out among them.

    Returns:
        List of device names: ['/gpu:0', '/gpu:1'] or ['/cpu:0', '/cpu:1'] for 2.

    Raises:
        click.UsageError: There are fewer GPUs than replicas. CPU replicas are virtual, so any number fits.
    """
    if count < 1:
        raise click.UsageError(f'--gpus {count}: at least one replica is needed.')
    kind = resolve_device(device)
    available = len(list_gpus())
    if kind == 'gpu' and count * processes.local_size > available:
        raise click.UsageError(
            '--gpus {}: this machine has {} GPU{}; use --gpus {} or fewer, or --device cpu.'.format(
                count * processes.size,
                available,
                '' if available == 1 else 's',
                available // processes.local_size * processes.size,
            )
        )
    return [f'/{kind}:{index}' for index in range(count)]
