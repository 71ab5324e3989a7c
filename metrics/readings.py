"""Descriptions of what a metric reads. They need neither TensorFlow nor any file."""

from typing import NamedTuple, Optional, Tuple


class Path(NamedTuple):
    """The paths of a path length, and the place of the step on them."""

    space: str  # 'z': spherical paths between latents; 'w': straight paths between dlatents
    sampling: str  # place of the step. 'full': anywhere on the path; 'end': at its beginning
    epsilon: float  # length of the step, as a share of the path's length


class Reading(NamedTuple):
    """One array that a metric reads. Equal readings of several metrics are read once."""

    source: str  # 'reals', 'fakes', 'paths', 'latents', 'dlatents' or 'attributes'
    count: int  # images, steps on paths, or latents
    extractor: Optional[Tuple[str, str]] = None  # kind and name, see `metrics.features`
    path: Optional[Path] = None  # for 'paths'
    summary: Tuple = ()  # for 'reals': name and arguments of a summary, see `metrics.reals`; (): the features


def feature_network(name):
    """The extractor of features, by a key of `metrics.features.FEATURE_NETWORKS`."""
    return 'features', name


def distance(name):
    """The extractor of distances between two images, by a key of `metrics.features.DISTANCES`."""
    return 'distance', name


def classifiers(name):
    """The extractor of probabilities of attributes, by the prefix of its networks' names in `config.NETWORKS`."""
    return 'classifiers', name
