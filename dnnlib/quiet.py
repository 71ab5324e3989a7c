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
import re
import sys
import tempfile
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

# Lines of the log of TensorFlow's C++ side: information, warnings, errors; and the line that goes before them.
_LOG_LINE = re.compile(rb'([IWE]\d{4} \d\d:\d\d:|WARNING: All log messages before absl::InitializeLog).*\n')


class _QuietImport:
    """Finds TensorFlow for `import`, and hides the log lines that it prints while it is imported.

    Versions from 2.16 on print some before they read TF_CPP_MIN_LOG_LEVEL, as on processors for which they use oneDNN.
    """

    def find_spec(self, name, path=None, target=None):
        if name != 'tensorflow' or os.environ['TF_CPP_MIN_LOG_LEVEL'] == '0':
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module
            spec.loader.exec_module = lambda module: _without_log_lines(execute, module)
        return spec


def _without_log_lines(function, *args):
    """Calls a function, and then prints what it printed to stderr; without log lines, unless it raised an error."""
    try:
        printed = tempfile.TemporaryFile()  # noqa: SIM115  closed below
        stderr = os.fdopen(os.dup(2), 'wb')
    except OSError:  # no folder for a file, or stderr is closed
        function(*args)
        return
    with printed, stderr:
        os.dup2(printed.fileno(), 2)
        succeeded = False
        try:
            function(*args)
            succeeded = True
        finally:
            os.dup2(stderr.fileno(), 2)
            printed.seek(0)
            text = printed.read()
            stderr.write(_LOG_LINE.sub(b'', text) if succeeded else text)


if sys.version_info >= (3, 10):
    sys.meta_path.insert(0, _QuietImport())


def let_keras_start():
    """Called when TensorFlow has started, for scripts that use `tf.keras`: without Keras 2 it would fail."""
    if importlib.util.find_spec('tf_keras') is None:
        os.environ.pop('TF_USE_LEGACY_KERAS', None)
