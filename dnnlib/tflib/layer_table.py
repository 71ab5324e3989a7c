"""The table of a network's layers that `Network.print_layers` prints."""

from typing import Any, Dict, List, Optional, Tuple

import numpy as np
import tensorflow.compat.v1 as tf
from tabulate import tabulate


def layer_table(network: Any, title: Optional[str] = None) -> str:
    """The layers that have trainable variables: number of parameters, shape of output and of weight. Lines of text.

    Args:
        network: A `Network`.
        title: First heading; None takes the network's name.
    """
    rows = [(title or network.name, 'Params', 'OutputShape', 'WeightShape'), ('---',) * 4]
    for layer, variables in _trainables_by_layer(network).items():
        own = [v for name, v in variables.items() if name.rpartition('/')[0] == layer] or list(variables.values())
        weight = max(own, key=lambda variable: variable.shape.ndims)
        rows.append(
            (
                layer,
                str(sum(map(_size, variables.values()))),
                str(_shape_of_output(network, layer) or '-'),
                str(weight.shape.as_list()),
            )
        )
    rows += [('---',) * 4, ('Total', str(sum(map(_size, network.trainables.values()))), '', '')]
    return tabulate(rows, tablefmt='plain', disable_numparse=True)


def shape_list(tensor: tf.Tensor) -> Optional[List[Optional[int]]]:
    """The static shape of a tensor as a list, None for unknown lengths; None if even the number of axes is unknown."""
    return tensor.shape.as_list() if tensor.shape.ndims is not None else None


def _trainables_by_layer(network):
    layers = {}
    for local_name, variable in network.trainables.items():
        # 'G_synthesis/8x8/Conv1/Noise/weight' belongs to the layer 'G_synthesis/8x8/Conv1'.
        parts = local_name.split('/')[:-1]
        if parts and parts[-1] in ('Noise', 'StyleMod'):
            parts = parts[:-1]
        layers.setdefault('/'.join(parts) or local_name, {})[local_name] = variable
    return layers


def layers_of(network: Any) -> List[Tuple[str, Optional[tf.Tensor], Dict[str, tf.Variable]]]:
    """(name, output in the template graph or None, trainable variables by local name) of each layer with some."""
    return [
        (layer, _output_of(network, layer)[0], variables) for layer, variables in _trainables_by_layer(network).items()
    ]


def _shape_of_output(network, layer):
    output, channels_last = _output_of(network, layer)
    shape = None if output is None else shape_list(output)
    if channels_last and shape and len(shape) == 4:
        shape = [shape[axis] for axis in (0, 3, 1, 2)]
    return shape


def _output_of(network, layer):
    """(output tensor of a layer or None, whether its channels are last)."""
    for part in network.components.values():
        if layer.startswith(part.name + '/'):
            return _output_of(part, layer[len(part.name) + 1 :])
    found, channels_last = None, False
    for op in network.input_templates[0].graph.get_operations():
        if op.name.startswith(f'{network.scope}/{layer}/') and op.outputs:
            channels_last |= 'data_format' in op.node_def.attr and op.get_attr('data_format') == b'NHWC'
            shape = shape_list(op.outputs[0])
            if shape and len(shape) > 1 and shape[0] is None:  # the last operation with values for each sample
                found = op.outputs[0]
    return found, channels_last


def _size(variable):
    return int(np.prod(variable.shape.as_list()))
