"""MTCNN's networks as ONNX graphs, in the form that ONNX Runtime computes fastest on a CPU."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from dnnlib.mtcnn_weights import SIDES, read_layers

OPSET, IR_VERSION = 12, 7  # understood by ONNX Runtime 1.10
# ONNX Runtime's fast convolutions compute channels in blocks of 8 or 16, depending on the processor. What they take may
# be in such blocks too, or less than a block as it is.
CHANNEL_BLOCK = 16


def build_graph(network):
    """The serialized graph of 'pnet', 'rnet' or 'onet'.

    Its input `pixels` is float32 [N, 3, H, W], normalised. Its output `heads` is float32 [N, 6, h, w] of P-Net, else
    [N, 6]: logits of 'no face' and 'face', then the regression of left, top, right and bottom.
    """
    layers = read_layers(network)
    graph = _Graph()
    first, *others = layers.convolutions
    parts = graph.doubled(first) if len(first.bias) < CHANNEL_BLOCK else graph.halves(first)
    for layer in others:
        x = graph.pool(graph.prelu(graph.convolution(parts, _kernel(layer.kernel), layer.bias), layer.slope), layer)
        parts = [(x, np.arange(len(layer.bias)))]
    kernel, bias = (np.concatenate(arrays, axis=-1) for arrays in zip(*layers.heads[:2]))
    if layers.dense is None:
        graph.convolution(parts, _kernel(kernel), bias, name='heads')
        return graph.serialize(['batch', 3, 'height', 'width'], 'heads', ['batch', 6, 'rows', 'columns'])
    dense = _dense_kernel(layers.dense.kernel, len(layer.bias))
    x = graph.node('Gemm', graph.node('Flatten', x), dense, layers.dense.bias)
    graph.node('Gemm', graph.node('PRelu', x, layers.dense.slope), kernel, bias, name='heads')
    return graph.serialize(['batch', 3, SIDES[network], SIDES[network]], 'heads', ['batch', 6])


class _Graph:
    """Nodes and constants, named as they come.

    What a convolution takes are parts: tuples of the name of a value and int [C], which channels it has of the layer.
    """

    def __init__(self):
        self._nodes, self._constants = [], []

    def node(self, operation, *inputs, name=None, **attributes):
        """Adds a node; arrays among its inputs become constants. Returns the name of its output."""
        name = name or f'{operation}_{len(self._nodes)}'
        self._add(operation, inputs, [name], attributes)
        return name

    def doubled(self, layer):
        """The parts of a first layer of few channels, which with all PReLUs after the pool takes a block.

        There they have a quarter of the numbers. One whose slope is not negative commutes with the maximum; any other
        one is the larger of x and slope * x, both of which are computed and pooled.
        """
        straight, bent = _by_slope(layer)
        order = np.concatenate([straight, bent, bent])
        factors = np.concatenate([np.ones(len(layer.bias), np.float32), layer.slope[bent]])
        kernel = _kernel(layer.kernel)[order] * factors[:, np.newaxis, np.newaxis, np.newaxis]
        x = self.pool(self.node('Conv', 'pixels', kernel, layer.bias[order] * factors), layer)
        x, one, other = self._split(x, [len(straight), len(bent), len(bent)])
        return [(self.node('PRelu', x, layer.slope[straight].reshape(-1, 1, 1)), straight),
                (self.node('Max', one, other), bent)]

    def halves(self, layer):
        """The parts of a first layer of many channels: a block of those with the PReLU after the pool, and the rest."""
        order = np.concatenate(_by_slope(layer))
        early, late = order[:CHANNEL_BLOCK], order[CHANNEL_BLOCK:]
        assert (layer.slope[early] >= 0).all()
        kernel = _kernel(layer.kernel)
        x = self.pool(self.node('Conv', 'pixels', kernel[early], layer.bias[early]), layer)
        parts = [(self.prelu(x, layer.slope[early]), early)]
        filling = -len(late) % CHANNEL_BLOCK
        kernel, bias, slope = (np.pad(array[late], [(0, filling)] + [(0, 0)] * (array.ndim - 1))
                               for array in (kernel, layer.bias, layer.slope))
        x = self.pool(self.prelu(self.node('Conv', 'pixels', kernel, bias), slope), layer)
        if filling:
            x, _ = self._split(x, [len(late), filling])
        return [*parts, (x, late)]

    def convolution(self, parts, kernel, bias, name=None):
        """The convolution of all channels of some parts; the kernel is [out, in, height, width]."""
        (x, channels), *others = parts
        x = self.node('Conv', x, kernel[:, channels], bias, name=None if others else name)
        for part, channels in others:
            x = self.node('Add', self.node('Conv', part, kernel[:, channels]), x)
        return x

    def prelu(self, x, slope):
        # x + (1 - slope) * relu(-x), whose two products are convolutions of each channel with a single number: unlike
        # PRelu and Mul, these keep the blocked layout, and ONNX Runtime merges the relu and the sum into them.
        one_by_one = [len(slope), 1, 1, 1]
        negative = self.node('Conv', x, np.full(one_by_one, -1, np.float32), group=len(slope))
        scaled = self.node('Conv', self.node('Relu', negative), (1 - slope).reshape(one_by_one), group=len(slope))
        return self.node('Add', scaled, x)

    def pool(self, x, layer):
        """The maximum that comes after a layer, if there is one."""
        if not layer.pool:
            return x
        size, padding = layer.pool
        return self.node('MaxPool', x, kernel_shape=[size] * 2, strides=[2, 2], ceil_mode=int(padding == 'SAME'))

    def serialize(self, input_shape, output, output_shape):
        pixels = helper.make_tensor_value_info('pixels', TensorProto.FLOAT, input_shape)
        heads = helper.make_tensor_value_info(output, TensorProto.FLOAT, output_shape)
        graph = helper.make_graph(self._nodes, 'mtcnn', [pixels], [heads], self._constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', OPSET)], ir_version=IR_VERSION)
        onnx.checker.check_model(model)
        return model.SerializeToString()

    def _split(self, x, counts):
        outputs = [f'Split_{len(self._nodes)}_{part}' for part in range(len(counts))]
        self._add('Split', [x], outputs, {'axis': 1, 'split': counts})
        return outputs

    def _add(self, operation, inputs, outputs, attributes):
        names = [value if isinstance(value, str) else self._constant(value) for value in inputs]
        self._nodes.append(helper.make_node(operation, names, outputs, **attributes))

    def _constant(self, array):
        name = f'constant_{len(self._constants)}'
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(array, np.float32), name))
        return name


def _by_slope(layer):
    """Channels of a layer, int [C] each: those whose PReLU has no negative slope, and the others."""
    return np.flatnonzero(layer.slope >= 0), np.flatnonzero(layer.slope < 0)


def _kernel(kernel):
    """From [width, height, in, out] to [out, in, height, width]."""
    return kernel.transpose(3, 2, 1, 0)


def _dense_kernel(kernel, channels):
    """Rows from the order (width, height, channel) to (channel, height, width)."""
    side = int(np.sqrt(len(kernel) // channels))
    return kernel.reshape(side, side, channels, -1).transpose(2, 1, 0, 3).reshape(kernel.shape)
