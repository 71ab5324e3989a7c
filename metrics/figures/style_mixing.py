"""Style mixing (figure 3 of StyleGAN, reference [3] of the paper): the styles of some layers from another sample."""

import numpy as np

from dnnlib.errors import UserError
from metrics.figures.drawing import fine_layers, latents_of, run, white_canvas
from metrics.styles import check_has_w

SOURCE_SEEDS = (639, 701, 687, 615, 2268)
DESTINATION_SEEDS = (888, 829, 1898, 1733, 1614, 845)


def layers_by_row(num_layers, num_rows):
    """The layers that each row takes from its source.

    Of six rows, three take coarse layers, two middle layers and one fine layers. At 256x256 these are layers 0-3 (4x4
    and 8x8), 4-7 (16x16 and 32x32) and 8-13 (64x64 and up). Other numbers of rows have the same proportions; of three
    rows each takes one kind.

    Args:
        num_layers: Layers of the synthesis network, 14 at 256x256.
        num_rows: Rows of the figure.

    Returns:
        List with a range of layers for each row.

    Raises:
        UserError: Fewer than three layers.
    """
    fine = fine_layers(num_layers)
    coarse, middle = range(fine.start // 2), range(fine.start // 2, fine.start)
    if not coarse:
        raise UserError(
            f'This network has {num_layers} styles for its layers, but style mixing takes coarse, middle '
            'and fine ones: draw a network of 8x8 images or more.'
        )
    middles = [(2 * row + 1) / (2 * num_rows) for row in range(num_rows)]
    return [coarse if place < 1 / 2 else middle if place < 5 / 6 else fine for place in middles]


def style_mixing(synthesize, sources, destinations, layers):
    """Sources on top, destinations on the left; each cell is its destination with some styles of its source.

    Args:
        synthesize: Function from dlatents, float [N, layers, W], to images, uint8 [N, H, W, C].
        sources: dlatents float [M, layers, W], one for each column.
        destinations: dlatents float [N, layers, W], one for each row.
        layers: For each row, the layers with the styles of the source.

    Returns:
        uint8 [(N + 1) H, (M + 1) W, C]; white in the upper left corner.
    """
    above, left = synthesize(sources), synthesize(destinations)
    rows = [np.concatenate([white_canvas(*above.shape[1:]), *above], axis=1)]
    for destination, image, taken in zip(destinations, left, layers):
        mixed = np.repeat(destination[np.newaxis], len(sources), axis=0)
        mixed[:, list(taken)] = sources[:, list(taken)]
        rows.append(np.concatenate([image, *synthesize(mixed)], axis=1))
    return np.concatenate(rows, axis=0)


def draw_style_mixing(Gs, source_seeds=SOURCE_SEEDS, destination_seeds=DESTINATION_SEEDS, layers=None):
    """Style mixing of a generator, without truncation and with fixed noise.

    Args:
        Gs: Generator `Network`.
        source_seeds: Seeds of the latents, one for each column.
        destination_seeds: Seeds of the latents, one for each row.
        layers: For each row, the layers with the styles of the source; None chooses by `layers_by_row`.

    Returns:
        uint8 [(rows + 1) H, (columns + 1) W, C].

    Raises:
        UserError: The network has too few layers, or `layers` does not fit the rows.
    """
    check_has_w(Gs, 'Mixed styles')
    mapping, synthesis = Gs.components.mapping, Gs.components.synthesis
    sources, destinations = (mapping.run(latents_of(Gs, seeds), None) for seeds in (source_seeds, destination_seeds))
    num_layers = sources.shape[1]
    if layers is None:
        layers = layers_by_row(num_layers, len(destinations))
    if len(layers) != len(destinations):
        raise UserError(
            f'--mixing-layers: layers are given for {len(layers)} rows, but there are {len(destinations)} '
            'destinations; give layers for each destination.'
        )
    beyond = max(layer for taken in layers for layer in taken)
    if beyond >= num_layers:
        raise UserError(f'--mixing-layers: there is no layer {beyond}; this network has layers 0 to {num_layers - 1}.')
    return style_mixing(lambda dlatents: run(synthesis, dlatents, randomize_noise=False), sources, destinations, layers)
