"""Published networks: from a name to a file, and whose source text may run.

The table is `config.NETWORKS`; `config` imports nothing, so it lies below everything here.
"""

import difflib
import glob
import os
import re
from typing import Any, Callable, Dict, List, Optional

import click

from dnnlib.download import fetch
from dnnlib.errors import UserError, disk_errors
from dnnlib.files import Path, append_line
from dnnlib.network_file import read_network_file
from dnnlib.own_modules import own_module

config = own_module('config')  # a program that uses this package may have a config.py

METRIC_GROUP = 'metrics'  # names all metric networks at once
TRUST_FLAG = 'python -m dnnlib.download --trust-embedded-source'

_URL = re.compile('https?://', re.IGNORECASE)


def find_entry(name: str) -> Optional[Dict[str, Any]]:
    """The entry of a published network in `config.NETWORKS`, by its name there or the name of its file; else None."""
    by_file = {os.path.splitext(entry['file'])[0]: entry for entry in config.NETWORKS.values()}
    return config.NETWORKS.get(name) or by_file.get(name[: -len('.pkl')] if name.endswith('.pkl') else name)


def names_of_kind(kind: str) -> List[str]:
    """Names of all published networks of a kind, such as `config.METRIC`."""
    return [name for name, entry in config.NETWORKS.items() if entry['kind'] == kind]


def fetch_published(name: str, offline: bool = False) -> str:
    """Path of the file of a published network, downloaded into `config.CACHE_DIR` when it is not there yet.

    Raises:
        UserError: There is no such name, or the file cannot be downloaded; the message says what to do.
    """
    entry = find_entry(name)
    if entry is None:
        raise UserError(_unknown(name))
    return fetch(entry, config.CACHE_DIR, offline, read_network_file)


def check_source(source: str) -> None:
    """Raises `UserError` unless `source` is an existing path, a URL, or the name of a published network."""
    if not (os.path.exists(source) or _URL.match(source) or find_entry(source)):
        raise UserError(_unknown(source))


class NetworkSource(click.ParamType):
    """The type of a command's argument that goes to `resolve`."""

    name = 'source'

    def convert(self, value: Any, param: Optional[click.Parameter], ctx: Optional[click.Context]) -> str:
        """The value, unchanged, if `check_source` takes it."""
        try:
            check_source(value)
        except UserError as error:
            self.fail(error.message, param, ctx)
        return value


def offline_option(function: Callable) -> Callable:
    """The flag --offline of a command that takes networks."""
    return click.option('--offline', is_flag=True, help='Use only what is in the cache, without downloading.')(function)


def resolve(source: Path, offline: bool = False) -> str:
    """The path of a network that a user names.

    Args:
        source: An existing path, a URL, or the name of a published network; a path is tried first.
        offline: Do not download.

    Returns:
        An existing path.

    Raises:
        UserError: `source` is no path, URL or published name, or the file cannot be downloaded.
    """
    source = os.fspath(source)
    check_source(source)
    if os.path.exists(source):
        return source
    if _URL.match(source):
        return fetch(source, config.CACHE_DIR, offline, read_network_file)
    return fetch_published(source, offline)


def name_of(source: str) -> str:
    """The name of `source` in results: the name of a published network, or the file name of a file."""
    if os.path.exists(source):
        return os.path.basename(os.path.normpath(source))
    return next(
        (name for name, entry in config.NETWORKS.items() if entry is find_entry(source)), os.path.basename(source)
    )


def _unknown(source):
    close = _same_run_with_another_number(source) or difflib.get_close_matches(source, config.NETWORKS, n=3)
    hint = f' (perhaps {" or ".join(close)}?)' if close else ''
    return (
        f'{source}: there is no such file or folder, and no published network of that name{hint}; '
        'python -m dnnlib.download --list shows all names.'
    )


def _same_run_with_another_number(source):
    """Existing paths that differ from results/NNNNN-NAME, or a path in it, in the number only; the newest three."""
    found = re.fullmatch(r'(.*?)\d{5}(-[^/]+.*)', source)
    if found is None:
        return []
    before, after = map(glob.escape, found.groups())
    return sorted(glob.glob(before + 5 * '[0-9]' + after))[-3:]


# ----------------------------------------------------------------------------------------------------------------------
# Whose source text may run


def trusted_as(sha256: str) -> Optional[str]:
    """Says in a few words why a file's source text may run; None if the file is not trusted.

    Args:
        sha256: Of the file's content, 64 hexadecimal digits.

    Raises:
        UserError: The trust file cannot be read, or is damaged.
    """
    for name, entry in config.NETWORKS.items():
        if entry['sha256'] == sha256:
            return f'the published {name}'
    name = _trusted().get(sha256)
    return None if name is None else f'{name}, which {config.TRUST_FILE} trusts'


def trust(sha256: str, name: str) -> None:
    """Lets the source text in a file with this hash run, until its line in `config.TRUST_FILE` is deleted.

    Raises:
        UserError: The trust file cannot be written.
    """
    if trusted_as(sha256) is None:
        printable = ''.join(letter if letter.isprintable() else '?' for letter in name)
        with disk_errors('written', _trust_path()):
            os.makedirs(os.path.dirname(_trust_path()) or os.curdir, exist_ok=True)
            append_line(_trust_path(), f'{sha256}  {printable}'.encode('utf-8', 'backslashreplace'))


def _trust_path():
    return os.path.expanduser(config.TRUST_FILE)


def _trusted():
    with disk_errors('read', _trust_path()):
        try:
            with open(_trust_path(), encoding='utf-8', errors='replace') as file:
                mode, lines = os.fstat(file.fileno()).st_mode, file.read().splitlines()
        except FileNotFoundError:
            return {}
    if mode & 0o002:
        raise UserError(f'{config.TRUST_FILE} can be written by everyone: protect it with chmod o-w.')
    names = {}
    for number, line in enumerate(lines, start=1):
        sha256, _, name = line.partition('  ')
        if line.strip() and not re.fullmatch('[0-9a-f]{64}', sha256):
            raise UserError(f'{config.TRUST_FILE}: line {number} is not a SHA-256 and a name: delete it.')
        names[sha256] = name.strip() or 'a file'
    return names
