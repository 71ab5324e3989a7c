"""The audit of toy sets with planted look-alikes, copies and people of the training set."""

import json
import os

import numpy as np
import pytest
from audits import ToyEmbedding, here, people, write_set, write_thresholds_file
from click.testing import CliRunner

from dnnlib.errors import UserError
from dnnlib.exports.card import check_sums, read_sums
from dnnlib.records.datasets import open_dataset
from metrics.arithmetic.pairs import examine_tile
from metrics.arithmetic.tiles import Tile
from synthesis.audit import comparisons, lookalikes, measures, run
from synthesis.audit.comparisons import Selected, compare
from synthesis.audit.measure_job import Measure
from synthesis.audit.options import AuditOptions
from synthesis.audit.report import warnings_of
from synthesis.audit.run import audit_set
from synthesis.audit_verb import audit as audit_verb
from synthesis.generate import Processes, check_strangers
from tests.faults.planted_audit import Image
from tests.faults.planted_audit import write_set as write_synthetic_set
from tests.parsed_page import ParsedPage

SPREAD = 0.2  # of the photographs of one person: their cosines are about 0.95
STRANGERS = 60  # people of the set
TWINS, LEAKED, COPIED, MIRRORED = range(60, 65), range(65, 70), range(70, 73), 73  # further images of the set


class ToyFeatures(Measure):
    """The means of the rows of an image."""

    name, identity, doing, columns = 'features', 'cd' * 32, 'Features', {'features': ('<f4', (32,))}

    def open(self):
        return lambda images: {'features': images.mean(axis=(1, 3)).astype(np.float32)}


class ToyDetector:
    """Finds a face in every image."""

    def __init__(self, device):
        pass

    def detect_in_crop(self, image):
        return np.array([[0, 0, *image.shape[1::-1], 0.99]])


@pytest.fixture(scope='module')
def shared_cache(tmp_path_factory):
    return str(tmp_path_factory.mktemp('cache'))


@pytest.fixture(autouse=True)
def quick(shared_cache, monkeypatch):
    """All work is done in this process, without networks, and what is measured is kept for the other tests."""
    for module in (measures, comparisons):
        monkeypatch.setattr(module, 'Workers', here)
    monkeypatch.setattr(run, 'ONetFeatures', ToyFeatures)
    monkeypatch.setattr('dnnlib.faces.detector.FaceDetector', ToyDetector)
    monkeypatch.setattr('config.CACHE_DIR', shared_cache)


@pytest.fixture(scope='module')
def planted(tmp_path_factory):
    """Paths by name. The set has strangers, second photographs of the first of them and of training people, and copies
    of training images, the last one mirrored."""
    folder = tmp_path_factory.mktemp('planted')
    training, held_out = people(120, seed=1, images=2, spread=SPREAD), people(80, seed=2, images=2, spread=SPREAD)
    ours = people(STRANGERS, seed=3, images=2, spread=SPREAD)
    rows = [ours[::2], ours[1:11:2], training[1:11:2], training[20:26:2], training[40:41, :, :, ::-1]]
    images = np.concatenate(rows)
    write_set(folder / 'plain', images)
    return {
        'set': str(folder / 'plain'),
        'images': images,
        'training': write_set(folder / 'training', training[::2], np.arange(120)),
        'held_out': write_set(folder / 'held-out', held_out, np.arange(160) // 2),
        'thresholds': write_thresholds_file(folder / 'thresholds.json'),
    }


def audit(planted, out, embedding=None, **changes):
    names = {'source': planted['set'], 'training': planted['training'], 'held_out': planted['held_out']}
    given = {'calibration': planted['thresholds'], 'out': out and str(out), **names, **changes}
    options = AuditOptions(**given)
    told = audit_set(options, embedding or ToyEmbedding(), Processes())
    with open(os.path.join(options.folder, 'audit.json'), encoding='utf-8') as file:
        return json.load(file), told


def level(part, far=1e-3):
    return next(each for each in part['levels'] if each['far'] == far)


def test_what_was_planted_is_found(planted, tmp_path):
    report, told = audit(planted, tmp_path)
    found = level(report['people'])
    assert found['pairs'] == len(TWINS) and found['kept'] == 74 - len(TWINS)
    assert found['with a look-alike'] == pytest.approx(10 / 74)
    beside = found['beside real people']
    assert (beside['people'], beside['kept'], beside['real kept']) == (74, 69, 74)
    assert beside['excess'] == pytest.approx(10 / 74) and 0 < beside['interval'][0] < beside['excess']
    nearest = [sorted(pair['images']) for pair in report['nearest']['set'][: len(TWINS)]]
    assert sorted(nearest) == [[person, twin] for person, twin in enumerate(TWINS)]

    leak = level(report['leakage'])
    assert leak['images'] == len(LEAKED) + len(COPIED) + 1 and leak['held-out share'] == 0
    assert leak['difference interval'][0] > 0
    training_of = {**dict(zip(LEAKED, range(5))), **dict(zip(COPIED, (10, 11, 12))), MIRRORED: 20}
    assert {tuple(pair['images']) for pair in report['nearest']['training'][:9]} == set(training_of.items())
    assert max(pair['cosine'] for pair in report['nearest']['held-out']) < 0.8

    copies = [each for each in report['leakage']['copies']['found'] if each['rms'] == 0]  # others are much alike
    assert {each['image']: each['training'] for each in copies} == {
        image: training_of[image] for image in (*COPIED, MIRRORED)
    }
    assert [each['image'] for each in copies if each['mirrored']] == [MIRRORED]
    assert report['trust']['holds'] and report['warnings'] == []
    assert report['leakage']['authenticity'] < report['leakage']['held-out authenticity']
    assert any('74 identities' in sentence and '13.5 %' in sentence for sentence in told)

    alone = audit(planted, tmp_path, held_out=None)[0]['leakage']['quantiles']
    assert [each['cosine'] for each in alone] == [each['cosine'] for each in report['leakage']['quantiles']]


def test_numbers_of_the_page_are_those_of_the_file_and_nothing_is_fetched(planted, tmp_path):
    report, _ = audit(planted, tmp_path)
    page = ParsedPage((tmp_path / 'audit.html').read_bytes())
    found, leak, copying = level(report['people']), level(report['leakage']), report['leakage']['C_T']
    [table] = [table for table in page.tables if table[0][:3] == ['FAR', 'threshold', 'pairs']]
    [row] = [row for row in table if row[0] == '0.001']
    assert row[2:4] == [f'{found["pairs"]:,}', f'{100 * found["with a look-alike"]:.1f} %']
    answers = ' '.join(cell for row in page.table('question') for cell in row)
    assert f'{100 * leak["share"]:.1f} % of 74 identities' in answers
    assert f'C_T {copying:.1f}'.replace('-', '−') in answers
    assert f'{report["leakage"]["copies"]["count"]} of 74 compared' in answers
    assert len(page.images()) == 2 * sum(len(pairs) for pairs in report['nearest'].values())
    assert all(image['src'].startswith('data:image/jpeg;') for image in page.images())
    pages = [tmp_path / 'again', tmp_path]
    audit(planted, pages[0])
    assert len({(path / 'audit.html').read_bytes() for path in pages}) == 1  # the same audit gives the same bytes
    assert len({(path / 'audit.json').read_bytes() for path in pages}) == 1


def synthetic(planted, folder):
    """The planted images in the form of a set that was generated."""

    class Dataset:
        shape = planted['images'].shape[1:]

        @staticmethod
        def read(record):
            return planted['images'][record]

    write_synthetic_set(str(folder), Dataset, [Image(record, 'person') for record in range(len(planted['images']))])
    return str(folder)


def test_the_card_of_a_set_says_what_was_found_and_its_sums_are_right(planted, tmp_path):
    path = synthetic(planted, tmp_path / 'set')
    report, told = audit(planted, None, source=path)
    card = (tmp_path / 'set' / 'README.md').read_text(encoding='utf-8')
    assert 'The embedding is a toy.' in card
    assert 'This set was not audited yet' not in card
    for sentence in told[:-1]:
        assert sentence.split('(')[0].strip() in card
    assert told[-1].startswith('audit.html shows photographs of real people')
    assert 'photographs of real people' not in audit(planted, tmp_path / 'elsewhere', source=path)[1][-1]
    names = [name for name, _ in read_sums(path)]
    assert {'audit.html', 'audit.json', 'README.md', '00000.zip'} <= set(names)
    check_sums(path, names)
    check_strangers(path)  # so the set can be enlarged
    assert report['nearest']['set'][0]['names'][0].startswith('00000.zip/00000/img')
    assert audit(planted, None, source=path)[0] == report  # the audited set is audited again


def test_a_set_that_was_changed_is_refused_and_nothing_is_written(planted, tmp_path):
    path = synthetic(planted, tmp_path / 'set')
    with open(os.path.join(path, '00000.zip'), 'ab') as file:
        file.write(b'\0')
    with pytest.raises(UserError, match='00000.zip has changed since the set was made'):
        audit(planted, None, source=path)
    os.remove(os.path.join(path, 'sha256sums.txt'))
    with pytest.raises(UserError, match='has no sha256sums.txt'):
        audit(planted, None, source=path)
    assert 'audit.json' not in os.listdir(path) and 'audit.html' not in os.listdir(path)


def test_a_training_set_of_other_crops_is_a_sentence(planted, tmp_path):
    small = write_set(tmp_path / 'small', people(5, side=64))
    with pytest.raises(UserError, match='--training .*small has images of 64x64 px, RGB, but .* 32x32 px.*--size 32'):
        audit(planted, tmp_path / 'page', training=small)
    assert not os.path.exists(tmp_path / 'page')


def test_held_out_people_of_another_margin_are_a_sentence(planted, tmp_path):
    paths = [write_set(tmp_path / name, people(9, seed=9 + place)) for place, name in enumerate(('training', 'others'))]
    for path, margin in zip(paths, (50, 20)):
        with open(os.path.join(path, 'options.json'), 'w', encoding='utf-8') as file:
            json.dump({'margin': margin}, file)
    with pytest.raises(UserError, match='others was made with --margin 20, but .*training with 50'):
        audit(planted, tmp_path / 'page', training=paths[0], held_out=paths[1])


def test_one_identity_is_no_set_to_compare(planted, tmp_path):
    one = write_set(tmp_path / 'one', people(1, images=3), [7, 7, 7])
    with pytest.raises(UserError, match='has 1 identity in 3 images'):
        audit(planted, tmp_path / 'page', source=one)


def test_an_embedding_without_numbers_is_a_sentence_and_nothing_is_written(planted, tmp_path):
    class Blind(ToyEmbedding):
        identity = 'ef' * 32

        def embed(self, images):
            raise UserError('The embedding blind gives no usable numbers.')

    thresholds = write_thresholds_file(tmp_path / 'blind.json', identity=Blind.identity)
    with pytest.raises(UserError, match='no usable numbers'):
        audit(planted, tmp_path / 'page', Blind(), calibration=thresholds)
    assert not os.path.exists(tmp_path / 'page')


def test_thresholds_that_real_pictures_do_not_keep_mean_nothing(planted, tmp_path):
    alike = people(40, seed=5, spread=0)
    alike[:] = np.clip(alike / 8.0 + people(1, seed=6) * 0.875, 0, 255)  # everybody looks much like one person
    training = write_set(tmp_path / 'alike', alike)
    report, told = audit(planted, tmp_path / 'page', training=training, held_out=None)
    assert not report['trust']['holds']
    assert told[0].startswith('The thresholds mean nothing here: ') and 'calibrate' in told[0]
    assert any('has no baseline' in sentence for sentence in told)
    page = (tmp_path / 'page' / 'audit.html').read_text(encoding='utf-8')
    assert page.index('The thresholds mean nothing here') < page.index('In short')


def test_images_without_faces_are_said_first(planted, tmp_path, monkeypatch):
    monkeypatch.setattr(ToyDetector, 'detect_in_crop', lambda self, image: np.zeros([0, 5]))
    path = write_set(tmp_path / 'faceless', people(20, seed=12))
    report, told = audit(planted, tmp_path / 'page', source=path)
    assert report['looks']['set']['without a face'] == 1
    assert told[0].startswith('The face detector finds no face in 100.0 % of the images') and '--reject' in told[0]


def test_what_is_not_given_is_not_measured_and_said(planted, tmp_path):
    report, told = audit(planted, tmp_path, training=None, held_out=None)
    assert report['leakage'] is None and report['diversity'] is None and report['trust'] is None
    assert 'Whether the set resembles people of the training set was not measured.' in told
    assert any(sentence.endswith('give --training DATASET.') for sentence in report['not measured'])
    found = level(report['people'])
    assert found['beside real people'] is None and found['by accident'] == pytest.approx(1 - 0.999**73)


def test_variations_are_compared_with_each_other_and_with_photographs(planted, tmp_path):
    path = write_set(tmp_path / 'set', people(30, seed=8, images=3, spread=SPREAD), np.arange(90) // 3)
    report, told = audit(planted, tmp_path, source=path)
    sameness = report['sameness']
    assert sameness['all']['pairs'] == 90 and report['people']['people'] == 30
    kinds = {name: kind['pairs'] for name, kind in sameness['by kind'].items()}
    assert kinds == {'first image and a variation': 60, 'two variations': 30}
    assert level(sameness['all'])['accepted'] > 0.9 > level(sameness['all'], 1e-2)['cosine']
    # The training set has one image of each person; the held-out people have two, but the training set more people.
    assert report['real sameness'] is None and any('of one identity match' in sentence for sentence in told)


def test_a_sample_of_rows_estimates_what_all_pairs_say(planted, tmp_path, monkeypatch):
    monkeypatch.setattr(run, 'AUDIT_ROWS', 3)
    whole, _ = audit(planted, tmp_path / 'whole')
    report, _ = audit(planted, tmp_path / 'sampled', rows=40)
    sample, exact = level(report['sample']), level(whole['people'])
    assert report['sample']['images'] == 40 and report['people']['people'] == 40
    assert sample['interval'][0] <= exact['with a look-alike'] <= sample['interval'][1]
    assert sample['pair rate interval'][0] <= exact['pair rate'] <= sample['pair rate interval'][1]
    assert report['leakage']['people'] == 40 and report['leakage']['held-out people'] == 40
    assert any('40 of 74 identities were compared' in sentence for sentence in report['not measured'])


def test_a_stopped_audit_goes_on(planted, tmp_path, monkeypatch):
    monkeypatch.setattr('config.CACHE_DIR', str(tmp_path / 'cache'))
    done, examine = [], comparisons.examine_tile

    def stopping(*args):
        done.append(args[2])
        if len(done) == 2:
            raise KeyboardInterrupt
        return examine(*args)

    monkeypatch.setattr(comparisons, 'examine_tile', stopping)
    with pytest.raises(KeyboardInterrupt):
        audit(planted, tmp_path / 'page')
    assert not os.path.exists(tmp_path / 'page')
    report, _ = audit(planted, tmp_path / 'page')
    assert len(done) == 6  # five comparisons of one tile, the one that was stopped twice
    monkeypatch.undo()


def test_comparisons_in_processes_tile_by_tile_are_those_of_one_tile(tmp_path, monkeypatch):
    """A real process, several tiles, two sets, and a sample; and the pairs that fit in no list."""
    monkeypatch.undo()
    monkeypatch.setattr('config.CACHE_DIR', str(tmp_path))
    random = np.random.RandomState(1)
    vectors = random.randn(2100, 16).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    thresholds, places = [0.7, 0.9], np.arange(0, 2100, 5)
    selected = Selected('a', vectors)
    found = compare(selected, None, thresholds, 0.9, Processes())
    whole = examine_tile(vectors, vectors, Tile(0, 2100, 0, 2100), thresholds, True, 0.9)
    np.testing.assert_array_equal(found.pairs, whole.pairs)
    np.testing.assert_array_equal(found.histogram, whole.histogram)
    monkeypatch.setattr(comparisons, 'Workers', here)
    sampled = compare(selected, None, thresholds, np.inf, Processes(1), sampled=places)
    np.testing.assert_array_equal(sampled.rows.nearest, found.rows.nearest[places])
    np.testing.assert_array_equal(sampled.rows.counts, found.rows.counts[places])
    one, other = (Selected('a', vectors, part) for part in (places, places + 1))
    np.testing.assert_array_equal(
        compare(one, other, thresholds, np.inf, Processes(1)).rows.scores,
        examine_tile(vectors[places], vectors[places + 1], Tile(0, 420, 0, 420), thresholds, False).row_scores,
    )
    monkeypatch.setattr(lookalikes, 'MOST_PAIRS', 5)
    assert lookalikes.listed_from(selected, [0.5, 0.7]) == np.inf

    def comparing(*args, **options):
        return compare(*args, processes=Processes(), **options)

    few = lookalikes.Crowd(Selected('b', vectors[:300]), thresholds, comparing, 'Comparing')
    monkeypatch.setattr(lookalikes, 'MOST_PAIRS', 10**6)
    listed = lookalikes.Crowd(Selected('c', vectors[:300]), thresholds, comparing, 'Comparing')
    assert len(few.found.pairs) < len(listed.found.pairs)
    np.testing.assert_array_equal(few.kept, listed.kept)


def test_grey_images_and_thresholds_of_colour_photographs_are_a_warning(planted, tmp_path):
    report, _ = audit(planted, tmp_path)
    grey = {**report, 'set': {**report['set'], 'shape': [1, 32, 32]}}
    assert warnings_of(report) == [] == warnings_of(grey, planted['thresholds'])
    [told] = warnings_of(grey)
    assert told.startswith('The images are grey') and 'python -m synthesis calibrate' in told


@pytest.mark.parametrize('damage', [os.remove, lambda path: os.truncate(path, 300), lambda path: os.truncate(path, 0)])
def test_damaged_comparisons_in_the_cache_are_made_again(damage, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr('config.CACHE_DIR', str(tmp_path))
    monkeypatch.setattr(comparisons, 'Workers', here)
    selected = Selected('a', np.eye(40, 16, dtype=np.float32))
    found = compare(selected, None, [0.7], 0.9, Processes(1))
    [kept] = tmp_path.glob(f'**/{comparisons.RESULT}')
    damage(kept)
    again = compare(selected, None, [0.7], 0.9, Processes(1))
    assert f'{kept} is damaged' in capsys.readouterr().err
    np.testing.assert_array_equal(again.histogram, found.histogram)
    np.testing.assert_array_equal(again.rows.nearest, found.rows.nearest)


@pytest.mark.parametrize(
    'words, told',
    [
        (['--held-out', 'others'], 'name that with --training DATASET'),
        (['--rows', '5'], '--rows 5: give a number of 100 or more'),
        (['--training', 'set'], '--training and SET are the same dataset, set: name two'),
        (['--embedding', 'nowhere.onnx'], 'nowhere.onnx cannot be read'),
        (['--staging', 'gs://x'], '--staging is for --runner beam'),
        (['--calibration', 'nowhere.json', '--training', 'others'], 'There is no folder set'),
    ],
)
def test_flags_that_make_no_sense_are_a_sentence(words, told, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr('synthesis.audit_verb.exit_on_signals', lambda: None)  # of this process
    result = CliRunner().invoke(audit_verb, ['set', *words], terminal_width=1000)
    assert result.exit_code in (1, 2) and told in result.output, result.output
    assert os.listdir(tmp_path) == []


def test_a_set_of_a_conditional_network_shows_its_classes_beside_the_labels_of_training(planted, tmp_path):
    path = synthetic(planted, tmp_path / 'set')
    manifest = tmp_path / 'set' / 'manifest.jsonl'
    lines = [json.loads(line) for line in manifest.read_text().splitlines()]
    manifest.write_text(''.join(json.dumps({**line, 'class': line['index'] % 2}) + '\n' for line in lines))
    with run.open_subjects(path, ToyEmbedding(), Processes()) as subjects:
        assert subjects.classes() == {0: 37, 1: 37}
    with run.open_subjects(planted['held_out'], ToyEmbedding(), Processes()) as subjects:
        assert subjects.classes() is None and subjects.labels() == dict.fromkeys(range(80), 2)


def test_strangers_are_as_near_to_the_training_set_as_held_out_people_and_copies_are_not(planted, tmp_path):
    strangers = write_set(tmp_path / 'strangers', people(74, seed=11, spread=SPREAD))
    leakage = audit(planted, tmp_path / 'one', source=strangers)[0]['leakage']
    for found in leakage['levels']:
        assert found['difference interval'][0] <= 0 <= found['difference interval'][1]
    assert abs(leakage['C_T']) < 2 and leakage['copies']['count'] == 0
    with open_dataset(planted['training']) as training:
        copies = write_set(tmp_path / 'copies', training.read_many(range(60)))
    leakage = audit(planted, tmp_path / 'other', source=copies)[0]['leakage']
    assert leakage['C_T'] < -4 and leakage['authenticity'] == 0 and leakage['copies']['count'] == 60
    assert [found['share'] for found in leakage['levels']] == [1, 1]
