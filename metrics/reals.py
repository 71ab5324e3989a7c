"""What metrics want to know of a dataset: features, and what follows from these alone. The cache keeps it for good."""

import numpy as np

from dnnlib.errors import UserError
from metrics import stages
from metrics.arithmetic.frechet import Statistics, statistics
from metrics.arithmetic.precision_recall import squared_radii
from metrics.batches import real_batches

_PLACE = 'reals'


class Reals:
    """The reals of one dataset. What was asked for once is kept in memory too.

    Args:
        dataset: An open `dnnlib.records.tfrecords.MultiResolutionDataset`.
        mirror: Whether each real is flipped horizontally with probability 1/2.
        seed: Of the flips.
        cache: `metrics.cache.StageCache`.
    """

    def __init__(self, dataset, mirror, seed, cache):
        self._dataset, self._mirror, self._seed, self._cache = dataset, mirror, seed, cache
        self._known, self._contents = {}, {}

    def identity(self, count):
        """What tells the first `count` reals, and how they are shown, from any others; fit for JSON."""
        used = min(count, self._dataset.num_images)
        if used not in self._contents:
            self._contents[used] = self._content_digest(used)
        return {
            'dataset': self._contents[used],
            'shape': list(self._dataset.shape),
            'mirror': self._mirror,
            'seed': self._seed if self._mirror else None,
        }

    def features(self, metric, network, work):
        """Features of the reals that a metric compares with, float32 [N, F], of a feature network."""
        reading = self._reading(metric, network, work)
        key = 'features', metric.features, metric.num_reals, work.minibatch_size
        if key not in self._known:
            self._known[key] = self._read(metric, reading, work)
        return self._known[key]

    def statistics(self, metric, network, work):
        """Their `metrics.arithmetic.frechet.Statistics`."""

        def compute():
            known = self._known.get(('features', metric.features, metric.num_reals, work.minibatch_size))
            features = self._read(metric, self._reading(metric, network, work), work) if known is None else known
            return statistics(features)._asdict()

        return Statistics(**self._stage('statistics', metric, network, work, compute))

    def radii(self, metric, network, work):
        """Their `metrics.arithmetic.precision_recall.squared_radii`, float [N]."""
        return self._stage(
            'radii',
            metric,
            network,
            work,
            lambda: {'radii': squared_radii(self.features(metric, network, work), metric.neighbours)},
            neighbours=metric.neighbours,
        )['radii']

    def _reading(self, metric, network, work):
        key = {**self.identity(metric.num_reals), 'network': network.identity, **work.rounding}
        return stages.Reading(_PLACE, key, metric.num_reals, network)

    def _read(self, metric, reading, work):
        def batches(begin, end, _looks):
            for images in real_batches(self._dataset, begin, end, work.minibatch_size, self._mirror, self._seed):
                yield [reading.look(images, work.num_gpus)]

        try:
            with work.bar(f'{metric.features} reals', metric.num_reals, 'img') as bar:
                return stages.read([reading], work.minibatch_size, batches, self._cache, bar)[0]
        except UserError:
            self._cache.drop(reading.place)
            raise

    def _stage(self, what, metric, network, work, compute, **more):
        memory_key = (what, metric.features, metric.num_reals, work.minibatch_size, *more.values())
        if memory_key not in self._known:
            reading = self._reading(metric, network, work)
            key = {**reading.key, 'what': what, 'count': metric.num_reals, **more}
            arrays = self._cache.load(reading.place, key)
            if arrays is None:
                arrays = compute()
                if not all(np.isfinite(array).all() for array in arrays.values()):
                    raise UserError(
                        f'{metric.name}: features of the reals in {self._dataset.folder} are no numbers or '
                        'too large: check the dataset with python -m dnnlib.verify.'
                    )
                self._cache.save(reading.place, key, **arrays)
            self._known[memory_key] = arrays
        return self._known[memory_key]

    def _content_digest(self, count):
        if self._cache.folder is None:
            return None
        place, key = ('datasets',), {'stamp': self._dataset.stamp(), 'count': count}
        stored = self._cache.load(place, key)
        if stored is not None:
            return str(stored['digest'])
        found = self._dataset.content_digest(count)
        self._cache.save(place, key, digest=np.array(found))
        return found
