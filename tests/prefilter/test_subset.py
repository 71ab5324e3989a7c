"""Subsets of a source: those by lot lie in each other, and scores, identities and the lot decide in this order."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import Oracle
from shelves import PATHS, options, run, shelf

from dnnlib.errors import UserError
from prefilter.subset import choices_of, draw

pytestmark = pytest.mark.usefixtures('charts_drawn_once')


class Scoring(Oracle):
    """Each score follows from the red value of the image: 0.5, 0.52, ..."""

    def detect_batch(self, images):
        found = super().detect_batch(images)
        return [
            faces + [0, 0, 0, 0, int(image[0, 0, 0]) / 100 - 0.4] if len(faces) else faces
            for faces, image in zip(found, images)
        ]


@given(st.integers(1, 60), st.integers(0, 70), st.integers(0, 70), st.integers(0, 2**32 - 1), st.data())
def test_lots_lie_in_each_other(total, few, more, seed, data):
    places = np.flatnonzero(data.draw(st.lists(st.booleans(), min_size=total, max_size=total)))
    small, large = (draw(places, total, most, seed) for most in sorted([few, more]))
    assert small.sum() == min(few, more, len(places)) and large.sum() == min(max(few, more), len(places))
    assert (large | ~small).all()
    fewer = places[data.draw(st.lists(st.booleans(), min_size=len(places), max_size=len(places)))]
    again = draw(fewer, total, len(places), seed)
    assert (
        again.all() and (draw(fewer, total, few, seed) >= np.isin(fewer, places[draw(places, total, few, seed)])).all()
    )


def test_another_seed_draws_other_images():
    places = np.arange(100)
    assert (draw(places, 100, 50, 0) != draw(places, 100, 50, 1)).any()


def test_no_flag_makes_no_choice():
    assert choices_of(shelf(PATHS), options()) == []


def manifest(folder):
    return {line['path']: line for line in map(json.loads, (folder / 'manifest.jsonl').read_text().splitlines())}


def accepted(folder):
    return {path for path, line in manifest(folder).items() if line['accepted']}


def test_scores_then_identities_then_the_lot(tmp_path):
    # Even images have faces: a/00 0.5, a/02 0.52, ..., c/08 0.78.
    result = run(shelf(PATHS), tmp_path / 'set', Scoring(), min_score=0.54, max_identities=2, max_images=7)
    assert result['reasons'] == {'no-face': 15, 'low-score': 2, 'few-images': 3, 'not-drawn': 3}
    found = manifest(tmp_path / 'set')
    assert [path for path, line in found.items() if line['reason'] == 'low-score'] == ['a/00.png', 'a/02.png']
    assert {path[0] for path, line in found.items() if line['reason'] == 'few-images'} == {'a'}
    assert {path[0] for path in accepted(tmp_path / 'set')} == {'b', 'c'}
    record = json.loads((tmp_path / 'set' / 'options.json').read_text())
    assert (record['max-images'], record['min-score']) == (7, 0.54) and 'seed' not in record
    page = (tmp_path / 'set' / 'report.html').read_text(encoding='utf-8')
    assert 'low-score' in page and 'not-drawn' in page


def test_a_larger_subset_has_the_images_of_a_smaller_one(tmp_path):
    sets = [tmp_path / str(count) for count in (4, 9)]
    for folder in sets:
        run(shelf(PATHS), folder, max_images=int(folder.name))
    assert len(accepted(sets[0])) == 4 and len(accepted(sets[1])) == 9 and accepted(sets[0]) < accepted(sets[1])
    run(shelf(PATHS), tmp_path / 'other', max_images=4, seed=1)
    assert accepted(tmp_path / 'other') != accepted(sets[0])


def test_a_score_that_no_face_has_keeps_what_was_examined(tmp_path):
    with pytest.raises(UserError, match='--min-score 0.99: no face has so high a score .15 low-score, 15 no-face'):
        run(shelf(PATHS), tmp_path / 'set', min_score=0.99)
    assert run(shelf(PATHS), tmp_path / 'set')['examined'] == 0
