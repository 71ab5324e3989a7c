"""From draws to what the network is given: latents, classes, w of each layer, seeds of the noise. Pure arithmetic.

    latents --mapping network--> w --truncated--> w of the first image --varied--> w of a variation

Truncation comes first, and only here: the network itself is run without it. A variation keeps the truncated w of its
identity's first image, and differs from it by what `Recipe.vary` names:

    noise       other noise
    fine        the fine layers (64x64 and up) take the styles of another latent vector, wholly or in part
    near        w of all layers moves a little, as w of the network spread
    directions  w of some layers moves along directions that change the image most (SeFa)

Each image has its row and is computed by itself, so it does not depend on its companions in a minibatch.
"""

import dataclasses
from typing import NamedTuple, Optional, Sequence, Tuple

import numpy as np

from dnnlib.records.labels import Labels
from metrics.arithmetic.dlatents import move, truncate
from synthesis.draws import (
    Classes,
    ImageDraw,
    distances_of,
    fine_latents_of,
    latents_of,
    near_weights_of,
    noise_seeds,
    spread_latents_of,
)

NOISE, FINE, NEAR, DIRECTIONS = VARY = ('noise', 'fine', 'near', 'directions')
SPREAD = 1024  # pairs of w that measure how the w of a network spread


@dataclasses.dataclass(frozen=True)
class Recipe:
    """All that the images of a dataset follow from, beside the network's weights and their draws.

    It holds numbers and arrays only, so it can be made once and sent to other processes.
    """

    seed: int
    dlatent_avg: np.ndarray  # float32 [W]
    psi: float = 0.7
    psi_layers: int = 8  # how many layers are truncated, from the coarsest on
    classes: Optional[Classes] = None  # None: a network without labels
    vary: Tuple[str, ...] = ()  # of VARY
    fine_layers: range = range(0)
    fine: float = 1.0  # share of the other styles in the fine layers
    near: float = 0.1  # length of the step, in standard deviations of w
    spread: Optional[np.ndarray] = None  # float64 [SPREAD, W], see `spread_of`; for `near` alone
    directions: Optional[np.ndarray] = None  # float32 [K, W], unit vectors; for `directions` alone
    direction_layers: range = range(0)
    distance: float = 3.0  # the farthest that a variation goes along a direction, in W


class Inputs(NamedTuple):
    """What the network is given for some images, a row for each."""

    latents: np.ndarray  # float32 [N, Z], for the mapping network
    fine_latents: Optional[np.ndarray]  # float32 [N, Z], for the mapping network too; None: `fine` is not used
    labels: Optional[np.ndarray]  # float32 [N, label size], one-hot; None: a network without labels
    noise: np.ndarray  # int32 [N, 2], `random_seed` of the synthesis network


def inputs_of(images: Sequence[ImageDraw], recipe: Recipe, latent_size: int) -> Inputs:
    """What the network is given for images. A first image has zeros for `fine_latents`, which it does not use."""
    seed = recipe.seed
    fine_latents = None
    if FINE in recipe.vary:
        fine_latents = np.zeros([len(images), latent_size], np.float32)
        for row, image in enumerate(images):
            if image.variation:
                fine_latents[row] = fine_latents_of(seed, image, latent_size)
    labels = None
    if recipe.classes is not None:
        numbers = np.array([recipe.classes.of(seed, image.identity) for image in images])
        labels = Labels(numbers, recipe.classes.count)[:]
    return Inputs(
        latents=np.stack([latents_of(seed, image.identity, image.first_draw, latent_size) for image in images]),
        fine_latents=fine_latents,
        labels=labels,
        noise=np.array([noise_of(image, recipe) for image in images], np.int32),
    )


def noise_of(image: ImageDraw, recipe: Recipe) -> Tuple[int, int]:
    """The two seeds of an image's noise. Without `noise`, all images of an identity have that of the first one."""
    source = image if NOISE in recipe.vary else image.first
    return noise_seeds(recipe.seed, source.identity, source.variation, source.draw)


def vary(
    images: Sequence[ImageDraw], dlatents: np.ndarray, fine_dlatents: Optional[np.ndarray], recipe: Recipe
) -> np.ndarray:
    """w of images, for the synthesis network.

    Args:
        images: A draw for each row.
        dlatents: float32 [N, layers, W]: the mapping network's output for `Inputs.latents`, not truncated.
        fine_dlatents: Likewise for `Inputs.fine_latents`; None without `fine`.
        recipe: `Recipe`.

    Returns:
        float32 [N, layers, W].
    """
    varied = np.array(truncate(dlatents, recipe.dlatent_avg, recipe.psi, recipe.psi_layers), np.float32)
    rows = [row for row, image in enumerate(images) if image.variation]
    if not rows:
        return varied
    # The fine layers first: a step that moves them too is then a step from their new styles.
    if FINE in recipe.vary:
        others = truncate(fine_dlatents[rows], recipe.dlatent_avg, recipe.psi, recipe.psi_layers)
        varied[rows] = mix(varied[rows], others, recipe.fine_layers, recipe.fine)
    for row in rows:
        if NEAR in recipe.vary:
            step = step_of(near_weights_of(recipe.seed, images[row], len(recipe.spread)), recipe.spread, recipe.near)
            varied[row : row + 1] = move(varied[row : row + 1], range(varied.shape[1]), step[np.newaxis])
        if DIRECTIONS in recipe.vary:
            distances = recipe.distance * distances_of(recipe.seed, images[row], len(recipe.directions))
            step = np.einsum('k,kw->w', distances, recipe.directions.astype(np.float64))
            varied[row : row + 1] = move(varied[row : row + 1], recipe.direction_layers, step[np.newaxis])
    return varied


def mix(dlatents: np.ndarray, others: np.ndarray, layers: range, share: float) -> np.ndarray:
    """Takes a share of the styles of some layers from others; 1 takes them wholly. float32 [N, layers, W]."""
    mixed, layers = dlatents.copy(), list(layers)
    here, there = dlatents[:, layers], others[:, layers]
    mixed[:, layers] = there if share == 1 else here + (there - here) * np.float32(share)
    return mixed


# ---------------------------------------------------------------------------------------------------------------------
# How the w of a network spread
#
# The covariance of w is never computed, nor a root of it, whose last bits depend on the number of threads. A sum of M
# deviations of w with weights from N(0, 1) has M times their covariance.


def spread_inputs(latent_size: int, label_size: int) -> Tuple[np.ndarray, Optional[np.ndarray]]:
    """What the mapping network is given to measure how its w spread: 2 * SPREAD latent vectors.

    Rows 2k and 2k + 1 are a pair. With labels they have the same class, and the classes take turns.

    Returns:
        (latents, labels): float32 [2 * SPREAD, latent_size]; and float32 [2 * SPREAD, label_size], or None without
        labels.
    """
    latents = np.stack([spread_latents_of(number, latent_size) for number in range(2 * SPREAD)])
    return latents, Labels(np.arange(2 * SPREAD) // 2 % label_size, label_size)[:] if label_size else None


def spread_of(dlatents: np.ndarray) -> np.ndarray:
    """How w spread: deviations with the covariance of w, within a class if there are classes.

    Args:
        dlatents: float32 [2 M, W], w for `spread_inputs`.

    Returns:
        float64 [M, W]: the difference of the two w of each pair, divided by the square root of 2.
    """
    pairs = dlatents.astype(np.float64)
    return (pairs[::2] - pairs[1::2]) / np.sqrt(2)


def step_of(weights: np.ndarray, spread: np.ndarray, sigma: float) -> np.ndarray:
    """A random step in W: sigma N(0, C), C the covariance of w. It is sigma / sqrt(M) times the weighted sum of rows.

    Args:
        weights: float64 [M], from N(0, 1).
        spread: float64 [M, W], from `spread_of`.
        sigma: 1 is as far as a w usually is from the average.

    Returns:
        float64 [W].
    """
    return np.einsum('m,mw->w', weights, spread) * (sigma / np.sqrt(len(spread)))
