"""The Frechet distance: the original's numbers, and sense where the matrix square root has none."""

import numpy as np
import pytest
import scipy.linalg
from threadpoolctl import threadpool_info, threadpool_limits

from metrics.arithmetic.frechet import Statistics, frechet_distance, statistics
from tests.goldens.kinds import assert_agreement, golden_cases


@golden_cases('metric_fid*')
def test_equals_the_original_code(open_session, kind, path, case):
    assert_agreement(kind, path, case, open_session)


def test_equals_the_matrix_square_root_on_full_covariances():
    random = np.random.RandomState(1)
    a, b = (statistics(random.randn(400, 64).astype(np.float32) * (1 + random.rand(64))) for _ in range(2))
    root = scipy.linalg.sqrtm(a.covariance @ b.covariance)
    expected = np.square(a.mean - b.mean).sum() + np.trace(a.covariance + b.covariance - 2 * root)
    assert frechet_distance(a, b) == pytest.approx(np.real(expected), rel=1e-6)


def test_singular_covariances_of_known_distance():
    # Two planes that share one axis: only that axis's standard deviations, 2 and 1, can be matched.
    a = Statistics(np.zeros(4), np.diag([4.0, 9.0, 0.0, 0.0]))
    b = Statistics(np.array([0.0, 0.0, 0.0, 3.0]), np.diag([1.0, 0.0, 16.0, 0.0]))
    assert frechet_distance(a, b) == pytest.approx(9 + (4 + 9 + 1 + 16) - 2 * 2, rel=1e-12)


def test_fewer_images_than_features():
    random = np.random.RandomState(2)
    images = random.randn(20, 256).astype(np.float32)
    repeated = statistics(np.tile(images, [50, 1]))
    assert frechet_distance(repeated, repeated) == pytest.approx(0, abs=1e-9 * np.trace(repeated.covariance))
    moved = repeated._replace(mean=repeated.mean + 1)
    assert frechet_distance(repeated, moved) == pytest.approx(256, rel=1e-6)
    others = statistics(random.randn(300, 256).astype(np.float32))
    assert frechet_distance(repeated, others) == pytest.approx(frechet_distance(others, repeated), rel=1e-9)


def test_two_equal_images_have_no_covariance():
    flat = statistics(np.ones([2, 3], np.float32))
    assert frechet_distance(flat, flat) == 0


def test_nearly_equal_gaussians_keep_their_small_distance():
    random = np.random.RandomState(3)
    features = random.randn(300, 64) * np.exp(-np.arange(64) / 3)  # variances over 18 orders of magnitude
    a = statistics(features)
    for scale in (1 + 1e-3, 1 + 1e-6):  # scaled by s, a Gaussian is (s - 1)^2 of its trace away
        b = Statistics(a.mean, a.covariance * scale**2)
        expected = (scale - 1) ** 2 * np.trace(a.covariance)
        assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-6, abs=1e-13)


def test_both_ways_to_a_distance_agree(monkeypatch):
    random = np.random.RandomState(4)
    a, b = (statistics(random.randn(400, 64).astype(np.float32) * (1 + random.rand(64))) for _ in range(2))
    quick = []
    monkeypatch.setattr(np.linalg, 'svd', lambda *args, **kwargs: quick.append('no'))
    distance = frechet_distance(a, b)
    monkeypatch.undo()
    monkeypatch.setattr('metrics.arithmetic.frechet.RELATIVE_ERROR', 0)
    assert quick == [] and frechet_distance(a, b) == pytest.approx(distance, rel=1e-9)


@pytest.mark.parametrize('count, function', [(200, 'eigvalsh'), (20, 'eigh')])  # of the quick way and of the slow one
def test_blas_computes_on_one_thread_and_has_its_threads_back_afterwards(monkeypatch, count, function):
    random, compute, inside = np.random.RandomState(5), getattr(scipy.linalg, function), []
    a, b = (statistics(random.randn(count, 32)) for _ in range(2))

    def blas_threads():
        return {pool['num_threads'] for pool in threadpool_info() if pool['user_api'] == 'blas'}

    def noted(*args, **kwargs):
        inside.append(blas_threads())
        return compute(*args, **kwargs)

    monkeypatch.setattr(scipy.linalg, function, noted)
    with threadpool_limits(2, user_api='blas'):
        before = blas_threads()  # a library with one core to itself stays at 1
        frechet_distance(a, b)
        assert inside and all(threads == {1} for threads in inside)
        assert 2 in before and blas_threads() == before
