import json
import subprocess

import pytest
import yaml
from export_sets import Faces, files_below

from dnnlib.errors import UserError
from dnnlib.exports import dataset_json
from dnnlib.exports.card import CARD_FILES, Facts, Field, licence_lines, size_category, write_card
from dnnlib.exports.forms import ExportOptions, write_exports

FACTS = Facts(
    name='faces',
    title='Faces: "a" set',
    summary='Synthetic faces.',
    num_images=6,
    num_identities=3,
    shape=(3, 8, 8),
    how_made=['python -m synthesis generate'],
    network='network-best.pkl',
    network_sha256='ab' * 32,
    options={'--seed': 1, '--vary': ['noise', 'fine']},
    intended_use=['To train a face recogniser.'],
    manifest='manifest.jsonl',
    fields=[
        Field('index', 'sc:Integer', 'Number of the image.'),
        Field('noise', 'sc:Integer', 'Two seeds.'),
        Field('class', 'sc:Integer', 'Null without classes.'),
        Field('score', 'sc:Float', 'Only there where faces were looked for.'),
    ],
    tags=['stylegan'],
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A set in three forms, with a manifest, an odd name, and a hidden file."""
    monkeypatch.setattr(dataset_json, 'IMAGES_PER_ZIP', 4)
    write_exports(Faces(), str(tmp_path), 'faces', ExportOptions(('zips', 'folders', 'webdataset')))
    (tmp_path / 'manifest.jsonl').write_text(
        ''.join(json.dumps({'index': place, 'noise': [1, 2], 'class': None}) + '\n' for place in range(6))
    )
    (tmp_path / 'odd \\ name\n.txt').write_text('x')
    (tmp_path / '.hidden').write_text('x')
    return tmp_path


def with_facts(**changes):
    return Facts(**{**{name: getattr(FACTS, name) for name in FACTS.__dataclass_fields__}, **changes})


def head_of(folder):
    return yaml.safe_load((folder / 'README.md').read_text(encoding='utf-8').split('---\n')[1])


def test_sha256sum_itself_checks_every_file(folder):
    write_card(str(folder), FACTS)
    check = ['sha256sum', '--check', '--strict', 'sha256sums.txt']
    done = subprocess.run(check, cwd=str(folder), capture_output=True, text=True)
    assert done.returncode == 0 and not done.stderr
    assert done.stdout.count(': OK') == len(files_below(folder)) - 2  # without itself and the hidden one
    (folder / 'folders' / '000005' / '000000.png').write_bytes(b'other')
    assert subprocess.run(check, cwd=str(folder), capture_output=True).returncode == 1


def test_the_description_has_the_sum_of_each_file_and_every_reference_leads_somewhere(folder):
    write_card(str(folder), FACTS)
    described = json.loads((folder / 'metadata.json').read_text(encoding='utf-8'))
    assert described['conformsTo'] == 'http://mlcommons.org/croissant/1.0' and described['@type'] == 'sc:Dataset'
    assert 'license' not in described and 'url' not in described
    objects = {each['contentUrl']: each for each in described['distribution'] if each['@type'] == 'cr:FileObject'}
    expected = {
        path: digest
        for path, digest in files_below(folder).items()
        if not path.startswith('folders/') and path not in (*CARD_FILES, '.hidden')
    }
    assert {path: each['sha256'] for path, each in objects.items()} == expected
    assert objects['faces-zips/00001.zip']['encodingFormat'] == 'application/zip'
    assert objects['manifest.jsonl']['contentSize'] == f'{(folder / "manifest.jsonl").stat().st_size} B'
    ids = [each['@id'] for each in described['distribution'] + described['recordSet']]
    ids += [field['@id'] for each in described['recordSet'] for field in each['field']]
    assert len(ids) == len(set(ids))
    sets = {each['@id']: each for each in described['distribution'] if each['@type'] == 'cr:FileSet'}
    assert [each['@id'] for each in sets['pictures']['containedIn']] == ['faces-zips/00000.zip', 'faces-zips/00001.zip']
    assert sets['folders-png']['includes'] == 'folders/**/*.png'
    for record_set in described['recordSet']:
        for field in record_set['field']:
            ((kind, target),) = [item for item in field['source'].items() if item[0] != 'extract']
            assert target['@id'] in {'fileSet': sets, 'fileObject': objects}[kind]
    assert [each['name'] for each in described['recordSet']] == ['images', 'manifest']
    # A reader refuses a manifest that lacks a field which is described.
    assert [(field['name'], field.get('repeated')) for field in described['recordSet'][1]['field']] == [
        *[('index', None), ('noise', True)]
    ]


def test_a_set_without_manifest_or_zips_has_no_records_described(tmp_path):
    write_exports(Faces(), str(tmp_path), 'faces', ExportOptions(('folders',)))
    write_card(str(tmp_path), FACTS)
    described = json.loads((tmp_path / 'metadata.json').read_text(encoding='utf-8'))
    assert 'recordSet' not in described
    assert '| `folders/` | 6 |' in (tmp_path / 'README.md').read_text(encoding='utf-8')


def test_images_are_described_once_whatever_lies_beside_the_set(tmp_path):
    for path in ('00000.zip', '00001.zip', 'refused/00000.zip', 'faces.zip', 'faces-zips/00000.zip'):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(b'x')
    described = []
    for gone in ([], ['00000.zip', '00001.zip'], ['faces-zips/00000.zip']):
        for path in gone:
            (tmp_path / path).unlink()
        write_card(str(tmp_path), FACTS)
        sets = json.loads((tmp_path / 'metadata.json').read_text(encoding='utf-8'))['distribution']
        described.append([each['@id'] for each in sets[-1]['containedIn']])
    assert described == [['00000.zip', '00001.zip'], ['faces-zips/00000.zip'], ['faces.zip']]


def test_the_head_is_what_hugging_face_reads(folder):
    write_card(str(folder), with_facts(licence='CC BY-NC 4.0'))
    assert head_of(folder) == {
        'license': 'cc-by-nc-4.0',
        'pretty_name': 'Faces: "a" set',
        'size_categories': ['n<1K'],
        'annotations_creators': ['machine-generated'],
        'source_datasets': ['original'],
        'task_categories': ['image-classification'],
        'tags': ['synthetic', 'faces', 'face-recognition', 'stylegan'],
    }
    described = json.loads((folder / 'metadata.json').read_text(encoding='utf-8'))
    assert described['license'] == 'CC BY-NC 4.0'


def test_nothing_that_is_unknown_is_assumed(folder):
    write_card(str(folder), FACTS)
    text = (folder / 'README.md').read_text(encoding='utf-8')
    assert head_of(folder)['license'] == 'unknown'
    assert text.count('| not stated |') == 4  # the set, at the top and below; the network; its training images
    assert 'has not stated a licence. Ask before you use it.' in text
    assert 'This set was not audited yet' in text and '| images that it was trained on | unknown |' in text
    write_card(str(folder), with_facts(licence='mine', network_licence='MIT', audit=['0 pairs above 0.5.']))
    text = (folder / 'README.md').read_text(encoding='utf-8')
    assert '- 0 pairs above 0.5.' in text and 'not audited' not in text and 'Ask before' not in text
    assert '| the network | MIT |' in text and text.count('| not stated |') == 1


def test_a_card_says_how_the_set_was_made(folder):
    write_card(str(folder), FACTS)
    text = (folder / 'README.md').read_text(encoding='utf-8')
    for line in ('# Faces: "a" set', 'python -m synthesis generate', 'To train a face recogniser.'):
        assert f'\n{line}\n' in text
    for row in ('| images | 6 |', '| identities | 3 |', '| size | 8×8 px, RGB |', '| network | network-best.pkl |'):
        assert row in text
    assert f'| SHA-256 of its file | {"ab" * 32} |' in text
    assert '| `--seed` | 1 |' in text and '| `--vary` | noise, fine |' in text
    assert '| `faces-zips/` | 2 |' in text and '| `folders/` | 6 |' in text and '| `webdataset/` | 1 |' in text


def test_texts_of_strangers_stay_texts(folder):
    write_card(str(folder), with_facts(title='a\n---\n# <b>[x](y)</b> | z', licence='{"x": 1}\nlicense: mit'))
    text = (folder / 'README.md').read_text(encoding='utf-8')
    assert head_of(folder)['pretty_name'] == 'a\n---\n# <b>[x](y)</b> | z'
    assert head_of(folder)['license'] == 'other' and head_of(folder)['license_name'] == '{"x": 1}\nlicense: mit'
    assert '\n# a\\\\n---\\\\n\\# \\<b\\>\\[x\\](y)\\</b\\> \\| z\n' in text


def test_the_same_set_gives_the_same_card_and_a_card_is_not_part_of_the_next_one(folder):
    write_card(str(folder), FACTS)
    first = files_below(folder)
    write_card(str(folder), FACTS)
    assert files_below(folder) == first


def test_a_card_that_cannot_be_made_leaves_the_one_before(folder, monkeypatch):
    write_card(str(folder), FACTS)
    before = files_below(folder)

    def fail(*args):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr('dnnlib.exports.card.croissant', fail)
    with pytest.raises(UserError, match='free space'):
        write_card(str(folder), with_facts(title='Other'))
    assert files_below(folder) == before


@pytest.mark.parametrize(
    'count, name',
    [(0, 'n<1K'), (999, 'n<1K'), (1000, '1K<n<10K'), (100000, '100K<n<1M'), (10**11, '100B<n<1T'), (10**12, 'n>1T')],
)
def test_sizes_have_the_names_of_hugging_face(count, name):
    assert size_category(count) == name


@pytest.mark.parametrize(
    'licence, lines',
    [
        (None, {'license': 'unknown'}),
        ('MIT', {'license': 'mit'}),
        ('CC BY-NC 4.0', {'license': 'cc-by-nc-4.0'}),
        ('CC0 1.0', {'license': 'cc0-1.0'}),
        ('Research only', {'license': 'other', 'license_name': 'Research only'}),
    ],
)
def test_licences_are_named_as_hugging_face_names_them(licence, lines):
    assert licence_lines(licence) == lines


def test_numbers_of_images_stand_as_people_read_them(folder):
    write_card(str(folder), with_facts(num_images=1234567, num_identities=None, shape=(1, 64, 64)))
    text = (folder / 'README.md').read_text(encoding='utf-8')
    assert '| images | 1,234,567 |' in text and '| identities | unknown |' in text and '64×64 px, grey' in text
    assert head_of(folder)['size_categories'] == ['1M<n<10M']
