"""Path lengths against golden files."""

import re

import numpy as np
import tensorflow.compat.v1 as tf

from dnnlib import tflib
from metrics.arithmetic.path_length import mean_of_inner
from metrics.features.distances import PairDistance
from metrics.paths import path_distances
from metrics.readings import Path
from tests.goldens.files import Comparison, set_all

FILTER_TOLERANCE = 1e-5  # a mean of float32
STEP_TOLERANCE = 1e-3
# A step of 1e-4 loses digits in float32, the original's too: dlatents changed in their seventh digit change single
# distances by 2 to 8%, and the mean of a few by less.
SHORT_STEP_TOLERANCE, SHORT_STEP_MEAN_TOLERANCE = 1e-1, 1e-2


class MeanSquaredDifference:
    """The distance that the golden files have in place of a network's."""

    identity = 'mean squared difference'

    def __call__(self, a, b):
        return tf.reduce_mean(tf.squared_difference(a, b), axis=[1, 2, 3])


def cases(golden):
    """The settings that the file has."""
    return [name for name in golden.meta if name != 'note']


def path_lengths(golden, case, open_session):
    """Distances of minibatches whose latents, positions and noise are known, and the mean of all distances."""
    session = open_session(device='cpu', seed=1)
    about = golden.meta[case]
    path = Path(about['space'], about['sampling'], about['epsilon'])
    distances = golden[case + '/out/distances']
    yield Comparison('mean of distances', case, abs(mean_of_inner(distances) / about['ppl'] - 1), FILTER_TOLERANCE)

    Gs, pair_distance = _network_and_distance(golden, session.graph)
    synthesis = Gs.components.synthesis
    tolerance = SHORT_STEP_TOLERANCE if about['epsilon'] < 1e-3 else STEP_TOLERANCE
    for key, match in golden.matches(re.compile(f'{case}/in/latents([0-9]+)')):
        batch = int(match.group(1))
        positions = golden[f'{case}/in/t{batch}']
        noise_key = re.compile(f'{case}/in/(noise[0-9]+)/batch{batch}')
        tflib.set_vars({synthesis.vars[found.group(1)]: golden[noise] for noise, found in golden.matches(noise_key)})
        actual = path_distances(Gs, path, pair_distance, golden[key], positions)
        expected = distances[batch * len(positions) :][: len(positions)]
        error = np.abs(actual / expected - 1).max()
        yield Comparison('distances', f'{case}/{batch}', error, tolerance)
        if tolerance == SHORT_STEP_TOLERANCE:
            error = abs(actual.mean() / expected.mean() - 1)
            yield Comparison('distances on average', f'{case}/{batch}', error, SHORT_STEP_MEAN_TOLERANCE)


def _network_and_distance(golden, graph):
    """The network of a file, and a distance; all cases that come to the same graph get the same ones."""
    built = graph.get_collection_ref(golden.name)
    if not built:
        Gs = tflib.Network('Gs', 'training.networks_stylegan.G_style', **_shape_of(golden))
        set_all(Gs, golden.under('Gs/'))
        built.append((Gs, PairDistance(MeanSquaredDifference())))
    return built[0]


def _shape_of(golden):
    weights = golden.under('Gs/')
    side = max(value.shape[-1] for name, value in weights.items() if 'noise' in name.split('/')[-1])
    fmaps = {name.split('/')[1]: value.shape[-1] for name, value in weights.items() if name.endswith('Conv1/weight')}
    widest = weights['G_synthesis/4x4/Conv/weight'].shape[-1]
    return {
        'resolution': side,
        'num_channels': len(weights['G_synthesis/ToRGB_lod0/bias']),
        'latent_size': weights['G_mapping/Dense0/weight'].shape[0],
        'dlatent_size': len(weights['dlatent_avg']),
        'mapping_fmaps': weights['G_mapping/Dense0/weight'].shape[1],
        'mapping_layers': sum(name.startswith('G_mapping') and name.endswith('weight') for name in weights),
        'fmap_base': fmaps[f'{side}x{side}'] * side // 2,
        'fmap_max': widest,
    }
