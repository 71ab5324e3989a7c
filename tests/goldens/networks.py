"""Golden files of the networks: what they hold is computed anew and compared.

Every function takes a `Golden`, the name of one of the file's cases, and a function that opens a session, and gives
`Comparison`s. All options come from the file's meta data and keys.
"""

import re
from unittest import mock

import numpy as np
import tensorflow.compat.v1 as tf

from dnnlib import tflib
from tests.goldens.built_once import BuiltOnce, SharedGenerator
from tests.goldens.files import OUTPUT_TOLERANCE, ROUNDING_TOLERANCE, Comparison, Golden, set_all, set_lod
from training import networks_stylegan
from training.step import Gs_beta

_FIXED = {'randomize_noise': False}
_NUMBER = r'([\d.]+)'


def variants(golden):
    """A case for each variant; None for a file of one network."""
    return list(golden.meta.get('variants', [None]))


def generator(golden, variant, open_session):
    """G_style: images, dlatents, training mode, 8-bit images."""
    golden = Golden(golden.name, variant, golden.folder) if variant else golden
    open_session(seed=1)
    G = golden.network('G', 'G_style')
    shared = SharedGenerator(G, golden['in/latents'], golden['in/labels'])
    for name, run in golden.meta['runs'].items():
        set_lod(G, run['lod'])
        images = shared.run(**_FIXED, **run['kwargs'])
        yield golden.compare('images', 'out/images/' + name, images, OUTPUT_TOLERANCE)
    yield from _dlatents(golden, G, shared)
    yield from _synthesis(golden, G.components.synthesis, shared)
    yield from _training_mode(golden, G, shared)
    yield from _style_mixing(golden, G, shared)
    yield from _unknown(golden)


def discriminator(golden, variant, open_session):
    """D_basic or D_paper: scores."""
    golden = Golden(golden.name, variant, golden.folder) if variant else golden
    open_session(seed=1)
    D = golden.network('D', golden.meta.get('network', 'D_basic'))
    for name, run in golden.meta['runs'].items():
        set_lod(D, run['lod'])
        scores = D.run(*[golden[f'in/{what}_b{run["batch"]}'] for what in ('images', 'labels')], **run['kwargs'])
        yield golden.compare('scores', 'out/scores/' + name, scores, OUTPUT_TOLERANCE)
    yield from _unknown(golden)


def paper_generator(golden, variant, open_session):
    """G_paper: images."""
    golden = Golden(golden.name, variant, golden.folder)
    open_session(seed=1)
    G = golden.network('G', 'G_paper')
    shared = BuiltOnce(G)
    inputs = [tf.constant(golden['in/' + name]) for name in ('latents', 'labels')]
    for name, run in golden.meta['runs'].items():
        set_lod(G, run['lod'])
        images = tflib.run(shared.get_output_for(*inputs, **run['kwargs']))
        yield golden.compare('images', 'out/images/' + name, images, OUTPUT_TOLERANCE)
    yield from _unknown(golden)


def _unknown(golden):
    """What no code here compares must not count as agreeing."""
    return [Comparison('not known here', key, np.nan, 0) for key in sorted(golden.uncompared)]


def _dlatents(golden, G, shared):
    mapping, latents, labels = G.components.mapping, golden['in/latents'], golden['in/labels']
    for key, run in (
        ('out/mapping_dlatents', shared.dlatents),
        ('out/mapping_dlatents_labels_None', lambda: mapping.run(latents, None)),
        ('out/mapping_dlatents_nobroadcast', lambda: mapping.run(latents, labels, dlatent_broadcast=None)),
    ):
        if key in golden:
            yield golden.compare('dlatents', key, run(), OUTPUT_TOLERANCE)
    for key, match in golden.matches(re.compile(rf'out/truncated_dlatents_psi{_NUMBER}_cut(\d+)')):
        truncated = networks_stylegan._truncate(
            tf.constant(golden['out/mapping_dlatents']), G.vars['dlatent_avg'], float(match[1]), int(match[2])
        )
        yield golden.compare('dlatents', key, tflib.run(truncated), OUTPUT_TOLERANCE)


def _synthesis(golden, synthesis, shared):
    for key, match in golden.matches(re.compile(rf'out/synthesis_images/lod{_NUMBER}')):
        set_lod(synthesis, float(match[1]))
        actual = shared.run_fed(shared.images(**_FIXED), golden['in/synthesis_dlatents'])
        yield golden.compare('images', key, actual, OUTPUT_TOLERANCE)
    for key, match in golden.matches(re.compile(rf'out/uint8_nhwc(?:_shrink(\d+))?/synthesis_lod{_NUMBER}')):
        set_lod(synthesis, float(match[2]))
        levels = tflib.convert_images_to_uint8(shared.images(**_FIXED), nchw_to_nhwc=True, shrink=int(match[1] or 1))
        yield from golden.compare_levels(key, shared.run_fed(levels, golden['in/synthesis_dlatents']))


def _training_mode(golden, G, shared):
    pattern = re.compile(rf'out/training_nomix(?:_beta{_NUMBER})?(?:/lod{_NUMBER})?/images')
    for key, match in golden.matches(pattern):
        kwargs = {} if match[1] is None else {'dlatent_avg_beta': float(match[1])}
        G.set_var('dlatent_avg', golden['G/dlatent_avg'])
        set_lod(G, float(match[2] or 0))
        images = shared.run(is_training=True, style_mixing_prob=None, **_FIXED, **kwargs)
        yield golden.compare('images', key, images, OUTPUT_TOLERANCE)
        yield golden.compare(
            'average w', key.replace('/images', '/dlatent_avg_after'), G.get_var('dlatent_avg'), OUTPUT_TOLERANCE
        )


def _style_mixing(golden, G, shared):
    uniform, cutoff = tf.placeholder(tf.float32, []), tf.placeholder(tf.int32, [])
    ranges = []

    class PinnedRandom:
        def __init__(self, seed, first_draw=0):
            pass

        def normal(self, shape):
            return tf.constant(golden['in/latents2'])

        def uniform(self):
            return uniform

        def integer(self, low, high):
            ranges[:] = tf.constant(low), tf.identity(high)  # of the layer at which the mixing begins
            return cutoff

    for key, draws in sorted(golden.meta.get('style_mixing', {}).items()):
        set_lod(G, draws['lod'])
        feed = {uniform: draws['u'], cutoff: draws['pinned_cutoff_draw']}
        with mock.patch.object(networks_stylegan, 'Random', PinnedRandom):
            images = shared.run(feed, **_FIXED, is_training=True, style_mixing_prob=draws['style_mixing_prob'])
        low, high = tflib.run(ranges)
        yield golden.compare('images', key, images, OUTPUT_TOLERANCE)
        layers = G.components.synthesis.input_shape[1] - 2 * int(draws['lod'])
        yield Comparison('range of the mixing layer', key, 0 if (low, high) == (1, layers) else np.inf, 0)


# ---------------------------------------------------------------------------------------------------------------------
# The moving average, and whole pickles


def moving_average(golden, _case, open_session):
    """One update of Gs."""
    open_session(seed=1)
    G_values = golden.under('G/')
    kwargs = golden.meta.get('static_kwargs') or _kwargs_by_shapes({n: v.shape for n, v in G_values.items()})
    G, Gs = (tflib.Network(name, networks_stylegan.G_style, **kwargs) for name in ('G', 'Gs'))
    set_all(G, G_values)
    set_all(Gs, golden.under('Gs_before/'))
    yield Comparison('trainable variables', 'meta', 0 if list(Gs.trainables) == golden.meta['trainable'] else np.inf, 0)
    decay = Gs_beta(golden.meta['minibatch'], golden.meta['G_smoothing_kimg'])
    yield golden.compare('decay', 'out/beta', np.float32(decay), ROUNDING_TOLERANCE)
    beta = tf.placeholder(tf.float32, [])
    tflib.run(Gs.setup_as_moving_average_of(G, beta), {beta: decay})
    for name, value in tflib.run(Gs.vars).items():
        yield golden.compare('variables', 'Gs_after/' + name, value, ROUNDING_TOLERANCE)
    for name, value in tflib.run(G.vars).items():
        yield golden.compare('variables of the source', 'G/' + name, value, 0)


def _kwargs_by_shapes(shapes):
    """Arguments of G_style that give variables of these shapes."""
    num_layers = max(int(name.split('/noise')[1]) for name in shapes if '/noise' in name) + 1
    log2 = num_layers // 2 + 1
    widths = [
        shapes['G_synthesis/{0}x{0}/Conv{1}/bias'.format(2**level, '' if level == 2 else '1')][0]
        for level in range(2, log2 + 1)
    ]  # nf(1), nf(2), ...
    latents, mapping_fmaps = shapes['G_mapping/Dense0/weight']
    label_size, latents = shapes.get('G_mapping/LabelConcat/weight', (0, latents))
    return {
        'resolution': 2**log2,
        'num_channels': shapes['G_synthesis/ToRGB_lod0/bias'][0],
        'label_size': label_size,
        'latent_size': latents,
        'dlatent_size': shapes['dlatent_avg'][0],
        'mapping_fmaps': mapping_fmaps,
        'mapping_layers': sum(re.fullmatch(r'G_mapping/Dense\d+/weight', name) is not None for name in shapes),
        'fmap_max': max(widths),
        'fmap_base': widths[-1] * 2 ** len(widths) if widths[-1] < max(widths) else 8192,
    }


def pickled_networks(golden, _case, open_session):
    """A network pickle in the published format: its variables and its outputs."""
    open_session(seed=1)
    networks = _networks_beside(golden)
    yield from _pickled_variables(golden, networks, {name: name for name in networks})
    for net in networks.values():
        set_lod(net, 0)
    latents, labels = golden['in/latents'], golden['in/labels']
    Gs = SharedGenerator(networks['Gs'], latents, labels)
    images = Gs.run(is_validation=True, **_FIXED)
    for key, actual in (
        ('out/Gs_default_psi0.7_cut8', Gs.run(**_FIXED)),
        ('out/Gs_validation_no_truncation', images),
        ('out/G_validation_no_truncation', networks['G'].run(latents, labels, is_validation=True, **_FIXED)),
        ('out/Gs_mapping', Gs.dlatents()),
        ('out/D_scores_of_Gs_validation', networks['D'].run(images, labels)),
    ):
        yield golden.compare('outputs', key, actual, OUTPUT_TOLERANCE)
    default, dlatents = Gs.build(**_FIXED)
    levels = tflib.convert_images_to_uint8(default, nchw_to_nhwc=True)
    yield from golden.compare_levels('out/Gs_uint8_nhwc_default', Gs.run_fed(levels, tflib.run(dlatents)))
    yield from _unknown(golden)


def pickled_papers(golden, _case, open_session):
    """A network pickle of ProGAN's own program: its variables, images, scores and logits of labels."""
    open_session(seed=1)
    networks = _networks_beside(golden)
    yield from _pickled_variables(golden, networks, {name: golden.meta['state'][name]['name'] for name in networks})
    latents, labels, images = (golden['in/' + name] for name in ('latents', 'labels', 'images'))
    for key, match in golden.matches(re.compile(rf'out/Gs_images/lod{_NUMBER}')):
        for net in networks.values():
            set_lod(net, float(match[1]))
        scores, logits = networks['D'].run(images)
        for what, actual in (
            ('Gs_images', networks['Gs'].run(latents, labels)),
            ('G_images', networks['G'].run(latents, labels)),
            ('D_scores', scores),
            ('D_labels', logits),
        ):
            yield golden.compare('outputs', key.replace('Gs_images', what), actual, OUTPUT_TOLERANCE)
    yield from _unknown(golden)


def _networks_beside(golden):
    """The networks in the pickle of a file, by 'G', 'D' and 'Gs'."""
    (path,) = golden.folder.glob(golden.name.replace('_expected', '') + '*.pkl')
    return dict(zip(('G', 'D', 'Gs'), tflib.load_networks(str(path))))


def _pickled_variables(golden, networks, names):
    for which, net in networks.items():
        values = tflib.run(net.vars)
        as_expected = list(values) == list(golden.under(which + '/')) and net.name == names[which]
        yield Comparison('names', which, 0 if as_expected else np.inf, 0)
        for variable, value in values.items():
            yield golden.compare('variables', f'{which}/{variable}', value, 0)
