"""Network pickles as the states that they hold."""

import pickle
from unittest import mock

from tests.goldens.files import FOLDER

OFFICIAL = str(FOLDER / 'official_tiny_16_nosrc.pkl')


class Raw:
    """A pickled network as it stands in the file."""

    def __setstate__(self, state):
        self.__dict__.update(state)


Raw.__module__, Raw.__qualname__ = 'dnnlib.tflib.network', 'Network'


def read_raw(path):
    with mock.patch('dnnlib.tflib.network.Network', Raw), open(str(path), 'rb') as file:
        return pickle.load(file)


def write_raw(path, states):
    """Writes states as the networks of a pickle; a tuple of them, or one. Returns the path as text."""

    def raw(state):
        network = Raw()
        components = {role: raw(part) for role, part in state.get('components', {}).items()}
        network.__setstate__(dict(state, components=components) if 'components' in state else state)
        return network

    with mock.patch('dnnlib.tflib.network.Network', Raw):
        path.write_bytes(pickle.dumps(tuple(map(raw, states)) if isinstance(states, tuple) else raw(states)))
    return str(path)


def states_of(path):
    """State dicts of the networks in a file, components included."""

    def state_of(raw):
        return dict(vars(raw), components={role: state_of(part) for role, part in raw.components.items()})

    return tuple(map(state_of, read_raw(path)))


def plain_pickle_load(path):
    with open(path, 'rb') as file:
        return pickle.load(file)
