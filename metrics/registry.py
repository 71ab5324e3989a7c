"""The metrics, by name, with their full settings. A name always means the same settings."""

import click

from dnnlib.errors import UserError
from metrics.kinds import (
    FrechetDistance,
    InceptionScore,
    InfiniteFrechet,
    KernelDistance,
    LinearSeparability,
    PathLength,
    PrecisionRecall,
)

_PATHS = tuple((space, sampling) for sampling in ('full', 'end') for space in 'zw')  # in the order of Table I

METRICS = {
    metric.name: metric
    for metric in (
        # The paper's, Table I.
        FrechetDistance('fid50k', 'inception', 50000, 50000),
        *(PathLength(f'ppl_{space}{sampling}', 'lpips', space, sampling, 100000, 1e-4) for space, sampling in _PATHS),
        LinearSeparability('ls', 'celebahq-classifier', 200000, 100000),
        # What others report.
        FrechetDistance('fid5k', 'inception', 5000, 5000),
        InfiniteFrechet('fid_inf', 'inception', 50000, 50000, smallest=5000, num_sizes=15),
        KernelDistance('kid50k', 'inception', 50000, 50000, num_subsets=100, subset_size=1000),
        PrecisionRecall('pr50k3', 'inception', 50000, 50000, neighbours=3),
        InceptionScore('is50k', 'inception-softmax', 50000, num_splits=10),
        # These need no download, and know faces. They are no FID and no perceptual distance.
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
    'onet5k': ('fd_onet5k', *(f'pl_onet5k_{path}' for path in _SUFFIXES)),  # like table1, without a download
}


def is_lower_better(value):
    """Whether a lower number is better, by the name of a value; True for an unknown name."""
    return next((metric.lower_is_better for metric in METRICS.values() if value in metric.value_names), True)


def decisive_value(metrics):
    """The value that decides which snapshot is best: the first one of the first metric; None without metrics."""
    return metrics[0].value_names[0] if metrics else None


def find_value(name):
    """(name of the metric, name of its value) for an argument of `--best`, which may be either name.

    Raises:
        click.UsageError: There is no such metric or value.
    """
    values = {
        value: metric.name for metric in METRICS.values() for value in metric.value_names if not value.endswith('_std')
    }  # a standard deviation is neither better nor worse
    if name in values:
        return values[name], name
    if name in METRICS:
        return name, METRICS[name].value_names[0]
    raise click.UsageError(f'--best {name}: choose from {", ".join(sorted(values))}.')


def parse_metrics(text):
    """The names in the text of an option `--metrics`.

    Args:
        text: Names of metrics or of `GROUPS`, separated by commas; or 'none'.

    Returns:
        List of names, each once, in that order.

    Raises:
        click.UsageError: A name is unknown, or `none` stands beside others.
    """
    names = [name.strip() for name in text.split(',')]
    if names == ['none']:
        return []
    if 'none' in names:
        raise click.UsageError(f'--metrics {text}: none cannot be combined with other names.')
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


def check_enough_reals(metric, dataset):
    """Raises a UserError if a `Metric` needs more different reals than a dataset has."""
    if metric.needs_different_reals and metric.num_compared > dataset.num_images:
        raise UserError(
            f'{metric.name} needs {metric.num_compared} different reals, and dataset {dataset.folder} '
            f'has {dataset.num_images}: choose a larger dataset, or other --metrics.'
        )
