"""Which devices carry which replica."""

import types

import click
import pytest
import tensorflow.compat.v1 as tf

from dnnlib import tflib
from dnnlib.tflib import devices
from training import networks_stylegan


@pytest.fixture
def with_gpus(monkeypatch):
    def with_gpus(count):
        monkeypatch.setattr(tf.config.experimental, 'list_physical_devices', lambda kind: ['a GPU'] * count)

    return with_gpus


def test_replicas_of_a_cpu_are_virtual_and_as_many_as_wanted(with_gpus):
    with_gpus(0)
    assert tflib.list_gpus() == []
    assert devices.replica_devices('cpu', 3) == ['/cpu:0', '/cpu:1', '/cpu:2']
    assert devices.replica_devices('auto', 1) == ['/cpu:0']


def test_gpus_are_taken_when_they_are_there(with_gpus):
    with_gpus(2)
    assert tflib.list_gpus() == ['/gpu:0', '/gpu:1']
    assert devices.replica_devices('auto', 2) == ['/gpu:0', '/gpu:1']
    assert devices.replica_devices('gpu', 1) == ['/gpu:0']
    assert devices.replica_devices('cpu', 1) == ['/cpu:0']


@pytest.mark.parametrize(
    'gpus, device, count, message',
    [
        (0, 'gpu', 1, '--device gpu: TensorFlow sees no GPU .* use --device cpu'),
        (1, 'auto', 2, '--gpus 2: this machine has 1 GPU; use --gpus 1'),
        (2, 'gpu', 3, '--gpus 3: this machine has 2 GPUs; use --gpus 2'),
        (2, 'cpu', 0, '--gpus 0: at least one'),
    ],
)
def test_what_cannot_be_had_is_refused(with_gpus, gpus, device, count, message):
    with_gpus(gpus)
    with pytest.raises(click.UsageError, match=message):
        devices.replica_devices(device, count)


class SessionWith:
    """A session that lists devices of these kinds."""

    def __init__(self, *kinds):
        self._kinds = kinds

    def list_devices(self):
        return [type('Device', (), {'device_type': kind}) for kind in self._kinds]


@pytest.mark.parametrize(
    'kinds, gpus',
    [
        (('CPU', 'XLA_CPU', 'XLA_GPU'), []),  # a driver without the right CUDA
        (('CPU', 'GPU', 'XLA_GPU', 'GPU'), ['/gpu:0', '/gpu:1']),
    ],
)
def test_a_sessions_gpus_are_those_it_was_opened_with(monkeypatch, kinds, gpus):
    monkeypatch.setattr(tf, 'get_default_session', lambda: SessionWith(*kinds))
    assert devices.session_gpus() == gpus
    layout = networks_stylegan.layout_of(tf.constant(0.0), 'auto')
    assert layout.data_format == ('NCHW' if gpus else 'NHWC')


def test_memory_is_that_of_the_machine_or_of_the_smallest_gpu(monkeypatch):
    total = next(line for line in open('/proc/meminfo') if line.startswith('MemTotal:'))  # noqa: SIM115
    assert devices.memory_of('cpu') == pytest.approx(1024 * int(total.split()[1]), rel=1e-3)
    listed = [types.SimpleNamespace(device_type='CPU', memory_limit_bytes=1 << 28)]
    listed += [types.SimpleNamespace(device_type='GPU', memory_limit_bytes=size) for size in (11 << 30, 8 << 30)]
    session = types.SimpleNamespace(list_devices=lambda: listed)
    monkeypatch.setattr(tf, 'get_default_session', lambda: session)
    assert devices.memory_of('gpu') == 8 << 30
