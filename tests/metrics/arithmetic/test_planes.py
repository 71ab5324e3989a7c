"""Planes through points whose directions are known."""

import numpy as np
import pytest

from metrics.arithmetic.planes import fit_classifier, fit_plane, orthogonalise


def planted(count=2000, size=32, noise=0.0):
    """(points, scores, normal): the scores rise along the normal."""
    random = np.random.RandomState(0)
    normal = random.randn(size)
    normal /= np.linalg.norm(normal)
    points = random.randn(count, size)
    return points.astype(np.float32), points @ normal + noise * random.randn(count), normal


def test_a_plane_gives_back_the_direction_in_which_scores_rise():
    points, scores, normal = planted()
    plane = fit_plane(points, scores, 0.25, 1)
    assert plane.normal @ normal > 0.98 and plane.accuracy > 0.98 and plane.correlation > 0.98
    assert plane.normal.dtype == np.float32 and abs(np.linalg.norm(plane.normal) - 1) < 1e-6
    turned = fit_plane(points, -scores, 0.25, 1)
    assert turned.normal @ normal < -0.98  # the sign is that of the scores
    scaled = fit_plane(1000 * points + 5, scores, 0.25, 1)  # neither scale nor centre of w matters
    np.testing.assert_allclose(scaled.normal, plane.normal, atol=1e-3)


def test_what_is_held_out_shows_that_scores_have_nothing_to_do_with_w():
    points, _, _ = planted(400)
    plane = fit_plane(points, np.random.RandomState(7).randn(400), 0.25, 1)
    assert 0.3 < plane.accuracy < 0.7 and abs(plane.correlation) < 0.25
    noisy = fit_plane(*planted(noise=1.0)[:2], 0.25, 1)
    # Noise and signal have equal parts, and most of the extreme points, which correlate best, were fitted.
    assert 0.45 < noisy.correlation < 0.65 and 0.8 < noisy.accuracy < 0.95


def test_the_same_seed_gives_the_same_plane():
    points, scores, _ = planted(400, noise=1.0)
    planes = [fit_plane(points, scores, 0.1, seed) for seed in (3, 3, 4)]
    np.testing.assert_array_equal(planes[0].normal, planes[1].normal)
    assert (planes[0].normal != planes[2].normal).any()


@pytest.mark.parametrize(
    'count, share, change, message',
    [
        (80, 0.1, lambda points, scores: (points, scores), 'needs 10 images .* gets 8'),
        (80, 0.4, lambda points, scores: (points, 0 * scores), 'the same score to too many images'),
        (80, 0.4, lambda points, scores: (0 * points, scores), 'only one w'),
    ],
)
def test_what_has_no_plane_is_a_sentence(count, share, change, message):
    with pytest.raises(ValueError, match=message):
        fit_plane(*change(*planted(count)[:2]), share, 0)


def test_a_classifier_of_few_images_with_an_attribute_recognises_both_kinds():
    features, scores, _ = planted(1000)
    has_it = scores > np.sort(scores)[-100]  # a tenth
    features = features * np.linspace(0.01, 100, 32, dtype=np.float32) + 3  # of different sizes
    classifier = fit_classifier(features, has_it, 0)
    assert classifier.accuracy > 0.85
    found = classifier.scores(features) > 0
    assert found[has_it].mean() > 0.9 and found[~has_it].mean() < 0.15  # both weigh the same, though one is rare
    with pytest.raises(ValueError, match='needs 5 images .* has 4 of one'):
        fit_classifier(features, scores >= np.sort(scores)[-4], 0)


def test_orthogonal_directions_keep_what_is_theirs_alone():
    normals = np.float32([[1, 0, 0, 0], [0.6, 0.8, 0, 0], [0, 0.6, 0.8, 0]])
    found = orthogonalise(normals)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)
    for number, direction in enumerate(found):
        np.testing.assert_allclose(np.delete(normals, number, axis=0) @ direction, 0, atol=1e-6)
        assert direction @ normals[number] > 0
    with pytest.raises(ValueError) as raised:
        orthogonalise([[1, 0, 0], [0, 1, 0], [0.6, 0.8, 0]])
    assert raised.value.args == (0,)
