"""Files of either TensorFlow open under this one, and what is computed from them is the same within rounding."""

import pathlib

import pytest

from tests.crossing import TOLERANCES, check

WRITTEN = sorted((pathlib.Path(__file__).parent / 'golden' / 'crossing').glob('tensorflow-*'))


@pytest.mark.slow
@pytest.mark.parametrize('folder', WRITTEN, ids=[folder.name for folder in WRITTEN])
def test_a_run_of_either_tensorflow_is_opened_gone_on_with_and_measured_here(built_steps, folder):
    errors = check(folder, built_steps)
    assert errors.keys() == TOLERANCES.keys()
    assert {what: error for what, error in errors.items() if not error <= TOLERANCES[what]} == {}


def test_there_are_files_of_both():
    assert [folder.name for folder in WRITTEN] == ['tensorflow-1.15', 'tensorflow-2.15']
