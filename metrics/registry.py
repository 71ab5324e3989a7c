"""What each metric's name means: its full settings, in one place, so that a name means one thing."""

from typing import NamedTuple

import click


class Metric(NamedTuple):
    """A Frechet distance between features of generated and of real images."""

    name: str
    features: str  # name of the feature network, a key of `metrics.features.FEATURE_NETWORKS`
    num_fakes: int  # generated images
    num_reals: int  # real images, in file order, repeated when the dataset has fewer


METRICS = {metric.name: metric for metric in (
    Metric('fid50k', 'inception', 50000, 50000),  # the paper's, Table I
    Metric('fd_onet5k', 'onet', 5000, 5000),  # needs no download and knows faces; not an FID
)}


def parse_metrics(text):
    """The names in the text of an option `--metrics`.

    Args:
        text: Names of metrics, separated by commas; 'none' alone is no metric.

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
            '--metrics {}: choose from {}.'.format(','.join(unknown) or "''", ', '.join(sorted(METRICS))))
    return [METRICS[name] for name in dict.fromkeys(names)]
