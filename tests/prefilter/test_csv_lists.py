"""Images with a .csv as SOURCE: the rows, values and paths that it may have."""

import gzip
import io
import os
import unicodedata
import zipfile

import pytest
from labelled_sets import CELEBA, csv_source, labels_of, refused

from dnnlib.errors import UserError
from dnnlib.records.label_names import read_label_names
from prefilter.labels import check_labels
from prefilter.sources import open_source
from tests.pictures import identities, picture, reds, write_files

pytestmark = pytest.mark.usefixtures('charts_drawn_once')


def test_a_row_that_does_not_fit_its_header_is_refused(filtered, tmp_path):
    location = csv_source(
        tmp_path, 'path,label\n' + ''.join(f'in/{number}.png,Last, First {number}\n' for number in '012')
    )
    result, _ = filtered(location, '--labels', 'identity')
    assert 'list.csv, line 2: expected 2 values, found 3 (in/0.png, Last, First 0): put a value that' in refused(result)
    source = open_source(csv_source(tmp_path, 'path,label\nin/0.png,Ann,,\n,,\nin/1.png,"Last, First"\n'))
    assert identities(source) == ['Ann', 'Last, First']  # empty values at the end, and an empty row, are nothing


@pytest.mark.parametrize(
    'text, sentence',
    [
        ('path,label\nin/0.png\n', 'line 2: expected 2 values, found 1'),
        ('path,label\n,Ann\n', 'line 2: expected a path'),
        ('path,label\nin/0.png,"Ann\nin/1.png,Bo\n', 'line 2: unexpected end of data'),
        ('path,label\nin/0.png,"Ann"B\n', "line 2: ',' expected after"),
        ('path\n', 'has no images'),
        ('path\nx/0.png\n', "none of its images is there, such as 'x/0.png' in "),
        ('', 'expected a column path in its first line, found nothing'),
    ],
)
def test_csv_files_that_say_too_little(tmp_path, text, sentence):
    with pytest.raises(UserError, match=sentence):
        open_source(csv_source(tmp_path, text))


def test_two_columns_of_labels_stop_only_somebody_who_asks_for_labels(filtered, tmp_path):
    location = csv_source(tmp_path, 'path,label,Label,male\nin/0.png,Ann,Bo,1\nin/1.png,Ann,Bo,0\n')
    assert 'list.csv has 2 columns label: give' in refused(filtered(location, '--labels', 'identity')[0])
    source = open_source(location)
    assert [source.known_identity(place) for place in range(2)] == [None, None]
    assert source.attribute_names == ['male']


def test_an_image_without_a_name_is_nobody(tmp_path):
    source = open_source(csv_source(tmp_path, 'path,label\nin/0.png,Ann\nin/1.png,\n'))
    with pytest.raises(UserError, match='list.csv, line 3: label is empty: say who is in the image'):
        check_labels(source, 'identity')
    assert [source.known_identity(place) for place in range(2)] == ['Ann', None]


@pytest.mark.parametrize(
    'values, taken',
    [
        (['-1', '1', '1'], [0, 1, 1]),
        (['1.0', '0.0', '1.0'], [1, 0, 1]),
        (['-1.0', '1', '-1'], [0, 1, 0]),
        (['True', 'False', 'true'], [1, 0, 1]),
        (['1', '', '0'], "smiling (line 3 has '', expected 0 or 1, or -1 or 1)"),
        (['1', '0', 'nan'], "smiling (line 4 has 'nan', expected 0 or 1, or -1 or 1)"),
        (['1', '2', '0'], "smiling (line 3 has '2', expected 0 or 1, or -1 or 1)"),
        (['1', '0', '-1'], 'smiling (line 3 has 0, line 4 has -1: which is no?)'),
    ],
)
def test_what_is_an_attribute_is_said(filtered, tmp_path, values, taken):
    rows = [f'in/{number}.png,{value},{number % 2}\n' for number, value in enumerate(values)]
    location = csv_source(tmp_path, 'path,smiling,male\n' + ''.join(rows))
    result, out = filtered(location, '--labels', 'attributes')
    assert result.exit_code == 0, result.stderr
    if isinstance(taken, str):
        assert labels_of(out) == [[0], [1], [0]]
        assert '--labels attributes takes male.\n' in result.stderr and read_label_names(out) == ['male']
        assert f'list.csv: no attribute: {taken}.\n' in result.stderr
    else:
        assert labels_of(out) == [[taken[0], 0], [taken[1], 1], [taken[2], 0]]
        assert '--labels attributes takes smiling, male.\n' in result.stderr
        assert read_label_names(out) == ['smiling', 'male']


def test_without_any_attribute_each_column_is_explained(filtered, tmp_path):
    location = csv_source(tmp_path, ',path,age\n0,in/0.png,20\n1,in/1.png,30\n')  # pandas writes the numbers of rows
    result, _ = filtered(location, '--labels', 'attributes')
    sentence = refused(result)
    assert 'no column of list.csv has only 0 and 1' in sentence and "age (line 2 has '20'" in sentence
    assert 'a column has no name' in sentence


def test_numbers_of_a_list_are_scaled_and_their_ranges_kept(filtered, tmp_path):
    text = ',path,label,age,yaw,smiling,one,note\n'
    text += '0,in/0.png,Ann,20,-1.5e1,1,7,x\n1,in/1.png,Bo,30,45,0,7,y\n2,in/2.png,Cy,25,0,1,7,z\n'
    location = csv_source(tmp_path, text)
    result, out = filtered(location, '--labels', 'numbers')
    assert result.exit_code == 0, result.stderr
    assert labels_of(out) == [[-1, -1, 1], [1, 1, -1], [0, -0.5, 1]]
    sentence = '--labels numbers takes age (20 to 30), yaw (-15 to 45), smiling (0 to 1), and scales each to [-1, 1].\n'
    assert sentence in result.stderr and read_label_names(out) == ['age', 'yaw', 'smiling']
    with open(os.path.join(out, 'label-names.txt')) as file:
        assert file.read() == 'age\t20.0\t30.0\nyaw\t-15.0\t45.0\nsmiling\t0.0\t1.0\n'
    for objection in ('a column has no name', 'one (all lines have 7)', "note (line 2 has 'x', expected a number)"):
        assert f'list.csv: no number: {objection}.\n' in result.stderr


@pytest.mark.parametrize(
    'text, sentence',
    [
        (
            'path,age\nin/0.png,20\nin/1.png,\n',
            'no column of list.csv has numbers that differ. list.csv: no number: age (l',
        ),
        ('path,age\nin/0.png,20\nin/1.png,nan\n', "line 3 has 'nan', expected a number"),
        ('path,label\nin/0.png,1\nin/1.png,2\n', 'has no columns of numbers: leave it out, or give a .csv'),
    ],
)
def test_without_any_numbers_each_column_is_explained(tmp_path, text, sentence):
    with pytest.raises(UserError) as refusal:
        check_labels(open_source(csv_source(tmp_path, text)), 'numbers')
    assert sentence in refusal.value.message


TEXT = 'path,label\nin/0.png,Zoë\nin/1.png,Bo\n'


@pytest.mark.parametrize(
    'data',
    [
        TEXT.replace(',', ';').encode(),
        TEXT.replace(',', '\t').encode('utf-16'),  # Excel's "Unicode text"
        ('sep=;\n' + TEXT.replace(',', ';')).encode(),
        ('#TYPE System.Object\r\n' + TEXT).encode('utf-16'),  # PowerShell
        ('\n\n' + TEXT).encode(),
        TEXT.replace('Zoë', '"Zoë"').encode(),
        unicodedata.normalize('NFD', TEXT).encode(),
    ],
)
def test_csv_of_other_programs_is_read(tmp_path, data):
    assert identities(open_source(csv_source(tmp_path, data))) == ['Zoë', 'Bo']


def workbook():
    file = io.BytesIO()
    with zipfile.ZipFile(file, 'w') as archive:
        archive.writestr('xl/workbook.xml', '<workbook/>')
    return file.getvalue()


@pytest.mark.parametrize(
    'data, what',
    [
        (workbook(), 'a workbook of Excel: save it as CSV.'),
        (gzip.compress(TEXT.encode()), 'compressed by gzip: decompress it with gunzip.'),
        (b'<!DOCTYPE html>\n<html></html>', 'a web page, as servers'),
        (b'version https://git-lfs.github.com/spec/v1\noid sha256:1\n', 'a Git LFS pointer, which stands for a file'),
        (picture(1), 'a picture .PNG.: name a list'),
    ],
    ids=['workbook', 'gzip', 'page', 'pointer', 'picture'],  # names from the data would hold the time
)
def test_what_is_no_list_is_called_by_its_name(tmp_path, data, what):
    with pytest.raises(UserError, match=f'list.csv is {what}'):
        open_source(csv_source(tmp_path, data))
    location = write_files(tmp_path / 'celeba', {**CELEBA, 'identity_CelebA.txt': data})
    with pytest.raises(UserError, match=f'identity_CelebA.txt is {what}'):
        check_labels(open_source(location), 'identity')


def test_half_a_character_is_a_sentence(tmp_path):
    with pytest.raises(UserError, match='list.csv is no text .truncated data, byte 20.: copy it again'):
        open_source(csv_source(tmp_path, 'path,label'.encode('utf-16')[:-1]))


def test_long_fields_are_read(tmp_path):
    long = '0.125 ' * 30000
    source = open_source(csv_source(tmp_path, f'path,label,embedding\nin/0.png,Ann,"{long}"\nin/1.png,Bo,"{long}"\n'))
    assert identities(source) == ['Ann', 'Bo']
    with pytest.raises(UserError) as error:
        check_labels(source, 'attributes')
    assert len(error.value.message) < 400


@pytest.mark.parametrize(
    'listed', ['in\\Zo\u00eb\\0.png', 'in/Zo\u00eb/0.png', 'in/Zoe\u0308/0.png', b'in\\Zo\xeb\\0.png']
)
@pytest.mark.parametrize('form', ['NFC', 'NFD'])
def test_paths_of_a_csv_mean_the_files_that_are_there(tmp_path, listed, form):
    write_files(tmp_path, {f'in/{unicodedata.normalize(form, "Zo" + chr(0xEB))}/0.png': picture(7)})
    listed = listed if isinstance(listed, bytes) else listed.encode()
    source = open_source(csv_source(tmp_path, b'path,label\n' + listed + b',Ann\n'))
    assert reds(source) == [7]


@pytest.mark.parametrize('listed', ['./in/0.png', 'in//0.png', './/in/./0.png', '.\\in\\0.png'])
def test_one_image_has_one_path(tmp_path, listed):
    assert [*open_source(csv_source(tmp_path, f'path\n{listed}\n')).paths] == ['in/0.png']
    with pytest.raises(UserError, match='names in/0.png twice: keep one line for each image'):
        open_source(csv_source(tmp_path, f'path\n{listed}\nin/0.png\n'))


def test_numbers_of_pandas_are_whole(tmp_path):
    text = 'Unnamed: 0,path,label\n0,in/0.png,7\n1,in/1.png,7.0\n1,in/2.png,12.\n'
    source = open_source(csv_source(tmp_path, text))
    assert identities(source) == ['7', '7', '12']
    with pytest.raises(UserError, match='no attribute: a column has no name'):
        check_labels(source, 'attributes')


def test_a_backslash_in_a_file_name_is_kept(tmp_path):
    write_files(tmp_path, {'in\\x.png': picture(7), 'in/x.png': picture(8)})
    assert reds(open_source(csv_source(tmp_path, 'path\nin\\x.png\n'))) == [7]
