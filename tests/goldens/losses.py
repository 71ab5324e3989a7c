"""Golden files of the losses and of the reals that they take; see `tests.goldens.networks` for the functions' form."""

import collections
import inspect
import re

import numpy as np
import tensorflow.compat.v1 as tf

from dnnlib import tflib
from tests.goldens.built_once import BuiltOnce
from tests.goldens.files import GRADIENT_TOLERANCE, OUTPUT_TOLERANCE, ROUNDING_TOLERANCE, Comparison, set_lod
from tests.goldens.networks import _unknown
from training import losses


class SharedLosses:
    """Losses of two networks, and the gradients of their means, in a graph that has everything once.

    A loss is a function of scores and penalties, which are its `stats`. So the gradient of its mean is the sum of
    d mean / d score times d score / d variable. The second factor is the same for every loss. It needs nearly all of
    the operations, so it is built once, and takes the first factor by a placeholder.

    Args:
        G, D: The networks.
        calls: Dict by name of a loss: its function in `training.losses`, arguments after the networks, and keywords.
    """

    def __init__(self, G, D, calls):
        # By name: the loss, its `stats`, d mean / d score of every score, the placeholders for these, the gradients.
        self._losses = {}
        once = BuiltOnce(G), BuiltOnce(D)
        for net, which in ((G, 'G_'), (D, 'D_')):
            built = {
                name: func(*once, *arguments, **kwargs)
                for name, (func, arguments, kwargs) in calls.items()
                if func.__name__.startswith(which)
            }
            parts = list({id(part): part for loss in built.values() for part in loss.stats.values()}.values())
            slots = [tf.placeholder(part.dtype, part.shape) for part in parts]
            zeros = [tf.zeros_like(part) for part in parts]
            gradients = tf.gradients(parts, list(net.trainables.values()), slots)
            gradients = {
                name: tf.zeros_like(variable) if gradient is None else gradient
                for (name, variable), gradient in zip(net.trainables.items(), gradients)
            }
            for name, loss in built.items():
                own = list(loss.stats.values())
                slopes = tf.gradients(tf.reduce_mean(loss.value), own, stop_gradients=own)
                slope_of = {id(part): slope for part, slope in zip(own, slopes)}
                slopes = [slope_of.get(id(part), zero) for part, zero in zip(parts, zeros)]
                self._losses[name] = loss.value, loss.stats, slopes, slots, gradients

    def evaluate(self, names, feed):
        """Computes losses, and the gradients of their means.

        Returns:
            Iterator of a name, the loss, its `stats`, and its gradients by variable of the network that it trains.
        """
        values = tflib.run({name: self._losses[name][:3] for name in names}, feed)
        for name, (value, stats, slopes) in values.items():
            _, _, _, slots, gradients = self._losses[name]
            yield name, value, stats, tflib.run(gradients, {**feed, **dict(zip(slots, slopes))})


def losses_and_gradients(golden, _case, open_session):
    """All losses of a file at several lods, and the gradients of their means by the variables that they train."""
    open_session(seed=1)
    nets = golden.network('G', 'G_style'), golden.network('D', 'D_basic')
    yield from _processed_reals(golden)
    families, by_lod = {}, collections.defaultdict(dict)
    for case, spec in golden.meta['cases'].items():
        family, _, lod_name = case.rpartition('/')
        families[family] = spec
        by_lod[lod_name, spec['lod']][family] = case
    for case, value, stats, gradients in _evaluated(golden, nets, families, by_lod):
        yield golden.compare('loss', 'out/loss/' + case, value, OUTPUT_TOLERANCE)
        missing = golden.meta['cases'][case]['n_all_zero_gradients_not_stored']
        yield from _compared_gradients(golden, case, gradients, missing)
        if 'real_scores' in stats:
            key = 'out/real_scores/' + case.rpartition('/')[2]
            yield golden.compare('scores', key, stats['real_scores'], OUTPUT_TOLERANCE)
    yield from _unknown(golden)


def losses_on_papers(golden, _case, open_session):
    """The same for the networks of ProGAN, in the form of their files."""
    open_session(seed=1)
    nets = [golden.network(name, func_name) for name, func_name in zip('GD', golden.meta['networks'])]
    yield from _processed_reals(golden)
    families = golden.meta['cases']
    by_lod = {
        (f'lod{lod:g}', lod): {family: f'{family}/lod{lod:g}' for family in families} for lod in golden.meta['lods']
    }
    missing = 0
    for case, value, _, gradients in _evaluated(golden, nets, families, by_lod):
        yield golden.compare('loss', 'out/loss/' + case, value, OUTPUT_TOLERANCE)
        missing += len(gradients) - len(golden.under(f'out/grad/{case}/'))
        yield from _compared_gradients(golden, case, gradients)
    zeros = golden.meta['all_zero_gradients_omitted']
    yield Comparison('zero gradients', 'all', 0 if missing == zeros else np.inf, 0)
    yield from _unknown(golden)


def _evaluated(golden, nets, families, by_lod):
    """Yields (case, loss, `stats`, gradients).

    Args:
        golden, nets: The file, and G and D.
        families: Dict by name of a loss: a dict of 'func' and 'kwargs'.
        by_lod: Dict by (name of the reals, lod): a dict of the name of a loss to its case.
    """
    inputs = _Inputs(golden)
    calls = {family: inputs.call(getattr(losses, spec['func']), spec['kwargs']) for family, spec in families.items()}
    shared = SharedLosses(*nets, calls)
    for (lod_name, lod), cases in by_lod.items():
        for net in nets:
            set_lod(net, lod)
        for family, *results in shared.evaluate(cases, {inputs.reals: golden['in/reals/' + lod_name]}):
            yield (cases[family], *results)


def acgan_losses(golden, _case, open_session):
    """WGAN-GP with a classifier, on the networks of ProGAN's own program, of which D tells the labels too."""
    open_session(seed=1)
    program = 'training.networks_progan_2018.'
    G = golden.network('G', program + 'G_paper', latent_size=golden.meta['latent_size'])
    D = golden.network('D', program + 'D_paper')
    arrays = {name: tf.constant(golden['in/' + name]) for name in ('latents', 'reals', 'wgan_gp_mixing_factors')}
    latents, reals, mixing_factors = arrays.values()
    built = {}
    for name, spec in golden.meta['cases'].items():
        kwargs, is_G = dict(spec['kwargs']), spec['func'].startswith('G')
        weight = kwargs.pop('cond_weight', 1.0)
        labels = tf.constant(golden['in/fake_labels_for_G' if is_G else 'in/real_labels'])
        scorer = _Scorer(D)
        if is_G:
            loss = losses.G_wgan(G, scorer, latents, labels).value
        else:
            loss = losses.D_wgan_gp(G, scorer, latents, labels, reals, mixing_factors=mixing_factors, **kwargs).value
        if golden.meta['static_kwargs']['label_size']:
            for logits in scorer.logits[: 1 if is_G else 2]:  # not those of the mixed images
                loss += weight * tf.nn.softmax_cross_entropy_with_logits_v2(labels=labels, logits=logits)
        net = G if is_G else D
        built[name] = loss, dict(zip(net.trainables, tf.gradients(tf.reduce_mean(loss), [*net.trainables.values()])))
    for key, match in golden.matches(re.compile(r'out/loss/(\w+)/lod([\d.]+)')):
        for net in (G, D):
            set_lod(net, float(match[2]))
        value, gradients = tflib.run(built[match[1]])
        yield golden.compare('loss', key, value, OUTPUT_TOLERANCE)
        yield from _compared_gradients(golden, key[len('out/loss/') :], gradients)
    yield from _unknown(golden)


class _Scorer:
    """A D of ProGAN's own program, as losses take a D: its scores. It keeps the logits of the labels."""

    def __init__(self, D):
        self.input_shape, self.logits, self._once = D.input_shape, [], BuiltOnce(D)

    def get_output_for(self, images, _labels):
        scores, logits = self._once.get_output_for(images)
        self.logits.append(logits)
        return scores


class _Inputs:
    """What the losses of a file take, as expressions."""

    def __init__(self, golden):
        self.reals = tf.placeholder(tf.float32, next(iter(golden.under('in/reals/').values())).shape)
        self._latents = tf.constant(golden['in/latents'])
        for_G, for_D = golden['in/fake_labels_for_G'], golden['in/real_labels']
        self._labels = {'G': tf.constant(for_G)}
        self._labels['D'] = self._labels['G'] if np.array_equal(for_G, for_D) else tf.constant(for_D)
        self._mixing_factors = tf.constant(golden['in/wgan_gp_mixing_factors'])

    def call(self, func, kwargs):
        """A loss as `SharedLosses` takes it."""
        which = func.__name__[0]
        arguments = [self._latents, self._labels[which], *([self.reals] if which == 'D' else [])]
        kwargs = {**kwargs, 'randomize_noise': False, 'style_mixing_prob': None}
        if 'mixing_factors' in inspect.signature(func).parameters:
            kwargs['mixing_factors'] = self._mixing_factors
        return func, arguments, kwargs


def _compared_gradients(golden, case, actual, missing=None):
    """`missing`: how many all-zero gradients the file leaves out; None if that is not known."""
    expected = golden.under(f'out/grad/{case}/')
    if missing is not None:
        yield Comparison('zero gradients', case, 0 if len(actual) - len(expected) == missing else np.inf, 0)
    for variable, gradient in actual.items():
        key = f'out/grad/{case}/{variable}'
        if variable in expected:
            yield golden.compare('gradients', key, gradient, GRADIENT_TOLERANCE)
        else:
            yield Comparison('zero gradients', key, np.inf if gradient.any() else 0, 0)


def _processed_reals(golden):
    pixels, lod = tf.placeholder(tf.uint8, [None, None, None, None]), tf.placeholder(tf.float32, [])
    images = losses.process_reals(pixels, lod)
    for name, inputs in golden.under('in/reals_uint8/').items():
        actual = tflib.run(images, {pixels: inputs, lod: float(re.sub('^lod', '', name))})
        yield golden.compare('reals', 'in/reals/' + name, actual, ROUNDING_TOLERANCE)


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
    if 'out/from_uint8/float_default' in golden:
        images = tflib.convert_images_from_uint8(golden['in/from_uint8/uint8'])
        yield golden.compare('8-bit images', 'out/from_uint8/float_default', tflib.run(images), ROUNDING_TOLERANCE)
    yield from _unknown(golden)
