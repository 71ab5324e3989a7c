"""How fast is a training iteration beside its plain form, and beside its bare convolutions?"""

import dnnlib.quiet  # noqa: F401, I001  first: silences TensorFlow before anything imports it

import collections
import contextlib
import math
import time

import click
import numpy as np
import tensorflow.compat.v1 as tf

from benchmarks.versions import against_flag, comparison, shortest_times
from dnnlib import tflib
from dnnlib.util import EasyDict
from tests.plain_convolutions import plain_networks
from training.networks_stylegan import feature_maps
from training.options import resolve_options
from training.step import TrainingStep

RESOLUTION = 256

# A convolution of a network: `kind` is 'same', 'doubling' or 'halving' (of the side); `side` is the larger side.
Convolution = collections.namedtuple('Convolution', 'kind side inputs outputs size')


# Builds the step; then a line is a side, at which it trains one iteration.
PROGRAM = """
import contextlib
from benchmarks.iteration import Iteration

iteration = Iteration(contextlib.ExitStack())
measured = lambda line: iteration.seconds(int(line))
"""


@click.command(epilog='\b\nExample:\n  python -m benchmarks.iteration --sides 8 --rounds 1')
@against_flag
@click.option('--sides', default='8,16,32,64', show_default=True, help='Resolutions that train, px.')
@click.option('--rounds', default=2, show_default=True, help='Times that everything is measured; the shortest counts.')
def main(against, sides, rounds):
    """Time a whole iteration (D with R1, Gs, G) of the 256x256 network of the paper on the CPU, one replica of two.

    Plain: the iteration with convolution and resizing apart, and TensorFlow's own derivatives. Floor: the convolutions
    that an iteration needs, each timed alone, in its fastest form. All are timed in one run, one after the other.

    With --against, instead: two processes train in turns, one with each version.
    """
    sides = [int(side) for side in sides.split(',')]
    if against:
        compare_versions(against, sides, rounds)
    else:
        compare_forms(sides, rounds)


def compare_versions(against, sides, rounds):
    """Prints the time of an iteration with this version and with another one."""
    print(f'{"side":>4s} {"version":>8s} {"seconds":>8s} {"CPU s":>8s}')
    for side, best in shortest_times(PROGRAM, None, against, sides, rounds):
        for name, (clock, cpu) in best.items():
            print(f'{side:4d} {name:>8s} {clock:8.2f} {cpu:8.2f}')
        print(f'{side:4d} {comparison(best)}', flush=True)


def compare_forms(sides, rounds):
    """Prints the time of an iteration, of its plain form, and of its bare convolutions."""
    with contextlib.ExitStack() as stack:
        print('Building both graphs ...', flush=True)
        ours = Iteration(stack)
        with plain_networks():
            plain = Iteration(stack)
        print(
            f'{"side":>4s} {"minibatch":>9s} {"plain s":>8s} {"ours s":>8s} {"floor s":>8s} {"plain/ours":>10s} '
            f'{"floor/ours":>10s}',
            flush=True,
        )
        for side in sides:
            floor = Floor(side, ours.minibatch(side), stack)
            best = [math.inf] * 3
            for _ in range(rounds + 1):  # the first round warms up
                times = plain.seconds(side), ours.seconds(side), floor.seconds()
                best = [min(pair) for pair in zip(best, times)]
            print(
                f'{side:4d} {ours.minibatch(side):9d} {best[0]:8.2f} {best[1]:8.2f} {best[2]:8.2f} '
                f'{best[0] / best[1]:10.2f} {best[2] / best[1]:10.2f}',
                flush=True,
            )
            floor.print_forms()


class Iteration:
    """A training step of one replica in a graph and session of its own.

    Args:
        stack: `contextlib.ExitStack`, closes the session.
        options: `TrainingOptions`; None: of the paper. The minibatch is that of one of their GPUs.
        device: 'gpu' or 'cpu'.
    """

    label_size = 0  # what the step reads of a training set, with `shape`

    def __init__(self, stack, options=None, device='cpu'):
        self.options = options or resolve_options('paper', {'data': '', 'gpus': 2}, RESOLUTION)
        self.shape = [3, self.options.resolution, self.options.resolution]
        config = tf.ConfigProto(allow_soft_placement=True, gpu_options={'allow_growth': True})
        config.device_count['GPU'] = int(device == 'gpu')
        self._graph = tf.Graph()
        self._session = stack.enter_context(contextlib.closing(tf.Session(graph=self._graph, config=config)))
        with self.as_default():
            self._step = TrainingStep(self.options, self, tflib.Replicas([f'/{device}:0']))

    @contextlib.contextmanager
    def as_default(self):
        """A block in which its graph and session are the default ones."""
        with self._graph.as_default(), self._session.as_default():
            yield

    def minibatch(self, side):
        """The minibatch of one of the GPUs."""
        return self.options.minibatch_by_resolution[side] // self.options.gpus

    def random_labels(self, size, _random):
        return np.zeros([size, 0], np.float32)

    def seconds(self, side):
        """The time of one iteration."""
        with self.as_default():
            train_D, train_G = self.steps(side)
            begin = time.time()
            train_D()
            self._step.update_Gs(self.minibatch(side))
            train_G()
            return time.time() - begin

    def steps(self, side):
        """Functions that take a step of D and one of G at this side, and return their losses, inside `as_default`."""
        size = self.minibatch(side)
        lod = math.log2(self.options.resolution // side)
        schedule = EasyDict(lod=lod, minibatch=size, G_lrate=0.001, D_lrate=0.001)
        reals = np.random.RandomState(0).randint(0, 256, [size, 3, side, side]).astype(np.uint8)
        labels, mirror_draws = self.random_labels(size, None), np.zeros(size, np.float32)
        self._step.set_lod(lod)
        return (
            lambda: self._step.train_D(schedule, 0, reals, labels, mirror_draws),
            lambda: self._step.train_G(schedule, size),
        )


class Floor:
    """The convolutions of an iteration, each timed alone."""

    def __init__(self, side, minibatch, stack):
        graph = tf.Graph()
        self._session = stack.enter_context(contextlib.closing(tf.Session(graph=graph)))
        self._counts = necessary(side, RESOLUTION)
        with graph.as_default():
            self._forms = {key: forms(*key, minibatch) for key in self._counts}
            initializer = tf.global_variables_initializer()
        self._session.run(initializer)
        self._best = {}

    def seconds(self):
        """Sum over all necessary convolutions of the fastest form's shortest time so far."""
        for key, by_name in self._forms.items():
            for name, op in by_name.items():
                begin = time.time()
                self._session.run(op)
                elapsed = time.time() - begin
                self._best[key, name] = min(elapsed, self._best.get((key, name), math.inf))
        return sum(
            count * min(self._best[key, name] for name in self._forms[key]) for key, count in self._counts.items()
        )

    def print_forms(self):
        """Prints the time of each form of the resizing convolutions, which decides the form that a level uses."""
        for (conv, what), by_name in self._forms.items():
            if conv.kind != 'same':
                times = '  '.join(f'{name} {self._best[(conv, what), name]:.3f} s' for name in by_name)
                print(f'     {conv.kind} {conv.inputs}->{conv.outputs} at {conv.side}x{conv.side}, {what}: {times}')


def necessary(side, resolution):
    """Counts the convolutions of an iteration: {(Convolution, 'value', 'input gradient' or 'weight gradient'): count}.

    G runs forward in D's step, and forward and backward in its own step. D runs forward and backward on fakes and on
    reals. In G's step D runs forward and backward too, but without gradients of its weights. R1 takes another backward
    pass, by the reals; its derivative takes one more forward pass and gradients of the weights.
    """
    fmaps = feature_maps(8192, 1.0, 512)
    levels = range(3, int(math.log2(side)) + 1)
    widest, narrowest = fmaps(1), fmaps(int(math.log2(side)) - 1)
    G = [Convolution('same', 4, widest, widest, 3), Convolution('same', side, narrowest, 3, 1)]
    D = [Convolution('same', 4, widest + 1, widest, 3)]
    for level in levels:
        above, below, at = fmaps(level - 1), fmaps(level - 2), 2**level
        G += [Convolution('doubling', at, below, above, 3), Convolution('same', at, above, above, 3)]
        D += [Convolution('same', at, above, above, 3), Convolution('halving', at, above, below, 3)]
    counts = collections.Counter()
    for conv in G:
        counts.update({(conv, 'value'): 2, (conv, 'input gradient'): 1, (conv, 'weight gradient'): 1})
    for conv in D:
        counts.update({(conv, 'value'): 4, (conv, 'input gradient'): 4, (conv, 'weight gradient'): 3})
    from_rgb = Convolution('same', side, 3, narrowest, 1)  # its input is an image: gradients for R1 and for G
    counts.update({(from_rgb, 'value'): 4, (from_rgb, 'input gradient'): 2, (from_rgb, 'weight gradient'): 3})
    return counts


def forms(conv, what, minibatch):
    """TensorFlow's operations that compute a convolution, or a gradient of it, by name; channels last."""
    kind, side, inputs, outputs, size = conv
    if what == 'input gradient':  # this is a convolution, too, from outputs to inputs
        if kind == 'same':
            return {
                **forms(Convolution(kind, side, outputs, inputs, size), 'value', minibatch),
                'by its own op': _input_gradient(minibatch, side, inputs, outputs, size, 1),
            }
        turned = {'doubling': 'halving', 'halving': 'doubling'}[kind]
        return forms(Convolution(turned, side, outputs, inputs, size), 'value', minibatch)
    if kind == 'same':
        return {
            'plain': _conv(minibatch, side, inputs, outputs, size, 1)
            if what == 'value'
            else _weight_gradient(minibatch, side, inputs, outputs, size, 1)
        }
    plain = forms(Convolution('same', side, inputs, outputs, size), what, minibatch)
    half = side // 2
    if what == 'weight gradient':
        ends = (inputs, outputs) if kind == 'halving' else (outputs, inputs)
        return {**plain, '4x4 kernel': _weight_gradient(minibatch, side, *ends, 4, 2)}
    if kind == 'halving':
        return {**plain, '4x4 kernel': _conv(minibatch, side, inputs, outputs, 4, 2)}
    return {
        **plain,
        '4 pixels as maps': tf.nn.conv2d(
            _random(minibatch, half + 2, half + 2, inputs), _random(2, 2, inputs, 4 * outputs), 1, 'VALID'
        ).op,
        '4x4 kernel': _input_gradient(minibatch, side, outputs, inputs, 4, 2),
    }


def _random(*shape):
    with tf.variable_scope('', reuse=tf.AUTO_REUSE):  # one of each shape, to save memory
        return tf.get_variable(
            'x'.join(map(str, ['shape', *shape])), shape, initializer=tf.initializers.random_normal()
        )


def _conv(minibatch, side, inputs, outputs, size, stride):
    return tf.nn.conv2d(_random(minibatch, side, side, inputs), _random(size, size, inputs, outputs), stride, 'SAME').op


def _input_gradient(minibatch, side, inputs, outputs, size, stride):
    dy = _random(minibatch, side // stride, side // stride, outputs)
    return tf.nn.conv2d_backprop_input(
        [minibatch, side, side, inputs], _random(size, size, inputs, outputs), dy, [1, stride, stride, 1], 'SAME'
    ).op


def _weight_gradient(minibatch, side, inputs, outputs, size, stride):
    dy = _random(minibatch, side // stride, side // stride, outputs)
    return tf.nn.conv2d_backprop_filter(
        _random(minibatch, side, side, inputs), [size, size, inputs, outputs], dy, [1, stride, stride, 1], 'SAME'
    ).op


if __name__ == '__main__':
    main()
