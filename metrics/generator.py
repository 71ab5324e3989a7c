"""Readings of a generator. Its images are generated once for all metrics."""

import contextlib
import hashlib
import json
from typing import NamedTuple

import numpy as np
import tensorflow.compat.v1 as tf

from dnnlib.errors import UserError
from dnnlib.processes import ALONE
from dnnlib.progress import Progress
from metrics import stages
from metrics.batches import latents_of
from metrics.paths import Paths
from metrics.shared_fakes import SharedFakes
from metrics.styles import check_has_w


class Work(NamedTuple):
    """How to measure."""

    minibatch_size: int
    num_gpus: int  # at least 1
    device: str  # 'gpu' or 'cpu'
    print_progress: bool

    @property
    def rounding(self):
        """Settings that change the networks' outputs by rounding, fit for JSON."""
        return {'minibatch': self.minibatch_size, 'gpus': self.num_gpus, 'device': self.device}

    def bar(self, label, total, unit):
        """A progress bar with the time left."""
        return Progress(desc=label, total=total, unit=unit, leave=False, disable=not self.print_progress)

    def progress(self, label, total, unit):
        """A function that passes items on and shows their progress in a bar."""

        def follow(items):
            with self.bar(label, total, unit) as bar:
                for item in items:
                    yield item
                    bar.update()

        return follow

    @contextlib.contextmanager
    def memory_as_sentence(self):
        """A block in which a lack of memory becomes a UserError that says what to do."""
        try:
            yield
        except tf.errors.ResourceExhaustedError as error:
            raise UserError(
                f'The device has too little memory to measure {self.minibatch_size} images at a time: '
                'measure with run_metrics.py and a --minibatch below that, and train with --metrics none.'
            ) from error


def identity_of(Gs, values):
    """The identity of a generator, 64 hexadecimal digits. A network in training and its pickle have the same.

    Args:
        Gs: `Network`.
        values: Dict of the names of its variables to their values.
    """
    digest = hashlib.sha256(json.dumps(_description(Gs), sort_keys=True, default=repr).encode('utf-8'))
    for name in sorted(values):
        array = np.ascontiguousarray(values[name])
        digest.update(f'{name} {array.dtype} {array.shape}'.encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _description(network):
    return {
        'settings': dict(network.static_kwargs),
        'parts': {role: _description(part) for role, part in network.components.items()},
    }


class GeneratorReadings:
    """Readings of a generator, in the default session: fakes, paths, latents.

    The fakes are generated once for all metrics. The cache keeps the readings of fakes and paths until `finish`.

    Args:
        Gs: Generator `Network`.
        identity: Its identity, from `identity_of`.
        metrics: List of `metrics.kinds.Metric`: all that will be measured.
        extractors: Dict of (kind, name) to `metrics.features.extractor.Extractor`.
        labels: Tuple of `metrics.batches.Labels` and their identity, fit for JSON.
        seed: Seed of latents and noise.
        cache: `metrics.cache.StageCache`.
        work: `Work`.
        processes: `dnnlib.processes.Processes` that share out the fakes.
    """

    def __init__(self, Gs, identity, metrics, extractors, labels, seed, cache, work, processes=ALONE):
        self._Gs, self._seed, self._work, self._extractors, self._cache = Gs, seed, work, extractors, cache
        self._labels, labels_identity = labels
        self._key = {'generator': identity, 'labels': labels_identity, 'seed': seed, **work.rounding}
        self._pending, self._read, self._is_together = list(metrics), {}, True
        self._fakes = SharedFakes(Gs, extractors, work.minibatch_size, work.num_gpus, seed, self._labels, processes)
        self._readers = {
            'fakes': self.fakes,
            'paths': self.paths,
            'latents': self.latents,
            'dlatents': self.dlatents,
            'attributes': self.attributes,
        }

    def read(self, reading):
        """The array of a `metrics.readings.Reading`, except a reading of reals."""
        return self._readers[reading.source](reading)

    def fakes(self, reading):
        """The output of an extractor for the fakes, float32 [count, ...].

        The first call reads for all metrics that are not finished. If that fails, each metric reads for itself.
        """
        place = self._column(reading).place
        if place not in self._read and self._is_together:
            try:
                self._read_fakes(self._columns_of_all())
            except (UserError, tf.errors.OpError):  # perhaps only one extractor fails; its metric will raise the error
                self._is_together = False
        if place not in self._read:
            with self._extractors[reading.extractor].errors_as_sentences():
                self._open(reading)
                self._read_fakes([self._column(reading)])
        return self._read[place][: reading.count]

    def paths(self, reading):
        """Distances on paths, float32 [count rounded up to whole minibatches]."""
        extractor, work = self._extractors[reading.extractor], self._work
        self._open(reading)
        size = max(work.minibatch_size // 2, 1)
        paths = Paths(self._Gs, reading.path, extractor, size, work.num_gpus, self._seed, self._labels)
        size = paths.minibatch_size
        column = self._column(reading)._replace(count=-(-reading.count // size) * size)

        def batches(begin, end, _extractors):
            with contextlib.closing(paths.batches(begin, end)) as minibatches:
                for distances in minibatches:
                    yield [distances]

        label = f'paths {reading.path.space} {reading.path.sampling}'
        with extractor.errors_as_sentences(), work.bar(label, column.count, 'path') as bar:
            return stages.read([column], size, batches, self._cache, bar)[0]

    def latents(self, reading):
        """The fakes' latents in Z, float32 [count, L]."""
        return self._points(reading.count, self._Gs.input_shape[-1], lambda latents, labels: latents)

    def dlatents(self, reading):
        """The fakes' latents in W, the mapping's last layer, float32 [count, L]."""
        check_has_w(self._Gs, 'The linear separability in w')
        mapping = self._Gs.components.mapping
        return self._points(
            reading.count, mapping.output_shape[-1], lambda latents, labels: mapping.run(latents, labels)[:, -1]
        )

    def attributes(self, reading):
        """Names of the attributes that the classifiers tell apart, str [attributes]."""
        return np.array(self._extractors[reading.extractor].names)

    def drop(self, metric):
        """Deletes the readings of this generator for a metric from the cache."""
        for column in self._columns(metric):
            self._cache.drop(column.place)

    def finish(self, metric):
        """Ends a metric. Drops the readings that no other metric needs, also from the cache."""
        self._pending = [other for other in self._pending if other != metric]
        needed = {column.place for other in self._pending for column in self._columns(other)}
        for column in self._columns(metric):
            if column.place not in needed:
                self._cache.drop(column.place)
                self._read.pop(column.place, None)

    def _points(self, count, size, make):
        points, step, stream = (
            np.empty([count, size], np.float32),
            self._work.minibatch_size,
            latents_of(self._Gs, self._seed),
        )
        for begin in range(0, count, step):
            end = min(begin + step, count)
            points[begin:end] = make(stream.take(begin, end), self._labels.take(begin, end))
        return points

    def _columns_of_all(self):
        """Columns for all readings of fakes that unfinished metrics need; of equal readings, the longest."""
        columns = {}
        for metric in self._pending:
            for reading in metric.readings():
                if reading.source == 'fakes':
                    with contextlib.suppress(UserError):  # raised again when the metric's turn comes
                        self._open(reading)
                        column = self._column(reading)
                        other = columns.get(column.place)
                        columns[column.place] = column if other is None or other.count < column.count else other
        return list(columns.values())

    def _read_fakes(self, columns):
        columns = [column for column in columns if column.place not in self._read]
        total = max(column.count for column in columns)
        with self._work.memory_as_sentence(), self._work.bar('fakes', total, 'img') as bar:
            arrays = stages.read(columns, self._work.minibatch_size, self._fakes.batches, self._cache, bar)
        self._read.update((column.place, array) for column, array in zip(columns, arrays))

    def _columns(self, metric):
        return [self._column(reading) for reading in metric.readings() if reading.source in ('fakes', 'paths')]

    def _column(self, reading):
        extractor = self._extractors[reading.extractor]
        key = {**self._key, 'network': extractor.identity}
        if reading.path is not None:
            key['path'] = list(reading.path)
        return stages.Column(reading.source, key, reading.count, extractor)

    def _open(self, reading):
        """Prepares an extractor in the generator's graph."""
        self._extractors[reading.extractor].open(self._Gs.output_shape[1:])
