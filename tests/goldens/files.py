"""What a golden file holds, and how far a result is from it."""

import collections
import contextlib
import json
import pathlib
from unittest import mock

import numpy as np
import tensorflow.compat.v1 as tf

from dnnlib import tflib
from dnnlib.network_file import BUILD_FUNCTIONS

FOLDER = pathlib.Path(__file__).parents[1] / 'golden'

# Largest error that passes, relative to the largest expected value.
OUTPUT_TOLERANCE = 3e-5  # the original's own results differ by 6e-6 between two builds of TensorFlow
# Of each variable's gradient. Rounding that moves one activation over the kink of the leaky ReLU changes gradients by
# jumps: so does, by 3e-4 in one file and now and then by more, a change of the latents in their seventh digit.
GRADIENT_TOLERANCE = 1e-3
ROUNDING_TOLERANCE = 1e-6  # where little arithmetic is done
LEVEL_TOLERANCE = 1 / 255  # one of the levels of an image

Comparison = collections.namedtuple('Comparison', 'quantity key error tolerance')
Comparison.__doc__ = """One result against its expected value: quantity (what the values are), key in the file,
relative error, and the largest one that passes; both None for what this project does not have."""


class Golden:
    """The arrays of an .npz file by key, and its meta data `meta`.

    Args:
        name: Name of the file without its ending.
        variant: One variant, if the file holds several.
        folder: Where the file is.

    Attributes:
        keys: Of the arrays, in the order of the file.
        uncompared: Keys of the outputs that nobody has asked for yet.
    """

    def __init__(self, name, variant=None, folder=FOLDER):
        self.name, self.folder = name, pathlib.Path(folder)
        # Kept open: an array is read when it is asked for, since reading all of a large file takes seconds.
        self._file = np.load(str(self.folder / (name + '.npz')))
        self.meta = json.loads(str(self._file['meta_json']))
        self._prefix = variant + '/' if variant else ''
        self.keys = [key[len(self._prefix) :] for key in self._file.files if key.startswith(self._prefix)]
        if variant:
            self.meta = self.meta['variants'][variant]
        self.uncompared = {key for key in self.keys if 'out' in key.split('/')}

    def __getitem__(self, key):
        self.uncompared.discard(key)
        return self._file[self._prefix + key]

    def __contains__(self, key):
        return key in self.keys

    def under(self, prefix):
        """The arrays whose key begins with a prefix, by the rest of their key."""
        return {key[len(prefix) :]: self[key] for key in self.keys if key.startswith(prefix)}

    def matches(self, pattern):
        """Pairs of key and `re.Match` of the keys that a pattern matches as a whole."""
        found = ((key, pattern.fullmatch(key)) for key in self.keys)
        return [(key, match) for key, match in found if match]

    def network(self, name, func_name, **more_kwargs):
        """The network 'G', 'D' or 'Gs' of the file with the file's weights."""
        # Nobody runs the graph in which G makes its variables, so its parts need not be built in it once more.
        with without_random_values(), mock.patch.object(tflib.Network, 'get_output_for', _output_of_template):
            dotted_name = func_name if '.' in func_name else BUILD_FUNCTIONS[func_name]
            net = tflib.Network(name, dotted_name, **dict(self.meta['static_kwargs'], **more_kwargs))
        set_all(net, self.under(name + '/'))
        return net

    def compare(self, quantity, key, actual, tolerance):
        """`Comparison` of a result with the array of a key."""
        return Comparison(quantity, key, relative_error(actual, self[key]), tolerance)

    def compare_levels(self, key, actual):
        """`Comparison`s of 8-bit images: no value is off by more than one level, and hardly any by that.

        Float rounding moves a value that lies at the edge between two levels.
        """
        expected = self[key]
        yield Comparison('8-bit levels', key, relative_error(actual, expected, of=255), LEVEL_TOLERANCE)
        if actual.shape == expected.shape:
            yield Comparison('8-bit levels off', key, (actual != expected).mean(), 1e-3 + 1 / expected.size)


def _output_of_template(net, *inputs, **_kwargs):
    """Stands for `Network.get_output_for` where only shapes matter."""
    for tensor, template in zip(inputs, net.input_templates):
        tensor.set_shape(template.shape)
    return net.output_templates[0]


@contextlib.contextmanager
def without_random_values():
    """A block in which new variables begin at 0. For networks whose variables are set: fewer operations are made."""

    def zeros(getter, name, *args, **kwargs):
        return getter(name, *args, **dict(kwargs, initializer=tf.initializers.constant(0)))

    scope = tf.get_variable_scope()  # not entered anew, which would make its networks' names no longer unique
    before = scope.custom_getter
    scope.set_custom_getter(zeros)
    try:
        yield
    finally:
        scope.set_custom_getter(before)


def set_all(net, values):
    """Sets all variables of a network, which must have the given names in the given order."""
    assert list(net.vars) == list(values)
    assert {name: tuple(v.shape.as_list()) for name, v in net.vars.items()} == {n: a.shape for n, a in values.items()}
    tflib.set_vars({net.vars[name]: value for name, value in values.items()})


def set_lod(net, lod):
    """Sets the level of detail of a network and its parts."""
    tflib.set_vars({variable: lod for name, variable in net.vars.items() if name.split('/')[-1] == 'lod'})


def relative_error(actual, expected, of=None):
    """Largest difference over the largest expected value, or over `of`; differently shaped is infinitely wrong."""
    actual, expected = np.asarray(actual), np.asarray(expected)
    if actual.shape != expected.shape or actual.dtype.kind != expected.dtype.kind:
        return np.inf
    if actual.size == 0 or np.array_equal(actual, expected):
        return 0.0
    difference = np.abs(actual.astype(np.float64) - expected).max()
    of = np.abs(expected.astype(np.float64)).max() if of is None else of
    return difference / of if of else np.inf
