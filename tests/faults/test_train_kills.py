"""A run that is killed again and again comes to what an undisturbed one comes to."""

import pytest

from tests.faults.toy_training import KIMG, differences, kill_at, only_run, start_training


@pytest.mark.slow
def test_kills_in_a_write_after_it_and_while_it_starts_change_nothing(undisturbed, tmp_path):
    data, whole = undisturbed
    killed = tmp_path / 'killed'

    def start():
        return start_training(data, killed, '--kimg', KIMG)

    alive, in_write, output = kill_at(start(), killed, writes=4)
    assert alive and in_write, output
    assert kill_at(start(), killed, delay=4)[0]
    alive, _, output = kill_at(start(), killed, writes=3)
    assert alive, output
    output = start().communicate()[0]
    assert 'Going on' in output and 'Trained' in output
    assert differences(only_run(whole), only_run(killed)) == []
