"""The file of named directions: written and read again; what is none of these is a sentence."""

import json

import numpy as np
import pytest

from dnnlib.errors import UserError
from metrics.named_directions import NamedDirections, clean_name, read_directions, split_choice, write_directions

FOUND = NamedDirections(
    path='',
    sha256='ab' * 32,
    network='toy.pkl',
    layers=range(1, 4),
    names=('smile', 'age'),
    vectors=np.float32([[0.6, 0.8, 0], [0, -0.28, 0.96]]),
    records=({'accuracy': 0.9}, {'accuracy': 0.75}),
    made_by={'seed': 3},
)


@pytest.fixture
def path(tmp_path):
    path = str(tmp_path / 'directions.json')
    write_directions(path, FOUND)
    return path


def test_what_is_written_is_read(path):
    found = read_directions(path)
    np.testing.assert_array_equal(found.vectors, FOUND.vectors)
    assert found._replace(path='', vectors=None) == FOUND._replace(vectors=None)
    found.check_network('ab' * 32)


def test_directions_are_chosen_by_name(path):
    found = read_directions(path)
    assert found.choose(None) is found
    chosen = found.choose(['age'])
    assert (chosen.names, chosen.records) == (('age',), ({'accuracy': 0.75},))
    np.testing.assert_array_equal(chosen.vectors, FOUND.vectors[1:])
    with pytest.raises(UserError, match="has no direction 'Age': choose from smile, age"):
        found.choose(['smile', 'Age'])


def test_a_choice_is_a_file_with_names_or_without(tmp_path):
    there = tmp_path / 'a:b.json'
    there.write_text('')
    assert split_choice('d.json:smile, age,smile') == ('d.json', ['smile', 'age'])
    assert split_choice('d.json') == ('d.json', None)
    assert split_choice(str(there)) == (str(there), None)
    assert split_choice(f'{there}:smile') == (str(there), ['smile'])
    assert clean_name('big: nose, ') == 'big_ nose_'


def test_directions_of_another_network_are_refused(path):
    with pytest.raises(UserError, match=r'directions of the network toy.pkl \(SHA-256 abababababab…\)'):
        read_directions(path).check_network('cd' * 32)


def changed(*keys, value):
    def change(content):
        inner = content
        for key in keys[:-1]:
            inner = inner[key]
        inner[keys[-1]] = value

    return change


@pytest.mark.parametrize(
    'change, message',
    [
        (changed('directions of', value='a car'), 'is no file of directions: name a file that'),
        (changed('version', value=2), 'is of version 2, and this program reads 1'),
        (changed('directions', 0, 'vector', value=[1, 1, 0]), r'is damaged \(its vectors are not all of length 1\)'),
        (changed('directions', 0, 'vector', value=[float('nan'), 1, 0]), 'its vectors are not all numbers'),
        (changed('directions', 0, 'vector', value=[1, 0]), 'is damaged'),
        (changed('directions', 0, 'vector', value='up'), 'is damaged'),
        (changed('directions', 1, 'name', value='smile'), 'its names are not all different words'),
        (changed('directions', value=[]), 'its names are not all different words'),
        (changed('directions', value=None), 'is damaged'),
        (changed('layers', value=[0, 2]), 'its layers are no neighbours'),
        (changed('layers', value=[]), 'its layers are no neighbours'),
        (changed('network', 'sha256', value=None), 'its network has no name'),
    ],
)
def test_a_damaged_file_is_a_sentence(path, change, message):
    with open(path) as file:
        content = json.load(file)
    change(content)
    with open(path, 'w') as file:
        json.dump(content, file)
    with pytest.raises(UserError, match=message):
        read_directions(path)


@pytest.mark.parametrize(
    'content', [b'', b'\x93NUMPY', b'[1, 2]', b'[' * 100000], ids=['empty', 'binary', 'list', 'deep']
)
def test_another_file_is_a_sentence(tmp_path, content):
    (tmp_path / 'd.json').write_bytes(content)
    with pytest.raises(UserError, match='is no file of directions'):
        read_directions(str(tmp_path / 'd.json'))
    with pytest.raises(
        UserError, match='cannot be read .*check the path, or name a file that python -m synthesis directions wrote'
    ):
        read_directions(str(tmp_path / 'missing.json'))
