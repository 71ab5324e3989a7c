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


def find_metrics(names):
    """The metrics of the given names, each once, in that order.

    Args:
        names: Strings; none of them is no metric.

    Raises:
        click.UsageError: A name is unknown.
    """
    unknown = [name for name in names if name not in METRICS]
    if unknown:
        raise click.UsageError(f'--metrics {",".join(unknown)}: choose from {", ".join(sorted(METRICS))}.')
    return [METRICS[name] for name in dict.fromkeys(names)]
