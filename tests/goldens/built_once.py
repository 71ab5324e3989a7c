"""Outputs of networks that are built once: for small networks, making operations takes longer than running them."""

import inspect
from unittest import mock

import tensorflow.compat.v1 as tf

from dnnlib import tflib
from dnnlib.tflib.graph_keys import graph_key


class BuiltOnce:
    """Stands for a network: the same expressions and arguments give the same output, which is built once.

    Args:
        net: The `Network`.
    """

    def __init__(self, net):
        self.input_shape = net.input_shape
        # Taken now, so that this one may stand in the place of that of the network.
        self._build, self._outputs = net.get_output_for, {}
        parameters = inspect.signature(net._build_func).parameters.values()
        self._defaults = {p.name: p.default for p in parameters if p.default is not p.empty}
        self._defaults.update((name, net.static_kwargs[name]) for name in self._defaults if name in net.static_kwargs)
        self._takes_others = 'components' in self._defaults  # keywords for parts of the network

    def get_output_for(self, *inputs, **kwargs):
        """As of a `Network`."""
        key = tuple(map(_origin, inputs)), self.key(kwargs)
        if key not in self._outputs:
            self._outputs[key] = self._build(*inputs, **kwargs)
        return self._outputs[key]

    def key(self, kwargs):
        """A key that is equal for keywords that give the same output."""
        return graph_key(
            {**self._defaults, **{k: v for k, v in kwargs.items() if self._takes_others or k in self._defaults}}
        )


def _origin(tensor):
    """What a tensor is a copy of: a network copies its inputs before it hands them to its parts."""
    while tensor.op.type == 'Identity':
        tensor = tensor.op.inputs[0]
    return tensor


class SharedGenerator:
    """Runs a `G_style` with many arguments. Its parts are built once for each of their own arguments.

    The synthesis network takes most of the operations. It is fed with dlatents, so that all ways to make dlatents
    share it.

    Args:
        G: The network.
        latents, labels: Arrays, the inputs of G.
    """

    def __init__(self, G, latents, labels):
        self._G = G
        self._latents, self._labels = tf.constant(latents), tf.constant(labels)
        self._mapping, self._synthesis = map(BuiltOnce, (G.components.mapping, G.components.synthesis))
        self._dlatents = tf.placeholder(tf.float32, [None, *G.components.synthesis.input_shape[1:]])
        self._built = {}

    def run(self, feed=None, **kwargs):
        """The images of G."""
        images, dlatents = self.build(**kwargs)
        return self.run_fed(images, tflib.run(dlatents, feed))

    def build(self, **kwargs):
        """Expressions of the images of G, which are to be fed, and of the dlatents that it makes."""
        key = graph_key(kwargs)
        if key not in self._built:
            taken = []

            def get_output_for(dlatents, **synthesis_kwargs):
                taken.append(dlatents)
                return self.images(**synthesis_kwargs)

            parts = self._G.components
            with mock.patch.object(parts.mapping, 'get_output_for', self._mapping.get_output_for), mock.patch.object(
                parts.synthesis, 'get_output_for', get_output_for
            ):
                images = self._G.get_output_for(self._latents, self._labels, **kwargs)
            self._built[key] = images, *taken
        return self._built[key]

    def images(self, **kwargs):
        """The expression of the images of the synthesis network, which are to be fed."""
        with tf.control_dependencies(None):
            return self._synthesis.get_output_for(self._dlatents, **kwargs)

    def dlatents(self, **kwargs):
        """The output of the mapping network."""
        return tflib.run(self._mapping.get_output_for(self._latents, self._labels, **kwargs))

    def run_fed(self, expression, dlatents):
        """The value of something made of images, for dlatents that are fed to the synthesis network."""
        return tflib.run(expression, {self._dlatents: dlatents})
