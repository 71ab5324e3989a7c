"""Networks to numbers: generates, looks at the reals, extracts features, compares."""

import time
from typing import NamedTuple

import numpy as np
import tensorflow.compat.v1 as tf
from tqdm import tqdm

from dnnlib import tflib
from dnnlib.errors import UserError
from dnnlib.tflib.devices import session_gpus
from dnnlib.tfrecords import fingerprint
from dnnlib.util import seed_from
from metrics.features import open_feature_network
from metrics.frechet import frechet_distance, statistics
from metrics.registry import find_metrics

_FLIPS, _NOISE = 1, 2  # random streams of a seed, apart from that of the latents


class Result(NamedTuple):
    """One measured number."""

    metric: str
    value: float
    seconds: float  # wall clock, the reals included when they were looked at
    settings: dict  # everything the value depends on beside the network; fit for JSON


class Meter:
    """Measures generators against one dataset. Feature networks and the statistics of the reals are kept between calls.

    Making one gets everything that is needed, downloads included, so that what is missing is known before any work.

    Args:
        names: Names of metrics, as in `metrics.METRICS`.
        dataset: An open `dnnlib.tfrecords.MultiResolutionDataset`.
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
        self._fingerprint = fingerprint(dataset)
        self._feature_networks = {
            name: open_feature_network(name, offline)
            for name in dict.fromkeys(metric.features for metric in self.metrics)
        }
        self._statistics_of_reals = {}

    def settings(self, metric):
        """Everything the value of `metric` depends on beside the network, as a dict fit for JSON."""
        return {
            'features': metric.features,
            'num_fakes': metric.num_fakes,
            'num_reals': metric.num_reals,
            'dataset': self._dataset.name,
            'dataset_images': self._dataset.num_images,
            'dataset_sha256': self._fingerprint,
            'mirror': self._mirror,
            'seed': self._seed,
        }

    def measure(self, metric, Gs, minibatch_size=None, num_gpus=1, print_progress=False):
        """Measures one generator in the default session.

        Fakes are drawn as the original code does: latents from N(0, 1), no truncation, fresh noise,
        quantised to uint8. Reals are the dataset's records in file order.

        Args:
            metric: One of `self.metrics`.
            Gs: Generator `Network` whose images have the dataset's shape.
            minibatch_size: Images at a time; None chooses by resolution. It is no part of what is measured: it changes
                which noise is drawn and rounding, not what either is.
            num_gpus: How many GPUs generate.
            print_progress: Show progress bars with the time left.

        Returns:
            A `Result`.

        Raises:
            UserError: The network does not fit the dataset or the device, or holds values that are not numbers.
        """
        begin = time.perf_counter()
        self._check(Gs)
        minibatch_size = minibatch_size or default_minibatch_size(Gs.output_shape[2])
        try:
            reals = self._reals(metric, minibatch_size, print_progress)
            batches = generate_batches(Gs, metric.num_fakes, minibatch_size, num_gpus, self._seed)
            fakes = self._extract(metric, batches, metric.num_fakes, 'fakes', print_progress)
        except tf.errors.ResourceExhaustedError as error:
            raise UserError(f'The device has too little memory to measure {minibatch_size} images at a time: measure '
                            'with run_metrics.py and a --minibatch below that, and train with --metrics none.'
                            ) from error
        value = frechet_distance(statistics(fakes), reals)
        return Result(metric.name, value, time.perf_counter() - begin, self.settings(metric))

    def _check(self, Gs):
        made, real = list(Gs.output_shape[1:]), list(self._dataset.shape)
        if made != real:
            raise UserError(
                f'The network makes images of {_by(made)} (channels x height x width) but dataset '
                f'{self._dataset.folder} holds {_by(real)}: name the dataset it was trained on with --data.'
            )
        if not all(np.isfinite(value).all() for value in tflib.run(Gs.vars).values()):
            raise UserError('The network holds values that are not numbers, so it cannot be measured: its training '
                            'has diverged; measure an earlier snapshot.')

    def _reals(self, metric, minibatch_size, print_progress):
        key = metric.features, metric.num_reals
        if key not in self._statistics_of_reals:
            batches = real_batches(self._dataset, metric.num_reals, minibatch_size, self._mirror, self._seed)
            features = self._extract(metric, batches, metric.num_reals, 'reals', print_progress)
            self._statistics_of_reals[key] = statistics(features)
        return self._statistics_of_reals[key]

    def _extract(self, metric, batches, count, what, print_progress):
        """Features [count, F] of batches of images."""
        network, features = self._feature_networks[metric.features], []
        label = f'{metric.name} {what}'
        with tqdm(desc=label, total=count, unit='img', leave=False, disable=not print_progress) as bar:
            for images in batches:
                features.append(network(images))
                bar.update(len(images))
        return np.concatenate(features)


def default_minibatch_size(resolution):
    """Images at a time that fit an 11 GB GPU and keep a CPU busy: 64 up to 64x64, then fewer, 4 at 1024x1024."""
    return int(np.clip(4096 // resolution, 4, 64))


def real_batches(dataset, count, minibatch_size, mirror, seed):
    """Yields `count` real images, uint8 [N, C, H, W]: records in file order, from the first again after the last.

    Args:
        dataset: An open `MultiResolutionDataset`.
        count: How many.
        minibatch_size: N of all batches but the last.
        mirror: Flip each horizontally with probability 1/2.
        seed: Of the flips.
    """
    random = np.random.RandomState([seed, _FLIPS])
    for begin in range(0, count, minibatch_size):
        indices = range(begin, min(begin + minibatch_size, count))
        images = np.stack([dataset.read(index % dataset.num_images) for index in indices])
        if mirror:
            flipped = random.rand(len(images)) < 0.5
            images[flipped] = images[flipped, :, :, ::-1]
        yield images


def generate_batches(Gs, count, minibatch_size, num_gpus, seed):
    """Yields `count` generated images, uint8 [N, C, H, W], without truncation and with fresh noise.

    On a CPU the same seed and minibatch size give the same images again, in any process. GPUs that share a minibatch
    draw noise that does not repeat, since from one seed they would all draw the same.

    Args:
        Gs: Generator `Network`.
        count: How many.
        minibatch_size: N of all batches but the last.
        num_gpus: How many GPUs share a minibatch.
        seed: Of latents and noise, below 2^32.
    """
    random = np.random.RandomState(seed)
    shared = len(session_gpus()[:num_gpus]) > 1
    noise_seed, noise_seed_value = _noise_seed(tf.get_default_graph())
    repeated = {} if shared else {'random_seed': noise_seed_value}
    for begin in range(0, count, minibatch_size):
        latents = random.randn(min(minibatch_size, count - begin), *Gs.input_shape[1:])
        # Below 2^30, so that the streams counted from the seed do not leave int32.
        tflib.set_vars({noise_seed: [seed_from(seed, _NOISE, begin, half) >> 2 for half in range(2)]})
        yield Gs.run(
            latents, None, num_gpus=num_gpus, is_validation=True, randomize_noise=True,
            output_transform={'func': tflib.convert_images_to_uint8}, **repeated,
        )


def _noise_seed(graph):
    """The variable, int32 [2], that fakes take their noise from, and its value; one for each graph.

    A variable, since `Network.run` feeds nothing but a network's inputs, and keeps the graph it built for this tensor.
    """
    kept = graph.get_collection_ref('metrics_noise_seed')
    if not kept:
        with graph.as_default(), tf.control_dependencies(None), tf.device('/cpu:0'):
            variable = tf.Variable([0, 0], trainable=False, collections=[], dtype=tf.int32, name='metrics_noise_seed')
            kept.append((variable, variable.read_value()))
    return kept[0]


def _by(shape):
    return 'x'.join(map(str, shape))
