"""Numbers computed with the original code, and networks that hold its weights."""

import json
import pathlib

import numpy as np

from dnnlib import tflib

FOLDER = pathlib.Path(__file__).parent / 'golden'


class Golden:
    """The arrays of a file by key, and its meta data `meta`; of one variant, if the file holds several."""

    def __init__(self, name, variant=None):
        with np.load(str(FOLDER / (name + '.npz'))) as file:
            self.meta = json.loads(str(file['meta_json']))
            prefix = variant + '/' if variant else ''
            self.arrays = {key[len(prefix):]: file[key] for key in file.files if key.startswith(prefix)}
        if variant:
            self.meta = self.meta['variants'][variant]

    def __getitem__(self, key):
        return self.arrays[key]

    def under(self, prefix):
        """The arrays whose key begins with a prefix, by the rest of their key."""
        return {key[len(prefix):]: array for key, array in self.arrays.items() if key.startswith(prefix)}

    def network(self, name, func_name, **more_kwargs):
        """The network 'G', 'D' or 'Gs' of the file with the file's weights."""
        net = tflib.Network(name, 'training.networks_stylegan.' + func_name,
                            **dict(self.meta['static_kwargs'], **more_kwargs))
        set_all(net, self.under(name + '/'))
        return net


def variants_of(name):
    """Names of the variants in a file; [None] if it holds one network."""
    with np.load(str(FOLDER / (name + '.npz'))) as file:
        return list(json.loads(str(file['meta_json'])).get('variants', [None]))


def set_all(net, values):
    """Sets all variables of a network, which must have the given names in the given order."""
    assert list(net.vars) == list(values)
    assert {name: tuple(v.shape.as_list()) for name, v in net.vars.items()} == {n: a.shape for n, a in values.items()}
    tflib.set_vars({net.vars[name]: value for name, value in values.items()})


def set_lod(net, lod):
    """Sets the level of detail of a network and its parts."""
    tflib.set_vars({variable: lod for name, variable in net.vars.items() if name.split('/')[-1] == 'lod'})


def relative_error(actual, expected):
    """Largest difference over the largest expected value; differently shaped is infinitely wrong."""
    actual, expected = np.asarray(actual), np.asarray(expected)
    if actual.shape != expected.shape:
        return np.inf
    return np.abs(actual.astype(np.float64) - expected).max() / np.abs(expected).max()
