"""Are images read faster than training uses them? `python -m benchmarks.data` compares the two at every resolution."""

import dnnlib.quiet  # noqa: F401, I001  first: silences TensorFlow before anything imports it

import contextlib
import os
import tempfile
import time

import click

from benchmarks.toy_dataset import make_random_dataset
from dnnlib import tflib
from training.cost import flops_between, flops_per_image
from training.dataset import Prefetcher, TrainingSet
from training.options import resolve_options
from training.plan import PAPER_DAYS, PAPER_KIMG, V100_DAYS
from training.schedule import training_schedule
from training.step import TrainingStep

RESOLUTION = 256  # px
IMAGES = 1000
SECONDS = 2.0  # of reading at each resolution
CARDS = {'2 RTX 2080 Ti': (2, PAPER_DAYS), '8 V100': (8, V100_DAYS)}
TRAINED = {8: 64, 64: 8}  # with --training: resolution and minibatch


@click.command(epilog='\b\nExamples:\n  python -m benchmarks.data\n  python -m benchmarks.data --training')
@click.option('--training', is_flag=True, help='Also train the real networks on the CPU, at 8x8 and 64x64; minutes.')
def main(training):
    """Read a dataset of 1000 images at 256x256 as training does, and print the ratio to what training uses.

    What GPUs use is computed from the published duration of a whole run, divided among resolutions by their work. After
    the first reading the dataset is in main memory, so a slow disk shows only with larger datasets.
    """
    with tempfile.TemporaryDirectory() as folder:
        data = make_random_dataset(os.path.join(folder, 'random'), RESOLUTION, IMAGES)
        print(f'{"resolution":<12s}{"read img/s":>12s}' + ''.join(f'{name:>16s}{"ratio":>8s}' for name in CARDS))
        resolution = 8
        while resolution <= RESOLUTION:
            read = reading_rate(data, resolution)
            line = f'{resolution:<12d}{read:>12.0f}'
            for gpus, days in CARDS.values():
                used = published_rate(resolution, gpus, days)
                line += f'{used:>16.0f}{read / used:>8.0f}'
            print(line, flush=True)
            resolution *= 2
        if training:
            print(f'\n{"resolution":<12s}{"read img/s":>12s}{"trained img/s":>16s}{"ratio":>8s}')
            for resolution, used in training_rates(data):
                read = reading_rate(data, resolution)
                print(f'{resolution:<12d}{read:>12.0f}{used:>16.2f}{read / used:>8.0f}', flush=True)


def reading_rate(data, resolution):
    """Images a second from the prefetcher, at the minibatch for two GPUs."""
    minibatch = _options(2).minibatch_by_resolution[resolution]
    lod = (RESOLUTION // resolution).bit_length() - 1
    with TrainingSet(data, mirror=True) as training_set, contextlib.closing(Prefetcher(training_set)) as prefetcher:
        for position in range(0, IMAGES, minibatch):  # brings the file into memory
            prefetcher.minibatch(position, minibatch, lod)
        position, begin = 0, time.time()
        while time.time() - begin < SECONDS:
            prefetcher.minibatch(position, minibatch, lod)
            position += minibatch
        return position / (time.time() - begin)


def published_rate(resolution, gpus, days):
    """Images a second that training uses at a resolution, from the days that the run of 25,000 kimg took."""
    options = _options(gpus)
    kimg_per_flops = flops_between(0, PAPER_KIMG, options) / (days[RESOLUTION][gpus] * 86400)
    return 1000 * kimg_per_flops / flops_per_image(resolution, options.fmap_base, options.fmap_max)


def training_rates(data):
    """Yields (resolution, images a second) of training the real networks for 64x64 here, on the CPU."""
    options = resolve_options('paper', {'data': data, 'resolution': max(TRAINED), 'device': 'cpu'}, RESOLUTION)
    tflib.init_tf('cpu', seed=1)
    training_set = TrainingSet(data, options.resolution)
    step = TrainingStep(options, training_set, tflib.Replicas(['/cpu:0']))
    for resolution, minibatch in TRAINED.items():
        lod = (options.resolution // resolution).bit_length() - 1
        schedule = training_schedule(0, options.resolution, lod_initial_resolution=resolution, minibatch_base=minibatch)
        step.set_lod(lod)
        for _ in range(2):  # the first round prepares the graph
            begin = time.time()
            step.train_D(schedule, 0, *training_set.minibatch(0, minibatch, lod))
            step.train_G(schedule, 0)
        yield resolution, minibatch / (time.time() - begin)


def _options(gpus):
    return resolve_options('paper', {'data': '', 'gpus': gpus}, RESOLUTION)


if __name__ == '__main__':
    main()
