"""Lists as other programs write them: encodings, line ends, spellings of a name, CelebA's as .csv."""

import csv
import io
import json
import unicodedata

import pytest
from labelled_sets import CELEBA, IMAGES, STYLEGAN, ULTRAFACE, UMDFACES, VGGFACE, VGGFACE2, attributes_of, labels_of

from dnnlib.errors import UserError
from prefilter.labels import check_labels
from prefilter.sources import open_source
from tests.pictures import identities, make_archive, picture, reds, write_files

pytestmark = pytest.mark.usefixtures('charts_drawn_once')
ENCODED = {
    'utf-16, as PowerShell writes it': lambda text: text.encode('utf-16'),
    'utf-16, the other order': lambda text: b'\xfe\xff' + text.encode('utf-16-be'),
    'utf-16 without a mark': lambda text: text.encode('utf-16-le'),
    'utf-16 without a mark, the other order': lambda text: text.encode('utf-16-be'),
    'utf-32': lambda text: text.encode('utf-32'),
    'with a byte order mark': lambda text: text.encode('utf-8-sig'),
    'old line ends of a Mac': lambda text: text.replace('\n', '\r').encode(),
    "Windows' line ends": lambda text: text.replace('\n', '\r\n').encode(),
}
FFHQ = {f'images1024x1024/00000/{number:05d}.png': picture(number) for number in (1, 2)}
FFHQ_LIST = json.dumps({'1': {'category': 'training'}, '2': {'category': 'validation'}}, indent=1)
LISTS = {  # list: (files, text of the list, identities or attributes, partition)
    'list.csv': (IMAGES, 'path,label\nin/0.png,Zoë\nin/1.png,Bo\n', ['Zoë', 'Bo'], None),
    'identity_CelebA.txt': (CELEBA, '000001.jpg 7\n000002.jpg 8\n000003.jpg 7\n', [7, 8, 7], None),
    'list_attr_celeba.txt': (
        CELEBA,
        '3\nMale\n' + ''.join(f'00000{n}.jpg -1\n' for n in '123'),
        {'Male': [0] * 3},
        None,
    ),
    'list_eval_partition.txt': (CELEBA, ''.join(f'00000{n}.jpg 0\n' for n in '123'), None, 'train'),
    'identity_meta.csv': (VGGFACE2, 'Class_ID, Gender\nn000001, m\nn000002, f\n', {'Male': [0, 1]}, None),
    'dataset.json': (STYLEGAN, json.dumps({'labels': [[path, 5] for path in STYLEGAN]}, indent=1), [5, 5], None),
    ULTRAFACE: (UMDFACES, 'SUBJECT_ID,FILE\n1,ann/ann_1.jpg\n2,bo/bo_1.jpg\n', ['1', '2'], None),
    'files/Ann.txt': (VGGFACE, '00000001 http://x\n', ['Ann'], None),
    'ffhq-dataset-v2.json': (FFHQ, FFHQ_LIST, None, 'train'),
}


@pytest.mark.parametrize('name', LISTS)
@pytest.mark.parametrize('encoding', ENCODED)
def test_lists_of_other_programs_are_read(tmp_path, name, encoding):
    files, text, labels, partition = LISTS[name]
    location = write_files(tmp_path, {**files, name: ENCODED[encoding](text)})
    source = open_source(location + ('/list.csv' if name == 'list.csv' else ''), partition=partition)
    if isinstance(labels, dict):
        labels = {'Male': [1, 0]} if name == 'identity_meta.csv' else labels  # the order of the paths
        assert attributes_of(source) == labels
    elif labels:
        assert identities(source) == labels
    assert source.layout != 'tree' and not [line for line in source.remarks if 'SOURCE is read as' in line]


@pytest.mark.parametrize('name', LISTS)
def test_a_nul_in_a_list_is_a_sentence(tmp_path, name):
    files, text, labels, partition = LISTS[name]
    location = write_files(tmp_path, {**files, name: text.encode() + b'\n\0\0'})
    line = text.count('\n') + 2
    with pytest.raises(UserError, match=f'{name}, line {line}: found a NUL character') as error:
        source = open_source(location + ('/list.csv' if name == 'list.csv' else ''), partition=partition, labels='any')
        check_labels(source, 'attributes' if isinstance(labels, dict) else 'identity')
    assert '\0' not in error.value.message


@pytest.mark.parametrize('on_disk, listed', [('NFC', 'NFD'), ('NFD', 'NFC')])
def test_names_in_two_spellings_are_one_person(tmp_path, on_disk, listed):
    folder, name = (unicodedata.normalize(form, 'Zo\u00eb') for form in (on_disk, listed))
    umdfaces = {f'umdfaces_batch1/{folder}/x.jpg': picture(1), ULTRAFACE: f'SUBJECT_ID,FILE\n5,{name}\\x.jpg\n'}
    assert identities(open_source(write_files(tmp_path / 'umdfaces', umdfaces))) == ['5']
    vggface = {f'images/{folder}/00000001.jpg': picture(1), f'files/{name}.txt': '00000001 http://x\n'}
    source = open_source(write_files(tmp_path / 'vggface', vggface))
    assert (source.layout, identities(source)) == ('vggface', ['Zo\u00eb'])
    labels = {'labels': [[f'{name}\\1.png', 3]]}
    stylegan = {f'{folder}/1.png': picture(1), 'dataset.json': json.dumps(labels)}
    assert identities(open_source(write_files(tmp_path / 'stylegan', stylegan))) == [3]
    lfw = {f'{folder}/{name}_0001.jpg': picture(1), f'{name}/{name}_0002.jpg': picture(2)}
    source = open_source(write_files(tmp_path / 'lfw', lfw))
    assert (source.layout, identities(source)) == ('lfw', ['Zo\u00eb'] * 2)
    tree = {f'{folder}/1.png': picture(1), f'{name}/2.png': picture(2)}
    assert identities(open_source(write_files(tmp_path / 'tree', tree))) == ['Zo\u00eb'] * 2
    archive = make_archive(tmp_path / 'tree.zip', tree)
    assert identities(open_source(archive)) == ['Zo\u00eb'] * 2


# ----------------------------------------------------------------------------------------------------------------------
# CelebA's lists as .csv.


def table(*rows):
    file = io.StringIO()
    csv.writer(file).writerows(rows)
    return file.getvalue()


PEOPLE = table(['image_id', 'identity'], *([f'00000{number}.jpg', number % 2] for number in (1, 2, 3)))
SMILES = table(['image_id', 'Male', 'Smiling'], *([f'00000{number}.jpg', '-1.0', number % 2] for number in (1, 2, 3)))
PARTS = table(['image_id', 'partition'], *([f'00000{number}.jpg', number - 1] for number in (1, 2, 3)))


def test_lists_of_celeba_as_csv(filtered, tmp_path):
    files = {'img_align_celeba/' + path: data for path, data in CELEBA.items()}  # the folder in the folder
    lists = {'identity_CelebA.csv': PEOPLE, 'list_attr_celeba.csv': SMILES, 'list_eval_partition.csv': PARTS}
    location = write_files(tmp_path / 'in', {**files, **lists})
    result, out = filtered(location, '--labels', 'attributes')
    assert labels_of(out) == [[0, 1], [0, 0], [0, 1]] and 'takes Male, Smiling.' in result.stderr
    for place in (location, location + '/img_align_celeba/img_align_celeba'):
        source = open_source(place)
        assert (source.layout, identities(source)) == ('celeba', [1, 0, 1])
        assert reds(open_source(place, partition='valid')) == [2]


@pytest.mark.parametrize('name', ['', 'Unnamed: 0'])  # as pandas writes it, and as it writes it when it has read that
def test_lists_of_celeba_with_the_numbers_of_rows_or_without_a_header(tmp_path, name):
    smiles = ''.join(f'{number},{line}\n' for number, line in zip([name, 0, 1, 2], SMILES.splitlines()))
    lists = {'list_attr_celeba.csv': smiles, 'identity_CelebA.csv': PEOPLE.partition('\n')[2]}
    source = open_source(write_files(tmp_path, {**CELEBA, **lists}))
    assert attributes_of(source) == {'Male': [0, 0, 0], 'Smiling': [1, 0, 1]} and identities(source) == [1, 0, 1]


@pytest.mark.parametrize(
    'text, sentence',
    [
        (SMILES.replace('-1.0,1', ',1'), "list_attr_celeba.csv, line 2: expected -1 or 1 for Male, found ''"),
        (SMILES.replace('-1.0,1', '-1.0'), 'list_attr_celeba.csv, line 2: expected 3 values, found 2'),
        (SMILES.replace('-1.0,1', '-1.0,1,1'), 'list_attr_celeba.csv, line 2: expected 3 values, found 4'),
        (
            SMILES.replace('-1.0,1', '-1.0,yes'),
            "list_attr_celeba.csv, line 2: expected -1 or 1 for Smiling, found 'yes'",
        ),
        (
            SMILES.replace('000001', 'one'),
            "list_attr_celeba.csv, line 2: expected an image such as 000001.jpg, found 'one",
        ),
        ('', 'line 1: expected the names of the attributes, and a line for each image'),
    ],
)
def test_damaged_csv_lists_of_celeba(tmp_path, text, sentence):
    source = open_source(write_files(tmp_path, {**CELEBA, 'list_attr_celeba.csv': text}))
    with pytest.raises(UserError, match=sentence):
        check_labels(source, 'attributes')
