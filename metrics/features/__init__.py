"""What metrics look at images with, by name: feature networks, distances and classifiers.

A feature network is a callable: (uint8 images [N, C, H, W], number of GPUs) to float32 features [N, F]; its `identity`
is a text that tells other weights. For distances see `metrics.features.distances`.
"""

import config
from dnnlib.download.published import fetch_published


def open_feature_network(name, offline=False):
    """Gets everything a feature network needs, downloading it if it must be; builds no graph yet.

    Args:
        name: A key of `FEATURE_NETWORKS`.
        offline: Do not download.

    Returns:
        The callable.

    Raises:
        UserError: Its file cannot be had, or is not trusted; the message says what to do.
    """
    return FEATURE_NETWORKS[name](offline)


def _open_onet(_offline):
    from metrics.features.onet import ONet  # here, so that only those who use it read the weights

    return ONet()


def _open_inception(name):
    def open_it(offline):
        from metrics.features.inception import Inception

        return Inception(fetch_published(name, offline))

    return open_it


FEATURE_NETWORKS = {'onet': _open_onet, **{name: _open_inception(name) for name in ('inception', 'inception-softmax')}}


def open_distance(name, offline=False):
    """Gets everything a distance of two images needs, as `open_feature_network` does.

    Args:
        name: A key of `DISTANCES`.
        offline: Do not download.

    Returns:
        A distance, see `metrics.features.distances`.

    Raises:
        UserError: Its file cannot be had, or is not trusted; the message says what to do.
    """
    return DISTANCES[name](offline)


def _open_lpips(offline):
    from metrics.features.distances import Perceptual

    return Perceptual(fetch_published('vgg16-zhang-perceptual', offline))


def _open_onet_distance(_offline):
    from metrics.features.distances import ONetDistance

    return ONetDistance()


DISTANCES = {'lpips': _open_lpips, 'onet': _open_onet_distance}


def open_classifiers(name, offline=False):
    """Gets the classifiers of attributes, as `open_feature_network` does.

    Args:
        name: What the names of their networks begin with in `config.NETWORKS`.
        offline: Do not download.

    Returns:
        `metrics.features.classifiers.Classifiers`.

    Raises:
        UserError: A file cannot be had, or is not trusted; the message says what to do.
    """
    from metrics.features.classifiers import Classifiers

    networks = {network[len(name) + 1 :]: network for network in config.NETWORKS if network.startswith(name + '-')}
    return Classifiers({attribute: fetch_published(network, offline) for attribute, network in networks.items()})
