import os
import signal
import stat
import subprocess
import sys

import pytest

from dnnlib import folders
from dnnlib.errors import UserError
from dnnlib.folders import is_finished, unfinished_folder, unfinished_path

PLAN, ENDING = {'--size': 8, 'images': 'f' * 64}, {'labels': None}


def write(folder, text):
    with open(os.path.join(folder, 'file'), 'w') as file:
        file.write(text)


def make(target, text, part=None, plan=PLAN, ending=ENDING, **kwargs):
    """Makes a folder with one file; returns what an earlier run left of the parts."""
    with unfinished_folder(str(target), plan, ending, **kwargs) as work:
        found = os.listdir(work.parts) if work.result is None else work.result
        if work.result is None:
            if part:
                write(work.parts, part)
            write(work.begin_content(), text)
            work.complete('result')
    return found


def leave_part(target, plan=PLAN, **kwargs):
    with pytest.raises(KeyboardInterrupt), unfinished_folder(str(target), plan, ENDING, **kwargs) as work:
        write(work.parts, 'part')
        write(work.begin_content(), 'half')
        raise KeyboardInterrupt


def test_appears_whole(tmp_path):
    target = tmp_path / 'new' / 'parents' / 'set'
    with unfinished_folder(str(target), PLAN, ENDING) as work:
        write(work.begin_content(), 'content')
        assert not target.exists() and os.path.dirname(work.path) == str(target.parent)
        work.complete('result')
    assert (target / 'file').read_text() == 'content'
    assert [path.name for path in target.parent.iterdir()] == ['set']
    made = tmp_path / 'made'
    made.mkdir()
    assert stat.S_IMODE(target.stat().st_mode) == stat.S_IMODE(made.stat().st_mode)


@pytest.mark.parametrize('failure', [ValueError, KeyboardInterrupt, SystemExit])
def test_a_failure_before_any_part_leaves_nothing(tmp_path, failure):
    with pytest.raises(failure), unfinished_folder(str(tmp_path / 'new' / 'set'), PLAN, ENDING) as work:
        write(work.begin_content(), 'half')
        raise failure
    assert list(tmp_path.iterdir()) == []


def test_finished_parts_are_kept_for_the_next_run(tmp_path):
    leave_part(tmp_path / 'new' / 'set')
    (tmp_path / 'new' / '.set.unfinished' / 'parts' / '.x.part').write_text('')  # of a process that was killed
    assert make(tmp_path / 'new' / 'set', 'whole', ending={'labels': 'identity'}) == ['file']
    assert [path.name for path in (tmp_path / 'new').iterdir()] == ['set']
    assert os.listdir(str(tmp_path / 'new' / 'set')) == ['file']


def test_parts_of_another_plan_are_refused_and_stay(tmp_path):
    leave_part(tmp_path / 'set')
    with pytest.raises(UserError) as error:
        make(tmp_path / 'set', 'whole', plan={'--size': 16, 'images': 'e' * 64})
    told = (
        'unfinished run with other options or images (--size was 8 and is 16; images has changed): give the same ones'
    )
    assert told in error.value.message
    leave_part(tmp_path / 'set')
    assert make(tmp_path / 'set', 'whole', plan={'--size': 16}, restart=True) == []


def test_discarded_parts_are_removed(tmp_path):
    with pytest.raises(UserError), unfinished_folder(str(tmp_path / 'set'), PLAN, ENDING) as work:
        write(work.parts, 'part')
        work.discard()
        raise UserError('nothing in it')
    assert list(tmp_path.iterdir()) == []


def test_two_processes_do_not_make_one_folder(tmp_path):
    with unfinished_folder(str(tmp_path / 'set'), PLAN, ENDING), pytest.raises(
        UserError, match='Another process is making .*set: wait for it, or end it first'
    ):
        make(tmp_path / 'set', 'other')


def test_existing_targets_stay_until_the_end(tmp_path):
    target = tmp_path / 'set'
    make(target, 'old')
    with pytest.raises(UserError, match='exists already: choose another name'):
        make(target, 'new')
    assert [path.name for path in tmp_path.iterdir()] == ['set']
    leave_part(target, replace=True)
    assert (target / 'file').read_text() == 'old'
    make(target, 'new', replace=True)
    assert (target / 'file').read_text() == 'new'
    assert [path.name for path in tmp_path.iterdir()] == ['set']


def test_the_old_folder_comes_back_when_the_new_one_cannot_take_its_place(tmp_path, monkeypatch):
    target = tmp_path / 'set'
    make(target, 'old')
    rename = os.rename

    def fail_at_second(source, destination):
        if source.endswith('content'):
            raise OSError(5, 'Input/output error')
        rename(source, destination)

    monkeypatch.setattr(os, 'rename', fail_at_second)
    with pytest.raises(UserError, match='set cannot be read or written .Input/output error.'):
        make(target, 'new', replace=True)
    assert (target / 'file').read_text() == 'old'


KILLED = """
import os, signal, sys
from dnnlib import folders
from tests.dnnlib.test_folders import make
name, calls, target = sys.argv[1], int(sys.argv[2]), sys.argv[3]
module, function = (os, name) if hasattr(os, name) else (folders, name)
original = getattr(module, function)
def killing(*args, **kwargs):
    global calls
    calls -= 1
    if calls == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return original(*args, **kwargs)
setattr(module, function, killing)
make(target, 'new', part='part', replace=True)
"""


@pytest.mark.parametrize('instant', ['rename 1', 'rename 2', 'fsync_folder 2', 'remove 1', 'remove 2', 'rmdir 1'])
@pytest.mark.slow
def test_killed_while_it_takes_its_place(tmp_path, instant):
    target = tmp_path / 'set'
    make(target, 'old')
    root = os.path.dirname(os.path.dirname(folders.__file__))
    killed = subprocess.run([sys.executable, '-c', KILLED, *instant.split(), str(target)], cwd=root)
    assert killed.returncode == -signal.SIGKILL
    if is_finished(str(target)) and not os.path.isdir(os.path.join(unfinished_path(str(target)), 'content')):
        assert make(target, 'again') == 'result'
    else:
        make(target, 'new', replace=True)
    assert (target / 'file').read_text() == 'new'
    assert [path.name for path in tmp_path.iterdir()] == ['set']


def test_a_target_made_meanwhile_is_not_replaced(tmp_path):
    target = tmp_path / 'set'
    with pytest.raises(UserError, match='set cannot be read or written .Directory not empty.'), unfinished_folder(
        str(target), PLAN, ENDING
    ) as work:
        write(work.begin_content(), 'ours')
        target.mkdir()
        write(str(target), 'theirs')
        work.complete('result')
    assert (target / 'file').read_text() == 'theirs'


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / 'large disk').mkdir()
    (tmp_path / 'set').symlink_to(tmp_path / 'large disk')
    make(tmp_path / 'set', 'new', replace=True)
    assert (tmp_path / 'set').is_symlink() and (tmp_path / 'large disk' / 'file').read_text() == 'new'


def test_a_place_that_cannot_be_written_is_a_sentence(tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(UserError, match='cannot be read or written .Not a directory.: check the path, or choose'):
        make(tmp_path / 'file' / 'set', 'new')


def test_a_file_that_the_block_misses_is_named(tmp_path):
    with pytest.raises(UserError, match='gone cannot be read or written .No such file or directory.'):  # noqa: SIM117
        with unfinished_folder(str(tmp_path / 'set'), PLAN, ENDING):
            os.listdir(str(tmp_path / 'gone'))


def test_a_full_disk_is_a_sentence(tmp_path):
    with pytest.raises(UserError, match='cannot be read or written .No space left on device.: free space'):  # noqa: SIM117
        with unfinished_folder(str(tmp_path / 'set'), PLAN, ENDING):
            raise OSError(28, 'No space left on device')
    assert list(tmp_path.iterdir()) == []
