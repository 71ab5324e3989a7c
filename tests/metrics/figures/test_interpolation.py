"""The walk through latent space."""

import numpy as np
import pytest

from dnnlib import tflib
from metrics.figures.interpolation import interpolation_frames, looped_latents, video_grid
from tests.toy_run import noisy_generator


@pytest.mark.parametrize('num_frames, fps', [(120, 15), (24, 24), (400, 50)])
def test_steps_are_small_all_the_way_round_and_lead_far(num_frames, fps):
    latents = looped_latents(num_frames, 3, 64, fps, seed=5)
    assert latents.shape == (num_frames, 3, 64)
    np.testing.assert_allclose(np.linalg.norm(latents, axis=2), 8)
    steps = np.linalg.norm(np.roll(latents, -1, axis=0) - latents, axis=2)
    farthest = np.linalg.norm(latents - latents[:1], axis=2).max(axis=0)
    assert (steps[-1] < 2 * steps.mean(axis=0)).all()  # the end meets the beginning
    assert steps.max() < 3.5 * steps.mean() and (farthest > 7).all()


def test_the_seed_decides():
    first, again, other = (looped_latents(10, 2, 8, 5, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(again, first)
    assert (other != first).any()


def test_a_single_frame_is_a_film_too():
    assert np.isfinite(looped_latents(1, 1, 8, 1, seed=0)).all()


@pytest.mark.parametrize('resolution, side', [(1024, 1), (256, 2), (128, 4), (8, 4)])
def test_grids(resolution, side):
    assert video_grid(resolution) == (side, side)


def test_frames_show_the_latents_with_fixed_noise_and_truncation(session):
    Gs = noisy_generator(0.5)
    latents = looped_latents(50, 2, 8, 10, seed=0)
    frames = list(interpolation_frames(Gs, latents, (2, 1), psi=0.5))
    assert len(frames) == 50 and frames[0].shape == (8, 16, 3)
    images = Gs.run(
        latents[33],
        None,
        truncation_psi=0.5,
        truncation_cutoff=8,
        randomize_noise=False,
        output_transform={'func': tflib.convert_images_to_uint8, 'nchw_to_nhwc': True},
    )
    assert np.abs(frames[33].astype(int) - np.concatenate(images, axis=1)).max() <= 1
