"""A run that is killed again and again comes to what an undisturbed one comes to."""

import pytest

from tests.faults.toy_training import differences, kill_at, only_run, start_training
from tests.toy_run import make_dataset


@pytest.mark.slow
def test_kills_in_a_write_after_it_and_while_it_starts_change_nothing(tmp_path):
    data, whole, killed = make_dataset(str(tmp_path / 'toy')), tmp_path / 'whole', tmp_path / 'killed'
    output = start_training(data, whole, '--kimg', 4).communicate()[0]
    assert 'Trained' in output
    alive, in_write, output = kill_at(start_training(data, killed, '--kimg', 4), killed, writes=4)
    assert alive and in_write, output
    assert kill_at(start_training(data, killed, '--kimg', 4), killed, delay=4)[0]
    alive, _, output = kill_at(start_training(data, killed, '--kimg', 4), killed, writes=3)
    assert alive, output
    output = start_training(data, killed, '--kimg', 4).communicate()[0]
    assert 'Going on' in output and 'Trained' in output
    assert differences(only_run(whole), only_run(killed)) == []
