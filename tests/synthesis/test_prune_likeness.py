"""Who is taken out because of a likeness: planted look-alikes and training people, in both orders, by one rule."""

import json
from unittest import mock

import numpy as np
import pytest
from audits import ToyEmbedding, here, people, write_set, write_thresholds_file
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_sets import is_whole, lines_of, make_up

from dnnlib.errors import UserError
from metrics.arithmetic.pairs import AllPairs, Neighbours
from synthesis import prune_verb
from synthesis.audit import comparisons, measures
from synthesis.generate import Processes
from synthesis.prune import likeness
from synthesis.prune.choice import Choice
from synthesis.prune.likeness import Likeness, pairs_of_persons

COSINES = 0.6, 0.8, 0.95  # at 1 in 100, 1,000, 10,000


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """All work is done in this process, with a toy embedding."""
    for module in (measures, comparisons):
        monkeypatch.setattr(module, 'Workers', here)
    monkeypatch.setattr(prune_verb, 'open_embedding', lambda *args: ToyEmbedding())


@pytest.fixture(scope='module')
def planted(tmp_path_factory):
    """{name: path}. The set has 30 people with 2 images each; 20 to 22 are look-alikes of 3 to 5, 23 and 24 are people
    of the training set, and so is 7, of whom only the second image shows it."""
    folder = tmp_path_factory.mktemp('planted')
    images, training = people(30, seed=3, images=2), people(40, seed=1, images=2)
    for own, other in ((20, 3), (21, 4), (22, 5)):
        images[2 * own] = people(30, seed=3, images=2, spread=0.06)[2 * other]
    images[[46, 48, 15]] = people(40, seed=1, images=2, spread=0.06)[[0, 10, 20]]
    return {
        'set': make_up(folder / 'set', images, 2),
        'training': write_set(folder / 'training', training, np.arange(80) // 2),
        'thresholds': write_thresholds_file(folder / 'thresholds.json'),
    }


def run(planted, out, *flags):
    given = ['--out', out, '--calibration', planted['thresholds'], '--no-audit', '--unique-far', 0.001, *flags]
    return CliRunner().invoke(prune_verb.prune, [str(planted['set']), *map(str, given)])


def removed(planted, out, *flags):
    result = run(planted, out, *flags)
    assert result.exit_code == 0, result.output
    return lines_of(out / 'removed.jsonl')


def test_look_alikes_and_people_of_the_training_set_go(planted, tmp_path):
    out = tmp_path / 'out'
    lines = removed(planted, out, '--training', planted['training'], '--leak-far', 0.001)
    assert {(line['identity'], line.get('kept_identity')) for line in lines if line['reason'] == 'look-alike'} == {
        *[(20, 3), (21, 4), (22, 5)]
    }
    leaks = {(line['identity'], line['training_image']) for line in lines if line['reason'] == 'like-training'}
    assert {identity for identity, _ in leaks} == {7, 23, 24} and {image // 2 for _, image in leaks} == {0, 5, 10}
    assert all(line['cosine'] >= 0.8 for line in lines) and len(lines) == 12
    record = json.loads((out / 'options.json').read_text())['synthetic']['pruned']
    assert record['look-alike']['cosine'] == record['like-training']['cosine'] == 0.8
    page = (out / 'report.html').read_text()
    assert 'from a cosine of 0.800 on' in page and 'is not known' not in page
    assert record['identities taken out'] == {'like-training': 3, 'look-alike': 3} and is_whole(out)


def test_whoever_goes_for_another_reason_takes_out_nobody(planted, tmp_path):
    (tmp_path / 'asked.txt').write_text('3\n')
    lines = removed(planted, tmp_path / 'out', '--drop', tmp_path / 'asked.txt')
    assert {line['identity'] for line in lines if line['reason'] == 'look-alike'} == {21, 22}


def test_by_default_an_identity_has_few_look_alikes_by_accident(planted, tmp_path):
    result = run(planted, tmp_path / 'out', '--training', planted['training'])
    assert result.exit_code == 1
    assert 'There is no threshold for a FAR of 0.000625' in result.output and '--extrapolate' in result.output
    result = run(planted, tmp_path / 'out', '--training', planted['training'], '--leak-far', 0.002, '--extrapolate')
    assert result.exit_code == 0 and '--leak-far 0.002: by accident alone, each identity has 0.32' in result.output


def test_what_remains_is_audited_without_embedding_anything_again(planted, tmp_path, monkeypatch):
    audited = []
    monkeypatch.setattr(prune_verb, 'audit_set', lambda options, *rest: audited.append(options) or ['No look-alikes.'])
    flags = ['--training', planted['training'], '--leak-far', '0.001', '--audit']
    result = run(planted, tmp_path / 'out', *flags)
    assert result.exit_code == 0 and 'No look-alikes.' in result.output
    assert audited[0].source == str(tmp_path / 'out') and audited[0].out == str(tmp_path / 'out-audit')
    assert audited[0].calibration == planted['thresholds']
    monkeypatch.setattr(ToyEmbedding, 'embed', None)
    from synthesis.audit.embeddings import embeddings_of

    with embeddings_of(str(tmp_path / 'out'), ToyEmbedding(), Processes()) as found:
        assert len(found) == 48


def test_an_audit_that_fails_is_repeated_with_the_same_flags(planted, tmp_path, monkeypatch):
    def failing(*args):
        raise UserError('No.')

    monkeypatch.setattr(prune_verb, 'audit_set', failing)
    others = write_set(tmp_path / 'some others', people(4), range(4))
    flags = ['--training', planted['training'], '--leak-far', '0.001', '--audit', '--held-out', others, '--extrapolate']
    result = run(planted, tmp_path / 'out', *flags)
    assert (
        result.exit_code == 1
        and (
            f"python -m synthesis audit {tmp_path}/out --training {planted['training']} --held-out '{others}' "
            f'--calibration {planted["thresholds"]} --extrapolate --out {tmp_path}/out-audit\n'
        )
        in result.output
    )


@pytest.mark.parametrize('flags, sentence', [
    (['--training', 'nowhere'], 'nowhere'),
    (['--training', 'OTHER', '--leak-far', '0.001'], 'embeddings compare only equal crops'),
    (['--training', 'TRAINING'], 'There is no threshold for a FAR of 0.000625'),
    (['--training', 'TRAINING', '--leak-far', '0.001', '--audit', '--held-out', 'nowhere'], 'nowhere'),
    (['--training', 'TRAINING', '--audit', '--held-out', 'TRAINING'], '--held-out and --training are the same dataset'),
    (['--unique-far', '0', '--audit', '--calibration', 'nowhere.json'], 'nowhere.json'),
    (['--held-out', 'OTHER'], '--held-out is for the audit of what remains'),
    (['--calibration', 'nowhere.json'], 'nowhere.json'),
])  # fmt: skip
def test_bad_input_is_a_sentence_before_the_first_face_is_embedded(planted, tmp_path, monkeypatch, flags, sentence):
    monkeypatch.setattr(ToyEmbedding, 'embed', None)
    paths = {'OTHER': write_set(tmp_path / 'other', people(4, side=64), range(4)), 'TRAINING': planted['training']}
    result = run(planted, tmp_path / 'out', *[paths.get(flag, flag) for flag in flags])
    assert result.exit_code in (1, 2) and 'Traceback' not in result.output and sentence in result.output, result.output
    assert [path.name for path in tmp_path.iterdir()] == ['other']


# ----------------------------------------------------------------------------------------------------------------------
# The rule, on random people.


def crowd(seed, people_of):
    """Unit vectors of people, some of whom are alike: (float32 [N, 8], int [N])."""
    random = np.random.RandomState(seed)
    centres = random.randn(4, 8)
    identities = np.repeat(np.arange(len(people_of)), people_of)
    vectors = centres[random.randint(4, size=len(identities))] + 0.7 * random.randn(len(identities), 8)
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), identities


def compare_here(first, second, thresholds, listed_from, doing):
    """`comparisons.compare` by the matrix of all scores, as far as it is needed."""
    ours, theirs = (each.read().astype(np.float64) for each in (first, second or first))
    scores = ours @ theirs.T
    above = np.triu(scores >= listed_from, 1) if second is None else np.zeros_like(scores, bool)
    pairs = np.argwhere(above)
    nearest = scores.argmax(axis=1)
    rows = Neighbours(nearest, scores[np.arange(len(scores)), nearest], None, None)
    return AllPairs(np.array(thresholds), None, pairs, scores[above], rows, None)


def kept(vectors, identities, cosine, order):
    choice = Choice(identities)
    Likeness('crowd', vectors, compare_here).drop_look_alikes(choice, cosine, order)
    return choice


sizes = st.lists(st.integers(1, 3), min_size=1, max_size=25)
few_examples = settings(max_examples=40)


@pytest.mark.parametrize('listed', [True, False])
@few_examples
@given(st.integers(0, 10**6), sizes, st.floats(0.3, 0.95), st.sampled_from(['seed', 'most-connected']))
def test_no_two_who_stay_are_alike_and_nobody_more_goes(listed, seed, people_of, cosine, order):
    vectors, identities = crowd(seed, people_of)
    least = likeness.listed_from if listed else lambda *args: np.inf
    with mock.patch.object(likeness, 'listed_from', least):
        choice = kept(vectors, identities, cosine, order if listed else 'seed')
    scores = vectors.astype(np.float64) @ vectors.astype(np.float64).T
    stays = choice.stays
    alike = (scores >= cosine) & (identities[:, np.newaxis] != identities)
    assert not alike[stays][:, stays].any()
    for person in set(identities[~stays].tolist()):
        assert alike[identities == person][:, stays].any()
        told = choice.removed(int(np.flatnonzero(identities == person)[0]))
        pair = scores[identities == person][:, identities == told.other]
        assert stays[identities == told.other].all() and pair.max() >= cosine and abs(told.cosine - pair.max()) < 1e-5


@few_examples
@given(st.integers(0, 10**6), sizes, st.floats(0.3, 0.95), st.integers(1, 25))
def test_a_longer_set_begins_with_the_decisions_of_a_shorter_one(seed, people_of, cosine, few):
    vectors, identities = crowd(seed, people_of)
    first = identities < few
    short = kept(vectors[first], identities[first], cosine, 'seed')
    long = kept(vectors, identities, cosine, 'seed')
    assert np.array_equal(short.stays, long.stays[first])


def test_pairs_of_images_become_pairs_of_people():
    persons, scores = pairs_of_persons(np.array([[2, 1], [1, 2], [1, 1], [0, 2]]), np.array([0.5, 0.9, 1.0, 0.7]))
    assert persons.tolist() == [[0, 2], [1, 2]] and scores.tolist() == [0.7, 0.9]
