"""What card is it, and what does TensorFlow do at the first start on it?"""

import contextlib
import ctypes
import os
import re
import subprocess
import sys
import time

import click
import tensorflow.compat.v1 as tf

from benchmarks.gpu_check.report import FAILED, OK, Row, judged
from dnnlib import tflib
from dnnlib.tflib.devices import GPU_HINT
from dnnlib.tflib.machine_code import cards, first_start, sentence_about

PART = 'card'
# Libraries of the CUDA that the process has loaded: a function of each that tells its version.
LIBRARIES = {'libcudart': 'cudaRuntimeGetVersion', 'libcudnn': 'cudnnGetVersion', 'libnccl': 'ncclGetVersion'}


def rows_about_the_card(device):
    """The rows, and whether the check can go on. Takes as long as the first kernel's compilation.

    Args:
        device: 'gpu' or 'cpu'.
    """
    versions = f'{tf.__version__}, Python {sys.version.split()[0]}'
    rows = [Row(PART, 'TensorFlow', versions, 'with CUDA' if tf.test.is_built_with_cuda() else 'without CUDA')]
    rows += [Row(PART, 'driver', line) for line in driver_lines()]
    found = cards() if device == 'gpu' else [('CPU', None)]
    if not found:
        return [*rows, Row(PART, 'GPU', 'TensorFlow sees none', GPU_HINT, FAILED)], False
    for name, capability in found:
        if capability is None:
            rows.append(Row(PART, 'device', name, 'for trying the check: nothing is said about a GPU'))
            continue
        sentence = sentence_about(name, capability)
        click.echo(sentence or f'{name} is ready to start.', err=True)
        rows.append(judged(PART, 'GPU', name, '', True))
        what = 'compute capability {}.{}'.format(*capability)
        rows.append(Row(PART, 'code for it', what, f'TensorFlow {tf.__version__}: {first_start(capability)}'))
    click.echo('The first kernels start. The time of the check begins after them.', err=True)
    rows.append(Row(PART, 'first kernels', f'{seconds_of_first_kernels(device):.1f} s', 'with compilation', OK))
    rows += [Row(PART, name, version) for name, version in loaded_libraries()]
    return rows, True


def driver_lines():
    """Card, driver and memory, a line for each card, as nvidia-smi prints them; empty without it."""
    fields = 'name,driver_version,memory.total,memory.used'
    try:
        command = ['nvidia-smi', f'--query-gpu={fields}', '--format=csv,noheader']
        return subprocess.check_output(command, text=True, stderr=subprocess.DEVNULL).splitlines()
    except (OSError, subprocess.CalledProcessError):
        return []


def seconds_of_first_kernels(device):
    """How long it takes to multiply two matrices and to run a convolution with its gradients."""
    begin = time.monotonic()
    config = tf.ConfigProto(gpu_options={'allow_growth': True})
    config.device_count['GPU'] = int(device == 'gpu')
    with tf.Graph().as_default(), tf.Session(config=config) as session:
        images, kernel = tf.ones([4, 16, 16, 8]), tf.ones([3, 3, 8, 8])
        value = tf.reduce_sum(tf.nn.conv2d(images, kernel, 1, 'SAME')) + tf.reduce_sum(tf.matmul(kernel, kernel))
        session.run(tf.gradients(value, [images, kernel]))
    return time.monotonic() - begin


def loaded_libraries(maps='/proc/self/maps'):
    """Yields (name, version) of the libraries of CUDA in this process; the version as the library tells it."""
    with open(maps, encoding='utf-8') as lines:
        paths = sorted({line.split()[-1] for line in lines if '/' in line})
    for name, function in LIBRARIES.items():
        path = next((path for path in paths if re.match(rf'{name}[.-]', os.path.basename(path))), None)
        if path is not None:
            yield name, _version_of(ctypes.CDLL(path), function)


def _version_of(library, function):
    if function == 'cudnnGetVersion':
        library.cudnnGetVersion.restype = ctypes.c_size_t
        return str(library.cudnnGetVersion())
    version = ctypes.c_int()
    getattr(library, function)(ctypes.byref(version))
    return str(version.value)


def kernel_cache_bytes():
    """Bytes of what the driver has compiled on this machine."""
    folder = os.environ.get('CUDA_CACHE_PATH', os.path.expanduser('~/.nv/ComputeCache'))
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(FileNotFoundError):  # other programs remove files meanwhile
                total += os.path.getsize(os.path.join(path, name))
    return total


def row_about_compilation(before):
    """What the driver compiled during the check.

    Args:
        before: `kernel_cache_bytes` when it began.
    """
    grown = kernel_cache_bytes() - before
    hint = 'run the check again: it measures after compilation' if grown else 'nothing was compiled'
    return Row(PART, 'compiled now', f'{grown / 1e6:.1f} MB', hint)


def device_name(device, index=0):
    """TensorFlow's name of a device."""
    return f'/{device}:{index}'


def open_session(stack, device, **options):
    """A session in a fresh graph, the default one until the stack closes.

    Args:
        stack: `contextlib.ExitStack`.
        device, options: As of `tflib.init_tf`.
    """
    stack.enter_context(tf.Graph().as_default())
    session = tflib.init_tf(device, **options)
    stack.callback(session.close)
    stack.push(session)
    return session
