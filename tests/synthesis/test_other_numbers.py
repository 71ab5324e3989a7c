"""A run that was stopped, and what another command may change before it goes on."""

import os
from unittest import mock

import pytest
from sets import files_of, make, options

from dnnlib import folders
from dnnlib.errors import UserError
from synthesis import generate


def test_a_stopped_run_goes_on_with_its_own_number_of_identities(tmp_path):
    with mock.patch.object(generate, 'finish_set', side_effect=KeyboardInterrupt), pytest.raises(KeyboardInterrupt):
        make(tmp_path / 'set', identities=100)  # its volume is joined
    for identities in (90, 170):
        with pytest.raises(UserError, match=f'--identities was 100 and is {identities}'):
            make(tmp_path / 'set', identities=identities)
    assert make(tmp_path / 'set', identities=100)['made'] == 0
    assert make(tmp_path / 'set', identities=170)['images'] == 170


def test_more_draws_go_on_with_the_images_that_are_there(tmp_path):
    assert options(tmp_path, draws=5).plan() == options(tmp_path, draws=6).plan()


@pytest.mark.parametrize('renames', [0, 1])
def test_a_run_killed_while_the_larger_set_takes_its_place_goes_on(tmp_path, renames):
    make(tmp_path / 'set', identities=3)
    rename, done = os.rename, []

    def stop(source, target):
        if len(done) == renames:
            raise SystemExit
        done.append(source)
        rename(source, target)

    def move(temporary, target, replace, aside):
        """As a kill: nothing is put back."""
        with mock.patch.object(os, 'rename', stop):
            os.rename(target, aside)
            os.rename(temporary, target)

    with mock.patch.object(folders, '_move', move), pytest.raises(SystemExit):
        make(tmp_path / 'set', identities=5)
    assert (tmp_path / 'set').exists() == (renames == 0)
    assert make(tmp_path / 'set', identities=5)['images'] == 5
    make(tmp_path / 'other', identities=5)
    assert (tmp_path / 'set' / '00000.zip').read_bytes() == (tmp_path / 'other' / '00000.zip').read_bytes()


def test_files_of_a_person_in_a_set_are_never_lost(tmp_path):
    make(tmp_path / 'set', identities=3, exports=('folders',))
    (tmp_path / 'set' / 'mine.png').write_bytes(b'mine')
    before = files_of(tmp_path / 'set')
    for changes in ({'identities': 5}, {'identities': 3}):
        with pytest.raises(UserError, match='mine.png, which is not of the set'):
            make(tmp_path / 'set', **changes)
    assert files_of(tmp_path / 'set') == before


def test_a_long_list_is_not_printed_where_a_set_has_another_plan(tmp_path):
    classes = 'the classes of the training set'
    record = {'plan': {'--seed': 0, classes: [1] * 999}, 'images': 3}
    with mock.patch.object(generate, 'find_record', return_value=record), pytest.raises(UserError) as caught:
        generate.set_before(options(tmp_path, identities=3), {'--seed': 1, classes: [2] * 999})
    assert '(--seed was 0 and is 1; the classes of the training set has changed)' in str(caught.value)
