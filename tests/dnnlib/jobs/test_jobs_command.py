"""What commands of jobs share."""

import pytest

from dnnlib.jobs.command import saying_how_to_go_on


def test_a_stop_says_that_the_cache_has_what_is_done(capsys):
    with pytest.raises(SystemExit) as stopped, saying_how_to_go_on():
        raise KeyboardInterrupt
    assert stopped.value.code == 130 and 'the cache has what is done' in capsys.readouterr().err
