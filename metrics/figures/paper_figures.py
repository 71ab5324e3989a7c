"""The paper's figures of a generator, as arrays: uncurated grid, noise components, truncation trick.

The paper's Figures 5 to 8 have the layouts of StyleGAN's figures 2, 5 and 8 (reference [3] of the paper). Here these
layouts work for any resolution and number of layers. Canvases are white where there is no image.
"""

import numpy as np
import PIL.Image

from dnnlib.errors import UserError
from metrics.figures.drawing import TRUNCATION_CUTOFF, TRUNCATION_PSI, WHITE, fine_layers, latents_of, resize, run
from metrics.styles import check_has_w

UNCURATED_SEED = 5
NOISE_SEEDS = (1967, 1555)
NOISE_FLIPPED = (1,)  # positions of the seeds with mirrored images
TRUNCATION_SEEDS = (91, 388)
TRUNCATION_PSIS = (1, 0.7, 0.5, 0, -0.5, -1)


# ----------------------------------------------------------------------------------------------------------------------
# Uncurated images (Figures 5 and 6).


def uncurated_layout(resolution):
    """The layout of the uncurated grid.

    From 256x256 on it is the original's layout, with columns of full, half, quarter and eighth size. Smaller images are
    not shrunk; there are as many as fit on a canvas of 384x256 px.

    Args:
        resolution: Side of the images in px.

    Returns:
        (rows, lods): the number of rows at full size, and a list with the level of detail of each column.
    """
    if resolution >= 256:
        return 3, [0, 1, 2, 2, 3, 3]
    return max(256 // resolution, 3), [0] * max(384 // resolution, 6)


def uncurated(generate, latent_size, crop, rows, lods, seed):
    """A grid of samples as they come. In a column of lod l, images have 1/2^l of the side, and there are 2^l as many.

    Args:
        generate: Function from latents, float64 [N, latent_size], to images, uint8 [N, H, W, C].
        latent_size: Length of a latent vector.
        crop: (x, y, width, height) of the part of each image that is shown, px.
        rows: Rows of the columns at full size.
        lods: List with the lod of each column.
        seed: Seed of the latents. They fill column after column, from top to bottom.

    Returns:
        uint8 [rows * height, sum of the columns' widths, C].
    """
    x, y, width, height = crop
    latents = np.random.RandomState(seed).randn(sum(rows * 2**lod for lod in lods), latent_size)
    images = iter(generate(latents))
    columns = []
    for lod in lods:
        size = width // 2**lod, height // 2**lod
        cells = [
            resize(next(images)[y : y + height, x : x + width], size, PIL.Image.LANCZOS) for _ in range(rows * 2**lod)
        ]
        columns.append(_padded_below(np.concatenate(cells, axis=0), rows * height))
    return np.concatenate(columns, axis=1)


def draw_uncurated(Gs, seed=UNCURATED_SEED, psi=TRUNCATION_PSI):
    """The uncurated grid of a generator, with truncation at 4x4 to 32x32 and fresh noise.

    Args:
        Gs: Generator `Network`.
        seed: Seed of the latents and the noise.
        psi: Truncation psi.

    Returns:
        uint8 [height, width, C].
    """
    channels, height, width = Gs.output_shape[1:]
    rows, lods = uncurated_layout(width)

    def generate(latents):
        return run(Gs, latents, None, noise_seed=seed, truncation_psi=psi, truncation_cutoff=TRUNCATION_CUTOFF)

    return uncurated(generate, Gs.input_shape[1], (0, 0, width, height), rows, lods, seed)


# ----------------------------------------------------------------------------------------------------------------------
# Noise components (Figure 7).


def kept_noise(num_layers):
    """The layers with noise in each of the four parts of the figure: all, none, the fine layers, the coarse layers.

    Args:
        num_layers: Layers of the synthesis network.
    """
    fine = fine_layers(num_layers)
    return range(num_layers), (), fine, range(fine.start)


def noise_components(generate, seeds, flipped, kept):
    """The effect of noise in different layers. Each seed has a column with two rows, and each row two half images.

    Upper row: noise in all layers (left), in no layer (right). Lower row: in the fine layers, in the coarse layers.

    Args:
        generate: Function from (seeds, layers with noise) to images, uint8 [len(seeds), H, W, C].
        seeds: A seed for each column.
        flipped: Positions of the seeds with mirrored images.
        kept: The layers with noise in each of the four parts, see `kept_noise`.

    Returns:
        uint8 [2 H, len(seeds) W, C].
    """
    everywhere, nowhere, in_fine, in_coarse = (generate(seeds, layers) for layers in kept)
    columns = []
    for position in range(len(seeds)):
        step = -1 if position in flipped else 1
        panels = [images[position][:, ::step] for images in (everywhere, nowhere, in_fine, in_coarse)]
        middle = panels[0].shape[1] // 2
        rows = [
            np.concatenate([left[:, :middle], right[:, middle:]], axis=1)
            for left, right in ((panels[0], panels[1]), (panels[2], panels[3]))
        ]
        columns.append(np.concatenate(rows, axis=0))
    return np.concatenate(columns, axis=1)


def draw_noise_components(Gs, seeds=NOISE_SEEDS, flipped=NOISE_FLIPPED, kept=None):
    """Noise components of a generator, without truncation. Noise is fixed, and zero in layers without noise.

    Args:
        Gs: Generator `Network`. Its noise variables are restored afterwards.
        seeds: Seeds of the latents, one for each column.
        flipped: Positions of the seeds with mirrored images.
        kept: The layers with noise in each of the four parts; None chooses by `kept_noise`.

    Returns:
        uint8 [2 H, len(seeds) W, C].

    Raises:
        UserError: The network was built without noise.
    """
    check_has_w(Gs, 'The parts of noise')
    synthesis = Gs.components.synthesis
    noise = {name: synthesis.vars[name] for name in _noise_names(synthesis)}
    if not noise:
        raise UserError('This network has no noise inputs, so there are no noise components to draw.')
    from dnnlib import tflib  # here: a command line is checked before TensorFlow starts

    before = tflib.run(noise)

    def generate(seeds, layers):
        tflib.set_vars(
            {
                noise[name]: before[name] if layer in layers else np.zeros_like(before[name])
                for layer, name in enumerate(noise)
            }
        )
        return run(Gs, latents_of(Gs, seeds), None, truncation_psi=1, randomize_noise=False)

    try:
        return noise_components(generate, seeds, flipped, kept or kept_noise(len(noise)))
    finally:
        tflib.set_vars({noise[name]: before[name] for name in noise})


def _noise_names(synthesis):
    names = [name for name in synthesis.vars if name.startswith('noise')]
    return sorted(names, key=lambda name: int(name[len('noise') :]))


# ----------------------------------------------------------------------------------------------------------------------
# The truncation trick (Figure 8).


def truncation_trick(synthesize, dlatents, dlatent_avg, psis):
    """The same samples at several style scales: dlatent_avg + psi * (dlatent - dlatent_avg), in all layers.

    Args:
        synthesize: Function from dlatents, float [N, layers, W], to images, uint8 [N, H, W, C].
        dlatents: float [N, layers, W], not truncated; N rows of the figure.
        dlatent_avg: float [W].
        psis: Style scales, one for each column.

    Returns:
        uint8 [N H, len(psis) W, C].
    """
    rows = []
    for dlatent in dlatents:
        scaled = np.stack([dlatent_avg + psi * (dlatent - dlatent_avg) for psi in psis])
        rows.append(np.concatenate(list(synthesize(scaled)), axis=1))
    return np.concatenate(rows, axis=0)


def draw_truncation(Gs, seeds=TRUNCATION_SEEDS, psis=TRUNCATION_PSIS):
    """The truncation trick of a generator, with fixed noise.

    Args:
        Gs: Generator `Network`.
        seeds: Seeds of the latents, one for each row.
        psis: Style scales, one for each column.

    Returns:
        uint8 [len(seeds) H, len(psis) W, C].
    """
    check_has_w(Gs, 'Truncation')
    dlatents = Gs.components.mapping.run(latents_of(Gs, seeds), None)
    synthesis = Gs.components.synthesis
    return truncation_trick(
        lambda scaled: run(synthesis, scaled, randomize_noise=False), dlatents, Gs.get_var('dlatent_avg'), psis
    )


def _padded_below(column, height):
    return np.pad(column, [(0, height - column.shape[0]), (0, 0), (0, 0)], 'constant', constant_values=WHITE)
