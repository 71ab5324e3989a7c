"""Keeps TensorFlow's chatter away from the user. Every verb imports this before anything that imports TensorFlow.

TensorFlow greets with dozens of lines (deprecations inside itself, processor features, missing CUDA libraries).
No user needs these lines: whatever goes wrong arrives as an exception, or as the line of a fatal error, which is not
hidden. `TF_CPP_MIN_LOG_LEVEL=0` in the environment brings the lines of its C++ side back.

TensorFlow also starts sooner. The versions up to 2.15 import distutils, which setuptools replaces by a copy of its own:
importing that one takes a sixth of the time that TensorFlow takes to start. Later versions import Keras, which nothing
here uses, with scikit-learn and Matplotlib: half of the time. They leave it out if they expect Keras 2.
"""

import contextlib
import importlib.machinery
import importlib.util
import logging
import os
import subprocess
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

# Lines of the log of TensorFlow's C++ side: information, warnings, errors; and the line that goes before them.
_LOG_LINE = (
    r'^([IWE][0-9]{4} [0-9]{2}:[0-9]{2}:[^ ]+ +[0-9]+ [^ ]+:[0-9]+\]|'
    'WARNING: All log messages before absl::InitializeLog)'
)


class _QuietImport:
    """Finds TensorFlow for `import`, and hides the log lines that it prints while it is imported.

    Versions from 2.16 on print some before they read TF_CPP_MIN_LOG_LEVEL, as on processors for which they use oneDNN.
    """

    def find_spec(self, name, path=None, target=None):
        if name != 'tensorflow' or os.environ.get('TF_CPP_MIN_LOG_LEVEL') != '3':
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def execute_quietly(module):
                with _without_log_lines():
                    execute(module)

            spec.loader.exec_module = execute_quietly
        return spec


@contextlib.contextmanager
def _without_log_lines():
    """While the block runs, grep takes log lines out of stderr. It is a process of its own, to outlive an abort."""
    try:
        stderr = os.dup(2)
    except OSError:  # it is closed
        yield
        return
    try:
        command = ['grep', '-aEv', '--line-buffered', _LOG_LINE]
        grep = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=stderr, start_new_session=True)
    except OSError:  # there is none
        os.close(stderr)
        yield
        return
    os.dup2(grep.stdin.fileno(), 2)
    grep.stdin.close()
    try:
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        with contextlib.suppress(subprocess.TimeoutExpired):  # a process that was started meanwhile writes to it, too
            grep.wait(1)


if sys.version_info >= (3, 10):
    sys.meta_path.insert(0, _QuietImport())


def let_keras_start():
    """Called when TensorFlow has started, for scripts that use `tf.keras`: without Keras 2 it would fail."""
    if importlib.util.find_spec('tf_keras') is None:
        os.environ.pop('TF_USE_LEGACY_KERAS', None)
