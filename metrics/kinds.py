"""The kinds of metrics. Each states what it reads, and computes its values from these arrays by a pure function.

Arithmetic is imported only when values are computed, so that names and settings do not need SciPy.
"""

import dataclasses
from typing import ClassVar

import numpy as np

from dnnlib.random_streams import INFINITY_SUBSETS, KERNEL_SUBSETS
from metrics.readings import Path, Reading, classifiers, distance, feature_network

# How sentences call the extractors of `metrics.features`.
_EXTRACTOR_TITLES = {'inception': 'Inception features', 'onet': "O-Net's features of faces", 'lpips': 'LPIPS on VGG16'}


@dataclasses.dataclass(frozen=True)
class Metric:
    """A metric. All fields but `name` are its settings."""

    name: str

    needs_different_reals: ClassVar[bool] = False  # whether the metric must not see a real twice
    lower_is_better: ClassVar[bool] = True

    def settings(self):
        """Dict of the fields but the name, fit for JSON."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self) if field.name != 'name'}

    @property
    def value_names(self):
        """Names of the values it gives, a tuple; the first one decides which snapshot is best."""
        return (self.name,)

    @property
    def descriptions(self):
        """A description of each value, for a table; a tuple."""
        raise NotImplementedError

    def readings(self):
        """The `Reading`s whose arrays are the arguments of `values`, in the same order."""
        raise NotImplementedError

    def values(self, *arrays, seed, progress):
        """Computes the values; the same arrays and seed give the same values.

        Args:
            arrays: One for each of `readings()`.
            seed: Seed of random subsets and fits.
            progress: Function of (label, total, unit) that returns a function. That one passes items on and shows their
                progress.

        Returns:
            (values, details): a list of float, one for each of `value_names`; and for each of them a dict of
            intermediate results, fit for JSON, or None.
        """
        raise NotImplementedError

    @property
    def extractor(self):
        """The extractor of its images: (kind, name)."""
        return next(reading.extractor for reading in self.readings() if reading.extractor is not None)

    @property
    def num_compared(self):
        """How many reals it compares with; 0 for a metric that needs no dataset."""
        return max((reading.count for reading in self.readings() if reading.source == 'reals'), default=0)

    @property
    def needs_data(self):
        """Whether it compares with a dataset."""
        return self.num_compared > 0


@dataclasses.dataclass(frozen=True)
class _OfFeatures(Metric):
    features: str  # name of the feature network, a key of `metrics.features.FEATURE_NETWORKS`
    num_fakes: int  # generated images

    def _fakes(self):
        return Reading('fakes', self.num_fakes, feature_network(self.features))


@dataclasses.dataclass(frozen=True)
class _OfReals(_OfFeatures):
    num_reals: int  # real images, in file order, repeated when the dataset has fewer

    def _reals(self, *summary):
        return Reading('reals', self.num_reals, feature_network(self.features), summary=summary)


@dataclasses.dataclass(frozen=True)
class FrechetDistance(_OfReals):
    """A Frechet distance between features of generated and of real images."""

    @property
    def descriptions(self):
        return (f'Frechet distance of {_extractor_title(self.features)}, {self.num_fakes:,} images',)

    def readings(self):
        return self._reals('statistics'), self._fakes()

    def values(self, reals, fakes, *, seed, progress):
        from metrics.arithmetic.frechet import frechet_distance, statistics

        return [frechet_distance(statistics(fakes), reals)], [None]


@dataclasses.dataclass(frozen=True)
class InfiniteFrechet(_OfReals):
    """A Frechet distance extrapolated to infinitely many fakes (Chong & Forsyth 2020)."""

    smallest: int  # fewest fakes for a distance
    num_sizes: int  # number of distances; their numbers of fakes are evenly spaced, from the fewest to all

    @property
    def descriptions(self):
        return (f'Frechet distance of {_extractor_title(self.features)}, extrapolated to infinitely many images',)

    def readings(self):
        return self._reals('statistics'), self._fakes()

    def values(self, reals, fakes, *, seed, progress):
        from metrics.arithmetic.frechet_infinity import frechet_infinity

        random = np.random.RandomState([seed, INFINITY_SUBSETS])
        follow = progress(f'{self.name} distances', self.num_sizes, 'distance')
        value, distances = frechet_infinity(fakes, reals, self.smallest, self.num_sizes, random, follow)
        return [value], [{'distances': {str(size): found for size, found in distances.items()}}]


@dataclasses.dataclass(frozen=True)
class KernelDistance(_OfReals):
    """The kernel distance, KID, between features of generated and of real images (Binkowski et al. 2018)."""

    num_subsets: int
    subset_size: int

    needs_different_reals: ClassVar[bool] = True

    @property
    def descriptions(self):
        return (f'kernel distance of {_extractor_title(self.features)}, {self.num_fakes:,} images',)

    def readings(self):
        return self._reals(), self._fakes()

    def values(self, reals, fakes, *, seed, progress):
        from metrics.arithmetic.kernel_distance import kernel_distance

        random = np.random.RandomState([seed, KERNEL_SUBSETS])
        mean, deviation = kernel_distance(fakes, reals, self.num_subsets, self.subset_size, random)
        return [mean], [{'std': deviation}]


@dataclasses.dataclass(frozen=True)
class PrecisionRecall(_OfReals):
    """How many fakes lie among the reals, and how many reals among the fakes (Kynkaanniemi et al. 2019)."""

    neighbours: int  # k: an image's neighbourhood reaches to its k-th nearest neighbour

    needs_different_reals: ClassVar[bool] = True
    lower_is_better: ClassVar[bool] = False

    @property
    def value_names(self):
        return f'{self.name}_precision', f'{self.name}_recall'

    @property
    def descriptions(self):
        seen_by = f'by {_extractor_title(self.features)}, {self.num_fakes:,} images; higher is better'
        return f'share of the fakes among the reals {seen_by}', f'share of the reals among the fakes {seen_by}'

    def readings(self):
        return self._reals(), self._reals('radii', self.neighbours), self._fakes()

    def values(self, reals, reals_radii, fakes, *, seed, progress):
        from metrics.arithmetic.precision_recall import precision_recall, squared_radii

        found = precision_recall(fakes, reals, squared_radii(fakes, self.neighbours), reals_radii)
        return list(found), [None, None]


@dataclasses.dataclass(frozen=True)
class InceptionScore(_OfFeatures):
    """How certain a classifier is of each fake, and how varied all fakes are (Salimans et al. 2016)."""

    num_splits: int

    lower_is_better: ClassVar[bool] = False

    @property
    def value_names(self):
        """The mean over the splits, and their standard deviation."""
        return f'{self.name}_mean', f'{self.name}_std'

    @property
    def descriptions(self):
        return f'Inception Score, {self.num_fakes:,} images; higher is better', 'its standard deviation over the parts'

    def readings(self):
        return (self._fakes(),)

    def values(self, probabilities, *, seed, progress):
        from metrics.arithmetic.inception_score import inception_score

        return list(inception_score(probabilities, self.num_splits)), [None, None]


@dataclasses.dataclass(frozen=True)
class PathLength(Metric):
    """How much images change along paths between latents (Karras et al., section 4.1)."""

    distance: str  # name of the distance of two images, a key of `metrics.features.DISTANCES`
    space: str  # see `metrics.readings.Path`
    sampling: str
    num_samples: int  # steps, each on a path of its own; made in whole minibatches
    epsilon: float

    @property
    def descriptions(self):
        where = {'full': 'full paths', 'end': 'path endpoints'}[self.sampling]
        return (f'path length for {where} in {self.space.upper()} by {_extractor_title(self.distance)}',)

    def readings(self):
        path = Path(self.space, self.sampling, self.epsilon)
        return (Reading('paths', self.num_samples, distance(self.distance), path),)

    def values(self, distances, *, seed, progress):
        from metrics.arithmetic.path_length import mean_of_inner

        return [mean_of_inner(distances)], [None]


@dataclasses.dataclass(frozen=True)
class LinearSeparability(Metric):
    """How well planes divide latents by attributes of the images (Karras et al., section 4.2)."""

    classifiers: str  # prefix of the names of the published classifiers
    num_samples: int  # generated images
    num_keep: int  # samples used for an attribute: its classifier is most certain of them

    @property
    def value_names(self):
        """The value of the latents, and the value of the dlatents."""
        return f'{self.name}_z', f'{self.name}_w'

    @property
    def descriptions(self):
        return 'linear separability in Z', 'linear separability in W'

    def readings(self):
        extractor = classifiers(self.classifiers)
        return (
            Reading('fakes', self.num_samples, extractor),
            Reading('latents', self.num_samples),
            Reading('dlatents', self.num_samples),
            Reading('attributes', 0, extractor),
        )

    def values(self, probabilities, latents, dlatents, names, *, seed, progress):
        from metrics.arithmetic.separability import fit_processes, separability

        points, predictions = [latents, dlatents], probabilities.transpose(1, 0, 2)
        processes = fit_processes(self.num_keep, max(space.shape[1] for space in points))
        follow = progress(f'{self.name} fits', len(points) * len(names), 'fit')
        spaces = separability(points, predictions, self.num_keep, seed, processes, follow)
        details = [
            {
                'entropies': {str(name): entropy for name, entropy in zip(names, space.entropies)},
                'failed_fits': [str(names[position]) for position in space.failed],
            }
            for space in spaces
        ]
        return [space.score for space in spaces], details


def _extractor_title(name):
    return _EXTRACTOR_TITLES.get(name, name)
