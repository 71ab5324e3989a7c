"""Noise detail (figure 4 of StyleGAN, reference [3] of the paper): what changes when only the noise changes."""

import numpy as np
import PIL.Image

from metrics.figures.drawing import latents_of, resize, run
from metrics.styles import check_has_w

DETAIL_SEEDS = (1157, 1012)
NUM_SAMPLES = 100  # for the standard deviation
CROPS = 4  # samples 1 to 4 are shown as crops
GAIN = 4  # levels of gray for each level of standard deviation

# Upper left corner and side of the crop in an image of 1024x1024, px.
CROP_LEFT, CROP_TOP, CROP_SIDE = 650, 180, 256
CROP_OF = 1024


def noise_detail(samples):
    """A row of the figure: a sample, the same detail of four other samples, and the standard deviation over all.

    Args:
        samples: uint8 [N, S, S, C], N >= 5, of the same latents with different noise.

    Returns:
        uint8 [S, 3 S, C].
    """
    side, channels = samples.shape[1], samples.shape[3]
    left, top, width = (place * side // CROP_OF for place in (CROP_LEFT, CROP_TOP, CROP_SIDE))
    details = [
        resize(sample[top : top + width, left : left + width], (side // 2, side // 2), PIL.Image.NEAREST)
        for sample in samples[1 : CROPS + 1]
    ]
    details = np.concatenate([np.concatenate(details[row : row + 2], axis=1) for row in (0, 2)], axis=0)
    # Row by row, because all samples of 1024x1024 px as floats would take 2 GB.
    deviations = np.stack([samples[:, y].mean(axis=2).std(axis=0) for y in range(side)])
    gray = np.clip(deviations * GAIN + 0.5, 0, 255).astype(np.uint8)
    return np.concatenate([samples[0], details, np.repeat(gray[:, :, np.newaxis], channels, axis=2)], axis=1)


def draw_noise_detail(Gs, seeds=DETAIL_SEEDS, num_samples=NUM_SAMPLES):
    """Noise detail of a generator, without truncation.

    Args:
        Gs: Generator `Network`.
        seeds: Seeds of the latents and the noise, one for each row.
        num_samples: Images for each seed, 5 or more.

    Returns:
        uint8 [len(seeds) S, 3 S, C].
    """
    check_has_w(Gs, 'The detail of noise')
    return np.concatenate(
        [
            noise_detail(
                run(Gs, np.repeat(latents[np.newaxis], num_samples, axis=0), None, noise_seed=seed, truncation_psi=1)
            )
            for seed, latents in zip(seeds, latents_of(Gs, seeds))
        ]
    )
