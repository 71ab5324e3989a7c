import os
import stat

import pytest

from dnnlib.errors import UserError
from dnnlib.folders import atomic_folder


def write(folder, text):
    with open(os.path.join(folder, 'file'), 'w') as file:
        file.write(text)


def test_appears_whole(tmp_path):
    target = tmp_path / 'new' / 'parents' / 'set'
    with atomic_folder(str(target)) as folder:
        write(folder, 'content')
        assert not target.exists() and os.path.dirname(folder) == str(target.parent)
    assert (target / 'file').read_text() == 'content'
    assert [path.name for path in target.parent.iterdir()] == ['set']
    made = tmp_path / 'made'
    made.mkdir()
    assert stat.S_IMODE(target.stat().st_mode) == stat.S_IMODE(made.stat().st_mode)


@pytest.mark.parametrize('failure', [ValueError, KeyboardInterrupt, SystemExit])
def test_a_failure_leaves_nothing(tmp_path, failure):
    with pytest.raises(failure), atomic_folder(str(tmp_path / 'new' / 'set')) as folder:
        write(folder, 'half')
        raise failure
    assert list(tmp_path.iterdir()) == []


def test_existing_targets_stay_until_the_end(tmp_path):
    target = tmp_path / 'set'
    with atomic_folder(str(target)) as folder:
        write(folder, 'old')
    with pytest.raises(UserError, match='exists already: choose another name'), atomic_folder(str(target)):
        pass
    with pytest.raises(ValueError), atomic_folder(str(target), replace=True) as folder:
        write(folder, 'half')
        raise ValueError
    assert (target / 'file').read_text() == 'old'
    with atomic_folder(str(target), replace=True) as folder:
        write(folder, 'new')
        assert (target / 'file').read_text() == 'old'
    assert (target / 'file').read_text() == 'new'
    assert [path.name for path in tmp_path.iterdir()] == ['set']


def test_the_old_folder_comes_back_when_the_new_one_cannot_take_its_place(tmp_path, monkeypatch):
    target = tmp_path / 'set'
    with atomic_folder(str(target)) as folder:
        write(folder, 'old')
    rename = os.rename

    def fail_at_second(source, destination):
        if source.endswith('.part'):
            raise OSError(5, 'Input/output error')
        rename(source, destination)

    monkeypatch.setattr(os, 'rename', fail_at_second)
    with pytest.raises(UserError, match='cannot be written .Input/output error.'), atomic_folder(
        str(target), replace=True
    ) as folder:
        write(folder, 'new')
    assert (target / 'file').read_text() == 'old'
    assert [path.name for path in tmp_path.iterdir()] == ['set']


def test_a_target_made_meanwhile_is_not_replaced(tmp_path):
    target = tmp_path / 'set'
    with pytest.raises(UserError, match='cannot be written .Directory not empty.'), atomic_folder(
        str(target)
    ) as folder:
        write(folder, 'ours')
        target.mkdir()
        write(str(target), 'theirs')
    assert (target / 'file').read_text() == 'theirs'


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / 'large disk').mkdir()
    (tmp_path / 'set').symlink_to(tmp_path / 'large disk')
    with atomic_folder(str(tmp_path / 'set'), replace=True) as folder:
        write(folder, 'new')
    assert (tmp_path / 'set').is_symlink() and (tmp_path / 'large disk' / 'file').read_text() == 'new'


def test_a_place_that_cannot_be_written_is_a_sentence(tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(
        UserError, match='cannot be written .Not a directory.: mend that or choose another folder'
    ), atomic_folder(str(tmp_path / 'file' / 'set')):
        pass


def test_a_full_disk_is_a_sentence(tmp_path):
    with pytest.raises(UserError, match='cannot be written .No space left on device.: mend that'), atomic_folder(
        str(tmp_path / 'set')
    ):
        raise OSError(28, 'No space left on device')
    assert list(tmp_path.iterdir()) == []
