"""Both TensorFlows behave as 1.15 does by itself."""

import os
import pathlib
import subprocess
import sys

import pytest

ROOT = str(pathlib.Path(__file__).parents[3])
CODE = """
import dnnlib.quiet
import sys, tensorflow, tensorflow.compat.v1 as tf
from dnnlib import tflib

tflib.init_tf(device='cpu')
x = tf.placeholder(tf.float32, [])
y = tf.cond(x > 0, lambda: x * x, lambda: x)
assert {'Switch', 'Merge'} <= {op.type for op in tf.get_default_graph().get_operations()}
variable = tf.get_variable('x', [])
assert variable.op.type == 'VariableV2', variable
assert tflib.run(y, {x: 3}) == 9
assert 'keras' not in sys.modules
assert tensorflow.keras.layers.Dense  # for the scripts of users
"""


def run(environment):
    """Runs CODE in a process with further environment variables, and returns what it prints to stderr."""
    process = subprocess.run(
        [sys.executable, '-c', CODE], cwd=ROOT, env={**os.environ, **environment}, check=True, stderr=subprocess.PIPE
    )
    return process.stderr.decode()


@pytest.mark.slow
def test_a_parent_with_tensorflow_2_changes_no_behaviour():
    # As TensorFlow 2 and `dnnlib.quiet` set them for themselves and what they start.
    run({'TF2_BEHAVIOR': '1', 'TF_USE_LEGACY_KERAS': '1'})


@pytest.mark.slow
def test_tensorflow_prints_nothing_by_itself():
    assert run({'TF_ENABLE_ONEDNN_OPTS': '1'}) == ''  # as by default on processors with AVX512_VNNI
