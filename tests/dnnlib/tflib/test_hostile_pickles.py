"""Pickles that attack whoever opens them are refused in a sentence, nothing is run, and no memory is filled."""

import contextlib
import pickle
import tracemalloc

import pytest

from dnnlib import tflib
from dnnlib.errors import UserError
from tests.hostile_pickles import bombs, code_runners


def assert_refused(path, named):
    with pytest.raises(UserError) as caught:
        tflib.load_networks(str(path))
    assert caught.value.message.startswith(f'{path}: ') and named in caught.value.message
    assert len(caught.value.message) < 1000 and caught.value.message.isprintable()


def runners(marker):
    """The attacks that run code; each makes the file `marker`."""
    return code_runners(f'touch {marker}', f'open({str(marker)!r}, "w")')


@pytest.mark.parametrize('attempt', runners(''))
def test_no_code_that_a_pickle_names_or_carries_is_run(session, tmp_path, attempt):
    content, named = runners(tmp_path / 'marker')[attempt]
    (tmp_path / 'evil.pkl').write_bytes(content)
    assert_refused(tmp_path / 'evil.pkl', named)
    assert not (tmp_path / 'marker').exists()


@pytest.mark.parametrize(
    'attempt',
    [
        'a call by REDUCE',
        'a call in a network state',
        'a call by INST',
        'a name on the stack',
        'eval of builtins',
        'a name from the memo',
    ],
)
def test_these_attacks_do_run_where_nothing_refuses_them(session, tmp_path, attempt):
    content, _ = runners(tmp_path / 'marker')[attempt]
    with contextlib.suppress(Exception):  # what comes after the call is nothing that pickle could read
        pickle.loads(content)
    assert (tmp_path / 'marker').exists()


BOMBS = bombs()


@pytest.mark.slow
@pytest.mark.parametrize('attempt', BOMBS)
def test_what_a_pickle_claims_does_not_fill_the_memory(session, tmp_path, attempt):
    content, named = BOMBS[attempt]
    (tmp_path / 'bomb.pkl').write_bytes(content)
    tracemalloc.start()
    try:
        assert_refused(tmp_path / 'bomb.pkl', named)
        assert tracemalloc.get_traced_memory()[1] < 1e8
    finally:
        tracemalloc.stop()
