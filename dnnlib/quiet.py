"""Keeps TensorFlow's chatter away from the user. Every verb imports this before anything that imports TensorFlow.

TensorFlow greets with dozens of lines (deprecations inside itself, processor features, missing CUDA libraries).
No user needs these lines: whatever goes wrong arrives as an exception. `TF_CPP_MIN_LOG_LEVEL=0` in the
environment brings the lines of its C++ side back.

TensorFlow also starts sooner. The versions up to 2.15 import distutils, which setuptools replaces by a copy of its own:
importing that one takes a sixth of the time that TensorFlow takes to start. Later versions import Keras, which nothing
here uses, with scikit-learn and Matplotlib: half of the time. They leave it out if they expect Keras 2.
"""

import contextlib
import importlib.util
import logging
import os
import sys
import warnings

os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
os.environ.setdefault('TF_USE_LEGACY_KERAS', '1')
logging.getLogger('tensorflow').setLevel(logging.ERROR)
warnings.filterwarnings('ignore', module='tensorflow|tensorboard')

if sys.version_info < (3, 12):  # later Pythons have no distutils of their own
    with contextlib.suppress(ImportError), warnings.catch_warnings():
        warnings.simplefilter('ignore')  # 3.10 says that distutils will go
        import _distutils_hack

        _distutils_hack.remove_shim()
        import distutils  # noqa: F401  that of Python

        _distutils_hack.add_shim()


def let_keras_start():
    """Called when TensorFlow has started, for scripts that use `tf.keras`: without Keras 2 it would fail."""
    if importlib.util.find_spec('tf_keras') is None:
        os.environ.pop('TF_USE_LEGACY_KERAS', None)
