"""The style layers of a generator: which there are, which are grown, and their weights."""

import re

import numpy as np

from dnnlib.errors import UserError
from metrics.arithmetic.directions import closed_form_directions

DIRECTION_LAYERS = range(2)  # where a direction moves w: at 4x4, where StyleGAN has pose and shape of the head

_WEIGHT = re.compile(r'(\d+)x\1/(Const|Dense|Conv|Conv0_up|Conv1)/StyleMod/weight')
_SECOND = ('Conv', 'Conv1')  # of the two layers of a resolution


def check_has_w(Gs, what):
    """Refuses a generator that has no w.

    Args:
        Gs: Generator `Network`.
        what: What needs w, to begin the sentence with.

    Raises:
        UserError: The network is a ProGAN.
    """
    if 'mapping' not in Gs.components:
        raise UserError(
            f'{what} cannot be made of this network: it is a ProGAN, which has no w, no truncation and no noise.'
        )


def style_weights(synthesis):
    """The weights that make the styles of each layer from w.

    Args:
        synthesis: Synthesis `Network`.

    Returns:
        List of float32 [W, styles of the layer], one for each layer; empty for a network without styles.
    """
    by_layer = {}
    for name in synthesis.vars:
        found = _WEIGHT.fullmatch(name)
        if found:
            by_layer[2 * int(np.log2(int(found.group(1)))) - 4 + (found.group(2) in _SECOND)] = synthesis.get_var(name)
    return [by_layer[layer] for layer in sorted(by_layer)]


def network_directions(Gs, layers=DIRECTION_LAYERS):
    """The directions of a generator that change some of its layers most, by SeFa.

    Args:
        Gs: Generator `Network`.
        layers: The layers that the directions are for.

    Returns:
        (directions, eigenvalues), see `metrics.arithmetic.directions.closed_form_directions`.

    Raises:
        UserError: The network has no styles, has not all of the layers, or has weights that are no numbers.
    """
    check_has_w(Gs, 'Directions')
    weights = style_weights(Gs.components.synthesis)
    if not weights:
        raise UserError('This network has no styles, so it has no directions: it was made with use_styles=False.')
    check_layers('--direction-layers', layers, len(weights))
    chosen = [weights[layer] for layer in layers]
    if not all(np.isfinite(weight).all() for weight in chosen):
        raise UserError(
            'The style weights of this network are not all numbers (NaN or infinite), so it has no directions: '
            'choose an earlier snapshot.'
        )
    return closed_form_directions(chosen)


def check_layers(flag, layers, num_layers):
    """Refuses layers that a network does not have.

    Raises:
        UserError: There is a layer below 0 or beyond the last one, or no layer.
    """
    wrong = next((layer for layer in layers if not 0 <= layer < num_layers), None)
    if wrong is not None:
        raise UserError(f'{flag}: there is no layer {wrong}; this network has layers 0 to {num_layers - 1}.')
