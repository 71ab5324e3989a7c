"""Published networks: their names, their files, and whose source text may run."""

import hashlib
import json
import os
import pathlib
import re

import click
import pytest
from click.testing import CliRunner

import config
from dnnlib.download.__main__ import main
from dnnlib.download.published import NetworkSource, find_entry, name_of, names_of_kind, resolve, trust, trusted_as
from dnnlib.errors import UserError
from tests.drive_server import CONTENT, DIGEST, drive_server, entry

NAMES = ('first', 'second', 'third')


@pytest.fixture
def library(tmp_path, monkeypatch):
    """A table of three files on a server: the second has no published hash, the third is no metric network."""
    monkeypatch.setenv('NO_PROXY', '127.0.0.1')
    monkeypatch.setattr('config.CACHE_DIR', str(tmp_path / 'cache'))
    monkeypatch.setattr('config.TRUST_FILE', str(tmp_path / 'cache' / 'trusted.txt'))
    with drive_server() as server:
        kinds = dict(zip(NAMES, (config.METRIC, config.METRIC, config.GENERATOR)))
        monkeypatch.setattr(
            'config.NETWORKS',
            {
                name: dict(entry(f'{server.url}/{name}_file.pkl'), kind=kind, licence='MIT')
                for name, kind in kinds.items()
            },
        )
        config.NETWORKS['second'].update(sha256=None, size=None)
        yield server


def run(*args):
    return CliRunner(mix_stderr=False).invoke(main, args)


# ----------------------------------------------------------------------------------------------------------------------
# The table


def test_the_table_has_a_whole_entry_for_each_name():
    assert len(config.NETWORKS) == 53
    for name, published in config.NETWORKS.items():
        assert set(published) == {'file', 'url', 'kind', 'licence', 'size', 'sha256', 'mirror'}, name
        is_on_drive = published['url'].startswith('https://drive.google.com/uc?id=') and len(published['url']) == 64
        assert is_on_drive != (name == 'inception-softmax'), name
        assert (published['size'] is None) == (published['sha256'] is None), name
    assert len({published['url'] for published in config.NETWORKS.values()}) == 53
    assert len(names_of_kind(config.METRIC)) == 43
    assert [name.split('-')[2] for name in config.NETWORKS if 'classifier' in name] == [f'{n:02d}' for n in range(40)]


@pytest.mark.parametrize('name', ['first', 'first_file', 'first_file.pkl'])
def test_a_network_is_found_by_its_name_or_that_of_its_file(library, name):
    assert find_entry(name) is config.NETWORKS['first']
    with open(resolve(name), 'rb') as file:
        assert file.read() == CONTENT
    assert name_of(name) == 'first'


def test_a_path_comes_before_a_name_and_a_url_is_downloaded(library, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pathlib.Path('first').write_bytes(b'mine')
    assert resolve('first') == 'first' and resolve(pathlib.Path('first')) == 'first' and library.requests == []
    assert os.path.dirname(resolve(library.url + '/other.pkl')) == config.CACHE_DIR
    assert name_of(library.url + '/other.pkl') == 'other.pkl'


def test_what_is_neither_path_nor_url_nor_name_is_refused_with_what_it_may_mean(library):
    with pytest.raises(UserError, match=r'seconds: there is no such file.*perhaps second\?.*--list'):
        resolve('seconds')
    with pytest.raises(click.UsageError, match='no published network'):
        NetworkSource().convert('nothing', None, None)


@pytest.mark.parametrize('inside', ['', '/network-best.pkl'])
def test_a_run_with_a_mistaken_number_is_refused_with_the_runs_it_may_mean(library, tmp_path, monkeypatch, inside):
    monkeypatch.chdir(tmp_path)
    for name in ('00000-demo', '00001-faces', '00002-others', '00003-faces'):
        pathlib.Path('results', name).mkdir(parents=True)
        pathlib.Path('results', name, 'network-best.pkl').touch()
    hint = f'(perhaps results/00001-faces{inside} or results/00003-faces{inside}?)'
    with pytest.raises(UserError, match=re.escape(hint)):
        resolve('results/00000-faces' + inside)


# ----------------------------------------------------------------------------------------------------------------------
# The verb


def test_the_list_says_what_is_there(library):
    run('first')
    lines = run('--list').stdout.splitlines()
    assert [line.split()[0] for line in lines] == ['NAME', *NAMES]
    assert lines[1].split()[1:6] == ['0', 'MB', 'known', 'yes', 'MIT'] and lines[2].split()[1:4] == ['?', '?', 'no']


def test_names_and_groups_are_downloaded_and_their_paths_printed(library):
    outcome = run('metrics')
    assert outcome.exit_code == 0, outcome.stderr
    assert [path.rpartition('_')[0][-5:] for path in outcome.stdout.splitlines()] == ['first', 'econd']
    assert run('metrics', '--offline').stdout == outcome.stdout and len(library.requests) == 2
    outcome = run('third', '--offline')
    assert outcome.exit_code == 1 and '--offline' in outcome.stderr


def test_wrong_usage_downloads_nothing(library):
    assert run().exit_code == 2
    assert 'no published network' in run('first', 'fourth').stderr
    assert 'no published network' in run('--trust-embedded-source', 'fourth').stderr
    assert library.requests == []


# ----------------------------------------------------------------------------------------------------------------------
# Trust


def test_the_table_and_the_user_trust_files_by_their_hash(library):
    assert trusted_as(DIGEST) == 'the published first'
    assert trusted_as('1' * 64) is None
    trust('1' * 64, 'my network')
    trust('1' * 64, 'again')
    assert trusted_as('1' * 64) == f'my network, which {config.TRUST_FILE} trusts'
    assert pathlib.Path(config.TRUST_FILE).read_text() == '1' * 64 + '  my network\n'


@pytest.mark.parametrize('given, named', [('second', 'second'), ('2' * 64, 'a file of that SHA-256')])
def test_one_command_trusts_a_network(library, monkeypatch, given, named):
    for name in ('first', 'third'):  # otherwise its hash, which is the same here, is in the table
        config.NETWORKS[name]['sha256'] = None
    outcome = run('--trust-embedded-source', given)
    assert outcome.exit_code == 0, outcome.stderr
    sha256 = given if len(given) == 64 else DIGEST
    assert outcome.stdout.startswith(f'{named}: source text in the file of SHA-256 {sha256} runs')
    assert config.TRUST_FILE in outcome.stdout and trusted_as(sha256).startswith(named)


def test_one_command_trusts_all_metric_networks_and_files(library, tmp_path):
    (tmp_path / 'mine.pkl').write_bytes(b'mine')
    outcome = run('--trust-embedded-source', 'metrics', '--trust-embedded-source', str(tmp_path / 'mine.pkl'))
    assert [line.split(':')[0] for line in outcome.stdout.splitlines()] == ['first', 'second', 'mine.pkl']
    assert run('--trust-embedded-source', str(tmp_path)).exit_code == 1


def test_a_name_cannot_add_a_line_to_the_trust_file(library):
    trust('1' * 64, 'mine\n' + '2' * 64 + '  injected \udcff')
    assert trusted_as('2' * 64) is None and trusted_as('1' * 64) is not None
    assert pathlib.Path(config.TRUST_FILE).read_text().count('\n') == 1


def test_a_trust_file_that_everyone_can_write_trusts_nobody(library):
    trust('1' * 64, 'mine')
    os.chmod(config.TRUST_FILE, 0o666)
    with pytest.raises(UserError, match='chmod o-w'):
        trusted_as('1' * 64)


def test_the_trust_file_is_the_users_own_wherever_commands_are_run():
    assert config.TRUST_FILE.startswith('~/')


def test_what_can_be_had_does_not_wait_for_what_cannot(library):
    outcome = run('first', 'second', '--offline')
    assert outcome.exit_code == 1 and outcome.stderr.count('--offline forbids') == 2
    resolve('second')
    outcome = run('first', 'second', '--offline')
    assert outcome.exit_code == 1 and outcome.stdout.endswith('second_file.pkl\n')


def test_a_damaged_trust_file_trusts_nobody(library, tmp_path):
    os.makedirs(config.CACHE_DIR)
    pathlib.Path(config.TRUST_FILE).write_text('1' * 64 + '  mine\n\n' + json.dumps('x') + '\n')
    with pytest.raises(UserError, match='line 3 is not a SHA-256 and a name'):
        trusted_as('1' * 64)


# ----------------------------------------------------------------------------------------------------------------------
# What is no network


@pytest.mark.parametrize(
    'content, sentence',
    [
        (b'version https://git-lfs.github.com/spec/v1\noid sha256:f2\n', 'what arrives is a Git LFS pointer'),
        (b'PK\x03\x04' + bytes(99), 'what arrives is a zip archive: unpack it'),
        (CONTENT[:50], 'what arrives is truncated or damaged, not a whole network pickle'),
    ],
)
def test_what_is_no_network_is_neither_kept_nor_pinned(library, monkeypatch, content, sentence):
    url = library.url + '/other.pkl'
    with monkeypatch.context() as patch:
        patch.setattr('tests.drive_server.CONTENT', content)
        outcome = run(url)
    assert outcome.exit_code == 1 and sentence in outcome.stderr and 'by hand' in outcome.stderr
    assert os.listdir(config.CACHE_DIR) == []
    outcome = run(url)
    assert outcome.exit_code == 0 and len(os.listdir(config.CACHE_DIR)) == 2


@pytest.mark.parametrize('is_pinned', [True, False])
def test_what_an_earlier_version_kept_is_named_with_the_files_to_delete(library, is_pinned):
    url = library.url + '/other.pkl'
    path = pathlib.Path(resolve(url))
    content = b'version https://git-lfs.github.com/spec/v1\n'
    path.write_bytes(content)
    record = pathlib.Path(f'{path}.sha256')
    record.unlink()
    if is_pinned:
        record.write_text(f'{hashlib.sha256(content).hexdigest()}  {path.name}\n')
    error = run(url).stderr
    assert f'{path}, in the cache, is a Git LFS pointer' in error
    wanted = f'Delete {path} and {record}; then' if is_pinned else f'Delete {path}; then'
    assert wanted in error
    for name in os.listdir(config.CACHE_DIR):
        os.remove(os.path.join(config.CACHE_DIR, name))
    assert run(url).exit_code == 0
