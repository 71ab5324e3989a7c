"""A synthetic set that was killed in the making, again and again, is the undisturbed one."""

import subprocess
import sys

import pytest

from tests.faults.synthesis_kill_test import ROOT


@pytest.mark.thorough
def test_kills_change_no_byte_of_a_set():
    result = subprocess.run(
        [sys.executable, '-m', 'tests.faults.synthesis_kill_test', '--kills', '3'],
        cwd=str(ROOT),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert result.returncode == 0, result.stdout
    assert 'Passed' in result.stdout
