"""Networks to numbers: generates, looks at the reals, extracts features, compares."""

import time
from typing import NamedTuple, Optional

import numpy as np
import tensorflow.compat.v1 as tf
from tqdm import tqdm

from dnnlib import tflib
from dnnlib.errors import UserError
from dnnlib.tfrecords import fingerprint
from metrics.batches import default_minibatch_size, generate, generate_batches, real_batches
from metrics.features import open_classifiers, open_distance, open_feature_network
from metrics.frechet import frechet_distance, statistics
from metrics.path_length import PairDistance, mean_of_inner, sample_distances
from metrics.registry import FrechetDistance, LinearSeparability, PathLength, find_metrics
from metrics.separability import fit_processes, separability


class Result(NamedTuple):
    """One measured number."""

    metric: str
    value: float
    seconds: float  # wall clock, the reals included when they were looked at
    settings: dict  # everything the value depends on beside the network; fit for JSON
    details: Optional[dict] = None  # what the value was made of, fit for JSON


class Meter:
    """Measures generators, where a metric says so against a dataset.

    Feature networks and the statistics of the reals are kept between calls.

    Making one gets everything that is needed, downloads included, so that what is missing is known before any work.

    Args:
        names: Names of metrics, as in `metrics.METRICS`.
        dataset: An open `dnnlib.tfrecords.MultiResolutionDataset`; None if no metric needs data.
        mirror: Whether each real is flipped horizontally with probability 1/2, as training with mirror augmentation
            does.
        seed: Of latents, noise and flips; below 2^32.
        offline: Do not download feature networks.

    Attributes:
        metrics: The `Metric`s, in the order of the names.

    Raises:
        click.UsageError: A metric is unknown.
        UserError: A feature network cannot be had; the message says which file to put where. Or the dataset is damaged.
    """

    def __init__(self, names, dataset, mirror, seed, offline=False):
        self.metrics = find_metrics(names)
        self._dataset, self._mirror, self._seed = dataset, mirror, seed
        self._fingerprint = None if dataset is None else fingerprint(dataset)
        self._feature_networks, self._distances, self._classifiers = {}, {}, {}
        for metric in self.metrics:
            if isinstance(metric, FrechetDistance) and metric.features not in self._feature_networks:
                self._feature_networks[metric.features] = open_feature_network(metric.features, offline)
            elif isinstance(metric, LinearSeparability):
                self._classifiers[metric.classifiers] = open_classifiers(metric.classifiers, offline)
            elif isinstance(metric, PathLength) and metric.distance not in self._distances:
                self._distances[metric.distance] = open_distance(metric.distance, offline)
        self._pair_distances = {name: PairDistance(distance) for name, distance in self._distances.items()}
        self._statistics_of_reals = {}

    @property
    def decisive(self):
        """The value that decides which snapshot is best: the first one of the first metric; None without metrics."""
        return self.metrics[0].values[0] if self.metrics else None

    def settings(self, metric):
        """Everything the values of `metric` depend on beside the network, as a dict fit for JSON."""
        settings = {field: value for field, value in metric._asdict().items() if field != 'name'}
        if metric.needs_data:
            settings.update({
                'dataset': self._dataset.name,
                'dataset_images': self._dataset.num_images,
                'dataset_sha256': self._fingerprint,
                'mirror': self._mirror,
            })
        return dict(settings, seed=self._seed)

    def measure(self, metric, Gs, minibatch_size=None, num_gpus=1, print_progress=False):
        """Measures one generator in the default session.

        Fakes are drawn as the original code does: latents from N(0, 1) and no truncation; for features, fresh noise,
        quantised to uint8. Reals are the dataset's records in file order.

        Args:
            metric: One of `self.metrics`.
            Gs: Generator `Network` whose images have the dataset's shape.
            minibatch_size: Images at a time; None chooses by resolution. It is no part of what is measured: it changes
                which noise is drawn and rounding, not what either is.
            num_gpus: How many GPUs generate.
            print_progress: Show progress bars with the time left.

        Returns:
            List of `Result`, one for each of `metric.values`.

        Raises:
            UserError: The network does not fit the dataset or the device, or holds values that are not numbers.
        """
        begin = time.perf_counter()
        self._check(metric, Gs)
        work = _Work(Gs, minibatch_size or default_minibatch_size(Gs.output_shape[2]), num_gpus, print_progress)
        measure = {FrechetDistance: self._frechet_distance, PathLength: self._path_length,
                   LinearSeparability: self._linear_separability}[type(metric)]
        try:
            values, details = measure(metric, work)
        except tf.errors.ResourceExhaustedError as error:
            raise UserError(f'The device has too little memory to measure {work.minibatch_size} images at a time: '
                            'measure with run_metrics.py and a --minibatch below that, and train with --metrics none.'
                            ) from error
        if not np.isfinite(values).all():
            raise UserError(f'{metric.name} is not a number for this network: its images hold values that are none, or '
                            'are too large; measure an earlier snapshot.')
        seconds = time.perf_counter() - begin
        return [Result(name, value, seconds, self.settings(metric), detail)
                for name, value, detail in zip(metric.values, values, details)]

    def _frechet_distance(self, metric, work):
        reals = self._reals(metric, work)
        batches = generate_batches(work.Gs, metric.num_fakes, work.minibatch_size, work.num_gpus, self._seed)
        fakes = self._extract(metric, batches, metric.num_fakes, 'fakes', work)
        return [frechet_distance(statistics(fakes), reals)], [None]

    def _path_length(self, metric, work):
        distance, pair_distance = self._distances[metric.distance], self._pair_distances[metric.distance]
        distance.open()
        pairs, collected = max(work.minibatch_size // 2, 1), []
        with distance.errors_as_sentences(), work.bar(metric.name, metric.num_samples, 'path') as bar:
            for distances in sample_distances(work.Gs, metric, pair_distance, pairs, work.num_gpus, self._seed):
                collected.append(distances)
                bar.update(len(distances))
        return [mean_of_inner(np.concatenate(collected))], [None]

    def _linear_separability(self, metric, work):
        points, predictions = self._classified(metric, work)
        names = self._classifiers[metric.classifiers].names
        processes = fit_processes(metric.num_keep, max(space.shape[1] for space in points))
        with work.bar(f'{metric.name} fits', len(points) * len(names), 'fit') as bar:
            def progress(fits):
                for fit in fits:
                    yield fit
                    bar.update()

            spaces = separability(points, predictions, metric.num_keep, self._seed, processes, progress)
        details = [{'entropies': dict(zip(names, space.entropies)), 'failed_fits': [names[i] for i in space.failed]}
                   for space in spaces]
        return [space.score for space in spaces], details

    def _classified(self, metric, work):
        """Samples in z and w, float32 [N, L] each, and for each attribute the classifier's probabilities, [N, 2]."""
        classifiers, mapping = self._classifiers[metric.classifiers], work.Gs.components.mapping
        classifiers.open(work.Gs.output_shape[1:])
        batches = generate(work.Gs, metric.num_samples, work.minibatch_size, work.num_gpus, self._seed,
                           {'func': classifiers})
        points = [np.empty([metric.num_samples, shape[-1]], np.float32)
                  for shape in (mapping.input_shape, mapping.output_shape)]
        predictions = np.empty([len(classifiers.names), metric.num_samples, 2], np.float32)
        begin = 0
        with classifiers.errors_as_sentences(), work.bar(f'{metric.name} fakes', metric.num_samples, 'img') as bar:
            for latents, probabilities in batches:
                end = begin + len(latents)
                points[0][begin:end], points[1][begin:end] = latents, mapping.run(latents, None)[:, -1]
                predictions[:, begin:end] = probabilities.transpose(1, 0, 2)
                bar.update(end - begin)
                begin = end
        if not np.isfinite(predictions).all():
            raise UserError(f'{metric.name}: the classifiers say of images of this network what is not a number: '
                            'measure an earlier snapshot.')
        return points, predictions

    def _check(self, metric, Gs):
        made = list(Gs.output_shape[1:])
        real = list(self._dataset.shape) if metric.needs_data else made
        if made != real:
            raise UserError(
                f'The network makes images of {_by(made)} (channels x height x width) but dataset '
                f'{self._dataset.folder} holds {_by(real)}: name the dataset it was trained on with --data.'
            )
        if not all(np.isfinite(value).all() for value in tflib.run(Gs.vars).values()):
            raise UserError('The network holds values that are not numbers, so it cannot be measured: its training '
                            'has diverged; measure an earlier snapshot.')

    def _reals(self, metric, work):
        key = metric.features, metric.num_reals
        if key not in self._statistics_of_reals:
            batches = real_batches(self._dataset, metric.num_reals, work.minibatch_size, self._mirror, self._seed)
            features = self._extract(metric, batches, metric.num_reals, 'reals', work)
            self._statistics_of_reals[key] = statistics(features)
        return self._statistics_of_reals[key]

    def _extract(self, metric, batches, count, what, work):
        """Features [count, F] of batches of images."""
        network, features = self._feature_networks[metric.features], []
        with work.bar(f'{metric.name} {what}', count, 'img') as bar:
            for images in batches:
                features.append(network(images))
                bar.update(len(images))
        return np.concatenate(features)


class _Work(NamedTuple):
    """One generator to measure, and how."""

    Gs: object
    minibatch_size: int
    num_gpus: int
    print_progress: bool

    def bar(self, label, total, unit):
        return tqdm(desc=label, total=total, unit=unit, leave=False, disable=not self.print_progress)


def _by(shape):
    return 'x'.join(map(str, shape))
