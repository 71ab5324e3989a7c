"""What depends on the version of TensorFlow: one source runs with 1.15 and, by `tensorflow.compat.v1`, with 2.15."""

import builtins

import tensorflow
import tensorflow.compat.v1 as tf

IS_TF2 = tf.__version__.startswith('2.')
CUDA = 'CUDA 12' if IS_TF2 else 'CUDA 10.0'  # what the published packages were built with

# Graphs, sessions, conditionals and variables as 1.15 has them by default. There, TF2_BEHAVIOR=1 in the environment
# asks for others, and every process started by one with TensorFlow 2 inherits that.
tf.disable_v2_behavior()


def builtins_for_source_text():
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
