"""What a metric states that it reads: plain descriptions, which need neither TensorFlow nor any file."""

from typing import NamedTuple, Optional, Tuple


class Path(NamedTuple):
    """Where the steps of a path length lie."""

    space: str  # 'z': spherical paths between latents; 'w': straight ones between dlatents
    sampling: str  # 'full': anywhere on the path; 'end': at its beginning
    epsilon: float  # length of a step, of the path's


class Reading(NamedTuple):
    """One array that a metric reads. Equal readings of several metrics are read once."""

    source: str  # 'reals', 'fakes', 'paths', 'latents', 'dlatents' or 'attributes'
    count: int  # images, steps on paths, or latents
    extractor: Optional[Tuple[str, str]] = None  # what looks at the images: its kind and name, see `metrics.features`
    path: Optional[Path] = None  # of 'paths'
    summary: Tuple = ()  # of 'reals': name and arguments of a summary, see `metrics.reals`; () is the features


def feature_network(name):
    """The extractor of features, by a key of `metrics.features.FEATURE_NETWORKS`."""
    return 'features', name


def distance(name):
    """The extractor of distances between two images, by a key of `metrics.features.DISTANCES`."""
    return 'distance', name


def classifiers(name):
    """The extractor of probabilities of attributes, by what its networks' names begin with in `config.NETWORKS`."""
    return 'classifiers', name
