"""How fast are images made, and so how long does FID50k take?"""

import time

import numpy as np

from benchmarks.gpu_check.card import open_session
from benchmarks.gpu_check.report import FAILED, OK, Row
from dnnlib import tflib
from dnnlib.util import format_duration
from metrics.batches import default_minibatch_size
from metrics.features import open_extractor
from training.step import network_arguments

PART = 'generating'
FAKES = 50000  # of FID50k
TIMED = 5  # minibatches, after one that warms up


def open_generating(device, options, stack):
    """The items: `Gs.run`, and the features of O-Net.

    Args:
        device: 'gpu' or 'cpu'.
        options: `TrainingOptions`, for the size of the networks.
        stack: Closes the session.
    """
    open_session(stack, device, seed=1)
    Gs = tflib.Network('Gs', 'training.networks_stylegan.G_style', **network_arguments(options, 3, 0)['G'])
    size = default_minibatch_size(options.resolution)
    images = []
    return [
        ('Gs.run', lambda: [row_about_images(Gs, size, images)]),
        ('features of O-Net', lambda: [row_about_features(images[0])]),
    ]


def row_about_images(Gs, size, images):
    """Images a second, and the time of 50,000. Appends a minibatch to `images`, uint8 [N, C, H, W]."""
    latents = np.random.RandomState(0).randn(size, *Gs.input_shape[1:])

    def make():
        return Gs.run(latents, None, output_transform={'func': tflib.convert_images_to_uint8})

    images.append(make())
    rate = size * TIMED / _seconds(make)
    text = f'{rate:.4g} images/s of {Gs.output_shape[-1]} px'
    different = np.ptp(images[0].astype(int), axis=0).any()  # other latents give other images
    beside = f'{FAKES:,} for FID50k in {format_duration(FAKES / rate)}'
    return Row(PART, f'Gs.run, minibatch {size}', text, beside, OK if different else FAILED)


def row_about_features(images):
    """Features a second."""
    extractor = open_extractor('features', 'onet')
    found = extractor(images)
    rate = len(images) * TIMED / _seconds(lambda: extractor(images))
    beside = f'{FAKES:,} in {format_duration(FAKES / rate)}'
    return Row(PART, 'features of O-Net', f'{rate:.4g} images/s', beside, OK if np.isfinite(found).all() else FAILED)


def _seconds(action):
    begin = time.monotonic()
    for _ in range(TIMED):
        action()
    return time.monotonic() - begin
