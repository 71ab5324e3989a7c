"""The study of variations: variants beside their bases, by setting; resumed without making anything twice."""

import json

import numpy as np
import pytest
from audits import ToyEmbedding, here, people, write_set, write_thresholds_file
from click.testing import CliRunner
from sets import NETWORK, shared

from metrics.features.known_thresholds import read_thresholds
from synthesis import study_verb
from synthesis.audit import measures
from synthesis.study import variation
from synthesis.study.variants import SETTINGS, Setting, settings_for
from synthesis.study.variation import Found, Scores, mated_scores


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(variation, 'Workers', shared)
    monkeypatch.setattr(measures, 'Workers', here)
    monkeypatch.setattr(study_verb, 'open_embedding', lambda *args: ToyEmbedding())


def run(out, *flags):
    given = ['--out', out, '--identities', 5, '--variants', 2, '--psi', 1, '--device', 'cpu', '--workers', 1, *flags]
    return CliRunner().invoke(study_verb.variation, [NETWORK, *map(str, given)])


@pytest.fixture
def thresholds(tmp_path):
    return write_thresholds_file(tmp_path / 'thresholds.json', side=8)


def test_what_a_study_finds(tmp_path, thresholds):
    real = write_set(tmp_path / 'real', people(6, images=2, side=32)[:, :, ::4, ::4], np.arange(12) // 2)
    result = run(tmp_path / 'out', '--calibration', thresholds, '--real', real)
    assert result.exit_code == 0, result.output
    record = json.loads((tmp_path / 'out' / 'variation.json').read_text())
    found = {each['name']: each for each in record['settings']}
    assert list(found) == [setting.name for setting in SETTINGS] and all(each['pairs'] == 10 for each in found.values())
    for steps in (['near 0.05', 'near 0.4'], ['fine 0.25', 'fine 1'], ['directions 1', 'directions 5']):
        assert 0 < found[steps[0]]['change'] < found[steps[1]]['change']
        assert found[steps[0]]['mean'] > found[steps[1]]['mean']
    assert record['different']['pairs'] == 10  # of 5 people
    assert found['noise']['change'] > 0 and [each['pairs'] for each in record['real']] == [4500, 6]
    page = (tmp_path / 'out' / 'variation.html').read_text()
    assert 'directions 5' in page and f'{found["fine 1"]["mean"]:.3f}' in page and 'near 0.4' in result.output
    assert '>−0.2</text>' in page and '>-0.0</text>' not in page


def test_thresholds_of_colour_are_remarked_on_for_a_grey_network(tmp_path, thresholds, monkeypatch):
    scores, images = Scores('noise', np.array([0.1, 0.2]), 1.0), np.zeros([2, 1, 8, 8], np.uint8)
    monkeypatch.setattr(study_verb, 'study_variation', lambda *args: Found([scores], scores, images, [images]))
    monkeypatch.setattr(study_verb, 'thresholds_for', lambda *args: read_thresholds(thresholds))
    for flags, remarked in ([], True), (['--calibration', thresholds], False):
        result = run(tmp_path / 'out', *flags)
        page = (tmp_path / 'out' / 'variation.html').read_text()
        assert result.exit_code == 0, result.output
        assert all(('images are grey' in text) == remarked for text in (result.output, page))


def test_finished_parts_are_not_made_again(tmp_path, thresholds, monkeypatch):
    monkeypatch.setattr('config.CACHE_DIR', str(tmp_path / 'cache'))
    assert run(tmp_path / 'first', '--calibration', thresholds).exit_code == 0
    [folder] = (tmp_path / 'cache' / 'variations').iterdir()
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert len(before) == 1 + len(SETTINGS)
    (folder / '03-000000.npz').write_bytes((folder / '03-000000.npz').read_bytes()[:400])  # damaged
    assert run(tmp_path / 'second', '--calibration', thresholds).exit_code == 0
    after = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert [name for name in before if after[name] != before[name]] == ['03-000000.npz']
    numbers = [(tmp_path / name / 'variation.json').read_text() for name in ('first', 'second')]
    assert numbers[0] == numbers[1]


def test_a_page_that_cannot_be_written_is_refused_before_the_work(tmp_path):
    (tmp_path / 'file').write_text('')
    result = run(tmp_path / 'file' / 'out', '--calibration', 'nowhere.json')
    assert result.exit_code == 1 and 'variation.html cannot be made' in result.output


class Facts:
    has_noise, has_styles = False, True


def test_a_network_is_varied_only_as_it_can_be():
    assert {setting.vary for setting in settings_for(Facts)} == {('fine',), ('near',), ('directions',)}
    assert Setting(('near',), ('near', 0.1)).name == 'near 0.1'


def test_scores_of_photographs_of_one_person():
    vectors = np.array([[1, 0], [0.6, 0.8], [0, 1], [0, 1]], np.float32)
    assert mated_scores(vectors, np.array([3, 3, 5, 3]), 'x').cosines.tolist() == pytest.approx([0.6, 0, 0.8])


@pytest.mark.parametrize(
    'labels, side, sentence',
    [
        (None, 8, 'does not say who is in an image'),
        (range(6), 8, 'has no two images of one person'),
        ([0] * 6, 32, 'has images of 32 px, and the network makes 8 px'),
    ],
)
def test_photographs_that_do_not_do_are_refused(tmp_path, thresholds, labels, side, sentence):
    real = write_set(tmp_path / 'real', people(6, side=32)[:, :, :: 32 // side, :: 32 // side], labels)
    result = run(tmp_path / 'out', '--calibration', thresholds, '--real', real)
    assert result.exit_code == 1 and sentence in result.output, result.output
    assert not (tmp_path / 'out').exists()
