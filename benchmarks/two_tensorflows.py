"""How fast is TensorFlow 2 beside 1.15: training, generating, and finding faces?"""

import dnnlib.quiet  # noqa: F401, I001  first: silences TensorFlow before anything imports it

import contextlib
import json

import click
import numpy as np
import tensorflow.compat.v1 as tf

from benchmarks.iteration import Iteration
from benchmarks.prefilter import at_size, bundled_photographs, in_batches, seconds
from dnnlib import tflib
from dnnlib.faces.detector import FaceDetector
from tests.pythons import run_python, tensorflow_of

GENERATED = 8  # images of 256x256 at a time
PHOTOGRAPHS = 64  # of 250x250


@click.command(
    epilog='\b\nExamples:\n'
    '  python -m benchmarks.two_tensorflows .venv/bin/python .venv-tf2/bin/python\n'
    '  python -m benchmarks.two_tensorflows'
)
@click.argument('pythons', nargs=-1, type=click.Path(exists=True))
@click.option('--sides', default='8,16,32,64', show_default=True, help='Resolutions that train, px.')
@click.option('--rounds', default=2, show_default=True, help='Times that everything is measured; the shortest counts.')
def main(pythons, sides, rounds):
    """Time training, generating and finding faces on the CPU, with each of PYTHONS in turns.

    Training is one iteration of the paper's 256x256 network, one replica of two. PYTHONS are the interpreters of
    environments with different packages. Without PYTHONS, times this interpreter and prints JSON.
    """
    if not pythons:
        print(json.dumps(measure([int(side) for side in sides.split(',')])))
        return
    best = [{} for _ in pythons]
    for _ in range(rounds):
        for python, shortest in zip(pythons, best):
            printed = run_python(python, '-m', 'benchmarks.two_tensorflows', '--sides', sides)
            for what, time in json.loads(printed).items():
                shortest[what] = min(time, shortest.get(what, time))
    print(f'{"seconds":26s}' + ''.join(f' {tensorflow_of(python):>10s}' for python in pythons) + '   last : first')
    for what in best[0]:
        times = [shortest[what] for shortest in best]
        print(f'{what:26s}' + ''.join(f' {time:10.3f}' for time in times) + f' {times[-1] / times[0]:14.2f}')


def measure(sides):
    """Wall-clock seconds of each part, once everything is warm: {name: seconds}."""
    times = {}
    with contextlib.ExitStack() as stack:
        iteration = Iteration(stack)
        for side in sides:
            iteration.seconds(side)
            times[f'iteration at {side} px'] = iteration.seconds(side)
    with tf.Graph().as_default():
        tflib.init_tf(device='cpu')
        G = tflib.Network('G', 'training.networks_stylegan.G_style', resolution=256, num_channels=3)
        latents, labels = np.random.RandomState(0).randn(GENERATED, *G.input_shape[1:]), None
        times[f'{GENERATED} images of 256x256'] = warm_seconds(lambda: G.run(latents, labels))
    originals, detector = list(bundled_photographs()), FaceDetector('cpu')
    photographs = [at_size(originals, index, 250, 250) for index in range(PHOTOGRAPHS)]
    times[f'faces in {PHOTOGRAPHS} of 250x250'] = warm_seconds(lambda: in_batches(detector, photographs))
    return times


def warm_seconds(function):
    """Wall-clock seconds of the second call."""
    function()
    return seconds(function)[0]


if __name__ == '__main__':
    main()
