"""Extractors, by kind and name: feature networks, distances between two images, classifiers of attributes.

Nothing here imports TensorFlow before an extractor is opened.
"""

import config
from dnnlib.download.published import fetch_published


def open_extractor(kind, name, offline=False):
    """Makes an extractor, and downloads its files if necessary. Builds no graph.

    Args:
        kind: 'features', 'distance' or 'classifiers'.
        name: A key of `FEATURE_NETWORKS` or of `DISTANCES`; or the prefix of the classifiers' names in
            `config.NETWORKS`.
        offline: Do not download.

    Returns:
        An `Extractor`; for 'features', a `FeatureNetwork`.

    Raises:
        UserError: A file cannot be downloaded, or is not trusted; the message says what to do.
    """
    if kind == 'classifiers':
        return _open_classifiers(name, offline)
    return (DISTANCES if kind == 'distance' else FEATURE_NETWORKS)[name](offline)


def _open_onet(_offline):
    from metrics.features.onet import ONet  # here, because it reads the weights and starts TensorFlow

    return ONet()


def _open_inception(offline):
    from metrics.features.inception import Inception

    return Inception(fetch_published('inception', offline))


def _open_inception_classes(offline):
    from metrics.features.inception import InceptionClasses

    return InceptionClasses(fetch_published('inception-softmax', offline))


def _open_lpips(offline):
    from metrics.features.distances import PairDistance, Perceptual

    return PairDistance(Perceptual(fetch_published('vgg16-zhang-perceptual', offline)))


def _open_onet_distance(_offline):
    from metrics.features.distances import ONetDistance, PairDistance

    return PairDistance(ONetDistance())


def _open_classifiers(name, offline):
    from metrics.features.classifiers import Classifiers

    networks = {network[len(name) + 1 :]: network for network in config.NETWORKS if network.startswith(name + '-')}
    return Classifiers({attribute: fetch_published(network, offline) for attribute, network in networks.items()})


FEATURE_NETWORKS = {'onet': _open_onet, 'inception': _open_inception, 'inception-softmax': _open_inception_classes}
DISTANCES = {'lpips': _open_lpips, 'onet': _open_onet_distance}
