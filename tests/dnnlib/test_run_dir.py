"""Run directories."""

import os

import pytest

from dnnlib.errors import UserError
from dnnlib.run_dir import SNAPSHOT_PATTERN, create_run, find_runs, read_options, snapshot_name


def test_runs_are_numbered_and_keep_their_options(tmp_path):
    results = str(tmp_path / 'new' / 'results')
    assert find_runs(results) == []
    first = create_run(results, 'celeba', {'seed': 1})
    os.mkdir(os.path.join(results, '00007-other'))
    os.mkdir(os.path.join(results, 'notes'))
    second = create_run(results, 'celeba', {'seed': 2})
    assert [os.path.basename(path) for path in find_runs(results)] == ['00000-celeba', '00007-other', '00008-celeba']
    assert (read_options(first), read_options(second)) == ({'seed': 1}, {'seed': 2})


@pytest.mark.parametrize('kimg, name', [
    (0, 'network-snapshot-000000.pkl'), (20.96, 'network-snapshot-000020.pkl'),
    (1234567, 'network-snapshot-1234567.pkl')])
def test_snapshots_are_named_after_the_reals_shown_until_then(kimg, name):
    assert snapshot_name(kimg) == name and int(SNAPSHOT_PATTERN.fullmatch(name).group(1)) == int(kimg)


def test_unwritable_results_are_refused(tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(UserError, match='--results'):
        create_run(str(tmp_path / 'file'), 'x', {})


def test_a_number_that_another_process_takes_in_between_is_left_to_it(tmp_path, monkeypatch):
    results, mkdir = str(tmp_path), os.mkdir

    def outrun(path, *args):
        if path.endswith('00000-x'):
            mkdir(path)  # the other process
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
    with pytest.raises(UserError, match='is .* the folder of a run'):
        read_options(str(tmp_path))
    (tmp_path / 'options.json').write_text('{')
    with pytest.raises(UserError, match=r'options\.json: is damaged'):
        read_options(str(tmp_path))


@pytest.mark.parametrize('content', [b'[]', b'null', b'5', b'\xff{}'])
def test_options_that_are_no_options_are_named_with_the_mend(tmp_path, content):
    (tmp_path / 'options.json').write_bytes(content)
    with pytest.raises(UserError, match=r'options\.json: is damaged .* --new-run'):
        read_options(str(tmp_path))
