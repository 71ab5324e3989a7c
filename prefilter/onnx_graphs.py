"""MTCNN's networks as ONNX graphs, in the form that ONNX Runtime computes fastest on a CPU."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from dnnlib.mtcnn_weights import SIDES, read_layers

OPSET, IR_VERSION = 12, 7  # understood by ONNX Runtime 1.10
CHANNEL_BLOCK = 16  # ONNX Runtime's fast convolutions take channels in blocks of 8 or 16, depending on the processor


def build_graph(network):
    """The serialized graph of 'pnet', 'rnet' or 'onet'.

    Its input `pixels` is float32 [N, 3, H, W], normalised. Its output `heads` is float32 [N, 6, h, w] of P-Net, else
    [N, 6]: logits of 'no face' and 'face', then the regression of left, top, right and bottom.
    """
    layers = read_layers(network)
    graph = _Graph()
    x, channels = 'pixels', 3
    for layer in layers.convolutions:
        x, channels = graph.convolution(x, layer, channels), _padded(len(layer.bias))
    if layers.dense is None:
        kernel, bias = (np.concatenate(arrays, axis=-1) for arrays in zip(*layers.heads[:2]))
        output = graph.node('Conv', x, _kernel(kernel, channels, 6), bias, name='heads')
    else:
        kernel = _dense_kernel(layers.dense.kernel, channels)
        x = graph.node('Gemm', graph.node('Flatten', x), kernel, layers.dense.bias)
        x = graph.node('PRelu', x, layers.dense.slope)
        output = graph.node('Gemm', x, *(np.concatenate(arrays, axis=-1) for arrays in zip(*layers.heads[:2])),
                            name='heads')
    if network == 'pnet':
        return graph.serialize(['batch', 3, 'height', 'width'], output, ['batch', 6, 'rows', 'columns'])
    return graph.serialize(['batch', 3, SIDES[network], SIDES[network]], output, ['batch', 6])


class _Graph:
    """Nodes and constants, named as they come."""

    def __init__(self):
        self._nodes, self._constants = [], []

    def node(self, operation, *inputs, name=None, **attributes):
        """Adds a node; arrays among its inputs become constants. Returns the name of its output."""
        name = name or f'{operation}_{len(self._nodes)}'
        names = [value if isinstance(value, str) else self._constant(value) for value in inputs]
        self._nodes.append(helper.make_node(operation, names, [name], **attributes))
        return name

    def convolution(self, x, layer, channels_in):
        """Convolution, PReLU and pool, with channels filled up to whole blocks by zeros."""
        channels = _padded(len(layer.bias))
        filled = (0, channels - len(layer.bias))
        x = self.node('Conv', x, _kernel(layer.kernel, channels_in, channels), np.pad(layer.bias, filled))
        x = self._prelu(x, np.pad(layer.slope, filled))
        if layer.pool:
            size, padding = layer.pool
            x = self.node('MaxPool', x, kernel_shape=[size] * 2, strides=[2, 2], ceil_mode=int(padding == 'SAME'))
        return x

    def _prelu(self, x, slope):
        # x + (1 - slope) * relu(-x), whose two products are convolutions of each channel with a single number: unlike
        # PRelu and Mul, these keep the blocked layout, and ONNX Runtime merges the relu and the sum into them.
        one_by_one = [len(slope), 1, 1, 1]
        negative = self.node('Conv', x, np.full(one_by_one, -1, np.float32), group=len(slope))
        scaled = self.node('Conv', self.node('Relu', negative), (1 - slope).reshape(one_by_one), group=len(slope))
        return self.node('Add', scaled, x)

    def _constant(self, array):
        name = f'constant_{len(self._constants)}'
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(array, np.float32), name))
        return name

    def serialize(self, input_shape, output, output_shape):
        pixels = helper.make_tensor_value_info('pixels', TensorProto.FLOAT, input_shape)
        heads = helper.make_tensor_value_info(output, TensorProto.FLOAT, output_shape)
        graph = helper.make_graph(self._nodes, 'mtcnn', [pixels], [heads], self._constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', OPSET)], ir_version=IR_VERSION)
        onnx.checker.check_model(model)
        return model.SerializeToString()


def _padded(channels):
    return -(-channels // CHANNEL_BLOCK) * CHANNEL_BLOCK


def _kernel(kernel, channels_in, channels):
    """From [width, height, in, out] to [out, in, height, width], filled up by zeros."""
    kernel = kernel.transpose(3, 2, 1, 0)
    return np.pad(kernel, [(0, channels - kernel.shape[0]), (0, channels_in - kernel.shape[1]), (0, 0), (0, 0)])


def _dense_kernel(kernel, channels):
    """Rows from the order (width, height, channel) to (channel, height, width)."""
    side = int(np.sqrt(len(kernel) // channels))
    return kernel.reshape(side, side, channels, -1).transpose(2, 1, 0, 3).reshape(kernel.shape)
