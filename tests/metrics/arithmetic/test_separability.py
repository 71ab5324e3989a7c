"""Linear separability: the original's numbers, what is kept and fitted, and images to probabilities."""

import contextlib
import dataclasses

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from hypothesis import given
from hypothesis import strategies as st

from dnnlib import tflib
from dnnlib.errors import UserError
from metrics.arithmetic.separability import (
    conditional_entropies,
    fit_processes,
    joint_counts,
    most_certain,
    separability,
)
from metrics.batches import Labels
from metrics.cache import StageCache
from metrics.features.classifiers import Classifiers
from metrics.generator import GeneratorReadings, Work
from metrics.meter import Meter
from metrics.registry import METRICS
from metrics.results import Snapshot, append_result, read_results
from tests.goldens.kinds import assert_agreement, golden_cases
from tests.toy_run import SMALL, SMALL_G


@golden_cases('metric_ls*')
def test_equals_the_original_code(open_session, kind, path, case):
    assert_agreement(kind, path, case, open_session)


def test_the_most_certain_samples_are_kept_whichever_class_equals_in_their_order():
    predictions = np.float32([[0.5, 0.5], [0.9, 0.1], [0.2, 0.8], [0.1, 0.9], [0.7, 0.3]])
    indices, targets = most_certain(predictions, 3)
    assert indices.tolist() == [1, 3, 2] and targets.tolist() == [0, 1, 1]


def test_rows_are_predictions_and_columns_targets():
    assert joint_counts(np.array([0, 0, 1, 0]), np.array([0, 1, 1, 1])).tolist() == [[1, 2], [0, 1]]


@given(st.lists(st.integers(0, 50), min_size=4, max_size=4).filter(any))
def test_what_remains_unknown_lies_between_nothing_and_a_bit_and_does_not_depend_on_names(counts):
    table = np.reshape(counts, [2, 2])
    bits = conditional_entropies([table, table[::-1], table[:, ::-1], table * 3])
    assert ((bits >= 0) & (bits <= 1 + 1e-6)).all()
    np.testing.assert_allclose(bits, bits[0], atol=1e-6)
    by_row = [
        -sum(p / row.sum() * np.log2(p / row.sum()) for p in row if p) * row.sum() / table.sum()
        for row in table
        if row.any()
    ]
    assert bits[0] == pytest.approx(sum(by_row), abs=1e-6)


def toy_samples(count=200):
    """Points in two spaces, and probabilities of an attribute that only the first divides, and of a constant one."""
    random = np.random.RandomState(1)
    points = [random.randn(count, 4).astype(np.float32) for _ in range(2)]
    probability = 1 / (1 + np.exp(-5 * points[0][:, 0]))
    return points, [np.stack([p, 1 - p], axis=1).astype(np.float32) for p in (probability, np.full(count, 0.9))]


def test_a_space_that_a_plane_divides_scores_1_and_a_fit_that_fails_counts_nothing():
    first, second = separability(*toy_samples(), num_keep=100, seed=1)
    assert first.score == pytest.approx(1, abs=0.3) and 1.5 < second.score <= 2
    assert second.entropies[1] == 0 and second.failed == (1,)
    assert second.score == pytest.approx(2 ** sum(second.entropies))


def test_processes_change_nothing_and_every_fit_is_reported():
    finished = []
    results = [
        separability(*toy_samples(), 100, 1, processes, lambda fits: (finished.append(1) or fit for fit in fits))
        for processes in (1, 2)
    ]
    assert results[0] == results[1] and len(finished) == 2 * 4


def test_few_fits_run_at_a_time_where_memory_is_short(monkeypatch):
    monkeypatch.setattr('os.sched_getaffinity', lambda pid: range(16))
    pages = {'SC_PHYS_PAGES': 24 << 18, 'SC_PAGE_SIZE': 4096}  # 24 GB
    monkeypatch.setattr('os.sysconf', pages.get)
    assert (fit_processes(100, 16), fit_processes(100000, 512), fit_processes(10**7, 512)) == (16, 8, 1)


# ----------------------------------------------------------------------------------------------------------------------
# Images to probabilities


class StubClassifiers(Classifiers):
    """Classifiers that are given as networks."""

    identity = 'stub'

    def __init__(self, networks):
        self._networks, self.names = [StubFile(network) for network in networks], ['bright', 'dark', 'always']


class StubFile:
    path = 'classifier.pkl'

    def __init__(self, network):
        self.network = network

    def open(self):
        return self.network

    def errors_as_sentences(self):
        return contextlib.nullcontext()


class StubNetwork:
    def __init__(self, sign, bias, side=None, channels=3):
        self.input_shapes = [[None, channels, side, side], [None, 0]]
        self.input_shape, self._sign, self._bias = self.input_shapes[0], sign, bias

    def get_output_for(self, images, labels):
        assert images.shape[1] == self.input_shape[1] and labels.shape[1] == 0
        return tf.reduce_mean(images, axis=[1, 2, 3])[:, np.newaxis] * self._sign * 3 + self._bias


def stub_classifiers(**options):
    return StubClassifiers([StubNetwork(1, 0, **options), StubNetwork(-1, 0, **options), StubNetwork(0, 9, **options)])


@pytest.mark.parametrize('channels', [1, 3])
def test_probabilities_are_those_of_the_attribute_and_of_its_absence(session, channels):
    images = np.random.RandomState(2).randn(3, channels, 8, 8).astype(np.float32)
    classifiers = stub_classifiers()
    classifiers.open([channels, 8, 8])
    values = tflib.run(classifiers.in_graph(tf.constant(images)))
    logit = 3 * images.mean(axis=(1, 2, 3))
    np.testing.assert_allclose(values[:, 0, 0], 1 / (1 + np.exp(-2 * logit)), rtol=1e-5)
    np.testing.assert_allclose(values[:, 1], values[:, 0, ::-1], rtol=1e-5)
    np.testing.assert_allclose(values.sum(axis=2), 1, rtol=1e-6)


def test_large_images_are_shrunk_and_small_ones_refused(session):
    classifiers, seen = stub_classifiers(side=256), []
    for file in classifiers._networks:
        file.network.get_output_for = lambda images, labels: seen.append(images) or tf.zeros([1, 1])
    images = np.random.RandomState(2).randn(1, 3, 512, 512).astype(np.float32)
    classifiers.open(images.shape[1:])
    classifiers.in_graph(tf.constant(images))
    expected = images.reshape(1, 3, 256, 2, 256, 2).mean(axis=(3, 5))
    np.testing.assert_allclose(tflib.run(seen[0]), expected, atol=1e-5)
    with pytest.raises(UserError, match='take images of 256x256 px; this network makes 128x128'):
        classifiers.open([3, 128, 128])


@pytest.fixture
def toy_metric(monkeypatch):
    monkeypatch.setattr('metrics.features._open_classifiers', lambda name, offline: stub_classifiers())
    metric = dataclasses.replace(METRICS['ls'], num_samples=60, num_keep=30)
    monkeypatch.setitem(METRICS, 'ls', metric)
    return metric


def test_the_meter_gives_a_value_and_entropies_for_each_space_and_repeats(session, toy_metric, tmp_path):
    Gs = tflib.Network('Gs', 'training.networks_stylegan.G_style', **SMALL, **SMALL_G)
    meter = Meter(['ls'], None, False, 3)
    results, again = (next(meter.measure([toy_metric], Gs, minibatch_size=8))[1] for _ in range(2))
    assert [result.metric for result in results] == ['ls_z', 'ls_w'] and meter.decisive == 'ls_z'
    for result, other in zip(results, again):
        assert (result.value, result.details) == (other.value, other.details)
        assert list(result.details['entropies']) == ['bright', 'dark', 'always']
        assert 'always' in result.details['failed_fits'] and result.details['entropies']['always'] == 0
        assert result.value == pytest.approx(2 ** sum(result.details['entropies'].values()))
        append_result(str(tmp_path), Snapshot('a.pkl', 1), result)
    assert [(r['metric'], r['value'], r['details']) for r in read_results(str(tmp_path))] == [
        (r.metric, r.value, r.details) for r in results
    ]


def test_w_is_the_last_layer_of_the_mapping(session, toy_metric):
    Gs = tflib.Network('Gs', 'training.networks_stylegan.G_style', **SMALL, **SMALL_G)
    generator = GeneratorReadings(
        Gs,
        'toy',
        [toy_metric],
        {toy_metric.extractor: stub_classifiers()},
        (Labels(None, 3), None),
        3,
        StageCache(None),
        Work(8, 1, 'cpu', False),
    )
    predictions, latents, dlatents, names = map(generator.read, toy_metric.readings())
    np.testing.assert_array_equal(latents, np.random.RandomState(3).randn(60, 8).astype(np.float32))
    np.testing.assert_allclose(dlatents, Gs.components.mapping.run(latents, None)[:, -1], rtol=1e-4, atol=1e-6)
    assert names.tolist() == ['bright', 'dark', 'always']
    assert predictions.shape == (60, 3, 2)
    np.testing.assert_allclose(predictions.sum(axis=2), 1, rtol=1e-6)
