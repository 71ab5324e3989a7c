"""The frames of a film: a walk through latent space that ends where it began."""

import numpy as np
import scipy.ndimage

from metrics.batches import default_minibatch_size
from metrics.figures.drawing import TRUNCATION_CUTOFF, TRUNCATION_PSI, tile, to_levels
from metrics.figures.labels import labels_of

VIDEO_SEED = 0
SECONDS = 8
FPS = 15
SMOOTHING = 1  # s; standard deviation of the Gaussian along time
LEAST_TURNS = 8  # standard deviations in a loop, at least; a short loop, smoothed by 1 s, would hardly move
SIDE = 512  # px; the images of a frame fill this side


def video_grid(resolution):
    """(columns, rows) of a frame: as many images as fill 512x512 px, from 1x1 to 4x4."""
    return (int(np.clip(SIDE // resolution, 1, 4)),) * 2


def looped_latents(num_frames, num_images, latent_size, fps, seed):
    """Latents that change smoothly from frame to frame, and from the last one to the first.

    As in the films of progressive growing (Karras et al. 2018), noise is smoothed along time by a Gaussian that wraps
    around. Then each vector is scaled to the usual length of N(0, 1).

    Args:
        num_frames: Frames of the loop.
        num_images: Images in a frame. Each has its own path.
        latent_size: Length of a latent vector.
        fps: Frames a second.
        seed: Seed of the noise.

    Returns:
        float64 [num_frames, num_images, latent_size]; each vector has the length sqrt(latent_size).
    """
    noise = np.random.RandomState(seed).randn(num_frames, num_images, latent_size)
    smoothing = min(SMOOTHING * fps, num_frames / LEAST_TURNS)
    latents = scipy.ndimage.gaussian_filter1d(noise, smoothing, axis=0, mode='wrap')
    return latents * np.sqrt(latent_size) / np.linalg.norm(latents, axis=2, keepdims=True)


def interpolation_frames(Gs, latents, grid, psi=TRUNCATION_PSI):
    """Generates the frames of a film, with fixed noise.

    Args:
        Gs: Generator `Network`.
        latents: [frames, columns * rows, latent_size].
        grid: (columns, rows) of a frame.
        psi: Truncation psi at 4x4 to 32x32.

    Yields:
        uint8 [rows H, columns W, C].
    """
    minibatch_size = default_minibatch_size(Gs.output_shape[2])
    at_once = max(minibatch_size // latents.shape[1], 1)  # frames
    labels = labels_of(Gs, latents[0])  # the same in all frames
    for begin in range(0, len(latents), at_once):
        some = latents[begin : begin + at_once]
        images = Gs.run(
            some.reshape(-1, latents.shape[2]),
            labels if labels is None else np.tile(labels, [len(some), 1]),
            minibatch_size=minibatch_size,
            truncation_psi=psi,
            truncation_cutoff=TRUNCATION_CUTOFF,
            randomize_noise=False,
            output_transform=to_levels(),
        )
        for frame in np.split(images, len(some)):
            yield tile(frame, *grid)
