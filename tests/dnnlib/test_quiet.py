"""TensorFlow is imported without a word. A made-up one prints here what versions from 2.16 on print."""

import os
import pathlib
import subprocess
import sys

import pytest

ROOT = str(pathlib.Path(__file__).parents[2])
LOG = """WARNING: All log messages before absl::InitializeLog() is called are written to STDERR
I0000 00:00:1796024339.798185   18148 port.cc:153] oneDNN custom operations are on.
E0000 00:00:1796024339.798185   18148 cuda_fft.cc:477] Unable to register cuFFT factory
"""
OTHERS = 'F0000 00:00:1796024339.798185   18148 cpu.cc:1] No AVX\nWARNING: of somebody else\n 50%|#####'

pytestmark = pytest.mark.skipif(sys.version_info < (3, 10), reason='1.15 prints no such lines')


@pytest.fixture
def said(tmp_path):
    """Imports a made-up TensorFlow in a process, and returns its exit status and stderr."""
    (tmp_path / 'tensorflow').mkdir()

    def run(then='', before='', **environment):
        text = f'import os\nos.write(2, {LOG + OTHERS!r}.encode())\n{then}\n'
        (tmp_path / 'tensorflow' / '__init__.py').write_text(text)
        process = subprocess.run(
            [sys.executable, '-c', f'import dnnlib.quiet\n{before}\nimport tensorflow, os; os.write(2, b" end")'],
            cwd=ROOT,
            env={**os.environ, 'PYTHONPATH': str(tmp_path), **environment},
            stderr=subprocess.PIPE,
        )
        return process.returncode, process.stderr.decode()

    return run


def test_log_lines_of_an_import_are_hidden_and_all_else_is_not(said):
    assert said() == (0, OTHERS + ' end')


def test_a_failed_import_hides_nothing(said):
    status, text = said(then="raise ImportError('no libcublas')")
    assert status == 1 and text.startswith(LOG + OTHERS) and 'ImportError: no libcublas' in text


def test_the_lines_can_be_had(said):
    assert said(TF_CPP_MIN_LOG_LEVEL='0') == (0, LOG + OTHERS + ' end')


def test_without_a_folder_for_files_nothing_is_hidden(said):
    before = "import tempfile; tempfile.TemporaryFile = lambda: open('/nowhere/file')"
    assert said(before=before) == (0, LOG + OTHERS + ' end')
