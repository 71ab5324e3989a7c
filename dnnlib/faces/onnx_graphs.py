"""MTCNN's networks as ONNX graphs, in the form that ONNX Runtime computes fastest on a CPU."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from dnnlib.faces.mtcnn_weights import PIXEL_MIDDLE, PIXEL_SPREAD, SIDES, read_layers
from dnnlib.faces.patches import PIXEL_ZERO

OPSET, IR_VERSION = 12, 7  # understood by ONNX Runtime 1.10
# ONNX Runtime's fast convolutions compute channels in blocks of 8 or 16, depending on the processor. Their input has
# whole blocks of channels, or less than one block.
CHANNEL_BLOCK = 16
POINTS = 'points'  # O-Net with its third head alone: eyes, nose and corners of the mouth
WINOGRAD_CHANNELS = 64  # from this many on, a layer is faster with fewer multiplications and more additions


def build_graph(network: str) -> bytes:
    """The serialized graph of 'pnet', 'rnet', 'onet' or `POINTS`.

    `as_lines` makes its input `lines`. Its output `heads` is float32, [N, 6, h, w] for P-Net and [N, 6] for the others:
    logits of 'no face' and 'face', then the regression of left, top, right and bottom. For `POINTS` it is [N, 10]: five
    x, then five y, as shares of the square's width and height.
    """
    heads = slice(2, 3) if network == POINTS else slice(2)
    network = 'onet' if network == POINTS else network
    layers, graph = read_layers(network), _Graph()
    convolutions = layers.convolutions
    if network == 'pnet':  # its lines are rows, but kernels have width before height; the heads are 1 x 1
        convolutions = [layer._replace(kernel=layer.kernel.swapaxes(0, 1)) for layer in convolutions]
    first, second, *others = convolutions
    first = _normalising(first)
    if len(first.bias) < CHANNEL_BLOCK:
        parts = graph.doubled(first)
    else:
        first, second = _in_blocks(first, second)
        parts = graph.halves(first)
    for layer in (second, *others):
        x = graph.layer(parts, layer)
        parts = [(x, np.arange(len(layer.bias)))]
    kernel, bias = (np.concatenate(arrays, axis=-1) for arrays in zip(*layers.heads[heads]))
    if layers.dense is None:
        graph.convolution(parts, _kernel(kernel), bias, name='heads')
        return graph.serialize(['batch', 1, 'lines', 'length'], ['batch', 6, 'rows', 'columns'])
    graph.dense_heads(x, layers.dense, len(layer.bias), kernel, bias)
    return graph.serialize(['batch', 1, 3 * SIDES[network], SIDES[network]], ['batch', len(bias)])


def as_lines(network: str, pixels: np.ndarray) -> np.ndarray:
    """Arranges pixels as the graph takes them: a line of the image in red, in green, in blue, then the next line.

    Args:
        network: As for `build_graph`.
        pixels: float32 [N, H, W, 3], dynamic range [-128, 127].

    Returns:
        The same numbers. For P-Net a line is a row: [N, 1, 3 * H, W]. For the others it is a column: [N, 1, 3 * W, H].
        Nothing is copied if `pixels` come from `dnnlib.faces.patches`, which has them in this memory order.
    """
    lines = pixels.transpose([0, 1, 3, 2] if network == 'pnet' else [0, 2, 3, 1])
    count, number, colours, length = lines.shape
    return lines.reshape(count, 1, number * colours, length)


class _Graph:
    """Nodes and constants, numbered in the order in which they are added.

    The input of a convolution is a list of parts. A part is a tuple (name of a value, int [C]: its channels' numbers in
    the layer). Rows and height run down a value of the graph; if lines are columns of the image, that is across it.
    """

    def __init__(self):
        self._nodes, self._constants = [], []

    def node(self, operation, *inputs, name=None, **attributes):
        """Adds a node; arrays among its inputs become constants. Returns the name of its output."""
        name = name or f'{operation}_{len(self._nodes)}'
        self._add(operation, inputs, [name], attributes)
        return name

    def doubled(self, layer):
        """The parts of a first layer of few channels: with every PReLU after the pool, it takes one block.

        After the pool, a PReLU has only a quarter of the numbers to compute. If its slope is not negative, it commutes
        with the maximum. If it is negative, PReLU is the larger of x and slope * x: both are computed and pooled.
        """
        straight, bent = _by_slope(layer)
        order = np.concatenate([straight, bent, bent])
        factors = np.concatenate([np.ones(len(layer.bias), np.float32), layer.slope[bent]])
        kernel = layer.kernel[..., order] * factors
        x = self.pool(self.convolution_of_lines(kernel, layer.bias[order] * factors), layer)
        x, one, other = self._split(x, [len(straight), len(bent), len(bent)])
        return [
            (self.node('PRelu', x, layer.slope[straight].reshape(-1, 1, 1)), straight),
            (self.node('Max', one, other), bent),
        ]

    def halves(self, layer):
        """The parts of a first layer of many channels: a block with its PReLU after the pool, and the rest."""
        order = np.concatenate(_by_slope(layer))
        early, late = order[:CHANNEL_BLOCK], order[CHANNEL_BLOCK:]
        assert (layer.slope[early] >= 0).all()
        block, rest = (self.convolution_of_lines(layer.kernel[..., part], layer.bias[part]) for part in (early, late))
        block = self.prelu(self.pool(block, layer), layer.slope[early])
        rest = self.pool(self.prelu(rest, layer.slope[late]), layer)
        return [(block, early), (rest, late)]

    def convolution_of_lines(self, kernel, bias):
        """A first convolution. In lines, all colours are summed in one pass; in planes, each would need a pass."""
        height, width, colours, channels = kernel.shape
        kernel = kernel.transpose(3, 0, 2, 1).reshape(channels, 1, height * colours, width)
        return self.node('Conv', 'lines', kernel, bias, strides=[colours, 1])

    def layer(self, parts, layer):
        """A layer of many channels."""
        kernel = _kernel(layer.kernel)
        if layer.pool and len(layer.bias) >= WINOGRAD_CHANNELS:
            even, odd = self.rows(parts, kernel, layer.bias)
            return self.pool_rows(self.prelu(even, layer.slope), self.prelu(odd, layer.slope), layer)
        return self.pool(self.prelu(self.convolution(parts, kernel, layer.bias), layer.slope), layer)

    def convolution(self, parts, kernel, bias=None, onto=None, name=None):
        """The convolution of all channels of some parts, added to `onto`; the kernel is [out, in, height, width]."""
        for x, channels in parts:
            constants = [kernel[:, channels], *([] if bias is None else [bias])]
            x = self.node('Conv', x, *constants, name=name if len(parts) == 1 and onto is None else None)
            onto, bias = x if onto is None else self.node('Add', x, onto), None
        return onto

    def rows(self, parts, kernel, bias):
        """The even and the odd rows of a 3 x 3 convolution. The last odd row may be one too many, and no result.

        Winograd's F(2, 3), down the columns: four rows of the input give two rows of the result, by four products with
        rows of kernels instead of six. Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2016.
        """

        def product(taps, rows, bias=None, onto=None):
            taken = [
                (self.columns(x, taps, len(channels), strides=[2, 1], pads=[0, 0, len(taps) - 3, 0]), channels)
                for x, channels in parts
            ]
            return self.convolution(taken, rows, bias, onto)

        first, middle, last = (kernel[:, :, [row]] for row in range(3))
        one = product([0, 1, 1], (first + middle + last) / 2)
        other = product([0, -1, 1], (first - middle + last) / 2)
        total = self.node('Add', one, other)
        difference = self.node('Add', self.columns(other, [-1], len(bias)), one)
        return product([1, 0, -1], first, bias, total), product([0, -1, 0, 1], last, bias, difference)

    def pool_rows(self, even, odd, layer):
        """The max pool after a layer, from its even and odd rows. If windows overlap, it drops the last odd row."""
        size, _ = layer.pool
        channels, overlap = len(layer.bias), size - 2
        even = self.node('MaxPool', even, kernel_shape=[1 + overlap, size], strides=[1, 2])
        odd = self.node('MaxPool', odd, kernel_shape=[1, size], strides=[1, 2])
        if overlap:
            odd = self.columns(odd, [1, 0], channels)
        # The larger of two, without Max, which would not keep the blocked layout.
        more = self.node('Relu', self.node('Add', self.columns(even, [-1], channels), odd))
        return self.node('Add', more, even)

    def columns(self, x, taps, channels, **attributes):
        """Convolves each channel with the same few numbers, down the columns."""
        kernel = np.tile(np.reshape(taps, [1, 1, -1, 1]), [channels, 1, 1, 1])
        return self.node('Conv', x, kernel, group=channels, **attributes)

    def prelu(self, x, slope):
        # x + (1 - slope) * relu(-x). Both products are convolutions of each channel with a single number. Unlike PRelu
        # and Mul, such convolutions keep the blocked layout, and ONNX Runtime merges the relu and the sum into them.
        negative = self.node('Relu', self.columns(x, [-1], len(slope)))
        scaled = self.node('Conv', negative, (1 - slope).reshape(-1, 1, 1, 1), group=len(slope))
        return self.node('Add', scaled, x)

    def pool(self, x, layer):
        """The max pool after a layer, if it has one."""
        if not layer.pool:
            return x
        size, padding = layer.pool
        return self.node('MaxPool', x, kernel_shape=[size] * 2, strides=[2, 2], ceil_mode=int(padding == 'SAME'))

    def dense_heads(self, x, layer, channels, kernel, bias):
        """A dense layer on `channels` channels, and the heads on its output."""
        x = self.node('Gemm', self.node('Flatten', x), _dense_kernel(layer.kernel, channels), layer.bias)
        # PReLU is slope * x + (1 - slope) * relu(x). Each term is multiplied by the heads at once: PRelu takes longer.
        slope = layer.slope[:, np.newaxis]
        positive = self.node('Gemm', self.node('Relu', x), (1 - slope) * kernel, bias)
        self.node('Gemm', x, slope * kernel, positive, name='heads')

    def serialize(self, input_shape, output_shape):
        lines = helper.make_tensor_value_info('lines', TensorProto.FLOAT, input_shape)
        heads = helper.make_tensor_value_info('heads', TensorProto.FLOAT, output_shape)
        graph = helper.make_graph(self._nodes, 'mtcnn', [lines], [heads], self._constants)
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


def _normalising(layer):
    """The first layer with the normalisation of pixels in its weights, so that pixels need no normalisation."""
    kernel = layer.kernel / np.float32(PIXEL_SPREAD)  # rounds nothing, the spread is a power of two
    shift = (PIXEL_ZERO - PIXEL_MIDDLE) * kernel.sum(axis=(0, 1, 2), dtype=np.float64)
    return layer._replace(kernel=kernel, bias=(layer.bias + shift).astype(np.float32))


def _in_blocks(layer, following):
    """Two layers with added channels between them, which are always 0, so that blocks are whole."""
    more = -len(layer.bias) % CHANNEL_BLOCK
    kernel, bias, slope = (
        np.pad(array, [(0, 0)] * (array.ndim - 1) + [(0, more)]) for array in (layer.kernel, layer.bias, layer.slope)
    )
    taken = np.pad(following.kernel, [(0, 0), (0, 0), (0, more), (0, 0)])
    return layer._replace(kernel=kernel, bias=bias, slope=slope), following._replace(kernel=taken)


def _by_slope(layer):
    """Two int [C]: the channels whose PReLU has no negative slope, and the other channels."""
    return np.flatnonzero(layer.slope >= 0), np.flatnonzero(layer.slope < 0)


def _kernel(kernel):
    """From [height, width, in, out] to [out, in, height, width]."""
    return kernel.transpose(3, 2, 0, 1)


def _dense_kernel(kernel, channels):
    """Rows from the order (height, width, channel) to (channel, height, width)."""
    side = int(np.sqrt(len(kernel) // channels))
    return kernel.reshape(side, side, channels, -1).transpose(2, 0, 1, 3).reshape(kernel.shape)
