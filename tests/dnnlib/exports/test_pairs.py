import numpy as np
import pytest
from export_sets import Faces

from dnnlib.errors import UserError
from dnnlib.exports.pairs import FOLDS, draw_folds, write_pairs

MANY = np.random.RandomState(1).randint(0, 60, 400)


def test_pairs_are_of_one_identity_or_of_two_and_none_twice():
    folds = draw_folds(MANY, 20)
    assert len(folds) == FOLDS
    for fold in folds:
        assert len(set(fold.mated)) == len(set(fold.non_mated)) == 20
        assert all(a < b and MANY[a] == MANY[b] for a, b in fold.mated)
        assert all(a < b and MANY[a] != MANY[b] for a, b in fold.non_mated)
    people = [{MANY[place] for kind in fold for pair in kind for place in pair} for fold in folds]
    assert sum(map(len, people)) == len(set.union(*people))  # no identity in two folds


def test_all_pairs_can_be_drawn():
    identities = np.repeat(np.arange(20), [3, 2] * 10)
    random = np.random.RandomState(0)
    random.shuffle(identities)
    for pairs in (2, 3, 4, 5, 6):
        try:
            folds = draw_folds(identities, pairs)
        except UserError:
            break
        drawn = {pair for fold in folds for pair in fold.mated}
    else:
        raise AssertionError('6 mated pairs of 2 identities')
    possible = {(a, b) for a in range(50) for b in range(a + 1, 50) if identities[a] == identities[b]}
    assert drawn <= possible


def test_each_pair_is_as_likely():
    """Two identities a fold, of 3 and 4 images: of 3 + 6 mated pairs and 12 others, all are drawn when so many are."""
    identities = np.repeat(np.arange(20), 4)
    folds = draw_folds(identities, 12)
    for fold in folds:
        people = sorted({identities[place] for pair in fold.mated for place in pair})
        places = np.flatnonzero(np.isin(identities, people))
        both = {(a, b) for a in places for b in places if a < b}
        assert set(fold.mated) == {(a, b) for a, b in both if identities[a] == identities[b]}
        assert len(both - set(fold.mated)) == 16 and set(fold.non_mated) <= both


def test_the_file_is_that_of_lfw_and_the_same_each_time(tmp_path):
    images = Faces(MANY)
    for name in ('a', 'b'):
        write_pairs(str(tmp_path / name), images, np.arange(400), 7)
    lines = (tmp_path / 'a').read_text().splitlines()
    assert (tmp_path / 'a').read_bytes() == (tmp_path / 'b').read_bytes()
    assert lines[0] == '10\t7' and len(lines) == 1 + 10 * 14
    assert [len(line.split('\t')) for line in lines[1:15]] == [3] * 7 + [4] * 7
    known = {(f'{images.identity(place):06d}', str(images.number(place))) for place in range(400)}
    for line in lines[1:]:
        words = line.split('\t')
        first, second = words[:2], words[-2:] if len(words) == 4 else [words[0], words[2]]
        assert {tuple(first), tuple(second)} <= known and first != second


@pytest.mark.parametrize(
    'identities, pairs, what',
    [(np.arange(100), 1, 'has only 0 pairs of one identity'), (np.zeros(50, int), 3, 'has only 0 pairs of two')]
    + [(np.repeat(np.arange(20), 2), 3, 'has only 2 pairs of one identity')],
)
def test_too_few_images_or_identities_are_refused(tmp_path, identities, pairs, what):
    with pytest.raises(UserError, match=f'--pairs {pairs}: of .* {what}.*: take fewer pairs, or more images'):
        write_pairs(str(tmp_path / 'pairs.txt'), Faces(identities), np.arange(len(identities)), pairs)
    assert not list(tmp_path.iterdir())


def test_pairs_are_taken_from_the_images_that_are_named():
    images, chosen = Faces(MANY), np.flatnonzero(MANY < 30)
    folds = draw_folds(MANY[chosen], 3)
    assert all(max(pair) < len(chosen) for fold in folds for kind in fold for pair in kind)
    assert images.count == 400
