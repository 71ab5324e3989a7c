"""Scores, neighbours and what is told by them, against published implementations: prdc, vendi-score, scikit-learn."""

import json

import numpy as np
import pytest

from metrics.arithmetic.density_coverage import density_coverage
from metrics.arithmetic.precision_recall import precision_recall, squared_radii
from metrics.arithmetic.vendi import vendi_score
from tests.goldens.published_audit import NEIGHBOURS, PATH, SEEDS, THRESHOLDS, vectors
from tests.unit_vectors import all_pairs


@pytest.fixture(params=SEEDS)
def seed(request):
    return request.param


@pytest.fixture
def published(seed):
    with open(PATH) as file:
        return json.load(file)[str(seed)]


def test_density_and_coverage_are_those_of_prdc(seed, published):
    synthetic, training = vectors(seed)
    found, theirs = density_coverage(synthetic, training, NEIGHBOURS), published['prdc']
    assert found.density == pytest.approx(theirs['density'], abs=1e-6) and theirs['density'] > 0.1
    assert found.coverage == pytest.approx(theirs['coverage'], abs=1e-6) and 0.1 < theirs['coverage'] < 0.9


def test_precision_and_recall_are_those_of_prdc(seed, published):
    synthetic, training = vectors(seed)
    radii = [squared_radii(rows, NEIGHBOURS) for rows in (synthetic, training)]
    theirs = published['prdc']
    assert precision_recall(synthetic, training, *radii) == pytest.approx(
        (theirs['precision'], theirs['recall']), abs=1e-6
    )


def test_the_vendi_score_is_that_of_its_authors(seed, published):
    found = [vendi_score(rows) for rows in vectors(seed)]
    assert found == pytest.approx(published['vendi-score'], rel=1e-6)
    assert found == pytest.approx(published['vendi-score of the matrix'], rel=1e-6)


def test_neighbours_are_those_of_scikit_learn(seed, published):
    found = all_pairs(*vectors(seed), thresholds=THRESHOLDS).rows
    assert found.nearest.tolist() == published['scikit-learn nearest']
    np.testing.assert_allclose(found.scores, published['scikit-learn scores'], rtol=0, atol=1e-6)
    np.testing.assert_array_equal(found.counts.T, published['scikit-learn counts'])
