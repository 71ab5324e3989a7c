"""`python -m synthesis calibrate`: from a labelled set to a file of thresholds, and which thresholds hold for a set."""

import json
import re

import numpy as np
import pytest
from audits import ToyEmbedding, here, people, write_set
from click.testing import CliRunner

from dnnlib.errors import UserError
from metrics.arithmetic.thresholds import threshold_at
from metrics.features import facenet
from metrics.features.embeddings import open_embedding
from metrics.features.known_thresholds import read_thresholds, thresholds_for
from synthesis import calibrate as calibration
from synthesis.__main__ import main
from synthesis.audit import measures

COUNT = 60  # people, two images of each


@pytest.fixture(autouse=True)
def toys(tmp_path, monkeypatch):
    monkeypatch.setattr('config.CACHE_DIR', str(tmp_path / 'cache'))
    monkeypatch.setattr(measures, 'Workers', here)
    monkeypatch.setattr('synthesis.calibrate_verb.open_embedding', lambda *arguments: ToyEmbedding())
    monkeypatch.setattr(calibration, 'COLOUR_IMAGES', 40)


@pytest.fixture
def labelled(tmp_path):
    images = people(COUNT, images=2, spread=0.3)
    return write_set(tmp_path / 'people', images, np.arange(2 * COUNT) // 2)


def run(*words):
    return CliRunner().invoke(main, ['calibrate', *map(str, words)], catch_exceptions=False)


def test_a_labelled_set_gives_a_file_of_thresholds(labelled, tmp_path):
    out = tmp_path / 'people.json'
    result = run(labelled, '--extrapolate', '--out', out)
    assert result.exit_code == 0, result.output
    assert 'Nothing is extrapolated: that needs 100,000 pairs of two people, with different scores.' in result.output
    found = thresholds_for(ToyEmbedding(), 32, str(out))
    vectors = ToyEmbedding().embed(people(COUNT, images=2, spread=0.3))
    labels = np.arange(2 * COUNT) // 2
    rows, columns = np.triu_indices(len(labels), 1)
    scores = (vectors @ vectors.T)[rows, columns]
    nonmated = scores[(labels[rows] != labels[columns]) & (scores < 0.999)]
    [threshold] = found.observed
    assert (threshold.far, found.calibration.nonmated) == (0.01, len(nonmated))
    assert abs(threshold.cosine - threshold_at(nonmated, 0.01)) < 1e-6
    assert found.source == 'people, 120 colour images of 60 people at 32 px'
    lines = result.output.splitlines()
    assert f'toy on {found.source}.' in lines
    assert any(re.match(rf'0\.01 +{threshold.cosine:.3f} .* {threshold.tar:.3f} +observed', line) for line in lines)
    assert any('With red and blue swapped, mean scores' in line and line.endswith('.') for line in lines)
    assert f'{out} is written: give it with --calibration.' in lines


def test_extrapolated_thresholds_are_marked_and_asked_for(tmp_path):
    path = write_set(tmp_path / 'many', people(250, images=2, spread=0.3), np.arange(500) // 2)
    out = tmp_path / 'many.json'
    result = run(path, '--extrapolate', '--out', out)
    assert result.exit_code == 0 and re.search(r'\n1e-06 .* extrapolated\n', result.output)
    found = read_thresholds(out)
    assert [each.far for each in found.observed] == [1e-2, 1e-3, 1e-4]
    with pytest.raises(UserError, match='no threshold for a FAR of 1e-06: .* from 0.01 to 0.0001; add --extrapolate'):
        found.at(1e-6)
    assert found.at(1e-6, extrapolate=True) == found.calibration.thresholds[4]
    between, below, above = found.at(10**-3.5), found.at(1e-3), found.at(1e-4)
    assert abs(between.cosine - (below.cosine + above.cosine) / 2) < 1e-9 and between.is_observed
    assert not found.at(3e-5, extrapolate=True).is_observed
    with pytest.raises(UserError, match='FAR of 0.5: .* choose another FAR'):
        found.at(0.5)


def test_only_so_many_images_are_compared_and_whole_people(labelled, tmp_path):
    result = run(labelled, '--max-images', 101, '--out', tmp_path / 'a.json')
    assert 'toy on people, 100 colour images of 50 people at 32 px.' in result.output
    run(labelled, '--max-images', 101, '--out', tmp_path / 'b.json')
    run(labelled, '--max-images', 101, '--seed', 1, '--out', tmp_path / 'c.json')
    texts = [(tmp_path / name).read_text() for name in ('a.json', 'b.json', 'c.json')]
    assert texts[0] == texts[1] != texts[2]


def test_sets_that_cannot_calibrate_are_refused_and_nothing_is_written(labelled, tmp_path):
    images = people(30)
    cases = [
        (
            write_set(tmp_path / 'bare', images),
            'do not say who is in each image: make it anew with',
        ),
        (write_set(tmp_path / 'alone', images, range(30)), '30 images of 30 people do not show from which score'),
        (write_set(tmp_path / 'few', images, np.arange(30) // 2), '30 images of 15 people do not show'),
        (
            write_set(tmp_path / 'small', people(20, images=2), np.arange(40) // 2),
            'pairs of images of two people, too few',
        ),
        (str(tmp_path / 'nothing'), 'nothing'),
    ]
    for path, sentence in cases:
        result = run(path, '--out', tmp_path / 'out.json')
        assert result.exit_code == 1 and sentence in result.output, result.output
        assert not (tmp_path / 'out.json').exists()
    (tmp_path / 'out.json').write_text('mine')
    result = run(labelled, '--out', tmp_path / 'out.json')
    assert result.exit_code == 2 and 'exists already' in result.output
    assert (tmp_path / 'out.json').read_text() == 'mine'
    result = run(labelled, '--out', tmp_path / 'out.json' / 'below.json')  # said before the work
    assert result.exit_code == 1 and 'below.json cannot be made' in result.output


def test_a_file_that_cannot_be_written_is_refused_before_the_work(labelled, tmp_path, monkeypatch):
    monkeypatch.setattr(ToyEmbedding, 'embed', None)
    (tmp_path / 'file').write_text('')
    result = run(labelled, '--out', tmp_path / 'file' / 'out.json')
    assert result.exit_code == 1 and 'out.json cannot be made' in result.output


def test_thresholds_of_other_embeddings_and_sides_are_refused(labelled, tmp_path):
    out = tmp_path / 'people.json'
    run(labelled, '--out', out)
    with pytest.raises(UserError, match='people.json has the thresholds of another embedding or other settings'):
        thresholds_for(open_embedding(), 32, str(out))
    with pytest.raises(UserError, match='people.json has the thresholds of images of 32 px, and these have 64 px'):
        thresholds_for(ToyEmbedding(), 64, str(out))
    with pytest.raises(UserError, match='No thresholds of the embedding toy for images of 32 px are known: measure'):
        thresholds_for(ToyEmbedding(), 32)
    record = json.loads(out.read_text())
    [first, *_] = record['calibration']['thresholds']
    wrong = [{**first, **values} for values in ({'far': 'x'}, {'far': 0}, {'cosine': None}, {'cosine': np.nan})]
    wrong = [{**record, 'calibration': {**record['calibration'], 'thresholds': [each]}} for each in wrong]
    for text in (
        '{}',
        'x',
        '[]',
        10**5 * '[',
        *map(json.dumps, [{**record, 'more': 1}, {**record, 'source': 1}, *wrong]),
    ):
        out.write_text(text)
        with pytest.raises(UserError, match='people.json is no file of thresholds'):
            thresholds_for(ToyEmbedding(), 32, str(out))


def test_the_product_brings_thresholds_of_its_embedding():
    for side, measured in ((1024, 256), (256, 256), (128, 64), (64, 64), (32, 32)):
        known = thresholds_for(open_embedding(), side)
        assert known.side == measured and 'Labeled Faces in the Wild' in known.source
        assert [each.far for each in known.observed] == [1e-2, 1e-3, 1e-4, 1e-5]
        assert len(known.calibration.thresholds) == 7 and known.calibration.identities == 1271
        assert all(each.low < each.cosine < each.high for each in known.calibration.thresholds)
    assert abs(thresholds_for(open_embedding(), 256).at(1e-3).cosine - 0.513) < 0.001
    with pytest.raises(UserError, match='for images of 16 px are known'):
        thresholds_for(open_embedding(), 16)
    assert facenet.SHA256.startswith('704afe26')


def test_a_network_that_wants_other_colours_is_noticed(labelled, tmp_path, monkeypatch):
    class Blue(ToyEmbedding):
        """Sees only what should be the last colour."""

        def embed(self, images):
            return super().embed(images[:, 2:])

    images = people(COUNT, images=2, spread=0.3)
    noise = np.random.RandomState(0).randint(0, 256, images.shape).astype(np.uint8)
    images = np.concatenate([images[:, :1], noise[:, 1:]], axis=1)
    path = write_set(tmp_path / 'swapped', images, np.arange(2 * COUNT) // 2)
    monkeypatch.setattr('synthesis.calibrate_verb.open_embedding', lambda *arguments: Blue())
    result = run(path, '--out', tmp_path / 'out.json')
    assert 'the network seems to want the other order of --embedding-settings.' in result.output
