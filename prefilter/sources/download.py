"""Downloads LFW, from the address and with the checksum of scikit-learn's `fetch_lfw_people`."""

import os

from dnnlib.download import fetch


def fetch_lfw(folder):
    """Downloads the original (not funneled) images of LFW unless they are there: about 200 MB, checked by SHA-256.

    Args:
        folder: Where the archive is kept; made when missing.

    Returns:
        Path of lfw.tgz, to be read in place.

    Raises:
        UserError: It cannot be downloaded, or is not the published file; says which file to put where.
    """
    from sklearn.datasets._lfw import ARCHIVE  # here: the import takes a second

    entry = {'url': ARCHIVE.url, 'file': ARCHIVE.filename, 'size': None, 'sha256': ARCHIVE.checksum}
    return fetch(entry, os.fspath(folder))
