"""Path lengths: the original's numbers, the arithmetic, and what is drawn."""

import dataclasses

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from hypothesis import given
from hypothesis import strategies as st

from dnnlib import tflib
from dnnlib.errors import UserError
from metrics.arithmetic.path_length import lerp, mean_of_inner, slerp
from metrics.batches import Labels
from metrics.features.adapting import crop_window, shrink_factor
from metrics.features.distances import ONetDistance, PairDistance
from metrics.features.onet import ONet
from metrics.meter import Meter
from metrics.paths import Paths
from metrics.readings import Path
from metrics.registry import METRICS, PathLength
from tests.goldens.kinds import assert_agreement, golden_cases
from tests.goldens.paths import MeanSquaredDifference
from tests.toy_run import SMALL, SMALL_G


@golden_cases('metric_ppl*')
def test_equals_the_original_code(shared_networks, kind, path, case):
    assert_agreement(kind, path, case, lambda **options: tf.get_default_session())


@given(st.integers(0, 1000), st.floats(0, 1))
def test_a_spherical_path_has_unit_length_ends_where_it_should_and_even_speed(seed, t):
    a, b = np.random.RandomState(seed).randn(2, 5, 8)
    point, start, end = (slerp(a, b, np.full([5, 1], x)) for x in (t, 0, 1))
    np.testing.assert_allclose(np.linalg.norm(point, axis=1), 1, rtol=1e-12)
    for actual, expected in ((start, a), (end, b)):
        np.testing.assert_allclose(actual, expected / np.linalg.norm(expected, axis=1, keepdims=True), atol=1e-12)
    whole, part = (np.arccos(np.clip((start * x).sum(axis=1), -1, 1)) for x in (end, point))
    np.testing.assert_allclose(part, t * whole, atol=1e-6)


def test_paths_between_equal_and_opposite_latents_are_numbers():
    a = np.array([[1.0], [1.0]])
    np.testing.assert_array_equal(slerp(a, np.array([[2.0], [-1.0]]), np.array([[0.5], [0.0]])), [[1], [1]])


def test_straight_path():
    np.testing.assert_array_equal(lerp(np.float32([2]), np.float32([4]), np.float32([0.25])), [2.5])


@pytest.mark.parametrize(
    'height, window, factor',
    [
        (1024, (384, 256, 512), 2),
        (512, (192, 128, 256), 1),
        (256, (96, 64, 128), 1),
        (2048, (768, 512, 1024), 4),
        (8, (3, 2, 4), 1),
    ],
)
def test_the_crop_is_the_face(height, window, factor):
    assert crop_window(height) == window and shrink_factor(window[2]) == factor


def test_only_what_lies_within_the_percentiles_counts_these_included():
    distances = np.random.RandomState(1).permutation(np.arange(301.0)) ** 2
    assert mean_of_inner(distances) == pytest.approx(np.mean(np.arange(3.0, 298.0) ** 2))
    assert mean_of_inner(np.array([5.0])) == 5


def test_pairs_are_cropped_scaled_to_levels_and_shrunk(session):
    images = np.random.RandomState(2).randn(4, 3, 1024, 1024).astype(np.float32)
    seen = []
    distance = MeanSquaredDifference()

    class Seen(MeanSquaredDifference):
        def __call__(self, a, b):
            seen.extend([a, b])
            return distance(a, b)

    output = PairDistance(Seen()).in_graph(tf.constant(images))
    crops = (images[:, :, 384:896, 256:768].astype(np.float64) + 1) * 127.5
    crops = crops.reshape(4, 3, 256, 2, 256, 2).mean(axis=(3, 5))
    np.testing.assert_allclose(tflib.run(seen[0]), crops[0::2], rtol=1e-3, atol=1e-3)
    expected = np.square(crops[0::2] - crops[1::2]).mean(axis=(1, 2, 3))
    np.testing.assert_allclose(tflib.run(output), expected, rtol=1e-5)


@pytest.fixture
def Gs(shared_networks):
    """A small generator with weights of its own."""
    Gs = shared_networks.generator(**SMALL, **SMALL_G)
    tflib.set_vars(
        {
            variable: np.random.RandomState(index).randn(*variable.shape.as_list())
            for index, variable in enumerate(Gs.trainables.values())
        }
    )
    return Gs


def sample_distances(Gs, metric, pair_distance, minibatch_size, num_gpus, seed):
    path = Path(metric.space, metric.sampling, metric.epsilon)
    paths = Paths(Gs, path, pair_distance, minibatch_size, num_gpus, seed, Labels(None, seed))
    return paths.batches(0, metric.num_samples)


def toy_metric(space='w', sampling='full', num_samples=10):
    return PathLength('pl_toy', 'onet', space, sampling, num_samples, 1e-2)


def test_samples_repeat_with_their_seed_and_leave_the_noise_as_it_was(Gs):
    pair_distance = PairDistance(MeanSquaredDifference())
    before = tflib.run(Gs.vars)
    draws = [
        np.concatenate(list(sample_distances(Gs, toy_metric(space), pair_distance, 4, 1, seed)))
        for space, seed in (('w', 1), ('w', 1), ('w', 2), ('z', 1))
    ]
    assert all(draw.shape == (12,) for draw in draws)  # whole minibatches
    np.testing.assert_array_equal(draws[0], draws[1])
    assert not np.intersect1d(draws[0], draws[2]).size and not np.intersect1d(draws[0], draws[3]).size
    np.testing.assert_array_equal(
        np.concatenate([value.ravel() for value in before.values()]),
        np.concatenate([value.ravel() for value in tflib.run(Gs.vars).values()]),
    )


def test_noise_is_shared_by_a_minibatch_and_drawn_anew_for_the_next(Gs, monkeypatch):
    drawn = []
    noise = Gs.components.synthesis.vars['noise0']
    monkeypatch.setattr('metrics.paths.path_distances', lambda *args: drawn.append(tflib.run(noise)) or [0])
    list(sample_distances(Gs, toy_metric(), None, 5, 1, 1))
    assert len(drawn) == 2 and not np.intersect1d(*drawn).size


def test_the_number_of_paths_at_a_time_is_a_multiple_of_the_gpus(Gs, monkeypatch):
    sizes = []
    monkeypatch.setattr('metrics.paths.path_distances', lambda *args: sizes.append((len(args[3]), args[5])) or [])
    list(sample_distances(Gs, toy_metric('z', 'end'), None, 3, 2, 1))
    assert sizes == [(8, 2)] * 3


def test_a_network_whose_images_have_no_middle_is_refused():
    with pytest.raises(UserError, match='8x8 px and more; this network makes 4x4'):
        PairDistance(ONetDistance()).open([3, 4, 4])


def test_the_meter_measures_a_path_length_without_any_data(Gs, monkeypatch):
    monkeypatch.setitem(METRICS, 'pl_toy', toy_metric())
    meter = Meter(['pl_toy'], None, False, 3)
    result, again = (next(meter.measure(meter.metrics, Gs, minibatch_size=8))[1][0] for _ in range(2))
    assert result.metric == 'pl_toy' and 0 < result.value == again.value
    assert result.settings == {
        'distance': 'onet',
        'space': 'w',
        'sampling': 'full',
        'num_samples': 10,
        'epsilon': 0.01,
        'seed': 3,
    }


@pytest.mark.parametrize('channels', [1, 3])
def test_the_onet_distance_is_zero_for_equal_images_and_follows_the_features(session, channels):
    images = np.random.RandomState(3).randint(0, 256, [2, 2, channels, 48, 48]).astype(np.uint8)
    distance = ONetDistance()
    a, b = (tf.constant(x, tf.float32) for x in images)
    np.testing.assert_array_equal(tflib.run(distance(a, a)), [0, 0])
    expected = np.square(ONet()(images[0]) - ONet()(images[1])).sum(axis=1)
    np.testing.assert_allclose(tflib.run(distance(a, b)), expected, rtol=1e-4)


def test_a_step_of_the_onet_path_lengths_is_far_above_rounding(Gs):
    # Half a step changes images half as much, so distances over epsilon squared stay; rounding would show in them.
    pair_distance = PairDistance(ONetDistance())
    for space in 'zw':
        metric = dataclasses.replace(METRICS[f'pl_onet5k_{space}end'], num_samples=32)
        whole, half = (
            np.concatenate(
                list(sample_distances(Gs, dataclasses.replace(metric, epsilon=epsilon), pair_distance, 32, 1, 1))
            )
            for epsilon in (metric.epsilon, metric.epsilon / 2)
        )
        assert np.median(whole / half) == pytest.approx(1, abs=0.4)  # of nothing but rounding it would be 1/4
