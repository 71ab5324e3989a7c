"""What each kind of variation changes in w, in the noise, and what it leaves alone."""

import dataclasses

import numpy as np
import pytest

from synthesis.draws import BALANCED, Classes, ImageDraw, distances_of, near_weights_of, noise_seeds
from synthesis.variations import (
    DIRECTIONS,
    FINE,
    NEAR,
    NOISE,
    SPREAD,
    VARY,
    Recipe,
    inputs_of,
    spread_inputs,
    spread_of,
    step_of,
    vary,
)

LAYERS, W = 6, 4
FIRST, VARIATION, OTHER = ImageDraw(5, draw=2), ImageDraw(5, 1, 0, 2), ImageDraw(5, 2, 3, 2)
IMAGES = [FIRST, VARIATION, OTHER, ImageDraw(6)]
AVERAGE = np.float32([1, 2, 3, 4])
RECIPE = Recipe(
    seed=3,
    dlatent_avg=AVERAGE,
    psi=0.5,
    psi_layers=4,
    fine_layers=range(3, 6),
    spread=np.random.RandomState(1).randn(10, W),
    directions=np.float32([[1, 0, 0, 0], [0, 0.6, 0.8, 0]]),
    direction_layers=range(1, 2),
)


def mapped(seed=0):
    """What a mapping network gives: w for each row, the same in all layers."""
    return np.repeat(np.random.RandomState(seed).randn(len(IMAGES), 1, W).astype(np.float32), LAYERS, axis=1)


def varied(*kinds, **changes):
    """(w of the four images, w of their first images); rows 1 and 2 are variations of row 0."""
    first, fine = mapped(), mapped(seed=1)
    first[:3] = first[0]
    recipe = dataclasses.replace(RECIPE, vary=kinds, **changes)
    return vary(IMAGES, first, fine if FINE in kinds else None, recipe), vary(
        [FIRST] * 3 + [ImageDraw(6)], first, None, recipe
    )


def test_the_first_image_is_truncated_and_nothing_else():
    first = mapped()
    expected = first.copy()
    expected[:, :4] = AVERAGE + (first[:, :4] - AVERAGE) * np.float32(0.5)
    w, _ = varied(*VARY)
    np.testing.assert_allclose(w[[0, 3]], expected[[0, 3]], atol=1e-6)
    assert w.dtype == np.float32


def test_noise_alone_leaves_w_of_the_first_image():
    w, first = varied(NOISE)
    np.testing.assert_array_equal(w, first)


def test_fine_takes_the_fine_layers_of_another_truncated_latent():
    w, first = varied(FINE)
    others = mapped(seed=1)
    np.testing.assert_array_equal(w[:, :3], first[:, :3])
    np.testing.assert_allclose(w[1:3, 3], AVERAGE + (others[1:3, 3] - AVERAGE) * 0.5, atol=1e-6)  # a truncated layer
    np.testing.assert_allclose(w[1:3, 4:], others[1:3, 4:], atol=1e-6)
    half, _ = varied(FINE, fine=0.5)
    np.testing.assert_allclose(half[1:3], (w[1:3] + first[1:3]) / 2, atol=1e-6)


def test_near_moves_all_layers_by_the_same_step():
    w, first = varied(NEAR, near=0.25)
    steps = w - first
    assert (steps[[0, 3]] == 0).all()
    for row, image in ((1, VARIATION), (2, OTHER)):
        expected = 0.25 / np.sqrt(10) * near_weights_of(3, image, 10) @ RECIPE.spread
        np.testing.assert_allclose(steps[row], np.tile(expected, [LAYERS, 1]), atol=1e-6)


def test_directions_move_their_layers_only_and_not_beyond_the_distance():
    w, first = varied(DIRECTIONS, distance=2.0)
    steps = w - first
    assert (steps[:, [0, 2, 3, 4, 5]] == 0).all()
    for row, image in ((1, VARIATION), (2, OTHER)):
        along, other = 2 * distances_of(3, image, 2)
        np.testing.assert_allclose(steps[row, 1], [along, 0.6 * other, 0.8 * other, 0], atol=1e-6)


def test_all_kinds_together_add_up():
    w, first = varied(*VARY)
    fine, near, moved = (varied(kind)[0] for kind in (FINE, NEAR, DIRECTIONS))
    np.testing.assert_allclose(w, fine + (near - first) + (moved - first), atol=1e-5)


def test_an_image_does_not_depend_on_its_companions():
    recipe = dataclasses.replace(RECIPE, vary=VARY)
    first, fine = mapped(), mapped(seed=1)
    together = vary(IMAGES, first, fine, recipe)
    for row, image in enumerate(IMAGES):
        alone = vary([image], first[row : row + 1], fine[row : row + 1], recipe)
        np.testing.assert_array_equal(alone[0], together[row])
    backwards = vary(IMAGES[::-1], first[::-1], fine[::-1], recipe)
    np.testing.assert_array_equal(backwards[::-1], together)


def test_the_network_gets_the_latents_noise_and_class_of_each_image():
    recipe = dataclasses.replace(RECIPE, vary=(NOISE, FINE), classes=Classes(BALANCED, 3))
    inputs = inputs_of(IMAGES, recipe, 8)
    np.testing.assert_array_equal(inputs.latents[1:3], inputs.latents[[0, 0]])
    assert (inputs.latents[3] != inputs.latents[0]).all()
    assert (inputs.fine_latents[[0, 3]] == 0).all()
    assert len(np.unique(inputs.fine_latents[:3], axis=0)) == 3
    np.testing.assert_array_equal(inputs.labels, np.eye(3)[[2, 2, 2, 0]])
    assert inputs.noise.dtype == np.int32
    assert [tuple(row) for row in inputs.noise] == [
        noise_seeds(3, *numbers) for numbers in ((5, 0, 2), (5, 1, 0), (5, 2, 3), (6, 0, 0))
    ]


def test_without_noise_all_images_of_an_identity_have_the_noise_of_the_first():
    inputs = inputs_of(IMAGES, dataclasses.replace(RECIPE, vary=(NEAR,)), 8)
    assert inputs.fine_latents is None and inputs.labels is None
    assert len({tuple(row) for row in inputs.noise[:3]}) == 1 and tuple(inputs.noise[3]) != tuple(inputs.noise[0])


def test_steps_spread_as_the_w_of_the_network_do():
    root = np.random.RandomState(0).randn(W, W)
    sample = np.random.RandomState(1).randn(2 * SPREAD, W) @ root + 7  # covariance root^T root; the mean plays no part
    spread = spread_of(sample.astype(np.float32))
    assert spread.shape == (SPREAD, W) and spread.dtype == np.float64
    steps = np.stack([step_of(np.random.RandomState(seed).randn(SPREAD), spread, 0.5) for seed in range(4000)])
    np.testing.assert_allclose(steps.T @ steps / 4000, 0.25 * root.T @ root, atol=0.1 * np.abs(root.T @ root).max())


@pytest.mark.parametrize('label_size', [0, 3])
def test_pairs_that_measure_the_spread_have_one_class(label_size):
    latents, labels = spread_inputs(8, label_size)
    assert latents.shape == (2 * SPREAD, 8) and len(np.unique(latents, axis=0)) == 2 * SPREAD
    if label_size:
        np.testing.assert_array_equal(labels[::2], labels[1::2])
        np.testing.assert_array_equal(labels[:8:2].argmax(axis=1), [0, 1, 2, 0])
    else:
        assert labels is None


def test_the_spread_within_classes_leaves_out_what_differs_between_them():
    _, labels = spread_inputs(2, 2)
    w = labels * 100 + np.random.RandomState(0).randn(2 * SPREAD, 2)
    assert np.abs(spread_of(w.astype(np.float32))).max() < 10
