"""Run directories."""

import os
import subprocess
import sys

import pytest

from dnnlib.errors import UserError
from dnnlib.files import atomic_write
from dnnlib.run_dir import (
    SNAPSHOT_PATTERN,
    check_writable,
    fakes_kimg,
    fakes_name,
    find_runs,
    find_states,
    locked_run,
    new_run,
    read_options,
    snapshot_kimg,
    snapshot_name,
    state_name,
    write_options,
)


def create_run(results, description, options):
    with new_run(results, description, options) as path:
        return path


def test_runs_are_numbered_and_keep_their_options(tmp_path):
    results = str(tmp_path / 'new' / 'results')
    assert find_runs(results) == []
    first = create_run(results, 'celeba', {'seed': 1})
    os.mkdir(os.path.join(results, '00007-other'))
    os.mkdir(os.path.join(results, 'notes'))
    second = create_run(results, 'celeba', {'seed': 2})
    assert [os.path.basename(path) for path in find_runs(results)] == ['00000-celeba', '00007-other', '00008-celeba']
    assert (read_options(first), read_options(second)) == ({'seed': 1}, {'seed': 2})


@pytest.mark.parametrize(
    'nimg, named_nimg, name, kimg',
    [
        (0, -1, 'network-snapshot-000000.pkl', 0),
        (20960, -1, 'network-snapshot-000020.pkl', 20),
        (20960, 20960, 'network-snapshot-000020.pkl', 20),
        (20960, 20064, 'network-snapshot-000020.960.pkl', 20.96),
        (64, 0, 'network-snapshot-000000.064.pkl', 0.064),
        (21000, 20064, 'network-snapshot-000021.pkl', 21),
        (1234567890, 1234566000, 'network-snapshot-1234567.pkl', 1234567),
    ],
)
def test_snapshots_and_grids_are_named_after_the_reals_shown_until_then(nimg, named_nimg, name, kimg):
    assert snapshot_name(nimg, named_nimg) == name and snapshot_kimg(name) == kimg
    assert SNAPSHOT_PATTERN.fullmatch(name) and snapshot_kimg('network-final.pkl') is None
    grid = name.replace('network-snapshot-', 'fakes').replace('.pkl', '.png')
    assert fakes_name(nimg, named_nimg) == grid and fakes_kimg(grid) == kimg and fakes_kimg('reals.png') is None


def test_states_are_found_newest_first(tmp_path):
    for nimg in (64, 1234567890, 0):
        (tmp_path / state_name(nimg)).write_bytes(b'')
    (tmp_path / ('.' + state_name(5) + '.x.part')).write_bytes(b'')
    assert find_states(str(tmp_path)) == [1234567890, 64, 0]


def test_second_process_on_a_run_is_refused_until_the_first_ends_however_that_is(tmp_path):
    script = (
        'import sys, time; from dnnlib.run_dir import locked_run\n'
        'with locked_run(sys.argv[1]): print(flush=True); time.sleep(600)'
    )
    owner = subprocess.Popen([sys.executable, '-c', script, str(tmp_path)], stdout=subprocess.PIPE)
    owner.stdout.readline()
    with pytest.raises(
        UserError, match=f'{tmp_path} is being trained by process {owner.pid}: .* --new-run'
    ), locked_run(str(tmp_path)):
        pass
    owner.kill()
    owner.communicate()
    with locked_run(str(tmp_path)):
        assert (tmp_path / 'lock').read_text() == str(os.getpid())


def test_whoever_locks_a_run_clears_away_what_killed_processes_left(tmp_path):
    (tmp_path / '.training-state-000000064.npz.abc.part').write_bytes(b'half')
    with atomic_write(str(tmp_path / 'network-best.pkl')) as file, locked_run(str(tmp_path)):
        file.write(b'by another process, at the same time')
    assert sorted(os.listdir(str(tmp_path))) == ['lock', 'network-best.pkl']


def test_run_without_options_is_used_up_by_the_next_of_its_name(tmp_path):
    (tmp_path / '00000-x').mkdir()
    (tmp_path / '00000-x' / '.options.json.abc.part').write_text('{')
    assert os.path.basename(create_run(str(tmp_path), 'y', {})) == '00001-y'
    (tmp_path / '00002-x').mkdir()
    assert os.path.basename(create_run(str(tmp_path), 'x', {'seed': 1})) == '00002-x'
    assert os.path.basename(create_run(str(tmp_path), 'x', {})) == '00003-x'


def test_unwritable_results_are_refused(tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(UserError, match='--results'):
        create_run(str(tmp_path / 'file'), 'x', {})
    with pytest.raises(UserError, match='--results'):
        check_writable(str(tmp_path / 'file'))


def test_a_number_that_another_process_takes_in_between_is_left_to_it(tmp_path, monkeypatch):
    results, mkdir = str(tmp_path), os.mkdir

    def outrun(path, *args):
        if path.endswith('00000-x'):
            mkdir(path)  # the other process
            write_options(path, {})
        mkdir(path, *args)

    monkeypatch.setattr(os, 'mkdir', outrun)
    assert os.path.basename(create_run(results, 'x', {})) == '00001-x'


def test_a_folder_of_runs_that_cannot_be_listed_is_named(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(13, 'Permission denied', path)

    monkeypatch.setattr(os, 'listdir', refuse)
    with pytest.raises(UserError, match='Permission denied'):
        find_runs(str(tmp_path))


def test_no_run_and_damaged_options_are_named(tmp_path):
    with pytest.raises(UserError, match='options.json cannot be read .No such file.*name the folder of a run'):
        read_options(str(tmp_path))
    (tmp_path / 'options.json').write_text('{')
    with pytest.raises(UserError, match=r'options\.json: is damaged'):
        read_options(str(tmp_path))


@pytest.mark.parametrize('content', [b'[]', b'null', b'5', b'\xff{}'])
def test_options_that_are_no_options_are_named_with_the_mend(tmp_path, content):
    (tmp_path / 'options.json').write_bytes(content)
    with pytest.raises(UserError, match=r'options\.json: is damaged .* --new-run'):
        read_options(str(tmp_path))
