"""Names of the original StyleGAN code that its users' scripts take from `dnnlib` and `dnnlib.util`.

`dnnlib` and `dnnlib.util` look here for some names that they do not have themselves. What scripts take from
`dnnlib.tflib` is in `dnnlib.tflib.original`, and from `training.misc` there.
"""

import os
from typing import Any, BinaryIO, Optional

from dnnlib.download import fetch
from dnnlib.download.published import check_source, find_entry
from dnnlib.errors import UserError, disk_errors
from dnnlib.network_file import read_network_file
from dnnlib.own_modules import own_module


def open_url(
    url: str, cache_dir: Optional[str] = None, num_attempts: Optional[int] = None, verbose: Optional[bool] = None
) -> BinaryIO:
    """Opens a network pickle that a URL, a path or the name of a published network stands for.

    `pickle.load` makes networks of it in the default session. Like any `pickle.load`, it trusts the file;
    `dnnlib.tflib.load_networks(url)` does not, and gives the same.

    Args:
        url: A URL is downloaded once, and goes on where a connection broke.
        cache_dir: Folder of the download; None: `config.CACHE_DIR`.
        num_attempts, verbose: The original code's; downloads are tried again, and shown, as they always are here.

    Returns:
        The open file.

    Raises:
        UserError: There is no such file or network, or it cannot be downloaded.
    """
    check_source(url)
    path = url
    if not os.path.exists(url):
        config = own_module('config')
        known = next((entry for entry in config.NETWORKS.values() if entry['url'] == url), find_entry(url))
        path = fetch(known or url, cache_dir or config.CACHE_DIR, False, read_network_file)
    with disk_errors('read', path):
        return open(path, 'rb')


class Gone:
    """Something of the original code that this project does in another way: any use is a sentence.

    Args:
        name: As scripts call it.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self, *args, **kwargs):
        raise self._error()

    def __getattr__(self, name):
        if name.startswith('_'):  # tools look for such names; scripts do not
            raise AttributeError(name)
        raise self._error()

    def _error(self):
        return UserError(
            f'{self._name} starts programs of the original code; here, type python train.py --help to train, and see '
            'docs/networks.md for the rest.'
        )


def find_name(module: str, name: str) -> Any:
    """What a module gives for one of `dnnlib.util.ORIGINAL_NAMES`."""
    return open_url if name == 'open_url' else Gone(f'{module}.{name}')
