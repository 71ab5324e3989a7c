"""Embeddings and comparisons on Apache Beam: what workers do that reach nothing but a shared folder."""

import os
import pathlib

import numpy as np
import pytest
from audits import ToyEmbedding, people, write_set

pytest.importorskip('apache_beam', reason='Apache Beam is not installed: make test-beam')

from dnnlib.jobs.beam_runner import plan_cluster  # noqa: E402
from metrics.arithmetic.pairs import examine_tile  # noqa: E402
from metrics.arithmetic.tiles import Tile  # noqa: E402
from synthesis.audit.comparisons import Selected, compare  # noqa: E402
from synthesis.audit.embeddings import embeddings_of  # noqa: E402
from synthesis.generate import Processes  # noqa: E402

ROOT = str(pathlib.Path(__file__).parents[2])


def test_workers_that_get_all_through_a_folder_embed_and_compare(tmp_path, monkeypatch):
    monkeypatch.setenv('PYTHONPATH', os.pathsep.join([ROOT, os.path.dirname(__file__)]))
    monkeypatch.setattr('config.CACHE_DIR', str(tmp_path / 'cache'))
    images = people(300, images=2)
    cluster = plan_cluster(None, str(tmp_path / 'staging'), 1)
    with embeddings_of(write_set(tmp_path / 'set', images), ToyEmbedding(), Processes(), cluster) as found:
        np.testing.assert_array_equal(found.vectors, ToyEmbedding().embed(images))
        selected = Selected('people', found.vectors)
        pairs = compare(selected, None, [0.9], 0.9, Processes(), cluster)
        whole = examine_tile(found.vectors, found.vectors, Tile(0, 600, 0, 600), [0.9], True, 0.9)
    np.testing.assert_array_equal(pairs.pairs, whole.pairs)
    np.testing.assert_array_equal(pairs.histogram, whole.histogram)
    assert len(pairs.pairs) >= 300 and not os.listdir(tmp_path / 'staging')
