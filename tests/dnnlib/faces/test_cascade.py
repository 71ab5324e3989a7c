import numpy as np
import pytest
from PIL import Image

from dnnlib.faces import cascade
from dnnlib.faces.cascade import cell_boxes, detect_faces, face_scores, find_candidates, pyramid_scales
from dnnlib.faces.crop import choose_face, crop_box
from dnnlib.faces.runtimes import OnnxRuntime
from dnnlib.faces.tensorflow_runtime import TensorFlowRuntime
from prefilter.images import decode


@pytest.fixture(scope='module', params=[OnnxRuntime, TensorFlowRuntime])
def runtime(request):
    return request.param()


@pytest.fixture(scope='module')
def level(scenes):
    """Faces of P-Net's size beside each other, 101x137."""
    small = [
        np.asarray(Image.fromarray(scene).resize((23 + 3 * index, 34), Image.BOX))
        for index, scene in enumerate(scenes[:4])
    ]
    return np.tile(np.concatenate(small, axis=1), [3, 2, 1])[:101, :137]


@pytest.fixture(scope='module')
def variations(scenes, bundled):
    """Images of odd sizes with faces of many sizes, at edges, several of them, and none."""
    random = np.random.RandomState(0)
    images = [
        np.asarray(Image.fromarray(scene).resize(tuple(random.randint(30, 300, 2).tolist()), Image.BICUBIC))
        for scene in scenes
    ]
    astronaut = decode((bundled / 'astronaut.png').read_bytes())
    images += [astronaut[80:200, 200:400], astronaut[:, :224], astronaut[100:300:2, 150:300:2]]
    images += [np.concatenate([scenes[1][::2, ::2], astronaut[60:185, 160:285], scenes[4][:125, 100:]], axis=1)]
    images += [np.tile(scenes[2][::3, ::3], [1, 7, 1])[:, :-3], np.zeros([40, 60, 3], np.uint8), scenes[3][:, 120:]]
    images += [random.randint(0, 256, [90, 71, 3]).astype(np.uint8), scenes[5][:13], astronaut[:5]]
    return images


def test_decides_as_the_package(runtime, reference, variations):
    results = detect_faces(variations, runtime)
    counts = set()
    for image, faces in zip(variations, results):
        expected = reference(image)
        counts.add(len(expected))
        assert faces.shape == expected.shape
        np.testing.assert_allclose(faces[:, :4], expected[:, :4], rtol=0, atol=1e-3)
        np.testing.assert_allclose(faces[:, 4], expected[:, 4], rtol=0, atol=1e-5)
        if len(faces):
            height, width = image.shape[:2]
            chosen = choose_face(faces, width, height)
            assert chosen == choose_face(expected, width, height)
            assert crop_box(faces[chosen], width, height, 33) == crop_box(expected[chosen], width, height, 33)
    assert {0, 1, 2, 7} <= counts  # each is among them


def test_an_image_is_judged_alike_alone_and_among_others(variations):
    runtime = OnnxRuntime()
    for image, faces in zip(variations, detect_faces(variations, runtime)):
        (alone,) = detect_faces([image], runtime)
        np.testing.assert_allclose(alone, faces, rtol=0, atol=1e-4)
    assert detect_faces([], runtime) == []


def test_tiles_change_nothing(runtime, level, monkeypatch):
    whole = find_candidates([level], runtime)[1]
    assert len(whole) > 20
    for tile in (7, 30, 46, 45):
        monkeypatch.setattr(cascade, 'TILE', tile)
        tiled = find_candidates([level], runtime)[1]
        np.testing.assert_array_equal(tiled[:, :2], whole[:, :2])
        np.testing.assert_allclose(tiled, whole, rtol=0, atol=1e-5)


def test_large_photographs_are_computed_in_tiles(scenes, monkeypatch):
    seen = []
    runtime = OnnxRuntime()
    monkeypatch.setattr(
        runtime, 'run', lambda network, pixels: seen.append(pixels.shape) or OnnxRuntime.run(runtime, network, pixels)
    )
    detect_faces([np.tile(scenes[0], [4, 5, 1])], runtime)
    side = 2 * cascade.TILE + 10
    assert max(shape[1] for shape in seen) == max(shape[2] for shape in seen) == side


def test_levels_of_one_size_are_looked_at_together(level, monkeypatch):
    runtime, seen = OnnxRuntime(), []
    levels = [level, level[:60, :70], level[30:90, 10:80], level[20:80, 60:130], np.zeros([60, 70, 3], np.uint8), level]
    apart = [find_candidates([each], runtime)[1] for each in levels]
    assert all(len(candidates) for candidates in apart[:4]) and not len(apart[4])
    monkeypatch.setattr(
        runtime,
        'run',
        lambda network, pixels: seen.append(pixels.shape[:3]) or OnnxRuntime.run(runtime, network, pixels),
    )
    monkeypatch.setattr(cascade, 'LEVEL_PIXELS', 3 * 60 * 70)
    numbers, together = find_candidates(levels, runtime)
    assert seen == [(1, *level.shape[:2]), (3, 60, 70), (1, *level.shape[:2]), (1, 60, 70)]
    np.testing.assert_array_equal(numbers, np.repeat(np.arange(len(levels)), [len(each) for each in apart]))
    np.testing.assert_array_equal(together[:, :2], np.concatenate(apart)[:, :2])
    np.testing.assert_allclose(together, np.concatenate(apart), rtol=0, atol=1e-5)


def test_candidates_come_from_left_to_right_and_then_downwards(runtime, level):
    x, y = find_candidates([level], runtime)[1][:, :2].T
    assert len(x) > 10 and np.all((np.diff(x) > 0) | ((np.diff(x) == 0) & (np.diff(y) > 0)))


class OneCandidate:
    """A runtime whose P-Net finds a single candidate; the regression says at which column of the level it was made."""

    def __init__(self, x, y):
        self.x, self.y = x, y

    def run(self, network, pixels):
        height, width = ((side - 11) // 2 + 1 for side in pixels.shape[1:3])
        places = pixels[0, ::2, ::2][:height, :width]  # each cell's first pixel says where it is
        heads = np.zeros([1, height, width, 6], np.float32)
        heads[0, :, :, 1] = np.where((places[:, :, 0] == self.x) & (places[:, :, 1] == self.y), 3, -3)
        heads[0, :, :, 2:] = places[:, :, :1]
        return heads


@pytest.mark.parametrize('width', [60, 61])
def test_a_single_candidate_gets_the_regression_of_the_mirrored_place(width, monkeypatch):
    level = np.zeros([40, width, 3], np.uint8)
    level[:, :, 0] = np.arange(width) // 2
    level[:, :, 1] = (np.arange(40) // 2)[:, np.newaxis]
    outputs = (width - 11) // 2 + 1
    for tile in (128, 9):
        monkeypatch.setattr(cascade, 'TILE', tile)
        (candidate,) = find_candidates([level], OneCandidate(4, 3))[1]
        assert candidate[:2].tolist() == [4, 3]
        assert candidate[4:].tolist() == [outputs - 1 - 4] * 4


def test_scores_are_the_softmax():
    logits = np.array([[0, 0], [-2, 3], [500, -500], [-500, 500]], np.float32)
    np.testing.assert_allclose(face_scores(logits), [0.5, 1 / (1 + np.exp(-5)), 0, 1], rtol=1e-6)


def test_the_log_odds_of_the_threshold_are_its_scores():
    differences = np.linspace(0.40546, 0.40547, 2001).astype(np.float32)
    scores = face_scores(np.stack([np.full_like(differences, 3), 3 + differences], axis=1))
    differences = (3 + differences) - np.float32(3)
    below = scores < np.float32(0.6)
    assert 0 < below.sum() < len(scores)
    np.testing.assert_array_equal(differences < cascade.PNET_LOG_ODDS, below)


@pytest.mark.parametrize('height, width, count', [(19, 500, 0), (20, 500, 1), (28, 29, 1), (29, 28, 1), (250, 250, 8)])
def test_levels_end_where_the_shorter_side_is_below_12(height, width, count):
    scales = pyramid_scales(height, width)
    assert len(scales) == count
    assert scales == [12 / 20 * np.power(0.709, level) for level in range(count)]


def test_candidates_of_two_levels_never_overlap_by_more_than_seven_tenths():
    """So that there is nothing to drop across levels, whatever the size of the image."""
    cells = np.arange(4000.0)[:, np.newaxis].repeat(2, axis=1)
    sides = [np.diff(cell_boxes(cells, np.array([[scale]]))[:, ::2]) + 1 for scale in pyramid_scales(10**5, 10**5)]
    assert len(sides) == 25
    for smaller, larger in zip(sides, sides[1:]):
        assert (smaller.max() / larger.min()) ** 2 < 0.6


def test_an_image_with_a_candidate_turned_inside_out_is_given_up(scenes, monkeypatch):
    """As the package does; the images beside it are not."""
    runtime = OnnxRuntime()
    propose = cascade._propose

    def turn_one(images, runtime):
        faces, owners = propose(images, runtime)
        first = np.flatnonzero(owners == 1)[0]
        faces[first, 2] = faces[first, 0] - 1
        return faces, owners

    before = detect_faces(scenes[:3], runtime)
    monkeypatch.setattr(cascade, '_propose', turn_one)
    after = detect_faces(scenes[:3], runtime)
    assert [len(faces) for faces in before] == [1, 1, 1] and [len(faces) for faces in after] == [1, 0, 1]
