import base64
import io
import json
import os
import pathlib
import shutil

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from prefilter.distributions import draw_distributions
from prefilter.reasons import REASONS
from prefilter.report import main, write_report
from prefilter.summary import summarise
from tests.parsed_page import ParsedPage
from tests.pictures import encoded, picture, write_files
from tests.prefilter.report_sets import make

HOSTILE = '<script>alert(1)</script>&amp;"\'><img src=http://example.com/x.png>'.replace('/', '_')


OPTIONS = {
    'source': 'photos',
    'format': 'tree',
    'partition': None,
    'size': 8,
    'margin': 10,
    'detect': True,
    'labels': None,
    'no-shuffle': False,
    'export': [],
    'max-pixels': 120000000,
    'reference-loader': False,
    'drop-duplicates': False,
}


pytestmark = pytest.mark.usefixtures('charts_drawn_once')


@pytest.fixture(scope='module')
def made(tmp_path_factory):
    """Seven of ann, two of bob, one of a hostile person; eight refused for four reasons."""
    folder = tmp_path_factory.mktemp('made')
    files = {f'ann/{number}.png': picture(number) for number in range(7)}
    files.update({'bob/1.png': picture(8), 'bob/2.png': picture(9), f'{HOSTILE}/1.png': picture(10)})
    files.update({f'cid/{number}.png': picture(200 + number) for number in range(3)})
    files.update({'cid/out.png': picture(60), 'empty.png': b'', 'text.png': b'text', f'{HOSTILE}.png': b'\x00'})
    files['cut.png'] = encoded(np.random.RandomState(0).randint(0, 256, [40, 40, 3]).astype(np.uint8))[:900]
    photographs = write_files(folder / 'photos', files)
    make(photographs, folder / 'people')
    return folder


@pytest.fixture
def photographs(made, tmp_path):
    return shutil.copytree(str(made / 'photos'), str(tmp_path / 'photos'))


@pytest.fixture
def dataset(made, tmp_path):
    return shutil.copytree(str(made / 'people'), str(tmp_path / 'people'))


def read(folder, name='report.html'):
    return (pathlib.Path(folder) / name).read_bytes()


def make_again(*args):
    return CliRunner(mix_stderr=False).invoke(main, [str(arg) for arg in args])


def test_the_page_says_what_became_of_the_photographs(dataset):
    page = ParsedPage(read(dataset))
    assert ' '.join(page.text.split()).startswith('Dataset people people photographs 18 accepted, 55.6 % 10')
    assert page.table('reason') == [
        ['no-face', '3', '16.7 %', ''],
        ['not-an-image', '3', '16.7 %', ''],
        ['empty-crop', '1', '5.6 %', ''],
        ['truncated', '1', '5.6 %', ''],
    ]
    for reason in ('no-face', 'not-an-image', 'empty-crop', 'truncated'):
        assert f'{reason} What it means: {REASONS[reason]}.' in ' '.join(page.text.split())
    assert ['empty.png', 'the file is empty'] in [row for table in page.tables for row in table]
    assert 'python train.py --data datasets/people --dry-run' in page.text
    quantities = {(row[0], row[1]): row[2:] for row in page.table('')}
    assert quantities['Longer side of the face, px', 'accepted'] == ['7', '7', '7']
    assert quantities['Score of the face', 'refused'] == ['0.96', '0.96', '0.96']
    assert quantities['Faces in the photograph', 'refused'] == ['0', '0', '1']


def test_identities_and_how_many_have_how_many_images(dataset):
    page = ParsedPage(read(dataset))
    assert '3 identities with an accepted image, 2 with none, 3.3 images of each on average.' in page.text
    assert page.table('accepted images') == [['0', '2', ''], ['1', '1', ''], ['2–4', '1', ''], ['5–7', '1', '']]
    assert [row[:2] for row in page.table('identity')] == [
        ['ann', '7'],
        ['bob', '2'],
        [HOSTILE, '1'],
        ['(no name)', '0'],
        ['cid', '0'],
    ]


def test_options_and_files_are_listed_with_their_sizes(dataset):
    page = ParsedPage(read(dataset))
    assert page.table('option') == [
        ['source', 'photos'],
        ['--format', 'tree'],
        ['--partition', '–'],
        ['--size', '8'],
        ['--margin', '10'],
        ['--detect', 'yes'],
        ['--labels', '–'],
        ['--no-shuffle', 'no'],
        ['--export', '–'],
        ['--max-pixels', '120,000,000'],
        ['--reference-loader', 'no'],
        ['--drop-duplicates', 'no'],
    ]
    files = [row for table in page.tables if table[0] == ['file', 'content', 'size'] for row in table[1:]]
    assert [row[0] for row in files] == [
        'people-r02.tfrecords',
        'people-r03.tfrecords',
        'manifest.jsonl',
        'options.json',
        'accepted.png',
        'rejected.png',
        'distributions.png',
    ]
    sizes = [os.path.getsize(os.path.join(dataset, row[0])) for row in files]
    words = [f'{size} bytes' if size < 1000 else f'{size / 1000:.1f} kB' for size in sizes]
    assert [row[2] for row in files] == words
    assert f'{sum(sizes) / 1000:,.1f} kB' in page.text


def test_thumbnails_are_those_images(dataset, photographs):
    page = ParsedPage(read(dataset))
    thumbnails = [image for image in page.images() if image['src'].startswith('data:image/jpeg')]
    reds = [
        Image.open(io.BytesIO(base64.b64decode(image['src'].split(',')[1]))).getpixel((64, 64))[0]
        for image in thumbnails
    ]
    # In the order of the paths: the accepted, then three without a face, then the one outside.
    np.testing.assert_allclose(reds, [10, *range(7), 8, 9, 200, 201, 202, 60], atol=3)


def test_names_from_strangers_stay_text(dataset):
    page = read(dataset)
    assert b'<script' not in page and b'<img src=http' not in page
    parsed = ParsedPage(page)
    assert {tag for tag, _ in parsed.elements} <= {
        'html',
        'head',
        'meta',
        'title',
        'style',
        'body',
        'main',
        'section',
        'h1',
        'h2',
        'h3',
        'p',
        'div',
        'dl',
        'dt',
        'dd',
        'figure',
        'figcaption',
        'img',
        'b',
        'span',
        'svg',
        'g',
        'path',
        'line',
        'text',
        'table',
        'thead',
        'tbody',
        'tr',
        'th',
        'td',
        'code',
        'pre',
    }
    assert f'{HOSTILE}.png' in parsed.text  # and is shown as it is


def test_what_does_not_show_is_written_out(tmp_path):
    names = ['a\u202egnp.png', 'b\udc80.png', 'c\n\x1b[31m.png', 'é 人.png', 'x' * 200 + '.png']
    photographs = write_files(tmp_path / 'photos', {name: picture(0) for name in names[2:]})
    for name in names[:2]:
        with open(os.path.join(photographs.encode(), name.encode('utf-8', 'surrogateescape')), 'wb') as file:
            file.write(b'')
    make(photographs, tmp_path / 'set', detect=False)
    text = ParsedPage(read(tmp_path / 'set')).text
    assert all(part in text for part in ['a\\u202egnp.png', 'b\\udc80.png', 'c\\n\\x1b[31m.png', 'é 人.png', 'x…x'])


def test_the_page_needs_nothing_but_itself_and_runs_nothing(dataset):
    page = ParsedPage(read(dataset))
    references = [
        value
        for _, attributes in page.elements
        for name, value in attributes.items()
        if name in ('src', 'srcset', 'href', 'action', 'data', 'poster')
    ]
    assert references and all(value.startswith('data:image/') for value in references)
    assert b'url(' not in read(dataset) and b'@import' not in read(dataset)
    assert not any(name.startswith('on') for _, attributes in page.elements for name in attributes)
    policy = next(attributes['content'] for tag, attributes in page.elements if 'http-equiv' in attributes)
    assert "default-src 'none'" in policy and 'script' not in policy


def test_the_same_dataset_gives_the_same_bytes_wherever_it_is(tmp_path, photographs, dataset, monkeypatch):
    moved = shutil.copytree(photographs, str(tmp_path / 'elsewhere' / 'photos'))
    monkeypatch.setattr('prefilter.report.draw_distributions', draw_distributions)
    monkeypatch.setenv('TZ', 'Asia/Tokyo')
    monkeypatch.setitem(__import__('matplotlib').rcParams, 'font.size', 20)  # as a user's matplotlibrc would
    other = str(tmp_path / 'other' / 'people')
    make(moved, other)
    for name in ('report.html', 'distributions.png', 'options.json'):
        assert read(other, name) == read(dataset, name)
    assert str(tmp_path).encode() not in read(dataset)


def test_it_is_made_again_from_the_finished_dataset(dataset, photographs):
    before = read(dataset), read(dataset, 'distributions.png')
    for name in ('report.html', 'distributions.png'):
        os.remove(os.path.join(dataset, name))
    result = make_again(dataset, '--source', photographs)
    assert result.exit_code == 0, result.stderr
    assert 'report.html and distributions.png are written.' in result.stdout
    assert (read(dataset), read(dataset, 'distributions.png')) == before


def test_without_the_source_refused_images_are_named(dataset, photographs):
    shutil.rmtree(photographs)
    assert make_again(dataset, '--force').exit_code == 0
    page = ParsedPage(read(dataset))
    assert len(page.table('reason')) == 4 and 'Identities' not in page.text
    assert ['cid/out.png'] in [row for table in page.tables for row in table]
    assert sum(image['src'].startswith('data:image/jpeg') for image in page.images()) == 10  # of the records


def test_a_report_that_shows_more_is_kept_unless_it_is_to_be_replaced(dataset, photographs):
    before = read(dataset), read(dataset, 'distributions.png')
    result = make_again(dataset)
    assert (
        result.exit_code == 1
        and 'name the photographs with --source, or replace the report with --force' in result.stderr
    )
    assert (read(dataset), read(dataset, 'distributions.png')) == before
    for _ in range(2):  # a report without pictures is replaced by its like
        assert make_again(dataset, *['--force'][: read(dataset) == before[0]]).exit_code == 0
    assert read(dataset) != before[0]
    assert make_again(dataset, '--source', photographs).exit_code == 0 and read(dataset) == before[0]


def test_the_bundled_faces_need_no_source_named(tmp_path):
    out = str(tmp_path / 'faces')
    make('lfw-subset', out, detect=False)
    before = read(out)
    assert make_again(out).exit_code == 0 and read(out) == before


def test_an_image_that_killed_its_processes_is_not_looked_at_again(dataset, photographs, monkeypatch):
    manifest = pathlib.Path(dataset) / 'manifest.jsonl'
    manifest.write_text(manifest.read_text().replace('"truncated"', '"crash"'))
    read_again = []
    monkeypatch.setattr(
        'prefilter.views.read_bytes', lambda source, place: read_again.append(source.paths[place]) or b''
    )
    assert make_again(dataset, '--source', photographs).exit_code == 0
    assert 'cut.png' not in read_again and 'cid/out.png' in read_again
    assert b'every process that examined it died' in read(dataset)


def test_another_source_is_refused_and_nothing_changes(dataset, photographs, tmp_path):
    before = read(dataset)
    other = write_files(tmp_path / 'other', {'ann/0.png': picture(0)})
    result = make_again(dataset, '--source', other)
    assert result.exit_code == 1 and 'was not made of this source: photograph 1 of it was ' in result.stderr
    assert 'name the photographs that it was made of with --source.' in result.stderr
    shorter = shutil.copytree(photographs, str(tmp_path / 'shorter'))
    os.remove(os.path.join(shorter, 'text.png'))
    assert 'was not made of this source: photograph 18' in make_again(dataset, '--source', shorter).stderr
    assert read(dataset) == before


@pytest.mark.parametrize(
    'name, content, sentence',
    [
        ('manifest.jsonl', None, 'has no manifest.jsonl'),
        ('manifest.jsonl', '{"path": "a", "accepted": true, "box": "x"}\n', 'is damaged in line 1'),
        ('manifest.jsonl', '', 'has no accepted image'),
        ('options.json', '[]', 'options.json is no JSON object: remove it.'),
        ('options.json', '{"synthetic": {}}', 'is a synthetic set, whose page python -m synthesis generate has made'),
        ('options.json', '{', 'options.json is damaged'),
        ('options.json', '[' * 100000, 'options.json is damaged'),
        ('options.json', '{"format": [1]}', 'options.json is damaged (format is [1], not a text): correct it'),
        ('options.json', '{"max-pixels": "x"}', "damaged (max-pixels is 'x', not a positive whole number)"),
        ('options.json', '{"source": 7}', 'damaged (source is 7, not a text)'),
        ('options.json', '{"reference-loader": "no"}', "damaged (reference-loader is 'no', not true or false)"),
        (
            'manifest.jsonl',
            '{"path": "a", "accepted": true, "index": 99}\n',
            'names record 99, and the records are 0 to 9: make the dataset anew.',
        ),
        ('people-r02.tfrecords', None, 'lacks the resolution 4x4'),
    ],
)
def test_a_damaged_dataset_is_a_sentence(dataset, name, content, sentence):
    path = pathlib.Path(dataset) / name
    path.unlink()
    if content is not None:
        path.write_text(content)
    result = make_again(dataset)
    assert result.exit_code == 1 and sentence in result.stderr


def test_a_dataset_made_before_options_were_kept_has_a_report(dataset):
    os.remove(os.path.join(dataset, 'options.json'))
    write_report(dataset, dataset, summarise(dataset))
    assert 'How it was made' not in ParsedPage(read(dataset)).text


def test_there_is_a_chart_and_a_panel_of_the_picture_for_each_quantity(dataset):
    assert Image.open(os.path.join(dataset, 'distributions.png')).size == (960, 600)
    names = [a['aria-label'] for tag, a in ParsedPage(read(dataset)).elements if tag == 'svg']
    assert names == [
        'Longer side of the face, px: accepted, 10 and refused, 1',
        'Score of the face: accepted, 10 and refused, 1',
        'Shorter side of the photograph, px: accepted, 10 and refused, 4',
        'Faces in the photograph: accepted, 10 and refused, 4',
    ]


def test_the_picture_leaves_out_what_is_not_known(tmp_path, photographs):
    make(photographs, tmp_path / 'set', detect=False)
    assert Image.open(str(tmp_path / 'set' / 'distributions.png')).size == (960, 300)
    assert [row[:2] for row in ParsedPage(read(tmp_path / 'set')).table('')] == [
        ['Shorter side of the photograph, px', 'accepted']
    ]


def test_options_are_kept_without_the_path_of_their_source(dataset):
    assert json.loads(read(dataset, 'options.json').decode()) == OPTIONS


def test_a_dataset_whose_name_is_not_utf_8_has_a_report(dataset):
    folder = dataset + '-\udcff'
    os.rename(dataset, folder)
    for name in sorted(os.listdir(folder)):
        if name.endswith(('.tfrecords', '.labels')):
            os.rename(os.path.join(folder, name), os.path.join(folder, '\udcff' + name))
    write_report(folder, folder, summarise(folder))
    assert b'people-\\udcff' in read(folder)
