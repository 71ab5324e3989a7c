"""How fast is a set made, beside the network alone, and beside the loop that people write?"""

import dnnlib.quiet  # noqa: F401, I001  first: silences TensorFlow before anything imports it

import contextlib
import dataclasses
import functools
import os
import tempfile
import time

import click
import numpy as np

from dnnlib.files import sha256_of_file
from dnnlib.jobs.run import make_shards
from dnnlib.jobs.workers import Workers
from dnnlib.util import EasyDict
from synthesis.job import MakeImages, SetJob
from synthesis.options import GenerateOptions
from synthesis.tasks import TryNetwork

MINIBATCH = 16
SHARDS = {64: 3, 256: 1}  # side in px -> shards of 80 images for each process


@click.command(epilog='\b\nExample:\n  python -m benchmarks.synthesis --sides 64 --rounds 1')
@click.option('--sides', default='64,256', show_default=True, help='Resolutions of the network, px.')
@click.option('--rounds', default=2, show_default=True, help='Times that everything is measured; the fastest counts.')
def main(sides, rounds):
    """Time making images with a network of the paper's size, with random weights, on one core and on two.

    Network: `Gs.run` alone, as uint8. Loop: the same, and Pillow saves each image as a PNG, one after the other.
    Generate: `python -m synthesis generate` with a process of one thread on each core, from its start-up on. All have
    the same minibatch and take turns in one run. The network and the loop use all cores by TensorFlow's own threads.
    """
    print(
        f'{"side":>5s} {"cores":>5s} {"network img/s":>13s} {"loop img/s":>11s} {"generate img/s":>14s} '
        f'{"generate/network":>16s} {"generate/loop":>13s}',
        flush=True,
    )
    with tempfile.TemporaryDirectory() as folder:
        for side in map(int, sides.split(',')):
            network = os.path.join(folder, f'network-{side}.pkl')
            with Workers(1, functools.partial(write_network, network, side)) as pool:
                list(pool.run([Nothing()]))
            speeds = {}
            for cores in (1, 2):
                best = [0.0] * 3
                for _ in range(rounds):
                    measured = plain_speeds(network, side, cores, folder)
                    measured.append(generate_speed(network, side, cores, folder))
                    best = [max(pair) for pair in zip(best, measured)]
                speeds[cores] = best[2]
                print(
                    f'{side:5d} {cores:5d} {best[0]:13.2f} {best[1]:11.2f} {best[2]:14.2f} {best[2] / best[0]:16.2f} '
                    f'{best[2] / best[1]:13.2f}',
                    flush=True,
                )
            print(f'{side:5d}: two processes make {speeds[2] / speeds[1]:.2f} times as many images as one', flush=True)


@dataclasses.dataclass(frozen=True)
class Nothing:
    """A task that waits for the state of its process."""

    def run(self, state, report):
        """Returns None."""


def write_network(path, side, **options):
    """Writes a generator with random weights; without further options it is of the paper's size."""
    import tensorflow.compat.v1 as tf

    from dnnlib import tflib

    tflib.init_tf('cpu')
    tf.set_random_seed(0)
    options = {'num_channels': 3, 'resolution': side, 'label_size': 0, **options}
    Gs = tflib.Network('Gs', 'training.networks_stylegan.G_style', **options)
    tflib.save_networks(path, Gs)


@dataclasses.dataclass(frozen=True)
class Loop:
    """The loop that people write.

    Attributes:
        count: Number of images.
        folder: Takes the PNG files; None: nothing is saved.
    """

    count: int
    folder: str = None

    def run(self, opened, report):
        """Returns images a second; the first minibatch, which builds the graph, does not count."""
        from dnnlib import tflib

        transform = {'func': tflib.convert_images_to_uint8, 'nchw_to_nhwc': True}
        random = np.random.RandomState(0)
        for start in range(-MINIBATCH, self.count, MINIBATCH):
            if start == 0:
                started = time.perf_counter()
            latents = random.randn(MINIBATCH, *opened.Gs.input_shape[1:])
            images = opened.Gs.run(latents, None, truncation_psi=0.7, randomize_noise=True, output_transform=transform)
            if self.folder is not None:
                for number, image in enumerate(images):
                    save(image, os.path.join(self.folder, f'{start + number}.png'))
        return self.count / (time.perf_counter() - started)


def save(image, path):
    """Saves uint8 [H, W, C] as people do."""
    from PIL import Image

    Image.fromarray(image, 'RGB').save(path)


@contextlib.contextmanager
def so_many(cores):
    """Processes that are started in the block have so many cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, set(sorted(before)[:cores]))
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class OpenNetwork:
    """A generator, in a session that stays open."""

    def __init__(self, path):
        from metrics.sources import open_generator

        self._stack = contextlib.ExitStack()
        self.Gs = self._stack.enter_context(open_generator(path, 'cpu'))


def plain_speeds(network, side, cores, folder):
    """Images a second of the network alone, and of the loop."""
    count = SHARDS.get(side, 1) * 80 * cores // 2 // MINIBATCH * MINIBATCH
    with so_many(cores), Workers(1, functools.partial(OpenNetwork, network)) as pool:
        return [speed for _, speed in pool.run([Loop(count), Loop(count, folder)])]


def generate_speed(network, side, cores, folder):
    """Images a second of the processes that make a set, after their start."""
    count = SHARDS.get(side, 1) * 80 * cores
    options = GenerateOptions(network=network, out=folder, identities=count, device='cpu', minibatch=MINIBATCH)
    work = MakeImages(network, sha256_of_file(network), options)
    with so_many(cores), tempfile.TemporaryDirectory() as parts, Workers(cores, work.prepare) as pool:
        trials = [trial for _, trial in pool.run([TryNetwork(options)] * cores)]
        made, seconds = make_shards(SetJob(work, trials[0], parts), EasyDict(path=folder, parts=parts), pool)
    return made / seconds


if __name__ == '__main__':
    main(prog_name='python -m benchmarks.synthesis')
