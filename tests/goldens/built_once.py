"""Outputs of networks that are built once: for small networks, making operations takes longer than running them."""

from dnnlib.tflib.graph_keys import graph_key


class BuiltOnce:
    """Stands for a network: the same expressions and arguments give the same output, which is built once.

    Args:
        net: The `Network`.
    """

    def __init__(self, net):
        self.input_shape = net.input_shape
        # Taken now, so that this one may stand in the place of that of the network.
        self._build, self._outputs = net.get_output_for, {}

    def get_output_for(self, *inputs, **kwargs):
        """As of a `Network`."""
        key = tuple(map(_origin, inputs)), graph_key(kwargs)
        if key not in self._outputs:
            self._outputs[key] = self._build(*inputs, **kwargs)
        return self._outputs[key]


def _origin(tensor):
    """What a tensor is a copy of: a network copies its inputs before it hands them to its parts."""
    while tensor.op.type == 'Identity':
        tensor = tensor.op.inputs[0]
    return tensor
