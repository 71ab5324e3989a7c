"""Noise detail: a sample, four details and the standard deviation."""

import numpy as np
import PIL.Image
import pytest

from dnnlib import tflib
from metrics.figures import noise_detail
from metrics.figures.drawing import latents_of
from tests.toy_run import SMALL, SMALL_G


def samples(count, side, channels=3):
    return np.random.RandomState(0).randint(0, 256, [count, side, side, channels]).astype(np.uint8)


def test_at_1024_the_details_are_the_originals_box_of_samples_1_to_4_doubled():
    images = samples(5, 1024)
    canvas = noise_detail.noise_detail(images)
    assert canvas.shape == (1024, 3072, 3)
    np.testing.assert_array_equal(canvas[:, :1024], images[0])
    for index, (row, column) in enumerate([(0, 0), (0, 1), (1, 0), (1, 1)]):
        crop = PIL.Image.fromarray(images[index + 1]).crop((650, 180, 906, 436)).resize((512, 512), PIL.Image.NEAREST)
        part = canvas[512 * row : 512 * (row + 1), 1024 + 512 * column : 1024 + 512 * (column + 1)]
        np.testing.assert_array_equal(part, np.asarray(crop))


@pytest.mark.parametrize('side, left, top, width', [(256, 162, 45, 64), (32, 20, 5, 8), (4, 2, 0, 1)])
def test_the_box_shrinks_with_the_image(side, left, top, width):
    images = samples(5, side)
    detail = noise_detail.noise_detail(images)[: side // 2, side : side + side // 2]
    np.testing.assert_array_equal(
        detail, images[1, top : top + width, left : left + width].repeat(2, axis=0).repeat(2, axis=1)
    )


@pytest.mark.parametrize('channels', [1, 3])
def test_the_right_part_is_four_times_the_standard_deviation_of_gray(channels):
    images = samples(30, 8, channels)
    images[:, 0, 0] = 77  # where noise does nothing
    images[:, 1] = np.uint8([0, 255] * 15)[:, None, None]  # where four times as much is more than white
    images[:, 4:] = images[:, 4:] // 16 + 100
    expected = np.clip(np.rint(4 * np.std(np.mean(images, axis=3), axis=0)), 0, 255)
    canvas = noise_detail.noise_detail(images)
    assert canvas.shape == (8, 24, channels)
    np.testing.assert_array_equal(canvas[:, 16:], np.broadcast_to(expected[:, :, None], [8, 8, channels]))
    assert canvas[0, 16, 0] == 0 and canvas[1, 16, 0] == 255 and 0 < canvas[7, 20, 0] < 255


def test_each_row_has_samples_of_its_latents_without_truncation(session):
    calls = []

    class Recorder:
        components = {'mapping': None}
        input_shape = [None, 4]

        def run(self, latents, labels, **kwargs):
            calls.append((latents, kwargs))
            return np.zeros([len(latents), 8, 8, 3], np.uint8)

    canvas = noise_detail.draw_noise_detail(Recorder(), seeds=(3, 4), num_samples=9)
    assert canvas.shape == (16, 24, 3)
    drawn = np.concatenate([latents for latents, _ in calls])
    np.testing.assert_array_equal(drawn, latents_of(Recorder(), [3] * 9 + [4] * 9))
    assert all(kwargs['truncation_psi'] == 1 and 'randomize_noise' not in kwargs for _, kwargs in calls)


def test_the_noise_of_a_network_shows(session):
    Gs = tflib.Network('Gs', 'training.networks_stylegan.G_style', **SMALL, **SMALL_G)
    assert (noise_detail.draw_noise_detail(Gs, seeds=[1], num_samples=5)[:, 16:] == 0).all()  # untrained: no noise
    last = Gs.vars['G_synthesis/8x8/Conv1/Noise/weight']
    tflib.set_vars({last: np.full(last.shape, 0.5, np.float32)})
    first, again = (noise_detail.draw_noise_detail(Gs, seeds=[1], num_samples=5) for _ in range(2))
    assert (first[:, 16:] > 0).any()
    np.testing.assert_array_equal(again, first)
