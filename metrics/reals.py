"""Readings of a dataset: features, and summaries of features. The cache keeps them for later measurements."""

import numpy as np

from dnnlib.errors import UserError
from metrics import stages
from metrics.arithmetic.frechet import Statistics, statistics
from metrics.arithmetic.precision_recall import squared_radii
from metrics.batches import real_batches

_PLACE = 'reals'

# Summaries by name: functions of the features and of the summary's arguments that return a dict of arrays.
_SUMMARIES = {
    'statistics': lambda features: statistics(features)._asdict(),
    'radii': lambda features, neighbours: {'radii': squared_radii(features, neighbours)},
}


class Reals:
    """The reals of a dataset. Readings are kept in memory too.

    Args:
        dataset: An open dataset, as from `dnnlib.records.datasets.open_dataset`.
        mirror: Whether each real is flipped horizontally with probability 1/2.
        seed: Seed of the flips.
        cache: `metrics.cache.StageCache`.
    """

    def __init__(self, dataset, mirror, seed, cache):
        self._dataset, self._mirror, self._seed, self._cache = dataset, mirror, seed, cache
        self._known, self._contents = {}, {}

    def identity(self, count):
        """Identity of the first `count` reals, with their mirroring; fit for JSON."""
        used = min(count, self._dataset.num_images)
        if used not in self._contents:
            self._contents[used] = self._content_digest(used)
        return {
            'dataset': self._contents[used],
            'shape': list(self._dataset.shape),
            'mirror': self._mirror,
            'seed': self._seed if self._mirror else None,
        }

    def read(self, reading, extractor, work):
        """The array of a `metrics.readings.Reading` of reals.

        Args:
            reading: `metrics.readings.Reading` with the source 'reals'.
            extractor: `metrics.features.extractor.FeatureNetwork`.
            work: `metrics.generator.Work`.

        Returns:
            Without a summary the features, float32 [N, F]; else `metrics.arithmetic.frechet.Statistics`, or squared
            radii float [N].
        """
        known = reading, work.minibatch_size
        if known not in self._known:
            column = self._column(reading, extractor, work)
            read = self._summarise if reading.summary else self._features
            self._known[known] = read(reading, column, work)
        return self._known[known]

    def _column(self, reading, extractor, work):
        key = {**self.identity(reading.count), 'network': extractor.identity, **work.rounding}
        return stages.Column(_PLACE, key, reading.count, extractor)

    def _features(self, reading, column, work):
        def batches(begin, end, _extractors):
            for images in real_batches(self._dataset, begin, end, work.minibatch_size, self._mirror, self._seed):
                yield [column.extractor(images, work.num_gpus)]

        try:
            with work.bar(f'{reading.extractor[1]} reals', reading.count, 'img') as bar:
                return stages.read([column], work.minibatch_size, batches, self._cache, bar)[0]
        except UserError:
            self._cache.drop(column.place)
            raise

    def _summarise(self, reading, column, work):
        """A summary, from the cache or from the features. Features read for this only are not kept in memory."""
        summary, *arguments = reading.summary
        key = {**column.key, 'what': list(reading.summary), 'count': reading.count}
        arrays = self._cache.load(column.place, key)
        if arrays is None:
            plain = reading._replace(summary=())
            features = self._known.get((plain, work.minibatch_size))
            arrays = _SUMMARIES[summary](
                self._features(plain, column, work) if features is None else features, *arguments
            )
            if not all(np.isfinite(array).all() for array in arrays.values()):
                raise UserError(
                    f'Features of the reals in {self._dataset.folder} are no numbers or too large: check the dataset '
                    'with python -m dnnlib.verify.'
                )
            self._cache.save(column.place, key, **arrays)
        return Statistics(**arrays) if summary == 'statistics' else arrays['radii']

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
