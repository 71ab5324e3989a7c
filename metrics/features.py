"""Feature networks by name. Each is a callable: uint8 images [N, C, H, W] to float32 features [N, F]."""

from dnnlib.published import fetch_published


def open_feature_network(name, offline=False):
    """Gets everything a feature network needs, downloading it if it must be; builds no graph yet.

    Args:
        name: A key of `FEATURE_NETWORKS`.
        offline: Do not download.

    Returns:
        The callable.

    Raises:
        UserError: Its file cannot be had, or is not trusted; the message says the mend.
    """
    return FEATURE_NETWORKS[name](offline)


def _open_onet(_offline):
    from metrics.onet import ONet  # here, so that only those who use it read the weights

    return ONet()


def _open_inception(offline):
    from metrics.inception import Inception

    return Inception(fetch_published('inception', offline))


FEATURE_NETWORKS = {'onet': _open_onet, 'inception': _open_inception}
