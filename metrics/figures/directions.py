"""What the directions of a generator change: each one a row, from -s over the sample itself to s."""

import numpy as np

from metrics.arithmetic.dlatents import move, truncate
from metrics.figures.drawing import TRUNCATION_CUTOFF, TRUNCATION_PSI, latents_of, run
from metrics.named_directions import check_size
from metrics.styles import DIRECTION_LAYERS, check_has_w, check_layers, network_directions

DIRECTIONS_SEED = 91
NUM_DIRECTIONS = 5
DISTANCE = 3  # in W; the length of a direction is 1
COLUMNS = 7  # odd, so that the sample itself is in the middle


def directions_figure(synthesize, dlatent, directions, layers, distance):
    """A row for each direction: the sample moved by -distance on the left, the sample itself, moved by distance.

    Args:
        synthesize: Function from dlatents, float32 [N, layers, W], to images, uint8 [N, H, W, C].
        dlatent: float32 [layers, W], the sample.
        directions: float32 [rows, W], unit vectors.
        layers: The layers that move.
        distance: How far the last column is from the sample.

    Returns:
        uint8 [rows H, COLUMNS W, C].
    """
    distances = np.linspace(-distance, distance, COLUMNS, dtype=np.float32)
    samples = np.repeat(dlatent[np.newaxis], COLUMNS, axis=0)
    rows = [synthesize(move(samples, layers, np.outer(distances, direction))) for direction in directions]
    return np.concatenate([np.concatenate(list(row), axis=1) for row in rows], axis=0)


def draw_directions(
    Gs,
    seed=DIRECTIONS_SEED,
    layers=None,
    count=NUM_DIRECTIONS,
    distance=DISTANCE,
    psi=TRUNCATION_PSI,
    named=None,
):
    """The directions of a generator that change its styles most, or that have names, in one sample, with fixed noise.

    Args:
        Gs: Generator `Network`.
        seed: Seed of the sample.
        layers: The layers that the directions are for, and that they move; None: DIRECTION_LAYERS, or those of `named`.
        count: How many directions, the one that changes most first. At most W.
        distance: How far a row goes in either direction, in W.
        psi: Truncation psi of the sample at 4x4 to 32x32.
        named: `metrics.named_directions.NamedDirections`, all of which are drawn, whatever `count` says; or None.

    Returns:
        uint8 [count H, COLUMNS W, C].

    Raises:
        UserError: The network has no styles, not these layers, or weights that are no numbers; or `named` are of
            another network.
    """
    check_has_w(Gs, 'Directions')
    if named is None:
        layers = DIRECTION_LAYERS if layers is None else layers
        directions = network_directions(Gs, layers)[0][:count]
    else:
        layers, directions = named.layers if layers is None else layers, named.vectors
        check_size(directions, Gs.components.mapping.output_shape[2])
        check_layers('--direction-layers', layers, Gs.components.synthesis.input_shape[1])
    dlatents = Gs.components.mapping.run(latents_of(Gs, [seed]), None)
    dlatent = truncate(dlatents, Gs.get_var('dlatent_avg'), psi, TRUNCATION_CUTOFF)[0]
    synthesis = Gs.components.synthesis
    return directions_figure(
        lambda moved: run(synthesis, moved, randomize_noise=False), dlatent, directions, layers, distance
    )
