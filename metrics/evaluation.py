"""One network being measured: what metrics want to know of its images, read in one pass for all of them."""

import contextlib
import hashlib
import json
from typing import NamedTuple

import numpy as np
import tensorflow.compat.v1 as tf
from tqdm import tqdm

from dnnlib import tflib
from dnnlib.errors import UserError
from metrics import stages
from metrics.batches import Fakes, latents_of
from metrics.path_length import Paths
from metrics.registry import LinearSeparability, PathLength

_FAKES, _PATHS = 'fakes', 'paths'


class Work(NamedTuple):
    """How to measure."""

    minibatch_size: int
    num_gpus: int  # that the session has, at least 1
    device: str  # 'gpu' or 'cpu'
    print_progress: bool

    @property
    def rounding(self):
        """What decides on the last digits of what networks give; fit for JSON."""
        return {'minibatch': self.minibatch_size, 'gpus': self.num_gpus, 'device': self.device}

    def bar(self, label, total, unit):
        """A progress bar with the time left."""
        return tqdm(desc=label, total=total, unit=unit, leave=False, disable=not self.print_progress)

    @contextlib.contextmanager
    def memory_as_sentence(self):
        """Says of a lack of memory inside the block what to do about it."""
        try:
            yield
        except tf.errors.ResourceExhaustedError as error:
            raise UserError(
                f'The device has too little memory to measure {self.minibatch_size} images at a time: '
                'measure with run_metrics.py and a --minibatch below that, and train with --metrics none.'
            ) from error


def identity_of(Gs, values):
    """What tells a generator from any other, the same for a network in training and for its pickle: 64 digits.

    Args:
        Gs: `Network`.
        values: Dict of its variables' names to arrays.
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


class _Look(NamedTuple):
    """How images are looked at."""

    transform: object  # of images in [-1, 1], in the graph
    finish: object  # of what that gives for a minibatch, to an array [N, ...]


class Evaluation:
    """Features of fakes and distances on paths of one generator, in the default session.

    Args:
        Gs: Generator `Network`.
        identity: Of `identity_of`.
        metrics: All that fakes are to be read for.
        tools: Function from a metric to what it looks at images with, opened.
        labels: `metrics.batches.Labels`, and their identity, fit for JSON.
        seed: Of latents and noise.
        cache: `metrics.cache.StageCache`.
        work: `Work`.
    """

    def __init__(self, Gs, identity, metrics, tools, labels, seed, cache, work):
        self.Gs, self.seed, self.work = Gs, seed, work
        self._identity, self._pending, self._tools, self._cache = identity, list(metrics), tools, cache
        self._labels, self._labels_identity = labels
        self._fakes = Fakes(Gs, work.minibatch_size, work.num_gpus, seed, self._labels)
        self._read, self._is_together = {}, True

    def fakes(self, metric):
        """What a metric's network says of the fakes, float32 [number of the metric's fakes, ...].

        The first call reads it for all metrics that have not been finished, as far as that is possible.
        """
        reading = self._reading(metric)
        if reading.place not in self._read and self._is_together:
            try:
                self._read_fakes(self._readings_of_all())
            except (UserError, tf.errors.OpError):  # perhaps of one network only; each metric is to find its own
                self._is_together = False
        if reading.place not in self._read:
            with self._errors_as_sentences(metric):
                self._open(metric)
                self._read_fakes({reading.place: reading})
        return self._read[reading.place][: reading.count]

    def distances(self, metric, pair_distance):
        """Distances on paths, float32 [number of paths, whole minibatches]."""
        paths = self._paths(metric, pair_distance)
        size = paths.minibatch_size
        pair_distance.open()
        reading = self._reading(metric)._replace(count=-(-metric.num_samples // size) * size)

        def batches(begin, end, _looks):
            with contextlib.closing(paths.batches(begin, end)) as minibatches:
                for distances in minibatches:
                    yield [distances]

        with self._errors_as_sentences(metric), self.work.bar(metric.name, reading.count, 'path') as bar:
            return stages.read([reading], size, batches, self._cache, bar)[0]

    def latents(self, count):
        """The fakes' latents in Z and W, the mapping's last layer: float32 [count, L] each."""
        mapping, size, stream = self.Gs.components.mapping, self.work.minibatch_size, latents_of(self.Gs, self.seed)
        points = [np.empty([count, shape[-1]], np.float32) for shape in (mapping.input_shape, mapping.output_shape)]
        for begin in range(0, count, size):
            end = min(begin + size, count)
            latents = stream.take(begin, end)
            points[0][begin:end] = latents
            points[1][begin:end] = mapping.run(latents, self._labels.take(begin, end))[:, -1]
        return points

    def drop(self, metric):
        """Deletes from the cache what has been read of this network for a metric."""
        self._cache.drop(self._reading(metric).place)

    def finish(self, metric):
        """Forgets what no other metric needs any more, in the cache too."""
        self._pending = [other for other in self._pending if other != metric]
        place = self._reading(metric).place
        if place not in [self._reading(other).place for other in self._pending]:
            self._cache.drop(place)
            self._read.pop(place, None)

    def _paths(self, metric, pair_distance):
        return Paths(
            self.Gs,
            metric,
            pair_distance,
            max(self.work.minibatch_size // 2, 1),
            self.work.num_gpus,
            self.seed,
            self._labels,
        )

    def _readings_of_all(self):
        """Dict of places to what all unfinished metrics want to know of the fakes; the largest number of each."""
        readings = {}
        for metric in self._pending:
            if not isinstance(metric, PathLength):
                with contextlib.suppress(UserError):  # which it meets again when its turn comes
                    self._open(metric)
                    reading = self._reading(metric)
                    other = readings.get(reading.place)
                    readings[reading.place] = reading if other is None or other.count < reading.count else other
        return readings

    def _read_fakes(self, readings):
        wanted = [reading for place, reading in readings.items() if place not in self._read]
        total = max(reading.count for reading in wanted)
        with self.work.memory_as_sentence(), self.work.bar('fakes', total, 'img') as bar:
            arrays = stages.read(wanted, self.work.minibatch_size, self._look_at, self._cache, bar)
        self._read.update((reading.place, array) for reading, array in zip(wanted, arrays))

    def _look_at(self, begin, end, looks):
        transforms = list(dict.fromkeys(look.transform for look in looks))
        for outputs in self._fakes.batches(begin, end, transforms):
            made = dict(zip(transforms, outputs))
            yield [look.finish(made[look.transform]) for look in looks]

    def _reading(self, metric):
        tool = self._tools(metric)
        key = {
            'generator': self._identity,
            'labels': self._labels_identity,
            'seed': self.seed,
            'network': tool.identity,
            **self.work.rounding,
        }
        if isinstance(metric, PathLength):
            fields = metric._asdict()
            key['path'] = [fields[name] for name in ('space', 'sampling', 'epsilon')]
            return stages.Reading(_PATHS, key, metric.num_samples, None)
        if isinstance(metric, LinearSeparability):
            return stages.Reading(_FAKES, key, metric.num_samples, _Look(tool, np.asarray))
        look = _Look(tflib.convert_images_to_uint8, lambda images: tool(images, self.work.num_gpus))
        return stages.Reading(_FAKES, key, metric.num_fakes, look)

    def _open(self, metric):
        """Opens the networks that look at images inside the generator's graph; the others open when they are called."""
        if isinstance(metric, LinearSeparability):
            self._tools(metric).open(self.Gs.output_shape[1:])

    def _errors_as_sentences(self, metric):
        return getattr(self._tools(metric), 'errors_as_sentences', contextlib.nullcontext)()
