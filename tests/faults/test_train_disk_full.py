"""A run on a disk that fills up goes on, and makes up for it."""

import subprocess
import sys

import pytest

from tests.faults.toy_training import ROOT

UNSHARE = ['unshare', '--map-root-user', '--mount']


def may_mount():
    try:
        return subprocess.call([*UNSHARE, 'true'], stderr=subprocess.DEVNULL) == 0
    except OSError:
        return False


@pytest.mark.slow
@pytest.mark.skipif(not may_mount(), reason='this system lets users mount nothing')
def test_full_disk_ends_no_run_and_loses_nothing():
    result = subprocess.run(
        [sys.executable, '-m', 'tests.faults.disk_full'],
        cwd=str(ROOT),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert result.returncode == 0, result.stdout
    assert 'Passed' in result.stdout
