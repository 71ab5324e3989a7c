"""Lists of labels as people have them: of other programs, with gaps, with values that nobody expected."""

import csv
import io
import json
import unicodedata

import pytest
from click.testing import CliRunner

from dnnlib.errors import UserError
from dnnlib.records.tfrecords import MultiResolutionDataset
from prefilter import report
from prefilter.labels import check_labels
from prefilter.sources import open_source
from tests.pictures import identities, make_archive, picture, reds, write_files

pytestmark = pytest.mark.usefixtures('charts_drawn_once')
IMAGES = {f'in/{number}.png': picture(number) for number in range(3)}


@pytest.fixture
def filtered(run, tmp_path):
    """Runs the command without a search for faces; returns its result and the folder it made."""

    def filter_images(source, *flags):
        out = tmp_path / 'out'
        return run(source, '--out', out, '--no-detect', '--size', 4, '--no-shuffle', '--workers', 1, *flags), out

    return filter_images


def labels_of(out):
    with MultiResolutionDataset(str(out)) as dataset:
        return dataset.labels[:].tolist()


def refused(result):
    """The sentence with which a command refuses, before any image is examined."""
    assert result.exit_code == 1 and isinstance(result.exception, SystemExit), result.exception
    assert 'Reading images' not in result.stderr
    (line,) = [line for line in result.stderr.splitlines() if line.startswith('Error: ')]
    return line


def csv_source(folder, text):
    write_files(folder, {**IMAGES, 'list.csv': text})
    return str(folder / 'list.csv')


def attributes_of(source):
    return {
        name: [int(source.attributes(place)[column]) for place in range(len(source.paths))]
        for column, name in enumerate(source.attribute_names)
    }


# ----------------------------------------------------------------------------------------------------------------------
# Nobody asked for the list.

CELEBA = {f'img_align_celeba/{number:06d}.jpg': picture(number) for number in (1, 2, 3)}
VGGFACE2 = {f'train/n00000{number}/0001_01.jpg': picture(number) for number in (1, 2)}
STYLEGAN = {f'00000/img0000000{number}.png': picture(number) for number in range(2)}
UMDFACES = {f'umdfaces_batch1/{person}/{person}_1.jpg': picture(number) for number, person in enumerate(['ann', 'bo'])}
VGGFACE = {f'images/{person}/00000001.jpg': picture(number) for number, person in enumerate(['Ann', 'Bo'])}
ULTRAFACE = 'umdfaces_batch1/umdfaces_batch1_ultraface.csv'
NOT_ASKED_FOR = [  # files, the labels for which the list is refused, a part of the sentence
    ({**CELEBA, 'identity_CelebA.txt': '000001.jpg 4\n000003.jpg 4\n'}, 'identity', 'has no line for .*000002.jpg'),
    ({**CELEBA, 'identity_CelebA.txt': ''}, 'identity', 'identity_CelebA.txt has no line for'),
    ({**CELEBA, 'identity_CelebA.txt': b'\0\0'}, 'identity', 'line 1: found a NUL'),
    ({**CELEBA, 'identity_CelebA.txt': '000001.jpg ann\n'}, 'identity', 'line 1: expected lines as'),
    ({**CELEBA, 'identity_CelebA.txt': '000001.jpg 1\n000001.jpg 2\n'}, 'identity', 'line 2: 1 has 2 here and 1 above'),
    ({**CELEBA, 'list_attr_celeba.txt': '1\nMale\n000001.jpg 1\n'}, 'attributes', 'has no line for .*000002.jpg'),
    (
        {**CELEBA, 'list_attr_celeba.txt': '1\nMale\n000001.jpg 2\n'},
        'attributes',
        "line 3: expected -1 .* Male, found '2'",
    ),
    ({**VGGFACE2, 'meta/identity_meta.csv': 'Class_ID, Gender\nn000001, m\n'}, 'attributes', "no line for 'n000002'"),
    ({**VGGFACE2, 'meta/identity_meta.csv': 'x\n"n'}, 'attributes', 'has no column Class_ID, Gender'),
    (
        {**STYLEGAN, 'dataset.json': json.dumps({'labels': [[path, [0.9, 0.0]] for path in STYLEGAN]})},
        'attributes',
        '0.9',
    ),
    ({**STYLEGAN, 'dataset.json': json.dumps({'labels': [['00000/img00000000.png', 1]]})}, 'identity', 'img00000001'),
    ({**STYLEGAN, 'dataset.json': json.dumps({'labels': [[path, 0.5] for path in STYLEGAN]})}, 'identity', '0.5'),
    ({**STYLEGAN, 'dataset.json': '{"labels": [["00000'}, 'identity', 'is not as expected .JSONDecodeError'),
    ({**STYLEGAN, 'dataset.json': '[' * 100000}, 'identity', 'is not as expected .RecursionError'),
    ({**UMDFACES, ULTRAFACE: 'SUBJECT_ID,FILE\n1,ann/ann_1.jpg\n2,ann/ann_2.jpg\n'}, 'identity', 'line 3: .* 1 and 2'),
    ({**UMDFACES, ULTRAFACE: 'SUBJECT_ID,FILE\n1,ann/ann_1.jpg\n2\n'}, 'identity', 'line 3: expected 2 values'),
    ({**UMDFACES, ULTRAFACE: 'SUBJECT_ID,FILE\n1,eve/eve_1.jpg\n'}, 'identity', 'is not in the layout'),
    ({**VGGFACE, 'files/Ann.txt': 'http://x/1.jpg\n'}, 'identity', 'Ann.txt, line 1: expected lines that begin'),
]


@pytest.mark.parametrize('number', range(len(NOT_ASKED_FOR)))
def test_a_list_that_nobody_asked_for_stops_no_filter(filtered, tmp_path, number):
    files, kind, sentence = NOT_ASKED_FOR[number]
    location = write_files(tmp_path / 'in', files)
    images = len([path for path in files if path.endswith(('.jpg', '.png'))])
    with pytest.raises(UserError, match=sentence):
        check_labels(open_source(location, labels=kind), kind)
    result, out = filtered(location)
    assert result.exit_code == 0, result.stderr
    assert f'{images} images: {images} accepted' in result.stdout


def test_a_list_with_a_gap_is_refused_before_the_first_image_and_left_out_of_the_page(filtered, tmp_path):
    people = '000001.jpg 7\n000002.jpg 8\n'
    location = write_files(tmp_path / 'in', {**CELEBA, 'identity_CelebA.txt': people})
    result, out = filtered(location, '--labels', 'identity')
    assert 'identity_CelebA.txt has no line for img_align_celeba/000003.jpg: take the list' in refused(result)
    result, out = filtered(location)
    page = (out / 'report.html').read_text(encoding='utf-8')
    assert '2 identities with an accepted image, 0 with none, 1.0 images of each on average.' in page
    assert 'Who is in 1 other accepted images is not known.' in page
    write_files(tmp_path / 'in', {'identity_CelebA.txt': 'damaged'})
    result, out = filtered(location, '--force')
    assert result.exit_code == 0 and '<h2>Identities</h2>' not in (out / 'report.html').read_text(encoding='utf-8')


def test_a_page_that_is_made_again_leaves_out_what_nobody_knows(filtered, tmp_path):
    location = write_files(tmp_path / 'in', {**CELEBA, 'identity_CelebA.txt': '000001.jpg 7\n000002.jpg 8\n'})
    _, out = filtered(location)
    page = (out / 'report.html').read_bytes()
    result = CliRunner(mix_stderr=False).invoke(report.main, [str(out), '--source', location])
    assert result.exit_code == 0, result.stderr
    assert (out / 'report.html').read_bytes() == page


def test_a_partition_is_asked_for(filtered, tmp_path):
    files = {**CELEBA, 'list_eval_partition.txt': '000001.jpg 0\n000002.jpg 3\n'}
    result, _ = filtered(write_files(tmp_path / 'in', files), '--partition', 'train')
    assert 'line 2: expected lines as "000001.jpg 1", with one of 0, 1, 2, found \'000002.jpg 3\'' in refused(result)
    (tmp_path / 'in/list_eval_partition.txt').write_text('000001.jpg 0\n')
    result, _ = filtered(str(tmp_path / 'in'), '--partition', 'train')
    assert 'list_eval_partition.txt has no line for img_align_celeba/000002.jpg' in refused(result)


def test_a_dataset_json_of_another_kind_makes_no_layout(tmp_path):
    files = {**STYLEGAN, 'dataset.json': '{"images": [], "annotations": []}'}
    assert open_source(write_files(tmp_path, files)).layout == 'tree'


# ----------------------------------------------------------------------------------------------------------------------
# Values.


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
        assert '--labels attributes takes male.\n' in result.stderr
        assert f'list.csv: no attribute: {taken}.\n' in result.stderr
    else:
        assert labels_of(out) == [[taken[0], 0], [taken[1], 1], [taken[2], 0]]
        assert '--labels attributes takes smiling, male.\n' in result.stderr


def test_without_any_attribute_each_column_is_explained(filtered, tmp_path):
    location = csv_source(tmp_path, ',path,age\n0,in/0.png,20\n1,in/1.png,30\n')  # pandas writes the numbers of rows
    result, _ = filtered(location, '--labels', 'attributes')
    sentence = refused(result)
    assert 'no column of list.csv has only 0 and 1' in sentence and "age (line 2 has '20'" in sentence
    assert 'a column has no name' in sentence


@pytest.mark.parametrize(
    'labels, rows',
    [
        ([[-1, 1], [1, 1]], [[0, 1], [1, 1]]),
        ([[1.0, 0.0], [0.0, 0.0]], [[1, 0], [0, 0]]),
        ([[True, False], [False, False]], [[1, 0], [0, 0]]),
        ([[-1, 1], [0, 1]], None),
        ([[1], [0, 1]], None),
        ([[2], [1]], None),
    ],
)
def test_vectors_of_a_dataset_json(tmp_path, labels, rows):
    text = json.dumps({'labels': list(zip(STYLEGAN, labels))})
    source = open_source(write_files(tmp_path, {**STYLEGAN, 'dataset.json': text}))
    if rows is None:
        with pytest.raises(UserError, match='neither all ints nor all vectors of 0 and 1, as '):
            check_labels(source, 'attributes')
    else:
        check_labels(source, 'attributes')
        assert [source.attributes(place).tolist() for place in range(2)] == rows


@pytest.mark.parametrize(
    'labels, people', [([6, 7], [6, 7]), ([6.0, 7.0], [6, 7]), ([6, None], None), ([6, '7'], None)]
)
def test_classes_of_a_dataset_json(tmp_path, labels, people):
    text = json.dumps({'labels': list(zip(STYLEGAN, labels))})
    source = open_source(write_files(tmp_path, {**STYLEGAN, 'dataset.json': text}))
    if people is None:
        with pytest.raises(UserError, match='neither all ints nor all vectors'):
            check_labels(source, 'identity')
    else:
        assert identities(source) == people


def vggface2(folder, rows):
    meta = 'Class_ID, Name, Sample_Num, Flag, Gender\n' + rows
    return write_files(folder, {**VGGFACE2, 'meta/identity_meta.csv': meta})


def test_gender_is_read_from_names_with_commas_and_in_any_case(filtered, tmp_path):
    location = vggface2(tmp_path / 'in', 'n000001, First_Last,_Jr., 300, 1, m\nn000002, "Other, Name", 10, 1, M\n')
    result, out = filtered(location, '--labels', 'attributes')
    assert labels_of(out) == [[1], [1]]
    assert attributes_of(open_source(vggface2(tmp_path / 'in', 'n000001,a,1,1,F\nn000002,b,1,1,m\n'))) == {
        'Male': [0, 1]
    }


@pytest.mark.parametrize(
    'rows, sentence',
    [
        ('n000001, "x", 1, 1, male\n', "line 2: expected m or f as Gender, found 'male'"),
        ('n000001, "x", 1, 1, \n', "line 2: expected m or f as Gender, found ''"),
        ('n000001, "x", m\n', 'line 2: expected 5 values, found 3'),
        ('n000001, x, 1, 1, m\nn000002, y, 1, 1, f\nn000001, x, 1, 1, f\n', 'line 4: n000001 has 0 here and 1 above'),
    ],
)
def test_gender_that_is_neither_is_refused(filtered, tmp_path, rows, sentence):
    result, _ = filtered(vggface2(tmp_path / 'in', rows), '--labels', 'attributes')
    assert 'identity_meta.csv, ' + sentence in refused(result)


def test_a_subject_without_a_number_is_refused(tmp_path):
    location = write_files(tmp_path, {**UMDFACES, ULTRAFACE: 'SUBJECT_ID,FILE\n1,ann/ann_1.jpg\n,bo/bo_1.jpg\n'})
    with pytest.raises(UserError, match='line 3: expected a SUBJECT_ID before FILE'):
        open_source(location, labels='identity')


# ----------------------------------------------------------------------------------------------------------------------
# Encodings, line ends, other programs.

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


def test_a_backslash_in_a_file_name_is_kept(tmp_path):
    write_files(tmp_path, {'in\\x.png': picture(7), 'in/x.png': picture(8)})
    assert reds(open_source(csv_source(tmp_path, 'path\nin\\x.png\n'))) == [7]


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


def test_lists_of_celeba_with_the_numbers_of_rows_or_without_a_header(tmp_path):
    smiles = ''.join(f'{number},{line}\n' for number, line in zip(['', 0, 1, 2], SMILES.splitlines()))
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
