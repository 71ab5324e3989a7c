"""A training run in miniature: an 8x8 dataset and two snapshots of a network that has learned nothing."""

import json
import os

import numpy as np
import tensorflow.compat.v1 as tf

from dnnlib import tflib
from dnnlib.records.tfrecords import MultiResolutionWriter

SMALL = {'resolution': 8, 'num_channels': 3, 'fmap_base': 64, 'fmap_max': 8}
SMALL_G = {'latent_size': 8, 'dlatent_size': 8, 'mapping_fmaps': 8, 'mapping_layers': 2}


def noisy_generator(strength):
    """An 8x8 generator whose layers all add noise of this strength; fresh weights would add none."""
    Gs = tflib.Network('Gs', 'training.networks_stylegan.G_style', **SMALL, **SMALL_G)
    weights = [variable for name, variable in Gs.vars.items() if name.endswith('Noise/weight')]
    tflib.set_vars({variable: np.full(variable.shape, strength, np.float32) for variable in weights})
    return Gs


def toy_images(resolution=8, count=12):
    """The images of `make_dataset`, uint8 [count, 3, resolution, resolution]."""
    return np.random.RandomState(6).randint(0, 256, [count, 3, resolution, resolution]).astype(np.uint8)


def make_dataset(folder, resolution=8, count=12):
    """A dataset of random images in `folder`, with the files the pre-filter puts beside it."""
    os.makedirs(folder)
    with MultiResolutionWriter(folder, 'toy') as writer:
        for image in toy_images(resolution, count):
            writer.add(image)
    with open(os.path.join(folder, 'manifest.jsonl'), 'w') as file:
        for accepted in [True] * count + [False] * 3:
            file.write(json.dumps({'path': 'x.jpg', 'accepted': accepted}) + '\n')
    for name in ('accepted.png', 'rejected.png'):
        with open(os.path.join(folder, name), 'wb') as file:
            file.write(name.encode())
    return folder


def make_run(folder, data, kimgs=(0, 4), total_kimg=4):
    """A run directory with one snapshot for each of `kimgs`, and a final network that equals the last."""
    os.makedirs(folder)
    with tf.Graph().as_default(), tf.Session():
        for kimg in kimgs:
            tf.set_random_seed(kimg)
            G = tflib.Network('G', 'training.networks_stylegan.G_style', **SMALL, **SMALL_G)
            D = tflib.Network('D', 'training.networks_stylegan.D_basic', **SMALL)
            networks = G, D, G.clone('Gs')
            tflib.save_networks(os.path.join(folder, f'network-snapshot-{kimg:06d}.pkl'), networks)
        tflib.save_networks(os.path.join(folder, 'network-final.pkl'), networks)
    with open(os.path.join(folder, 'options.json'), 'w') as file:
        json.dump(
            {
                'data': data,
                'resolution': 8,
                'mirror': True,
                'total_kimg': total_kimg,
                'seed': 1000,
                'metrics': ['fd_onet5k'],
            },
            file,
        )
    return folder
