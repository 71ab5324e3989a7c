"""TensorFlow is imported without a word. A made-up one prints here what versions from 2.16 on print."""

import os
import pathlib
import signal
import subprocess
import sys

import pytest

ROOT = str(pathlib.Path(__file__).parents[2])
LOG = """WARNING: All log messages before absl::InitializeLog() is called are written to STDERR
I0000 00:00:1796024339.798185   18148 port.cc:153] oneDNN custom operations are on.
E0000 00:00:1796024339.798185   18148 cuda_fft.cc:477] Unable to register cuFFT factory
"""
OTHERS = 'F0000 00:00:1796024339.798185   18148 cpu.cc:1] No AVX\nWARNING: by E0000 12:30: of somebody else\n'

pytestmark = pytest.mark.skipif(sys.version_info < (3, 10), reason='1.15 prints no such lines')


@pytest.fixture
def said(tmp_path):
    """Imports a made-up TensorFlow in a process, and returns its exit status and stderr."""
    (tmp_path / 'tensorflow').mkdir()

    def run(then='', before='', after='import tensorflow', **environment):
        text = (
            'import contextlib, os\n'
            f'with contextlib.suppress(OSError): os.write(2, {(LOG + OTHERS)!r}.encode())\n{then}\n'
        )
        (tmp_path / 'tensorflow' / '__init__.py').write_text(text)
        inherited = {name: value for name, value in os.environ.items() if name != 'TF_CPP_MIN_LOG_LEVEL'}
        process = subprocess.run(
            [sys.executable, '-c', f'import dnnlib.quiet, os\n{before}\n{after}\nos.write(2, b"end")'],
            cwd=ROOT,
            env={**inherited, 'PYTHONPATH': str(tmp_path), **environment},
            stderr=subprocess.PIPE,
        )
        return process.returncode, process.stderr.decode()

    return run


def test_log_lines_of_an_import_are_hidden_and_all_else_is_not(said):
    assert said() == (0, OTHERS + 'end')


def test_a_failed_import_and_a_second_one_say_why(said):
    status, text = said(then="raise ImportError('no libcublas')")
    assert status == 1 and text.startswith(OTHERS) and 'ImportError: no libcublas' in text
    twice = 'try:\n  import tensorflow\nexcept ImportError:\n  import tensorflow'
    status, text = said(then="raise ImportError('no libcublas')", after=twice)
    assert status == 1 and text.startswith(OTHERS * 2) and 'ImportError: no libcublas' in text


def test_what_an_aborted_import_printed_is_there(said):
    status, text = said(then='os.abort()')
    assert status == -signal.SIGABRT and text.startswith(OTHERS)


def test_who_only_looks_for_tensorflow_changes_nothing(said):
    assert said(before="import importlib.util; importlib.util.find_spec('tensorflow')") == (0, OTHERS + 'end')


@pytest.mark.parametrize('level', ['0', '1', '2'])
def test_the_lines_can_be_had(said, level):
    assert said(TF_CPP_MIN_LOG_LEVEL=level) == (0, LOG + OTHERS + 'end')


def test_without_grep_nothing_is_hidden(said):
    assert said(before="os.environ['PATH'] = '/nowhere'") == (0, LOG + OTHERS + 'end')


def test_stderr_may_be_closed(said):
    assert said(before='os.close(2)', after='import tensorflow; os._exit(7)') == (7, '')


def test_a_process_started_meanwhile_keeps_its_stderr(said):
    child = 'import subprocess; subprocess.Popen(["sh", "-c", "sleep 0.5; echo from a child >&2"])'
    status, text = said(then=child, after='import tensorflow, time; time.sleep(1)')
    assert status == 0 and 'from a child' in text
