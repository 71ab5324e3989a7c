import json
import pathlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dnnlib.faces.crop import central_square, choose_face, crop_box, cut_out, take_whole
from dnnlib.records.levels import pyramid

GOLDEN = pathlib.Path(__file__).parents[2] / 'golden'
CHOICES = json.loads((GOLDEN / 'prefilter_choices.json').read_text())


@pytest.mark.parametrize('row', CHOICES)
def test_choice_and_crop_are_the_references(row):
    faces = np.array(row['faces'])
    chosen = choose_face(faces, row['width'], row['height'])
    assert chosen == row['chosen']
    assert crop_box(faces[chosen], row['width'], row['height'], 50) == row['crop']


def test_choice_is_neither_the_largest_nor_the_best_score():
    # So that the photographs above do tell the rules apart.
    several = [row for row in CHOICES if len(row['faces']) > 1]
    faces = [np.array(row['faces']) for row in several]
    areas = [(boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]) for boxes in faces]
    assert any(np.argmax(area) != row['chosen'] for area, row in zip(areas, several))
    assert any(row['chosen'] != 0 for row in several)  # they come best score first


def test_distance_counts_twice():
    # Both 100 px high; 20 px off the centre costs 800 px^2 of area.
    faces = np.array([[50.0, 50, 150, 150], [66, 50, 174, 150]])  # areas 10,000 and 10,800; second 20 px off
    assert choose_face(faces, 200, 200) == 0
    faces[1, 2] += 0.1  # 10,810 - 2 * 20.05^2 = 10,006
    assert choose_face(faces, 200, 200) == 1


def test_odd_margins_are_halved_before_truncation():
    assert crop_box([30.4, 30.6, 60.4, 60.6], 100, 100, 5) == [27, 28, 62, 63]
    assert crop_box([30.4, 30.6, 60.4, 60.6], 100, 100, 0) == [30, 30, 60, 60]


def test_edges_clip_without_shift():
    assert crop_box([-3.5, 10.5, 95.5, 130.0], 100, 120, 50) == [0, 0, 100, 120]


@given(st.lists(st.floats(-50, 350), min_size=4, max_size=4), st.integers(0, 101), st.integers(1, 300))
def test_crops_stay_inside_the_image(edges, margin, side):
    left, top, right, bottom = crop_box([*sorted(edges[:2]), *sorted(edges[2:])], side, side, margin)
    assert left >= 0 and top >= 0 and right <= side and bottom <= side


def test_cutting_comes_before_resizing():
    pixels = np.zeros([40, 60, 3], np.uint8)
    pixels[10:20, 30:50] = 200  # only the inside: nothing of the black around may bleed in
    face = cut_out(pixels, [30, 10, 50, 20], 32)
    assert face.shape == (32, 32, 3) and face.dtype == np.uint8
    assert (face == 200).all()


def test_resizing_is_pils_bilinear(bundled):
    pixels = np.asarray(Image.open(str(bundled / 'rocket.jpg')))
    expected = Image.fromarray(pixels[5:300, 20:400]).resize((64, 64), Image.BILINEAR)
    np.testing.assert_array_equal(cut_out(pixels, [20, 5, 400, 300], 64), expected)


@pytest.mark.parametrize('side', [8, 16, 128])
def test_whole_squares_are_averaged_as_the_levels_of_a_dataset(side):
    pixels = np.random.RandomState(side).randint(0, 256, [side, side, 3]).astype(np.uint8)
    level = {level.shape[1]: level for level in pyramid(pixels.transpose(2, 0, 1))}[8]
    np.testing.assert_array_equal(take_whole(pixels, 8), level.transpose(1, 2, 0))


@pytest.mark.parametrize('width, height, square', [(178, 218, [0, 20, 178, 198]), (300, 101, [99, 0, 200, 101])])
def test_other_whole_images_are_their_middle(width, height, square):
    assert central_square(width, height) == square
    pixels = np.random.RandomState(0).randint(0, 256, [height, width, 3]).astype(np.uint8)
    left, top, right, bottom = square
    expected = Image.fromarray(pixels[top:bottom, left:right]).resize((64, 64), Image.LANCZOS)
    np.testing.assert_array_equal(take_whole(pixels, 64), np.asarray(expected))


def test_small_whole_images_are_enlarged():
    assert take_whole(np.full([16, 16, 3], 200, np.uint8), 64).shape == (64, 64, 3)
    assert (take_whole(np.full([16, 16, 3], 200, np.uint8), 64) == 200).all()
