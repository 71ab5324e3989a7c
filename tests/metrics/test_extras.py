"""KID, precision and recall, Inception Score and the FID at infinity: numbers of published implementations."""

import json

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression
from sklearn.metrics.pairwise import polynomial_kernel

from metrics.arithmetic import precision_recall as precision_recall_module
from metrics.arithmetic.frechet import frechet_distance, statistics
from metrics.arithmetic.frechet_infinity import frechet_infinity, intercept, sizes_between
from metrics.arithmetic.inception_score import inception_score
from metrics.arithmetic.kernel_distance import kernel, kernel_distance, squared_discrepancy
from metrics.arithmetic.precision_recall import precision_recall, share_within, squared_distances, squared_radii
from tests.goldens.published_extras import PATH, SEEDS, features, logits

with open(PATH) as file:
    PUBLISHED = json.load(file)


def published(seed, name):
    return PUBLISHED[str(seed)][name]


def softmax(values):
    powers = np.exp(values.astype(np.float64))
    return powers / powers.sum(axis=1, keepdims=True)


# ----------------------------------------------------------------------------------------------------------------------
# Kernel distance


@pytest.mark.parametrize('seed', SEEDS)
def test_the_kernel_distance_is_that_of_torch_fidelity(seed):
    found = kernel_distance(*features(seed), 7, 60, np.random.RandomState(seed))
    np.testing.assert_allclose(found, published(seed, 'torch-fidelity kid'), rtol=2e-5, atol=1e-6)  # theirs is float32


def test_the_kernel_is_that_of_scikit_learn():
    fakes, reals = features(1)
    expected = polynomial_kernel(fakes.astype(np.float64), reals.astype(np.float64), degree=3, coef0=1)
    np.testing.assert_allclose(kernel(fakes, reals), expected, rtol=1e-12)


def test_the_estimate_is_unbiased_and_leaves_each_image_with_itself_out():
    random = np.random.RandomState(1)
    a, b = random.randn(2, 4, 3)
    pairs = [(i, j) for i in range(4) for j in range(4)]
    expected = (
        sum(kernel(a, a)[i, j] + kernel(b, b)[i, j] for i, j in pairs if i != j) / 12
        - 2 * sum(kernel(a, b)[i, j] for i, j in pairs) / 16
    )
    assert squared_discrepancy(a, b) == pytest.approx(expected, rel=1e-12)
    draws = [squared_discrepancy(*random.randn(2, 20, 8)) for _ in range(400)]
    assert abs(np.mean(draws)) < 4 * np.std(draws) / 20 and min(draws) < 0


# ----------------------------------------------------------------------------------------------------------------------
# Precision and recall


@pytest.mark.parametrize('name', ['torch-fidelity', 'prdc'])
@pytest.mark.parametrize('seed', SEEDS)
def test_precision_and_recall_are_those_of_others(seed, name):
    fakes, reals = features(seed)
    found = precision_recall(fakes, reals, squared_radii(fakes, 3), squared_radii(reals, 3))
    assert found == pytest.approx(published(seed, name + ' precision and recall'), abs=1e-6)


@given(st.integers(0, 10000), st.integers(1, 4), st.integers(6, 40))
def test_balls_are_those_of_the_definition_in_blocks_of_any_size(seed, neighbours, count):
    random = np.random.RandomState(seed)
    points, centres = random.randn(9, 5), random.randn(count, 5)
    radii = [sorted(np.linalg.norm(centres - centre, axis=1))[neighbours] for centre in centres]
    share = np.mean(
        [any(np.linalg.norm(point - centre) <= radius for centre, radius in zip(centres, radii)) for point in points]
    )
    before = precision_recall_module.BLOCK_BYTES
    try:
        for block in (1, 1000, before):
            precision_recall_module.BLOCK_BYTES = block
            found = squared_radii(centres, neighbours)
            np.testing.assert_allclose(np.sqrt(found), radii, rtol=1e-9)
            assert share_within(points, centres, found) == share
    finally:
        precision_recall_module.BLOCK_BYTES = before


def test_features_far_from_zero_lose_nothing_to_rounding():
    fakes, reals = features(1)
    near = precision_recall(fakes, reals, squared_radii(fakes, 3), squared_radii(reals, 3))
    fakes, reals = fakes + np.float32(100), reals + np.float32(100)
    assert precision_recall(fakes, reals, squared_radii(fakes, 3), squared_radii(reals, 3)) == pytest.approx(
        near, abs=0.01
    )


def test_equal_sets_have_both_and_sets_apart_have_neither():
    fakes, _ = features(1)
    radii = squared_radii(fakes, 3)
    assert precision_recall(fakes, fakes, radii, radii) == (1, 1)
    assert precision_recall(fakes, fakes + 50, radii, radii) == (0, 0)
    assert (squared_distances(fakes, fakes) >= 0).all()


# ----------------------------------------------------------------------------------------------------------------------
# Inception Score


@pytest.mark.parametrize('seed', SEEDS)
def test_the_inception_score_is_that_of_torch_fidelity(seed):
    np.testing.assert_allclose(
        inception_score(softmax(logits(seed)), 10), published(seed, 'torch-fidelity inception score'), rtol=1e-6
    )


def test_the_inception_score_lies_between_1_and_the_number_of_classes():
    assert inception_score(np.tile(np.float32([[0.2, 0.8]]), [10, 1]), 2) == pytest.approx((1, 0))
    assert inception_score(np.tile(np.eye(4, dtype=np.float32), [10, 1]), 2) == pytest.approx((4, 0))


# ----------------------------------------------------------------------------------------------------------------------
# Frechet distance at infinity


def test_sizes_are_even_from_the_smallest_to_all():
    assert sizes_between(5000, 50000, 15) == np.linspace(5000, 50000, 15).astype('int32').tolist()
    assert len(sizes_between(5000, 50000, 15)) == 15


@given(st.floats(-5, 50), st.floats(0, 1e4))
def test_a_line_over_one_over_the_size_is_followed_to_infinity(limit, slope):
    sizes = [1000, 2000, 3000, 5000]
    distances = [limit + slope / size for size in sizes]
    assert intercept(sizes, distances) == pytest.approx(limit, abs=1e-6)


def test_the_distance_at_infinity_is_the_line_through_those_of_the_matrix_square_root():
    fakes, reals = features(1)
    of_reals = statistics(reals)
    value, distances = frechet_infinity(fakes, of_reals, 100, 5, np.random.RandomState(3))
    random, expected, sizes = np.random.RandomState(3), [], np.linspace(100, 300, 5).astype('int32')
    for size in sizes:
        chosen = fakes[random.permutation(300)[:size]].astype(np.float64)
        covariance = np.cov(chosen, rowvar=False)
        root = scipy.linalg.sqrtm(covariance @ of_reals.covariance).real
        expected.append(
            np.square(chosen.mean(axis=0) - of_reals.mean).sum() + np.trace(covariance + of_reals.covariance - 2 * root)
        )
    line = LinearRegression().fit(1 / sizes.reshape(-1, 1), expected)
    assert list(distances) == sizes.tolist()
    np.testing.assert_allclose(list(distances.values()), expected, rtol=1e-5)
    assert value == pytest.approx(line.predict([[0]])[0], rel=1e-4)


@settings(max_examples=5)
@given(st.integers(0, 1000))
def test_at_infinity_the_distance_to_the_truth_nearly_vanishes(seed):
    random = np.random.RandomState(seed)
    fakes, truth = random.randn(3000, 8), statistics(np.concatenate([np.eye(8), -np.eye(8)]) * 8**0.5)
    truth = truth._replace(covariance=np.eye(8))
    value, _ = frechet_infinity(fakes, truth, 200, 15, random)
    assert abs(value) < 0.5 * frechet_distance(statistics(fakes[:200]), truth)
