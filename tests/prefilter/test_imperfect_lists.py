"""Lists of labels that nobody asked for, that have gaps, or values that nobody expected."""

import json

import pytest
from click.testing import CliRunner
from labelled_sets import CELEBA, STYLEGAN, ULTRAFACE, UMDFACES, VGGFACE, VGGFACE2, attributes_of, labels_of, refused

from dnnlib.errors import UserError
from prefilter import report
from prefilter.labels import check_labels
from prefilter.sources import open_source
from tests.pictures import identities, write_files

pytestmark = pytest.mark.usefixtures('charts_drawn_once')
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


def test_an_image_with_two_labels_in_a_dataset_json_is_refused(tmp_path):
    first, second = STYLEGAN
    pairs = [[first, 6], ['./' + second, 7], [second, 7]]
    location = write_files(tmp_path, {**STYLEGAN, 'dataset.json': json.dumps({'labels': pairs})})
    assert identities(open_source(location)) == [6, 7]
    write_files(tmp_path, {'dataset.json': json.dumps({'labels': [*pairs, [first, 8]]})})
    with pytest.raises(UserError, match=f'dataset.json in .* gives {first} the labels 6 and 8: remove one of them'):
        check_labels(open_source(location), 'identity')


@pytest.mark.parametrize(
    'text',
    [
        '3\nimage_id identity\n000001.jpg 7\n000002.jpg 8\n000003.jpg 7\n',
        '000001.jpg;7\n000002.jpg;8\n000003.jpg;7.0\n',
    ],
)
def test_identities_of_celeba_in_other_forms(tmp_path, text):
    location = write_files(tmp_path, {**CELEBA, 'identity_CelebA.txt': text})
    assert identities(open_source(location)) == [7, 8, 7]


def test_no_is_minus_one_or_zero_but_not_both(tmp_path):
    text = '3\nMale Smiling\n000001.jpg 1 0\n000002.jpg -1 0\n000003.jpg {} 1\n'
    location = write_files(tmp_path, {**CELEBA, 'list_attr_celeba.txt': text.format(1)})
    assert attributes_of(open_source(location)) == {'Male': [1, 0, 1], 'Smiling': [0, 0, 1]}
    write_files(tmp_path, {'list_attr_celeba.txt': text.format(0)})
    with pytest.raises(UserError, match='list_attr_celeba.txt has both -1 and 0 for Male: which is no'):
        check_labels(open_source(location), 'attributes')


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


def test_one_subject_written_in_two_ways_is_one(tmp_path):
    rows = 'SUBJECT_ID,FILE\n1,ann/ann_1.jpg\n1.0,ann/ann_2.jpg\n2.0,bo/bo_1.jpg\n'
    assert identities(open_source(write_files(tmp_path, {**UMDFACES, ULTRAFACE: rows}))) == ['1', '2']


def test_a_subject_without_a_number_is_refused(tmp_path):
    location = write_files(tmp_path, {**UMDFACES, ULTRAFACE: 'SUBJECT_ID,FILE\n1,ann/ann_1.jpg\n,bo/bo_1.jpg\n'})
    with pytest.raises(UserError, match='line 3: expected a SUBJECT_ID before FILE'):
        open_source(location, labels='identity')
