"""Images without a face are refused, and other draws take their places."""

import numpy as np
import pytest
from painted_sets import Painter

from dnnlib.errors import UserError
from synthesis.maker import Maker
from synthesis.options import GenerateOptions


class Eye:
    """A detector that sees no face in some draws: (identity, variation, draw)."""

    def __init__(self, blind):
        self.blind = set(blind)

    def detect_in_crop(self, image):
        identity, variation, draws = image[0, 0].tolist()
        is_blind = (identity, variation, draws // 16) in self.blind
        return np.zeros([0, 5]) if is_blind else np.array([[1, 1, 6, 6, 0.9]])


def options(**changes):
    return GenerateOptions(**{'network': 'n', 'out': 'o', 'minibatch': 4, 'per_identity': 3, 'reject': True, **changes})


def made(blind, start, stop, **changes):
    entries = list(Maker(Painter(), options(**changes), detector=Eye(blind)).make(start, stop))
    accepted = [entry.verdict for entry in entries if entry.verdict['accepted']]
    return {(line['identity'], line['variation']): line for line in accepted}, entries


def test_the_next_draw_takes_the_place_of_a_refused_one():
    lines, _ = made([(0, 0, 0), (0, 0, 1), (1, 2, 0)], 0, 6)
    assert len(lines) == 6
    assert [lines[0, number]['first_draw'] for number in range(3)] == [2, 2, 2]
    assert (lines[0, 0]['draw'], lines[0, 0]['refused']) == (2, 2)
    assert (lines[1, 2]['draw'], lines[1, 2]['first_draw'], lines[1, 2]['refused']) == (1, 0, 1)
    assert lines[1, 1] == {**lines[1, 1], 'draw': 0, 'refused': 0, 'faces': 1, 'box': [1, 1, 6, 6], 'score': 0.9}


def test_a_part_of_an_identity_has_the_images_that_the_whole_has():
    blind = [(0, 0, 0), (0, 1, 0), (0, 2, 0), (0, 2, 1)]
    whole, _ = made(blind, 0, 6)
    for start, stop in ((0, 1), (1, 3), (2, 5)):
        part, entries = made(blind, start, stop)
        assert len(part) == stop - start == len(entries)
        assert all(whole[key] == part[key] for key in part)


def test_refused_images_are_kept_if_asked_for():
    _, entries = made([(0, 0, 0), (1, 1, 0)], 0, 6, keep_refused=True)
    refused = [entry for entry in entries if not entry.verdict['accepted']]
    assert [(line['identity'], line['variation'], line['draw'], line['reason']) for line in map(_verdict, refused)] == [
        (0, 0, 0, 'no-face'),
        (1, 1, 0, 'no-face'),
    ]
    assert all(entry.image.startswith(b'\x89PNG') for entry in refused)


def _verdict(entry):
    return entry.verdict


def test_an_image_that_finds_no_face_ends_in_a_sentence():
    with pytest.raises(UserError, match='Image 2 of identity 1 has no face in 3 draws: allow more with --draws'):
        made([(1, 2, draw) for draw in range(3)], 0, 6, draws=3)


def test_without_a_detector_every_image_is_taken():
    entries = list(Maker(Painter(), options(reject=False)).make(0, 6))
    assert len(entries) == 6 and all('faces' not in entry.verdict for entry in entries)


def test_w_is_kept_if_asked_for():
    entries = list(Maker(Painter(), options(reject=False, keep_w=True)).make(0, 3))
    assert all(entry.numbers['w'].shape == (4, 4) for entry in entries)
