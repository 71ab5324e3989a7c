"""What each metric's name means: its full settings, in one place, so that a name means one thing."""

from typing import NamedTuple

import click

# What looks at images, by its name in `metrics.features`, for sentences.
_SEEN_BY = {'inception': 'Inception features', 'onet': "O-Net's features of faces", 'lpips': 'LPIPS on VGG16'}


def _seen_by(name):
    return _SEEN_BY.get(name, name)


_OWN_NAME = property(lambda metric: (metric.name,), doc='Names of the values it gives.')


class FrechetDistance(NamedTuple):
    """A Frechet distance between features of generated and of real images."""

    name: str
    features: str  # name of the feature network, a key of `metrics.features.FEATURE_NETWORKS`
    num_fakes: int  # generated images
    num_reals: int  # real images, in file order, repeated when the dataset has fewer

    needs_data = True  # compares with a dataset
    needs_different_reals = False
    lower_is_better = True

    values = _OWN_NAME

    @property
    def descriptions(self):
        """What each of the values is, for a table."""
        return (f'Frechet distance of {_seen_by(self.features)}, {self.num_fakes:,} images',)


class InfiniteFrechet(NamedTuple):
    """A Frechet distance extrapolated to infinitely many fakes (Chong & Forsyth 2020)."""

    name: str
    features: str
    num_fakes: int
    num_reals: int
    smallest: int  # fewest fakes of which a distance is taken
    num_sizes: int  # distances taken, evenly from the fewest to all

    needs_data = True
    needs_different_reals = False
    lower_is_better = True

    values = _OWN_NAME

    @property
    def descriptions(self):
        """What each of the values is, for a table."""
        return (f'Frechet distance of {_seen_by(self.features)}, extrapolated to infinitely many images',)


class KernelDistance(NamedTuple):
    """The kernel distance, KID, between features of generated and of real images (Binkowski et al. 2018)."""

    name: str
    features: str
    num_fakes: int
    num_reals: int  # different ones
    num_subsets: int
    subset_size: int

    needs_data = True
    needs_different_reals = True  # repeated ones would change its value
    lower_is_better = True

    values = _OWN_NAME

    @property
    def descriptions(self):
        """What each of the values is, for a table."""
        return (f'kernel distance of {_seen_by(self.features)}, {self.num_fakes:,} images',)


class PrecisionRecall(NamedTuple):
    """How many fakes lie among the reals, and how many reals among the fakes (Kynkaanniemi et al. 2019)."""

    name: str
    features: str
    num_fakes: int
    num_reals: int  # different ones
    neighbours: int  # k: around each image, what is as near as its k-th neighbour counts as among them

    needs_data = True
    needs_different_reals = True  # repeated ones would change its value
    lower_is_better = False

    @property
    def values(self):
        """Names of the values it gives."""
        return f'{self.name}_precision', f'{self.name}_recall'

    @property
    def descriptions(self):
        """What each of the values is, for a table."""
        seen_by = f'by {_seen_by(self.features)}, {self.num_fakes:,} images; higher is better'
        return f'share of the fakes among the reals {seen_by}', f'share of the reals among the fakes {seen_by}'


class InceptionScore(NamedTuple):
    """How certain a classifier is of each fake, and how uncertain of all (Salimans et al. 2016)."""

    name: str
    features: str  # a network that gives the probabilities of classes
    num_fakes: int
    num_splits: int

    needs_data = False
    needs_different_reals = False
    lower_is_better = False

    @property
    def values(self):
        """Names of the values it gives: the mean over the splits, and their standard deviation."""
        return f'{self.name}_mean', f'{self.name}_std'

    @property
    def descriptions(self):
        """What each of the values is, for a table."""
        return f'Inception Score, {self.num_fakes:,} images; higher is better', 'its standard deviation over the parts'


class PathLength(NamedTuple):
    """How much images change along paths between latents (Karras et al., section 4.1)."""

    name: str
    distance: str  # name of the distance of two images, a key of `metrics.features.DISTANCES`
    space: str  # 'z': spherical paths between latents; 'w': straight ones between dlatents
    sampling: str  # 'full': anywhere on the path; 'end': at its beginning
    num_samples: int  # steps, each on a path of its own; made in whole minibatches
    epsilon: float  # length of a step, of the path's

    needs_data = False
    needs_different_reals = False
    lower_is_better = True

    values = _OWN_NAME

    @property
    def descriptions(self):
        """What each of the values is, for a table."""
        where = {'full': 'full paths', 'end': 'path endpoints'}[self.sampling]
        return (f'path length for {where} in {self.space.upper()} by {_seen_by(self.distance)}',)


class LinearSeparability(NamedTuple):
    """How well planes divide latents by attributes of the images (Karras et al., section 4.2)."""

    name: str
    classifiers: str  # what the names of the published classifiers begin with
    num_samples: int  # generated images
    num_keep: int  # of these, how many count for an attribute: those that its classifier is most certain of

    needs_data = False
    needs_different_reals = False
    lower_is_better = True

    @property
    def values(self):
        """Names of the values it gives: that of the latents, and that of the dlatents."""
        return f'{self.name}_z', f'{self.name}_w'

    @property
    def descriptions(self):
        """What each of the values is, for a table."""
        return 'linear separability in Z', 'linear separability in W'


_PATHS = tuple((space, sampling) for sampling in ('full', 'end') for space in 'zw')  # in the order of Table I

METRICS = {
    metric.name: metric
    for metric in (
        # The paper's, Table I.
        FrechetDistance('fid50k', 'inception', 50000, 50000),
        *(PathLength(f'ppl_{space}{sampling}', 'lpips', space, sampling, 100000, 1e-4) for space, sampling in _PATHS),
        LinearSeparability('ls', 'celebahq-classifier', 200000, 100000),
        # What others report today.
        FrechetDistance('fid5k', 'inception', 5000, 5000),
        InfiniteFrechet('fid_inf', 'inception', 50000, 50000, smallest=5000, num_sizes=15),
        KernelDistance('kid50k', 'inception', 50000, 50000, num_subsets=100, subset_size=1000),
        PrecisionRecall('pr50k3', 'inception', 50000, 50000, neighbours=3),
        InceptionScore('is50k', 'inception-softmax', 50000, num_splits=10),
        # What needs no download, and knows faces; not an FID, and no perceptual distance.
        FrechetDistance('fd_onet5k', 'onet', 5000, 5000),
        InfiniteFrechet('fd_onet5k_inf', 'onet', 5000, 5000, smallest=1000, num_sizes=15),
        KernelDistance('kd_onet5k', 'onet', 5000, 5000, num_subsets=100, subset_size=1000),
        PrecisionRecall('pr_onet5k3', 'onet', 5000, 5000, neighbours=3),
        *(
            PathLength(f'pl_onet5k_{space}{sampling}', 'onet', space, sampling, 5000, 1e-2)
            for space, sampling in _PATHS
        ),
    )
}

# Names of several metrics at once.
_SUFFIXES = tuple(space + sampling for space, sampling in _PATHS)
GROUPS = {
    'table1': ('fid50k', *(f'ppl_{path}' for path in _SUFFIXES), 'ls'),
    'onet5k': ('fd_onet5k', *(f'pl_onet5k_{path}' for path in _SUFFIXES)),  # in its shape, without a download
}


def is_lower_better(value):
    """Whether of two numbers the lower is better, by the name of a value; so it is of those nobody knows any more."""
    return next((metric.lower_is_better for metric in METRICS.values() if value in metric.values), True)


def decisive_value(metrics):
    """The value that decides which snapshot is best: the first one of the first metric; None without metrics."""
    return metrics[0].values[0] if metrics else None


def find_value(name):
    """What `--best` means: (name of a metric, name of a value of it), by the name of either.

    Raises:
        click.UsageError: There is no such metric or value.
    """
    values = {
        value: metric.name for metric in METRICS.values() for value in metric.values if not value.endswith('_std')
    }  # a deviation is neither better nor worse
    if name in values:
        return values[name], name
    if name in METRICS:
        return name, METRICS[name].values[0]
    raise click.UsageError(f'--best {name}: choose from {", ".join(sorted(values))}.')


def parse_metrics(text):
    """The names in the text of an option `--metrics`.

    Args:
        text: Names of metrics or of `GROUPS`, separated by commas; 'none' alone is no metric.

    Returns:
        List of names, each once, in that order.

    Raises:
        click.UsageError: A name is unknown, or `none` stands beside others.
    """
    names = [name.strip() for name in text.split(',')]
    if names == ['none']:
        return []
    if 'none' in names:
        raise click.UsageError(f'--metrics {text}: none stands alone, or not at all.')
    names = [single for name in names for single in GROUPS.get(name, [name])]
    return [metric.name for metric in find_metrics(names)]


def find_metrics(names):
    """The metrics of the given names, each once, in that order.

    Args:
        names: Strings; none of them is no metric.

    Raises:
        click.UsageError: A name is unknown.
    """
    unknown = [name for name in names if name not in METRICS]
    if unknown:
        raise click.UsageError(
            '--metrics {}: choose from {}.'.format(','.join(unknown) or "''", ', '.join([*sorted(METRICS), *GROUPS]))
        )
    return [METRICS[name] for name in dict.fromkeys(names)]
