"""What depends on the version of TensorFlow: one source runs with 1.15 and, by `tensorflow.compat.v1`, with 2.15."""

import builtins
from typing import Any, Dict, Iterable

import tensorflow
import tensorflow.compat.v1 as tf

IS_TF2 = tf.__version__.startswith('2.')
CUDA = 'CUDA 12' if IS_TF2 else 'CUDA 10.0'  # what the published packages were built with

# On a CPU, 1.15 refuses layers in NCHW. 2.15 has oneDNN run them, which gives wrong numbers at times without a word,
# and once it has, in NHWC too: small poolings in both layouts by turns were wrong in a quarter of 400 runs.
CPU_GETS_NCHW_WRONG = IS_TF2

# Graphs, sessions, conditionals and variables as 1.15 has them by default. There, TF2_BEHAVIOR=1 in the environment
# asks for others, and every process started by one with TensorFlow 2 inherits that.
tf.disable_v2_behavior()


def refuse_what_cpus_get_wrong(operations: Iterable[tf.Operation]) -> None:
    """Refuses layers in NCHW for a CPU as soon as they are in a graph; 1.15 refuses to run them.

    Args:
        operations: Iterable of `tf.Operation` that a CPU is to run.

    Raises:
        tf.errors.UnimplementedError: One of them would give wrong numbers.
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
    """The builtins of source text written for TensorFlow 1: there, `import tensorflow` brings names of version 1.

    Returns:
        Dict, to stand as `__builtins__` in the namespace that the text is executed in.
    """
    if not IS_TF2:  # its own module has what `compat.v1` lacks, as `contrib`
        return vars(builtins)

    def import_of_version_1(name, *args, **kwargs):
        module = builtins.__import__(name, *args, **kwargs)
        return tf if module is tensorflow and name == 'tensorflow' else module

    return dict(vars(builtins), __import__=import_of_version_1)
