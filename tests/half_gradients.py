"""Gradients of every layer in half precision, beside those in float32."""

from typing import NamedTuple

import numpy as np
import tensorflow.compat.v1 as tf

from dnnlib import tflib
from tests.steps import with_all_weights_random
from training.losses import D_logistic_simplegp, G_logistic_nonsaturating
from training.options import TrainingOptions
from training.precision import precision_arguments
from training.step import make_networks

LOSSES = "G's loss", "D's loss with R1", 'R1 alone'


class Errors(NamedTuple):
    """How far gradients are from those in float32, relative to their norm: all together, and those of a layer."""

    total: float
    worst: float
    worst_layer: str
    lost: int  # variables whose gradient vanishes or is not finite in half precision, but not in float32


class Gradients:
    """The gradients of networks with random weights, on random images, in the default session.

    Args:
        resolution: Side of the images, px, at which the networks have finished growing.
        fmap_max: Most feature maps of a layer; also the size of z and w.
        minibatch: Images.

    Attributes:
        networks: Dict of 'G' and 'D' to the networks.
    """

    def __init__(self, resolution, fmap_max=32, minibatch=4):
        self._options = TrainingOptions(
            data='',
            resolution=resolution,
            latent_size=fmap_max,
            mapping_layers=4,
            fmap_base=fmap_max * 16,
            fmap_max=fmap_max,
        )
        self.networks = dict(zip('GD', make_networks(self._options, 3, 0)))
        for net in self.networks.values():
            values = with_all_weights_random(tflib.run(net.vars))
            tflib.set_vars({net.vars[name]: value for name, value in values.items()})
        random = np.random.RandomState(3)
        self._latents = random.randn(minibatch, fmap_max).astype(np.float32)
        self._reals = random.uniform(-1, 1, [minibatch, 3, resolution, resolution]).astype(np.float32)
        self._scale = tf.placeholder(tf.float32, [])
        self._graphs = {}

    def of(self, precision, half_levels=4, scale_log2=0.0, losses=LOSSES):
        """Dict of each of `losses` to a dict of the variables' names to arrays.

        Args:
            precision: As `TrainingOptions.precision`.
            half_levels: Highest resolutions in half precision.
            scale_log2: The losses are multiplied by 2^scale_log2, the gradients divided by it.
            losses: Which of LOSSES; each takes time.
        """
        key = precision, half_levels, losses
        if key not in self._graphs:
            self._graphs[key] = self._graph(*key)
        found = tflib.run(self._graphs[key], {self._scale: 2.0**scale_log2})
        return {loss: {name: g / 2.0**scale_log2 for name, g in found[loss].items()} for loss in losses}

    def _graph(self, precision, half_levels, wanted):
        G, D = self.networks['G'], self.networks['D']
        options = TrainingOptions(data='', precision=precision, half_levels=half_levels)
        kwargs = {'random_seed': tf.constant([1, 2]), 'structure': 'fixed', **precision_arguments(options, '/cpu:0')}
        given = G, D, tf.constant(self._latents), None
        G_loss = G_logistic_nonsaturating(*given, **kwargs)
        D_loss = D_logistic_simplegp(*given, tf.constant(self._reals), **kwargs)
        values = dict(zip(LOSSES, [(G_loss.value, G), (D_loss.value, D), (D_loss.stats['r1_penalty'], D)]))
        return {loss: self._gradients(*values[loss]) for loss in wanted}

    def _gradients(self, value, net):
        gradients = tf.gradients(tf.reduce_mean(value) * self._scale, list(net.trainables.values()))
        return {name: g for name, g in zip(net.trainables, gradients) if g is not None}


def errors(exact, half):
    """`Errors` of gradients: two dicts of name to array, of the same names."""
    exact = {name: g.astype(np.float64) for name, g in exact.items() if np.any(g)}
    difference = {name: half[name] - g for name, g in exact.items()}
    by_layer = {layer: _norm_of_all(difference, layer) / _norm_of_all(exact, layer) for layer in map(_layer_of, exact)}
    worst = max(by_layer, key=lambda layer: np.inf if np.isnan(by_layer[layer]) else by_layer[layer])
    return Errors(
        total=_norm_of_all(difference) / _norm_of_all(exact),
        worst=by_layer[worst],
        worst_layer=worst,
        lost=sum(not (np.any(half[name]) and np.isfinite(half[name]).all()) for name in exact),
    )


def _layer_of(name):
    return name.rsplit('/', 1)[0]  # the name of its weight and its bias without the last part


def _norm_of_all(arrays, layer=None):
    return np.sqrt(sum(np.sum(array**2) for name, array in arrays.items() if layer in (None, _layer_of(name))))
