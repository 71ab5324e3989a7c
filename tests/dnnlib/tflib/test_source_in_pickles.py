"""Nobody's code runs when a pickle is opened, but for files that are trusted; what does not fit is refused."""

import pickle

import numpy as np
import pytest
from raw_pickles import OFFICIAL, plain_pickle_load, states_of, write_raw

from dnnlib import tflib
from dnnlib.download.published import trust
from dnnlib.errors import UserError
from dnnlib.files import sha256_of_file

TRAP = "raise SystemExit('source text found in a pickle was executed')"


@pytest.mark.parametrize('load', [tflib.load_networks, plain_pickle_load])
def test_source_in_a_pickle_is_kept_but_not_executed(session, tmp_path, load):
    state = states_of(OFFICIAL)[2]
    for part in (state, *state['components'].values()):
        part['build_module_src'] = TRAP
    tflib.save_networks(tmp_path / 'again.pkl', (load(write_raw(tmp_path / 'trap.pkl', state)),))
    again = states_of(tmp_path / 'again.pkl')[0]
    assert {part['build_module_src'] for part in (again, *again['components'].values())} == {TRAP}


def refused_states(state):
    renamed = [('no_such_variable', value) for _, value in state['variables'][:1]]
    misshapen = [(name, np.zeros([2, 3], np.float32)) for name, _ in state['variables'][1:2]]
    incomplete = {key: value for key, value in state.items() if key != 'build_func_name'}
    return [
        (dict(state, build_func_name='E_evil'), "'D' needs the build function 'E_evil'"),
        (dict(state, extra=1), "a field 'extra'"),
        (dict(state, variables=renamed), "'D' has no variable 'no_such_variable'"),
        (dict(state, variables=misshapen), r"variable 'FromRGB_lod0/weight' has shape \[1, 1, 3, 16\], .* \[2, 3\]"),
        (dict(state, variables=state['variables'][:1] * 2), 'two variables lod'),
        (dict(state, version=9), 'version 9'),
        (dict(state, static_kwargs={'resolution': 24}), 'cannot be built .*resolution 24'),
        (incomplete, 'no build_func_name'),
    ]


@pytest.mark.parametrize('number', range(8))
def test_networks_that_do_not_fit_are_refused(session, tmp_path, discriminator_state, number):
    state, message = refused_states(discriminator_state)[number]
    path = write_raw(tmp_path / 'odd.pkl', state)
    with pytest.raises(UserError, match='odd.pkl: .*' + message):
        tflib.load_networks(path)


@pytest.mark.parametrize(
    'content, message',
    [
        (b'', 'is empty: download the file again'),
        (b'<html>404</html>', 'is a web page, as servers such as Google Drive send in place of a file'),
        (pickle.dumps((1, 2, 3)), 'holds something other than networks'),
        (pickle.dumps(()), 'holds something other than networks'),
        (pickle.dumps({'G': 1}), 'holds something other than networks'),
    ],
)
def test_other_files_are_refused(session, tmp_path, content, message):
    (tmp_path / 'other.pkl').write_bytes(content)
    with pytest.raises(UserError, match='other.pkl: ' + message):
        tflib.load_networks(str(tmp_path / 'other.pkl'))


def test_truncated_and_missing_files_are_refused(session, tmp_path):
    with open(OFFICIAL, 'rb') as file:
        whole = file.read()
    for length in (1, 100, len(whole) // 2, len(whole) - 1):
        (tmp_path / 'half.pkl').write_bytes(whole[:length])
        with pytest.raises(UserError, match='half.pkl: is truncated or damaged, not a whole network pickle'):
            tflib.load_networks(str(tmp_path / 'half.pkl'))
    with pytest.raises(
        UserError, match='missing.pkl: there is no such file or folder, and no published network of that name'
    ):
        tflib.load_networks('missing.pkl')


FOREIGN_SOURCE = """
import tensorflow as tf

def twice(x, is_template_graph=False, **kwargs):
    x.set_shape([None, 1])
    return x * tf.get_variable('factor', [])
"""


@pytest.fixture
def foreign_state():
    return {
        'version': 3,
        'name': 'twice',
        'static_kwargs': {},
        'components': {},
        'build_module_src': FOREIGN_SOURCE,
        'build_func_name': 'twice',
        'variables': [('factor', np.float32(2))],
    }


@pytest.fixture
def trust_file(tmp_path, monkeypatch):
    path = tmp_path / 'own' / 'trusted.txt'
    monkeypatch.setattr('config.TRUST_FILE', str(path))
    return path


def test_embedded_source_is_executed_only_for_a_file_that_is_trusted(
    session, tmp_path, capsys, foreign_state, trust_file
):
    path = write_raw(tmp_path / 'foreign.pkl', foreign_state)
    sha256 = sha256_of_file(path)
    with pytest.raises(UserError, match="'twice' .* python -m dnnlib.download --trust-embedded-source " + sha256):
        tflib.load_networks(path)
    with pytest.raises(UserError, match='--trust-embedded-source'):
        tflib.check_trusted(path)
    trust(sha256, 'my own')
    tflib.check_trusted(path)
    assert capsys.readouterr().out == ''
    net = tflib.load_networks(path)
    assert net.run([[3.0]]) == [[6.0]]
    output = capsys.readouterr().out
    assert output.count('\n') == 1 and f'Running the source text inside {path}, my own' in output

    trap = write_raw(tmp_path / 'trap.pkl', dict(foreign_state, build_module_src=TRAP))
    with pytest.raises(UserError, match='trap.pkl: .*--trust-embedded-source'):
        tflib.load_networks(trap)


def test_a_file_of_the_table_is_trusted_by_its_hash(session, tmp_path, capsys, foreign_state, trust_file, monkeypatch):
    path = write_raw(tmp_path / 'foreign.pkl', foreign_state)
    monkeypatch.setattr('config.NETWORKS', {'doubler': {'sha256': sha256_of_file(path)}})
    assert tflib.load_networks(path).run([[3.0]]) == [[6.0]]
    assert 'the published doubler' in capsys.readouterr().out


def test_networks_of_ours_are_never_built_by_the_text_in_their_file_even_if_it_is_trusted(
    session, tmp_path, capsys, discriminator_state, trust_file
):
    path = write_raw(tmp_path / 'D.pkl', dict(discriminator_state, build_module_src=TRAP))
    trust(sha256_of_file(path), 'D')
    assert tflib.load_networks(path).name == 'D' and capsys.readouterr().out == ''


@pytest.mark.parametrize(
    'source, message',
    [
        ('def other(): pass', "has no function 'twice'"),
        ('1 / 0', 'ZeroDivisionError'),
        ('def', 'SyntaxError'),
        ('import no_such_module', 'no_such_module'),
        ('def twice(x, **kwargs): return x + undefined', 'undefined'),
    ],
)
def test_trusted_source_that_fails_is_a_sentence(session, tmp_path, foreign_state, trust_file, source, message):
    path = write_raw(tmp_path / 'broken.pkl', dict(foreign_state, build_module_src=source))
    trust(sha256_of_file(path), 'broken')
    with pytest.raises(UserError, match='broken.pkl: .*' + message):
        tflib.load_networks(path)
