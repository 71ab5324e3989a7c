"""Feature networks by name. Each is a callable: uint8 images [N, C, H, W] to float32 features [N, F]."""

from dnnlib.download import fetch


def open_feature_network(name, published, cache_dir):
    """Gets everything a feature network needs, downloading it if it must be; builds no graph yet.

    Args:
        name: A key of `FEATURE_NETWORKS`.
        published: Table of published networks, `config.NETWORKS`.
        cache_dir: Folder of downloaded files.

    Returns:
        The callable.

    Raises:
        UserError: Its file cannot be had; the message says which file to put where.
    """
    return FEATURE_NETWORKS[name](published, cache_dir)


def _open_onet(published, cache_dir):
    from metrics.onet import ONet  # here, so that only those who use it read the weights

    return ONet()


def _open_inception(published, cache_dir):
    from metrics.inception import Inception

    entry = published['inception']
    return Inception(fetch(entry, cache_dir), entry['sha256'])


FEATURE_NETWORKS = {'onet': _open_onet, 'inception': _open_inception}
