"""What is in a network pickle, whoever wrote it. What is refused, stands in tests/dnnlib/tflib/test_pickles.py."""

import hashlib
import os
import pickle

import numpy as np
import pytest

from dnnlib.errors import UserError
from dnnlib.network_file import read_network_file, walk
from tests.foreign_pickles import NUMPY2, PYTHON2, STATIC_KWARGS, VARIABLES
from tests.goldens.files import FOLDER

OFFICIAL = str(FOLDER / 'official_tiny_16_nosrc.pkl')


@pytest.mark.parametrize(
    'writer, content',
    [
        *((f'Python 3.11 and numpy 2, protocol {protocol}', content) for protocol, content in NUMPY2.items()),
        ('Python 2', PYTHON2),
    ],
)
def test_files_of_other_pythons_and_numpys_are_read(tmp_path, writer, content):
    path = str(tmp_path / 'foreign.pkl')
    (tmp_path / 'foreign.pkl').write_bytes(content)
    file = read_network_file(path)
    assert not file.is_tuple and file.sha256 == hashlib.sha256(content).hexdigest()
    (network,) = file.networks
    assert list(network) == [
        'version',
        'name',
        'static_kwargs',
        'components',
        'build_module_src',
        'build_func_name',
        'variables',
        'program',
    ]
    assert network['version'] == (2 if writer == 'Python 2' else 3) and network['components'] == {}
    assert (network['name'], network['build_func_name'], network['build_module_src']) == ('D', 'D_basic', '# none')
    assert network['static_kwargs'] == STATIC_KWARGS
    values = dict(network['variables'])
    assert set(VARIABLES) - set(values) <= {'i'}
    for name, value in values.items():
        np.testing.assert_array_equal(value, VARIABLES[name], err_msg=name)
        assert value.dtype == VARIABLES[name].dtype and value.shape == VARIABLES[name].shape, name


def test_the_published_container_is_read(tmp_path):
    file = read_network_file(OFFICIAL)
    assert file.is_tuple and [network['name'] for network in file.networks] == ['G', 'D', 'Gs']
    assert [path for path, _ in walk(file.networks[2])] == ['Gs', 'Gs/G_synthesis', 'Gs/G_mapping']
    assert file.num_bytes == os.path.getsize(OFFICIAL)
    assert isinstance(dict(file.networks[1]['variables'])['lod'], np.float32)


def test_reading_copies_no_array():
    values = [value for _, value in read_network_file(OFFICIAL).networks[1]['variables'] if np.ndim(value)]
    bases = {id(value.base.base.obj if isinstance(value.base, np.ndarray) else value.base.obj) for value in values}
    assert len(bases) == 1 and not values[0].flags.writeable


def test_what_is_no_file_is_a_sentence(tmp_path):
    with pytest.raises(UserError, match='is a directory: name a network pickle in it, such as network-best.pkl'):
        read_network_file(str(tmp_path))
    with pytest.raises(UserError, match='is no file'):
        read_network_file(os.devnull)


def test_a_file_larger_than_any_network_is_not_read(tmp_path):
    path = tmp_path / 'huge.pkl'
    with open(str(path), 'wb') as file:
        file.truncate(5 << 30)  # takes no space
    with pytest.raises(UserError, match='huge.pkl: has 5,368,709,120 bytes; no network pickle has more than'):
        read_network_file(str(path))


def test_too_little_memory_is_a_sentence(monkeypatch):
    def read_pickle(data, find):
        raise MemoryError

    monkeypatch.setattr('dnnlib.network_file.read_pickle', read_pickle)
    with pytest.raises(UserError, match='official_tiny_16_nosrc.pkl: takes more memory than this machine has'):
        read_network_file(OFFICIAL)


@pytest.mark.parametrize('content', [b'', b'<html>404</html>', pickle.dumps((1, 2)), pickle.dumps(())])
def test_other_files_are_a_sentence(tmp_path, content):
    (tmp_path / 'other.pkl').write_bytes(content)
    with pytest.raises(UserError, match='other.pkl: '):
        read_network_file(str(tmp_path / 'other.pkl'))
