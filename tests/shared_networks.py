"""Networks of pickles that tests share: each is built once, whatever file holds it."""

import contextlib
import functools
from unittest import mock

import tensorflow.compat.v1 as tf

from dnnlib import tflib
from dnnlib.tflib import pickles
from metrics.features import open_extractor
from tests.sessions import KeptSession


class SharedNetworks:
    """A graph and a session in which commands find what was built there before.

    Files are read and checked as always. Networks of files with equal bytes are one network. O-Net is opened once.
    """

    def __init__(self):
        self._kept, self._built = KeptSession(), {}
        with self._kept.graph.as_default():
            tf.set_random_seed(1)
        self._build = pickles._build
        self._open_onet = functools.lru_cache(maxsize=None)(open_extractor)

    @contextlib.contextmanager
    def in_use(self):
        """A block in which the session is the default one, and commands use what is built in it."""
        with self._kept.as_default(), mock.patch('dnnlib.tflib.pickles._build', self._build_once), mock.patch(
            'metrics.meter.open_extractor', self._open_once
        ):
            yield

    def generator(self, **arguments):
        """A `G_style` with these arguments; the same network each time, inside `in_use`."""
        key = tuple(sorted(arguments.items()))
        if key not in self._built:
            self._built[key] = tflib.Network('Gs', 'training.networks_stylegan.G_style', **arguments)
        return self._built[key]

    def close(self):
        """Closes the session."""
        self._kept.close()

    def _build_once(self, file, states):
        if tf.get_default_graph() is not self._kept.graph:
            return self._build(file, states)
        key = file.sha256, tuple(state['name'] for state in states)
        if key not in self._built:
            self._built[key] = self._build(file, states)
        return self._built[key]

    def _open_once(self, kind, name, offline=False):
        return self._open_onet(kind, name) if name == 'onet' else open_extractor(kind, name, offline)
