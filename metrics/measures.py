"""What each kind of metric makes of features: a function from the stages to its values.

Each takes a metric, the `Evaluation`, the `Reals` and the tool with which the metric looks at images, and returns its
values and for each a dict of what it was made of, fit for JSON, or None.
"""

import numpy as np

from dnnlib.errors import UserError
from dnnlib.random_streams import INFINITY_SUBSETS, KERNEL_SUBSETS
from metrics import registry
from metrics.arithmetic.frechet import frechet_distance, statistics
from metrics.arithmetic.frechet_infinity import frechet_infinity
from metrics.arithmetic.inception_score import inception_score
from metrics.arithmetic.kernel_distance import kernel_distance
from metrics.arithmetic.precision_recall import precision_recall, squared_radii
from metrics.arithmetic.separability import fit_processes, separability
from metrics.path_length import mean_of_inner


def _frechet_distance(metric, evaluation, reals, network):
    of_reals = reals.statistics(metric, network, evaluation.work)
    return [frechet_distance(statistics(evaluation.fakes(metric)), of_reals)], [None]


def _frechet_infinity(metric, evaluation, reals, network):
    of_reals, fakes = reals.statistics(metric, network, evaluation.work), evaluation.fakes(metric)
    random = np.random.RandomState([evaluation.seed, INFINITY_SUBSETS])
    with evaluation.work.bar(f'{metric.name} distances', metric.num_sizes, 'distance') as bar:
        value, distances = frechet_infinity(fakes, of_reals, metric.smallest, metric.num_sizes, random, _updating(bar))
    return [value], [{'distances': {str(size): distance for size, distance in distances.items()}}]


def _kernel_distance(metric, evaluation, reals, network):
    of_reals, fakes = reals.features(metric, network, evaluation.work), evaluation.fakes(metric)
    random = np.random.RandomState([evaluation.seed, KERNEL_SUBSETS])
    mean, deviation = kernel_distance(fakes, of_reals, metric.num_subsets, metric.subset_size, random)
    return [mean], [{'std': deviation}]


def _precision_recall(metric, evaluation, reals, network):
    of_reals, fakes = reals.features(metric, network, evaluation.work), evaluation.fakes(metric)
    reals_radii = reals.radii(metric, network, evaluation.work)
    return precision_recall(fakes, of_reals, squared_radii(fakes, metric.neighbours), reals_radii), [None, None]


def _inception_score(metric, evaluation, _reals, network):
    probabilities = evaluation.fakes(metric)
    if not (probabilities.min() >= 0 and np.allclose(probabilities.sum(axis=1), 1, atol=1e-3)):
        raise UserError(
            f'{metric.name}: the network in {network.path} gives no probabilities of classes: it is '
            'another file than its name says; delete it, and it is downloaded again.'
        )
    return inception_score(probabilities, metric.num_splits), [None, None]


def _path_length(metric, evaluation, _reals, pair_distance):
    return [mean_of_inner(evaluation.distances(metric, pair_distance))], [None]


def _linear_separability(metric, evaluation, _reals, classifiers):
    predictions = evaluation.fakes(metric).transpose(1, 0, 2)
    points, names = evaluation.latents(metric.num_samples), classifiers.names
    processes = fit_processes(metric.num_keep, max(space.shape[1] for space in points))
    with evaluation.work.bar(f'{metric.name} fits', len(points) * len(names), 'fit') as bar:
        spaces = separability(points, predictions, metric.num_keep, evaluation.seed, processes, _updating(bar))
    details = [
        {'entropies': dict(zip(names, space.entropies)), 'failed_fits': [names[i] for i in space.failed]}
        for space in spaces
    ]
    return [space.score for space in spaces], details


def _updating(bar):
    def progress(items):
        for item in items:
            yield item
            bar.update()

    return progress


MEASURES = {
    registry.FrechetDistance: _frechet_distance,
    registry.InfiniteFrechet: _frechet_infinity,
    registry.KernelDistance: _kernel_distance,
    registry.PrecisionRecall: _precision_recall,
    registry.InceptionScore: _inception_score,
    registry.PathLength: _path_length,
    registry.LinearSeparability: _linear_separability,
}
