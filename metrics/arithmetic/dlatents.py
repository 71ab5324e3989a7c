"""What is done to dlatents, w of each layer, between the mapping and the synthesis network. Pure arithmetic."""

import numpy as np


def truncate(dlatents, dlatent_avg, psi, cutoff):
    """The truncation trick: w' = avg + psi (w - avg) in the coarse layers (Karras et al. 2019, appendix B).

    The numbers are those of the generator itself with `truncation_psi` and `truncation_cutoff`.

    Args:
        dlatents: float32 [N, layers, W].
        dlatent_avg: float32 [W].
        psi: 1 leaves w as it is, 0 gives the average.
        cutoff: How many layers are truncated, from the coarsest on.

    Returns:
        float32 [N, layers, W].
    """
    if psi == 1 or cutoff <= 0:
        return dlatents
    coefficients = np.where(np.arange(dlatents.shape[1]) < cutoff, psi, 1).astype(np.float32)
    return dlatent_avg + (dlatents - dlatent_avg) * coefficients[:, np.newaxis]


def move(dlatents, layers, steps):
    """Adds a step to the w of some layers.

    Args:
        dlatents: float32 [N, layers, W].
        layers: The layers that move.
        steps: float [N, W], one step for each of the N.

    Returns:
        float32 [N, layers, W], a new array.
    """
    moved = np.array(dlatents, np.float32)
    moved[:, list(layers)] += np.asarray(steps, np.float32)[:, np.newaxis]
    return moved
