"""The time to open and to write a network pickle: `python -m benchmarks.pickles`.

`tflib.load_networks` opens a triple (G, D, Gs); reading the file, a part of that, is timed alone too.
`tflib.save_networks` writes the triple. For comparison, Python's own unpickler reads the same arrays, which is the
least that reading can cost, and as many plain bytes are written.
"""

import dnnlib.quiet  # noqa: F401, I001  first: silences TensorFlow before anything imports it

import contextlib
import os
import pickle
import resource
import tempfile
import time

import click
import tensorflow.compat.v1 as tf

from dnnlib import tflib
from dnnlib.files import atomic_write
from dnnlib.network_file import read_network_file, walk
from training import networks_stylegan

EPILOG = """\b
Example:
  python -m benchmarks.pickles --resolution 64 --rounds 1
"""


@click.command(epilog=EPILOG)
@click.option('--resolution', default=256, show_default=True, help='Side of the images, px.')
@click.option('--rounds', default=3, show_default=True, help='How often; the fastest round counts.')
def main(resolution, rounds):
    """Measure opening and writing of a triple of networks with the default widths."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'networks.pkl')
        with _fresh_session():
            kwargs = {'resolution': resolution, 'num_channels': 3}
            G = tflib.Network('G', networks_stylegan.G_style, **kwargs)
            D = tflib.Network('D', networks_stylegan.D_basic, **kwargs)
            networks = (G, D, G.clone('Gs'))
            save = _fastest(rounds, lambda: tflib.save_networks(path, networks))
        size = os.path.getsize(path)
        arrays = os.path.join(folder, 'arrays.pkl')
        with open(path, 'rb') as file:
            data = file.read()
        write = _fastest(rounds, lambda: _write(os.path.join(folder, 'plain'), data))
        values = [
            [value for _, value in part['variables']]
            for network in read_network_file(path).networks
            for _, part in walk(network)
        ]
        _write(arrays, pickle.dumps(values, 4))
        plain = _fastest(rounds, lambda: _unpickle(arrays))
        read = _fastest(rounds, lambda: read_network_file(path))
        load = _fastest(rounds, lambda: _load(path))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f'{resolution}x{resolution}, {size / 1e6:.0f} MB; seconds, the fastest of {rounds} rounds; {peak:.0f} MB of '
        'main memory at most'
    )
    print(f'  open     {load:7.2f}   reading and checking the file {read:.2f}, graph and variables {load - read:.2f}')
    print(f'  write    {save:7.2f}   as many plain bytes, whole and on disk {write:.2f}: ratio {save / write:.2f}')
    print(f'  read     {read:7.2f}   the same arrays by pickle.load {plain:.2f}: ratio {read / plain:.2f}')


@contextlib.contextmanager
def _fresh_session():
    with tf.Graph().as_default(), tf.Session(config=tf.ConfigProto(device_count={'GPU': 0})):
        yield


def _fastest(rounds, work):
    seconds = []
    for _ in range(rounds):
        begin = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begin)
    return min(seconds)


def _load(path):
    with _fresh_session():
        tflib.load_networks(path)


def _unpickle(path):
    with open(path, 'rb') as file:
        pickle.load(file)


def _write(path, data):
    with atomic_write(path) as file:
        file.write(data)


if __name__ == '__main__':
    main()
