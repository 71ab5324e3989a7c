"""Both runtimes against the package's own Keras models."""

import multiprocessing
import pathlib
import subprocess
import sys

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import dnnlib.faces.runtimes
from dnnlib.faces.mtcnn_weights import SIDES
from dnnlib.faces.onnx_graphs import POINTS
from dnnlib.faces.runtimes import OnnxRuntime, open_runtime, resolve_device
from dnnlib.faces.tensorflow_runtime import TensorFlowRuntime
from tests.package_models import package_model

ROOT = str(pathlib.Path(__file__).parents[3])


@pytest.fixture(scope='module', params=[OnnxRuntime, TensorFlowRuntime])
def runtime(request):
    return request.param()


@pytest.fixture(scope='module')
def keras():
    models = {network: package_model(network) for network in SIDES}

    def run(network, pixels):
        swapped = pixels.transpose(0, 2, 1, 3)  # width before height
        outputs = models[network]((swapped + 0.5) / 128)
        outputs = [outputs[-1], *outputs[:-1]]  # scores last, boxes first
        return [output.transpose(0, 2, 1, 3) if network == 'pnet' else output for output in outputs]

    return run


def pixels(*shape):
    return np.random.RandomState(sum(shape)).uniform(-128, 127, shape).astype(np.float32)


@pytest.mark.parametrize(
    'network, shape',
    [
        ('pnet', (1, 12, 12, 3)),
        ('pnet', (2, 13, 40, 3)),
        ('pnet', (1, 77, 31, 3)),
        ('rnet', (1, 24, 24, 3)),
        ('rnet', (45, 24, 24, 3)),
        ('onet', (1, 48, 48, 3)),
        ('onet', (9, 48, 48, 3)),
    ],
)
def test_gives_what_the_package_gives(runtime, keras, network, shape):
    scores, boxes, *_ = keras(network, pixels(*shape))
    heads = runtime.run(network, pixels(*shape))
    assert heads.shape == (*scores.shape[:-1], 6) and heads.dtype == np.float32
    odds = np.exp(heads[..., :2])
    np.testing.assert_allclose(odds / odds.sum(axis=-1, keepdims=True), scores, atol=2e-6)
    np.testing.assert_allclose(heads[..., 2:], boxes, atol=5e-6)


@pytest.mark.parametrize('count', [1, 9])
def test_points_are_those_that_the_package_gives(keras, count):
    _, _, points = keras('onet', pixels(count, 48, 48, 3))
    found = OnnxRuntime().run(POINTS, pixels(count, 48, 48, 3))
    assert found.shape == (count, 10)
    np.testing.assert_allclose(found, points, atol=5e-6)


@pytest.mark.parametrize('network, side', [('pnet', 30), ('rnet', 24), ('onet', 48)])
def test_any_memory_order_of_the_pixels_will_do(runtime, network, side):
    image = pixels(2, side, side, 3)
    expected = runtime.run(network, image)
    for order in ([0, 1, 3, 2], [0, 2, 3, 1], [0, 3, 1, 2], [3, 2, 1, 0]):
        ordered = np.ascontiguousarray(image.transpose(order)).transpose(np.argsort(order))
        np.testing.assert_array_equal(runtime.run(network, ordered), expected)


FORKING = """
import os
import numpy as np
from dnnlib.faces.runtimes import OnnxRuntime

pixels = np.random.RandomState(0).uniform(-128, 127, [2, 48, 48, 3]).astype(np.float32)
runtime = OnnxRuntime()
expected = runtime.run('onet', pixels)
children = []
for _ in range(2):
    child = os.fork()
    if child == 0:
        os._exit(0 if np.array_equal(runtime.run('onet', pixels), expected) else 1)
    children.append(child)
assert [os.waitpid(child, 0)[1] for child in children] == [0, 0]
assert np.array_equal(runtime.run('onet', pixels), expected)
"""


def test_onnx_goes_on_in_forked_workers():
    """Made and used before the fork, and used on both sides after it."""
    # In a process of its own: a fork copies the locks that TensorFlow's and pytest's threads hold, for ever.
    outcome = subprocess.run([sys.executable, '-c', FORKING], cwd=ROOT, capture_output=True, text=True)
    assert outcome.returncode == 0, outcome.stderr


def test_onnx_runs_in_spawned_workers():
    expected = OnnxRuntime().run('onet', pixels(2, 48, 48, 3))
    with multiprocessing.get_context('spawn').Pool(1) as pool:
        result = pool.apply(OnnxRuntime.run, (OnnxRuntime(), 'onet', pixels(2, 48, 48, 3)))
    np.testing.assert_array_equal(result, expected)


def test_a_cpu_is_enough_without_a_driver(monkeypatch):
    monkeypatch.setattr(dnnlib.faces.runtimes, '_has_nvidia_driver', lambda: False)
    assert resolve_device('auto') == 'cpu' and isinstance(open_runtime('auto'), OnnxRuntime)


def test_a_driver_has_tensorflow_asked(monkeypatch):
    monkeypatch.setattr(dnnlib.faces.runtimes, '_has_nvidia_driver', lambda: True)
    assert resolve_device('auto') == 'cpu'  # a driver, and yet no GPU
    monkeypatch.setattr('dnnlib.tflib.devices.list_gpus', lambda: ['/gpu:0'])
    assert resolve_device('auto') == 'gpu' and isinstance(open_runtime('auto'), TensorFlowRuntime)
    assert resolve_device('cpu') == 'cpu' and isinstance(open_runtime('cpu'), OnnxRuntime)


def test_tensorflow_leaves_the_rest_of_the_gpus_memory_to_others():
    assert TensorFlowRuntime()._session._config.gpu_options.allow_growth


def test_tensorflows_exhausted_memory_is_a_memory_error(monkeypatch):
    runtime = TensorFlowRuntime()

    def exhaust(*args):
        raise tf.errors.ResourceExhaustedError(None, None, 'OOM when allocating tensor\nmore')

    monkeypatch.setattr(runtime._session, 'run', exhaust)
    with pytest.raises(MemoryError, match='^OOM when allocating tensor$'):
        runtime.run('onet', pixels(1, 48, 48, 3))


def test_a_cpu_never_waits_for_tensorflow():
    code = (
        'import sys; sys.modules["tensorflow"] = None;'  # importing it is an error
        'import numpy; from dnnlib.faces.detector import FaceDetector;'
        'print(FaceDetector("cpu").detect(numpy.zeros([50, 50, 3], numpy.uint8)).shape)'
    )
    run = subprocess.run([sys.executable, '-c', code], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=ROOT)
    assert (run.returncode, run.stdout) == (0, b'(0, 5)\n')
