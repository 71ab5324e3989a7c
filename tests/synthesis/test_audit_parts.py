"""Parts of an audit by themselves: pairs that are foretold, files of pairs, looks, copies by pixels."""

from unittest import mock

import numpy as np
import pytest
import skimage.data

from synthesis.audit import comparisons, lookalikes, looks, resemblance
from synthesis.audit.comparisons import Selected


@pytest.mark.parametrize('places', [None, np.arange(0, 600, 3)])
def test_an_image_is_no_pair_with_itself_when_pairs_are_foretold(monkeypatch, places):
    monkeypatch.setattr(lookalikes, 'MOST_PAIRS', 0)
    vectors = np.eye(600, dtype=np.float32)
    assert lookalikes.listed_from(Selected('different people', vectors, places), [0.5, 0.9]) == 0.5
    vectors[3] = vectors[0]
    assert lookalikes.listed_from(Selected('two alike', vectors, places), [0.5, 0.9]) == np.inf


def test_files_of_the_pairs_are_found_again_by_their_copies():
    """As a cluster copies them; a comparison within one set has no file of columns."""
    work = comparisons.ExaminePairs('rows.npy', None, 'numbers.npy', (0.5,), 0.5)
    assert work.with_files(['a', 'b']) == comparisons.ExaminePairs('a', None, 'b', (0.5,), 0.5)


def test_how_an_image_looks():
    """The detector itself finds the face of a photograph, and none in noise of half the contrast."""
    face = skimage.data.astronaut()[:256, 96:352].transpose(2, 0, 1)
    noise = np.random.RandomState(0).randint(64, 192, face.shape).astype(np.uint8)
    shape = (3, 256, 256)
    found = looks.Looks(shape).open()(np.stack([face, noise]))
    assert found['score'][0] > 0.99 and found['faces'].tolist() == [1, 0] and found['score'][1] == 0
    assert found['sharpness'][1] > found['sharpness'][0] and abs(found['balance'][1]) < 0.01
    middle = noise[:, 51:205, 51:205].transpose(1, 2, 0) @ looks.GREY
    assert found['brightness'][1] == pytest.approx(middle.mean(), abs=0.01)
    assert {name: (column.dtype.str, column.shape[1:]) for name, column in found.items()} == looks.Looks(shape).columns


def test_only_the_pictures_that_are_compared_are_read():
    class Pictures(np.ndarray):
        read = []

        def __getitem__(self, places):
            self.read.extend(np.ravel(places).tolist())
            return np.asarray(self)[places]

    training = np.random.RandomState(0).randint(256, size=(9, 3, 4, 4)).astype(np.uint8)
    pictures, scores = np.repeat(training, 2, axis=0).view(Pictures), np.linspace(0.9, 0.1, 9)
    with mock.patch.object(resemblance, 'COPY_IMAGES', 3):
        found = resemblance.describe_copies(scores, np.arange(9)[::-1] * 2, pictures, training)
    assert sorted(Pictures.read) == [12, 14, 16] and found['compared'] == 3
    assert sorted((each['image'], each['training']) for each in found['found']) == [(12, 6), (14, 7), (16, 8)]
