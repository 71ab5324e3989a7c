"""What tests of faults share."""

import pytest


@pytest.fixture(scope='session')
def undisturbed(tmp_path_factory):
    """A toy training that nothing disturbs, to its end: the dataset, and the folder of the run, not to be changed."""
    from tests.faults.toy_training import KIMG, start_training
    from tests.toy_run import make_dataset

    folder = tmp_path_factory.mktemp('undisturbed')
    data, whole = make_dataset(str(folder / 'toy')), folder / 'whole'
    output = start_training(data, whole, '--kimg', KIMG).communicate()[0]
    assert 'Trained' in output
    return data, whole
