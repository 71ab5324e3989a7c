"""The network that a user names: its file, and what is known about it without starting TensorFlow."""

import os
from typing import NamedTuple, Optional

import numpy as np

from dnnlib.download.published import find_entry, name_of, resolve
from dnnlib.errors import UserError
from dnnlib.network_file import read_network_file
from dnnlib.records.datasets import open_dataset
from dnnlib.records.tfrecords import fingerprint
from metrics.sources import find_source, representative_network

GENERATOR = 'G_style'  # the build function of a generator
LARGEST_SIDE = 1024  # px, the default of the build function


class NetworkSource(NamedTuple):
    """What is known about a network."""

    path: str  # of the pickle
    name: str  # as a person knows it: 'results/00003-faces/network-best.pkl', 'celeba-256x256'
    sha256: str  # of the file
    resolution: int  # px
    label_size: int
    data: Optional[str]  # folder of the dataset of its training, if its run says so
    licence: Optional[str]  # of a published network


def find_network(source: str, offline: bool = False) -> NetworkSource:
    """Finds the network that a user names: a run, a pickle, a URL, or the name of a published network.

    Of a run, it is the best network, or the newest if none has been measured.

    Raises:
        UserError: There is no such network, or it is no generator.
    """
    path = representative_network(resolve(source, offline))
    file = read_network_file(path)
    generator = file.networks[-1]
    kind = generator['build_func_name']
    if kind == 'G_paper':
        raise UserError(
            f'{path} is a ProGAN, which has no w, no truncation and no noise: name a StyleGAN generator, as from '
            'train.py or python -m dnnlib.download --list.'
        )
    if kind != GENERATOR:
        raise UserError(
            f'{path} is no generator (its network is made by {kind}): name a network-*.pkl of a training run, or a '
            'published generator (python -m dnnlib.download --list).'
        )
    settings = generator['static_kwargs']
    is_here = os.path.exists(source)
    entry = None if is_here else find_entry(source)
    return NetworkSource(
        path=os.path.abspath(path),
        name=os.path.relpath(path) if is_here else name_of(source),
        sha256=file.sha256,
        resolution=settings.get('resolution', LARGEST_SIDE),
        label_size=settings.get('label_size', 0),
        data=find_source(path).data if is_here else None,
        licence=entry and entry.get('licence'),
    )


def default_minibatch(resolution: int) -> int:
    """Images at a time that a core keeps busy and a small GPU holds: 16 up to 256x256, then fewer."""
    return int(np.clip(4096 // resolution, 4, 16))


def training_fingerprint(data: Optional[str]) -> Optional[str]:
    """The fingerprint of the dataset of the training, if it is at hand."""
    if data is None or not os.path.exists(data):
        return None
    try:
        with open_dataset(data) as dataset:
            return fingerprint(dataset)
    except UserError:  # damaged or moved since: the set does not depend on it
        return None
