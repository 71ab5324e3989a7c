"""What depends on the version of TensorFlow: one source runs with 1.15 and, by `tensorflow.compat.v1`, with 2.15."""

import builtins

import tensorflow
import tensorflow.compat.v1 as tf

IS_TF2 = tf.__version__.startswith('2.')

if IS_TF2:
    tf.disable_v2_behavior()  # graphs, sessions and variables as 1.15 has them


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
