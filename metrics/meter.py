"""Networks to numbers: reads the arrays that each metric asks for, and calls the metric with them."""

import hashlib
import json
import time
from typing import NamedTuple, Optional

import numpy as np

from dnnlib import tflib
from dnnlib.errors import UserError
from dnnlib.processes import ALONE
from dnnlib.records.tfrecords import fingerprint
from dnnlib.tflib.devices import session_gpus
from metrics.batches import Labels, default_minibatch_size
from metrics.cache import StageCache
from metrics.features import open_extractor
from metrics.generator import GeneratorReadings, Work, identity_of
from metrics.reals import Reals
from metrics.registry import check_enough_reals, decisive_value, find_metrics
from metrics.results import FINGERPRINT, renew_fingerprints
from metrics.shared_fakes import SharedFakes

_VALUES = 'values'


class Result(NamedTuple):
    """One measured number."""

    metric: str
    value: float
    seconds: float  # wall clock; time for shared readings counts for the first metric
    settings: dict  # everything the value depends on beside the network; fit for JSON
    details: Optional[dict] = None  # intermediate results, fit for JSON


class Meter:
    """Measures generators, and compares them with a dataset if a metric needs reals.

    The constructor opens and downloads everything, so that a missing file is known before any work begins.

    Args:
        names: Names of metrics, as in `metrics.METRICS`.
        dataset: An open dataset, as from `dnnlib.records.datasets.open_dataset`; None if no metric needs data.
        mirror: Whether each real is flipped horizontally with probability 1/2, as in training with mirror augmentation.
        seed: Seed of latents, noise and flips; below 2^32.
        offline: Do not download feature networks.
        cache: `metrics.cache.StageCache`. Readings of reals are kept in memory too.
        processes: `dnnlib.processes.Processes`. The chief measures. Each of the others has an equal `Meter`, and helps.

    Attributes:
        metrics: The `metrics.kinds.Metric`s, in the order of the names.

    Raises:
        click.UsageError: A metric is unknown.
        UserError: A feature network cannot be downloaded; the message says which file to put where. Or the dataset is
            damaged, or has fewer images than a metric needs.
    """

    def __init__(
        self,
        names,
        dataset,
        mirror,
        seed,
        offline=False,
        cache=StageCache(None),  # noqa: B008  holds nothing
        processes=ALONE,
    ):
        self.metrics, self._processes, self._helping = find_metrics(names), processes, {}
        self._dataset, self._mirror, self._seed, self._cache = dataset, mirror, seed, cache
        self._fingerprint = None if dataset is None else fingerprint(dataset, with_labels=True)
        self._reals = None if dataset is None else Reals(dataset, mirror, seed, cache)
        self._extractors = {}
        for metric in self.metrics:
            check_enough_reals(metric, dataset)
            if metric.extractor not in self._extractors:
                self._extractors[metric.extractor] = open_extractor(*metric.extractor, offline)

    @property
    def decisive(self):
        """Name of the value that decides which snapshot is best; None without metrics."""
        return decisive_value(self.metrics)

    def renew_fingerprints(self, run_dir):
        """See `metrics.results.renew_fingerprints`; does nothing without a dataset."""
        if self._dataset is not None:
            renew_fingerprints(run_dir, self._dataset)

    def settings(self, metric):
        """Everything that the values of `metric` depend on besides the network: a dict fit for JSON."""
        settings = metric.settings()
        if metric.needs_data:
            settings.update(
                {
                    'dataset': self._dataset.name,
                    'dataset_images': self._dataset.num_images,
                    FINGERPRINT: self._fingerprint,
                    'mirror': self._mirror,
                }
            )
        return dict(settings, seed=self._seed)

    def measure(self, metrics, Gs, minibatch_size=None, num_gpus=None, print_progress=False, anew=False):
        """Measures a generator in the default session by several metrics, which share readings.

        Fakes are generated as in the original code: latents from N(0, 1) and no truncation. For features, noise is
        fresh, and images are quantised to uint8. A conditional network gets labels drawn at random from the labels of
        the reals. Reals are the dataset's records in file order.

        Args:
            metrics: List of metrics, from `self.metrics`.
            Gs: Generator `Network` whose images have the dataset's shape.
            minibatch_size: Images at a time; None chooses by resolution and GPUs. Another size changes values slightly,
                because it draws other noise and rounds differently.
            num_gpus: How many GPUs generate; None takes all GPUs of the session.
            print_progress: Show progress bars with the time left.
            anew: Measure again even if the cache has the readings and values.

        Yields:
            (metric, results) as soon as a metric is measured. Results are a list of `Result`, one for each of
            `metric.value_names`; or a `UserError` that says why the metric could not be measured.

        Raises:
            UserError: The network does not fit the dataset, or its variables hold NaN or infinities.
        """
        if not metrics:
            return
        identity = self._check(metrics, Gs)
        work = plan_work(Gs, minibatch_size, num_gpus, print_progress)
        labels = self._labels(Gs)
        keys = {metric: self._value_key(metric, identity, labels[1], work) for metric in metrics}
        known = {metric: None if anew else self._cache.load((_VALUES,), key) for metric, key in keys.items()}
        generator = GeneratorReadings(
            Gs,
            identity,
            [metric for metric in metrics if known[metric] is None],
            self._extractors,
            labels,
            self._seed,
            self._cache,
            work,
            self._processes,
        )
        if anew:
            for metric in metrics:
                generator.drop(metric)
        for metric in metrics:
            try:
                results = (
                    self._measure(metric, generator, work, keys[metric])
                    if known[metric] is None
                    else self._results(metric, known[metric])
                )
            except UserError as error:
                results = error
            generator.finish(metric)
            yield metric, results

    def help(self, Gs, question):
        """Reads fakes for the chief, which measures: see `dnnlib.processes.Processes.on_chief`.

        Args:
            Gs: The generator that is measured, in this process.
            question: What the chief asks, see `SharedFakes.batches`.
        """
        minibatch_size, num_gpus, start, end, keys = question
        fakes = self._helping.get((Gs, minibatch_size))
        if fakes is None:
            labels = self._labels(Gs)[0]
            fakes = SharedFakes(Gs, self._extractors, minibatch_size, num_gpus, self._seed, labels, self._processes)
            self._helping[Gs, minibatch_size] = fakes
        fakes.open(keys)
        return fakes.own_share(start, end, keys)

    def _measure(self, metric, generator, work, key):
        begin = time.perf_counter()
        with work.memory_as_sentence():
            arrays = [
                self._reals.read(reading, self._extractors[reading.extractor], work)
                if reading.source == 'reals'
                else generator.read(reading)
                for reading in metric.readings()
            ]
            values, details = metric.values(*arrays, seed=self._seed, progress=work.progress)
        if not np.isfinite(values).all():
            raise UserError(
                f'{metric.name} is not a number for this network: the pixels of its images are not numbers, or too '
                'large; measure an earlier snapshot.'
            )
        arrays = {
            'values': np.array(values, np.float64),
            'seconds': np.array(time.perf_counter() - begin),
            'details': np.array(json.dumps(details)),
        }
        self._cache.save((_VALUES,), key, **arrays)
        return self._results(metric, arrays)

    def _results(self, metric, arrays):
        """A list of `Result` from the arrays in the cache."""
        seconds, settings = float(arrays['seconds']), self.settings(metric)
        return [
            Result(name, float(value), seconds, settings, detail)
            for name, value, detail in zip(metric.value_names, arrays['values'], json.loads(str(arrays['details'])))
        ]

    def _value_key(self, metric, identity, labels, work):
        key = {
            'metric': [type(metric).__name__, metric.name, metric.settings()],
            'seed': self._seed,
            'generator': identity,
            'labels': labels,
            'network': self._extractors[metric.extractor].identity,
            **work.rounding,
        }
        if metric.needs_data:
            key['reals'] = self._reals.identity(metric.num_compared)
        return key

    def _labels(self, Gs):
        """The `Labels` of a generator, and their identity, fit for JSON."""
        size = Gs.input_shapes[1][1] if len(Gs.input_shapes) > 1 else 0
        if not size:
            return Labels(None, self._seed), None
        labels = None if self._dataset is None else self._dataset.labels
        if labels is None or labels.size != size:
            raise UserError(
                f'The network needs labels of {size} numbers, and there is no dataset with such labels: name the '
                'dataset it was trained on with --data.'
            )
        return Labels(labels, self._seed), hashlib.sha256(labels.tobytes()).hexdigest()

    def _check(self, metrics, Gs):
        """Returns the identity of a generator, or raises a UserError if it cannot be measured."""
        made = list(Gs.output_shape[1:])
        real = list(self._dataset.shape) if any(metric.needs_data for metric in metrics) else made
        if made != real:
            raise UserError(
                f'The network makes images of {_by(made)} (channels x height x width) but dataset '
                f'{self._dataset.folder} holds {_by(real)}: name the dataset it was trained on with --data.'
            )
        values = tflib.run(Gs.vars)
        if not all(np.isfinite(value).all() for value in values.values()):
            raise UserError(
                'The network holds values that are not numbers, so it cannot be measured: its training '
                'has diverged; measure an earlier snapshot.'
            )
        return identity_of(Gs, values)


def plan_work(Gs, minibatch_size, num_gpus, print_progress):
    """The `metrics.generator.Work` for a generator in the default session; arguments as of `Meter.measure`."""
    available = len(session_gpus())
    num_gpus = max(min(available if num_gpus is None else num_gpus, available), 1)
    return Work(
        minibatch_size or default_minibatch_size(Gs.output_shape[2]) * num_gpus,
        num_gpus,
        'gpu' if available else 'cpu',
        print_progress,
    )


def _by(shape):
    return 'x'.join(map(str, shape))
