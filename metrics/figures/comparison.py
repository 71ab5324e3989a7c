"""As many reals as fakes, side by side."""

import numpy as np

from dnnlib.errors import UserError
from dnnlib.records.datasets import open_dataset
from metrics.figures.drawing import TRUNCATION_CUTOFF, TRUNCATION_PSI, run, tile, white_canvas

COMPARISON_SEED = 0
SIDE = 1024  # px; images fill half a figure of this side


def comparison_grid(resolution):
    """(columns, rows) of each half: as many images as fill 1024x1024 px, from 2x2 to 10x10."""
    return (int(np.clip(SIDE // resolution, 2, 10)),) * 2


def side_by_side(reals, fakes, columns, rows):
    """Reals to the left, fakes to the right, white between.

    Args:
        reals: uint8 [N, H, W, C], N up to columns * rows.
        fakes: uint8 of the same shape.
        columns, rows: Images in each half.

    Returns:
        uint8 [rows H, (2 columns + 1/2) W, C].
    """
    left, right = (tile(images, columns, rows) for images in (reals, fakes))
    gap = white_canvas(left.shape[0], reals.shape[2] // 2, reals.shape[3])
    return np.concatenate([left, gap, right], axis=1)


def draw_comparison(Gs, data, seed=COMPARISON_SEED, grid=None, psi=TRUNCATION_PSI):
    """Different reals, drawn from a dataset, beside as many fakes with fresh noise.

    Args:
        Gs: Generator `Network`.
        data: Folder of a TFRecord dataset.
        seed: Seed of the draw, the latents and the noise.
        grid: (columns, rows) of each half; None chooses by `comparison_grid`.
        psi: Truncation psi at 4x4 to 32x32.

    Returns:
        uint8 [height, width, C].

    Raises:
        UserError: The dataset is incomplete or damaged, or its images have other channels or another size.
    """
    channels, resolution, _ = Gs.output_shape[1:]
    columns, rows = grid or comparison_grid(resolution)
    with open_dataset(data, resolution) as dataset:
        if dataset.shape[0] != channels:
            raise UserError(
                f'The network makes images of {channels} channels, but dataset {data} holds images of '
                f'{dataset.shape[0]}: name the dataset it was trained on with --data.'
            )
        count = min(columns * rows, dataset.num_images)
        chosen = np.random.RandomState(seed).permutation(dataset.num_images)[:count]
        reals = np.stack([dataset.read(index) for index in chosen]).transpose(0, 2, 3, 1)
    latents = np.random.RandomState(seed).randn(count, *Gs.input_shape[1:])
    fakes = run(Gs, latents, None, noise_seed=seed, truncation_psi=psi, truncation_cutoff=TRUNCATION_CUTOFF)
    return side_by_side(reals, fakes, columns, rows)
