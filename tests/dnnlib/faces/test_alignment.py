"""The five points of faces, and the similarity that brings them to the places of a template."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnnlib.faces.alignment import CROP_POINTS, CROP_SIDE, TEMPLATE, FaceAligner, similarity
from metrics.features.self_check import read_pictures


@pytest.fixture(scope='module')
def aligner():
    return FaceAligner()


@pytest.fixture(scope='module')
def pictures():
    return list(read_pictures().transpose(0, 2, 3, 1))


def turned(image, degrees):
    """The image turned about its middle, and the turn as [2, 3]."""
    middle = tuple((side - 1) / 2 for side in image.shape[1::-1])
    turn = cv2.getRotationMatrix2D(middle, degrees, 1.0)
    return cv2.warpAffine(image, turn, image.shape[1::-1], flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE), turn


@given(st.floats(-3, 3), st.floats(0.1, 5), st.floats(-50, 50), st.floats(-50, 50))
def test_a_similarity_is_found_again(angle, scale, x, y):
    linear = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    found = similarity(TEMPLATE, TEMPLATE @ linear.T + [x, y])
    np.testing.assert_allclose(found, np.column_stack([linear, [x, y]]), atol=1e-6)


def test_a_similarity_is_the_nearest_and_mirrors_nothing():
    random = np.random.RandomState(0)
    targets = TEMPLATE + random.randn(5, 2)
    found = similarity(CROP_POINTS, targets)

    def error(moves):
        return ((CROP_POINTS @ moves[:, :2].T + moves[:, 2] - targets) ** 2).sum()

    for _ in range(50):
        angle, scale, shift = random.randn() * 0.01, 1 + random.randn() * 0.01, random.randn(2) * 0.1
        turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        assert error(np.column_stack([turn @ found[:, :2], found[:, 2] + shift])) >= error(found)
    mirrored = TEMPLATE * [-1, 1]
    assert np.linalg.det(similarity(mirrored, TEMPLATE)[:, :2]) > 0


def test_points_are_where_a_person_sees_them(aligner, pictures):
    by_eye = [
        [(45, 51), (88, 53), (66, 74), (45, 85), (86, 87)],
        [(42, 48), (86, 46), (64, 69), (47, 87), (84, 86)],
    ]
    assert np.abs(aligner.find_points(pictures) - np.array(by_eye)).max() < 3


def test_points_follow_the_side_of_the_image(aligner, pictures):
    points = aligner.find_points(pictures)
    large = [cv2.resize(image, (256, 256), interpolation=cv2.INTER_CUBIC) for image in pictures]
    assert np.abs(aligner.find_points(large) / 2 - points).max() < 1
    small = [cv2.resize(image, (64, 64), interpolation=cv2.INTER_AREA) for image in pictures]
    assert np.abs(aligner.find_points(small) * 2 - points).max() < 2


def test_points_follow_a_turned_face(aligner, pictures):
    points = aligner.find_points(pictures)
    for image, before in zip(pictures, points):
        other, turn = turned(image, 12)
        [after] = aligner.find_points([other])
        assert np.abs(before @ turn[:, :2].T + turn[:, 2] - after).max() < 3


def test_aligned_faces_have_their_points_at_the_places_of_the_template(aligner, pictures):
    for side in (112, 224):
        aligned = aligner.align(pictures, side)
        assert all(image.shape == (side, side, 3) and image.dtype == np.uint8 for image in aligned)
        assert np.abs(aligner.find_points(aligned) - TEMPLATE * side / 112).mean() < 4.5 * side / 112
    straight, oblique = (
        aligner.align([image], 112)[0][30:100, 30:80] for image in (pictures[0], turned(pictures[0], 10)[0])
    )
    assert np.abs(straight.astype(int) - oblique).mean() < 8


def test_an_image_without_a_face_is_taken_for_a_crop_of_the_filter(aligner, pictures):
    grey = np.full([64, 64, 3], 128, np.uint8)
    points = aligner.find_points([pictures[0], grey, pictures[1]])
    assert np.isnan(points[1]).all() and np.isfinite(points[[0, 2]]).all()
    assert np.isnan(aligner.find_points([grey])).all() and aligner.find_points([]).shape == (0, 5, 2)
    dots = np.zeros([CROP_SIDE, CROP_SIDE, 3], np.uint8)
    for x, y in CROP_POINTS.astype(int):
        cv2.circle(dots, (x, y), 12, (255, 255, 255), -1)
    [aligned] = aligner.align([dots], 112)
    places = TEMPLATE.round().astype(int)
    assert (aligned[places[:, 1], places[:, 0]] > 200).all()
