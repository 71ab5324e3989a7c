"""Golden files of the losses and of the reals that they take; see `tests.goldens.networks` for the functions' form."""

import collections
import inspect
import re

import numpy as np
import tensorflow.compat.v1 as tf

from dnnlib import tflib
from tests.goldens.files import GRADIENT_TOLERANCE, OUTPUT_TOLERANCE, ROUNDING_TOLERANCE, Comparison, set_lod
from tests.goldens.networks import _unknown
from training import losses


def losses_and_gradients(golden, _case, open_session):
    """All losses of a file at several lods, and the gradients of their means by all variables of the network trained.

    They are in one graph, since most of the time goes into building networks and preparing graphs.
    """
    open_session(seed=1)
    nets = golden.network('G', 'G_style'), golden.network('D', 'D_basic')
    yield from _reals_and_scores(golden, nets[1])
    reals = tf.placeholder(tf.float32, next(iter(golden.under('in/reals/').values())).shape)
    expressions, by_lod = {}, collections.defaultdict(dict)
    for case, spec in golden.meta['cases'].items():
        family, _, lod_name = case.rpartition('/')
        if family not in expressions:
            expressions[family] = expressions_of(golden, nets, getattr(losses, spec['func']), spec['kwargs'], reals)
        by_lod[lod_name, spec['lod']][case] = expressions[family]
    for (lod_name, lod), fetches in by_lod.items():
        for net in nets:
            set_lod(net, lod)
        for case, (value, gradients) in tflib.run(fetches, {reals: golden['in/reals/' + lod_name]}).items():
            yield golden.compare('loss', 'out/loss/' + case, value, OUTPUT_TOLERANCE)
            yield from _compared_gradients(golden, case, gradients)


def expressions_of(golden, nets, func, kwargs, reals):
    """The loss tensor, and d mean(loss) / d variable by variable of the network that it trains."""
    G, D = nets
    arguments = [G, D, tf.constant(golden['in/latents'])]
    if func.__name__.startswith('G_'):
        net, arguments = G, arguments + [tf.constant(golden['in/fake_labels_for_G'])]
    else:
        net, arguments = D, arguments + [tf.constant(golden['in/real_labels']), reals]
    if 'mixing_factors' in inspect.signature(func).parameters:
        kwargs = dict(kwargs, mixing_factors=tf.constant(golden['in/wgan_gp_mixing_factors']))
    loss = func(*arguments, **kwargs, randomize_noise=False, style_mixing_prob=None)
    gradients = tf.gradients(tf.reduce_mean(loss.value), list(net.trainables.values()))
    return loss.value, {
        name: tf.zeros_like(variable) if gradient is None else gradient
        for (name, variable), gradient in zip(net.trainables.items(), gradients)
    }


def _compared_gradients(golden, case, actual):
    expected = golden.under(f'out/grad/{case}/')
    missing = len(actual) - len(expected) - golden.meta['cases'][case]['n_all_zero_gradients_not_stored']
    yield Comparison('zero gradients', case, 0 if missing == 0 else np.inf, 0)
    for variable, gradient in actual.items():
        key = f'out/grad/{case}/{variable}'
        if variable in expected:
            yield golden.compare('gradients', key, gradient, GRADIENT_TOLERANCE)
        else:
            yield Comparison('zero gradients', key, np.inf if gradient.any() else 0, 0)


def _reals_and_scores(golden, D):
    for name, images in golden.under('in/reals/').items():
        lod = float(re.sub('^lod', '', name))
        reals = losses.process_reals(golden['in/reals_uint8/' + name], tf.constant(lod))
        yield golden.compare('reals', 'in/reals/' + name, tflib.run(reals), ROUNDING_TOLERANCE)
        set_lod(D, lod)
        yield golden.compare(
            'scores', 'out/real_scores/' + name, D.run(images, golden['in/real_labels']), OUTPUT_TOLERANCE
        )


def reals(golden, _case, open_session):
    """What process_reals and the conversions from and to 8 bits make."""
    open_session(seed=1)
    for key, match in golden.matches(re.compile(r'out/(?:(mirror|drange(\d)(\d))/)?lod([\d.]+)')):
        kind, low, high, lod = match.groups()
        pixels = golden[f'in/{kind}/uint8' if kind else f'in/uint8/lod{lod}']
        kwargs = {'mirror_draws': golden['in/mirror/uniform_draws'].ravel()} if kind == 'mirror' else {}
        if low:
            kwargs['drange_net'] = int(low), int(high)
        images = losses.process_reals(pixels, tf.constant(float(lod)), **kwargs)
        yield golden.compare('reals', key, tflib.run(images), ROUNDING_TOLERANCE)
    if 'out/to_uint8/uint8' in golden:
        pixels = tflib.convert_images_to_uint8(golden['in/to_uint8/float'])
        yield golden.compare('8-bit images', 'out/to_uint8/uint8', tflib.run(pixels), 0)
    yield from golden.leave_out('out/from_uint8/float_default')  # a function that nothing here needs
    yield from _unknown(golden)
