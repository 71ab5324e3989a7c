"""The scripts that make the environments."""

import os
import pathlib
import subprocess
import sys

import pytest

FIND_PYTHON = pathlib.Path(__file__).parents[1] / '.ci' / 'find-python'
BIN = os.path.join(sys.prefix, 'bin')


@pytest.mark.skipif(sys.prefix == sys.base_prefix, reason='this Python is not in an environment')
@pytest.mark.parametrize(
    'variables', [{'PATH': os.pathsep.join([BIN, os.environ['PATH']])}, {'PYTHON': sys.executable}]
)
def test_an_active_environment_is_made_anew_by_the_python_that_made_it(variables):
    """Its own Python is removed with it."""
    version = '{}.{}'.format(*sys.version_info)
    unset = {name: value for name, value in os.environ.items() if name != 'PYTHON'}
    found = subprocess.run(
        [str(FIND_PYTHON), version], env={**unset, **variables}, stdout=subprocess.PIPE, check=True, text=True
    ).stdout.strip()
    assert os.path.dirname(found) not in ('', BIN)
    assert subprocess.check_output([found, '-V'], text=True).startswith(f'Python {version}.')
