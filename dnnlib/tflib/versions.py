"""Differences between versions of TensorFlow. One source runs with 1.15, and with 2.x by `tensorflow.compat.v1`."""

import builtins
import contextlib
from typing import Any, Dict, Iterable, Iterator, Optional

import tensorflow
import tensorflow.compat.v1 as tf
from tensorflow.python.util import deprecation

from dnnlib.quiet import let_keras_start

IS_TF2 = tf.__version__.startswith('2.')
CUDA = 'CUDA 12' if IS_TF2 else 'CUDA 10.0'  # TensorFlow's published packages were built with it

# On a CPU, 1.15 refuses to run layers in NCHW. 2.x runs them with oneDNN, which sometimes gives wrong numbers without
# an error; after that, layers in NHWC are sometimes wrong too. Small poolings, alternating between the two layouts,
# were wrong in a quarter of 400 runs.
CPU_GETS_NCHW_WRONG = IS_TF2

# Graphs, sessions, conditionals and variables as 1.15 has them by default. Needed with 1.15 too: importing TensorFlow 2
# sets TF2_BEHAVIOR=1 in the environment, the processes that it starts inherit this, and 1.15 obeys it.
tf.disable_v2_behavior()

# TensorFlow inspects the arguments of its functions at each call, for warnings that `dnnlib.quiet` hides. That took
# about a sixth of the time in which the graph of G, D and gradients is built.
deprecation._PRINT_DEPRECATION_WARNINGS = False

let_keras_start()


def allow_tf32(allowed: bool) -> Optional[bool]:
    """Lets GPUs from Ampere on round what they multiply from float32 to TF32, which has 10 bits of mantissa, or not.

    TensorFlow 2 rounds by default. Here it does not, from the import of this module on, so that float32 means float32.

    Returns:
        Whether it rounds from now on; None: TensorFlow 1.15 has no TF32.
    """
    if not IS_TF2:
        return None
    tensorflow.config.experimental.enable_tensor_float_32_execution(allowed)
    return allowed


allow_tf32(False)


@contextlib.contextmanager
def exact_float32() -> Iterator[None]:
    """A block in which nothing is rounded to TF32, whatever is allowed outside."""
    before = IS_TF2 and tensorflow.config.experimental.tensor_float_32_execution_enabled()
    allow_tf32(False)
    try:
        yield
    finally:
        allow_tf32(before)


def refuse_what_cpus_get_wrong(operations: Iterable[tf.Operation]) -> None:
    """Refuses layers in NCHW for a CPU when a graph is built. 1.15 refuses them itself, when the graph is run.

    Args:
        operations: Operations that a CPU is to run.

    Raises:
        tf.errors.UnimplementedError: An operation would give wrong numbers.
    """
    for operation in operations:
        layout = operation.node_def.attr['data_format'].s if 'data_format' in operation.node_def.attr else b''
        if layout.startswith(b'NC'):
            raise tf.errors.UnimplementedError(
                operation.node_def,
                operation,
                f'{operation.name} has its channels first, which TensorFlow {tf.__version__} computes wrongly on a CPU',
            )


def builtins_for_source_text() -> Dict[str, Any]:
    """Builtins for source text written for TensorFlow 1: its `import tensorflow` imports `tensorflow.compat.v1`.

    Returns:
        Dict, the value of `__builtins__` in the namespace in which the text is executed.
    """
    if not IS_TF2:  # TensorFlow 1 has modules that `compat.v1` lacks: `contrib`
        return vars(builtins)

    def import_of_version_1(name, *args, **kwargs):
        module = builtins.__import__(name, *args, **kwargs)
        return tf if module is tensorflow and name == 'tensorflow' else module

    return dict(vars(builtins), __import__=import_of_version_1)
