"""The cache folder: names of files in it, and the check that a file is the published one."""

import errno
import glob
import hashlib
import os
import re
import urllib.parse
from typing import Any, Callable, Dict, Optional, Union

from dnnlib.download.transfer import PART, PART_IDENTITY, Unavailable, download, problem_of
from dnnlib.errors import UserError, disk_error, disk_errors
from dnnlib.files import atomic_write, sha256_of_file

LONGEST_NAME = 100  # characters of a file's own name that are kept
RECORD = '.sha256'  # ends the name of the file with the hash of the first download


def fetch(
    source: Union[str, Dict[str, Any]],
    cache_dir: str,
    offline: bool = False,
    check: Callable[[str], Any] = lambda path: None,
) -> str:
    """Returns the path of a published file; downloads it if it is not in the cache yet.

    The name in the cache is `<md5 of the URL>_<file name>`, as in the original StyleGAN code. So files that this code
    downloaded, or that a user put there, are found. TLS certificates are always verified. If no hash is published, the
    hash of the first file is kept beside it, and from then on any other file is refused.

    Args:
        source: A URL, or a dict with `url`, `file` (the file's own name), `size` (bytes or None), `sha256`
            (hexadecimal or None) and, if there is one, `mirror` (another URL), as in `config.NETWORKS`.
        cache_dir: Folder of downloaded files; made when missing.
        offline: Do not download; refuse a file that is not in the cache.
        check: Function that raises a `UserError` for the path of a file that is of another kind than the wanted one. It
            is asked where no hash is published. Such a file is not kept.

    Returns:
        Path of a complete file, with the stated size and SHA-256 if they are stated.

    Raises:
        UserError: The file cannot be downloaded, or is not the published one; the message says which file to put where.
    """
    entry = entry_of_url(source) if isinstance(source, str) else source
    cached = find_cached(entry, cache_dir)
    if cached:
        _check_cached(entry, cached, check)
        return cached
    path = cache_path(entry, cache_dir)
    by_hand = 'get it from {} and put it at {} by hand'.format(entry['url'], path)
    if offline:
        raise UserError(
            '{} is not in the cache, and --offline forbids downloading it: leave that out, or {}.'.format(
                entry['file'], by_hand
            )
        )
    recorded = _recorded_sha256(path)
    try:
        with disk_errors('written', path):
            os.makedirs(cache_dir, exist_ok=True)
            download(dict(entry, sha256=entry['sha256'] or recorded), path)
        if not entry['sha256']:
            _keep_only_if_right(path, check)
        _check_cached(entry, path, check)
    except Unavailable as error:
        hint = '' if entry['sha256'] or not recorded else f'; if another file has been published, delete {path}{RECORD}'
        raise UserError('{} cannot be downloaded ({}): {}{}.'.format(entry['file'], error, by_hand, hint)) from error
    return path


def cache_path(entry: Dict[str, Any], cache_dir: str) -> str:
    """Where `fetch` keeps the file of `entry`: `<cache_dir>/<md5 of its URL>_<its file name>`."""
    return os.path.join(cache_dir, _url_digest(entry['url']) + '_' + entry['file'])


def find_cached(entry: Dict[str, Any], cache_dir: str) -> Optional[str]:
    """The file of `entry` in the cache, unchecked, or None."""
    path = cache_path(entry, cache_dir)
    if os.path.isfile(path):
        return path
    # The original code takes the server's name of a file, which may not be the name in our table.
    pattern = os.path.join(glob.escape(cache_dir), _url_digest(entry['url']) + '_*')
    found = [name for name in sorted(glob.glob(pattern)) if not name.endswith((PART, PART_IDENTITY, RECORD))]
    return found[0] if found else None


def entry_of_url(url: str) -> Dict[str, Any]:
    """The entry for `fetch` of a URL about which nothing else is known. Raises `UserError` if it is no URL."""
    try:
        last = os.path.basename(urllib.parse.urlsplit(url).path)
    except ValueError as error:
        raise UserError(f'{url} is no address ({error}): correct it.') from error
    name = re.sub(r'[^\w.\-]', '_', last)[-LONGEST_NAME:] or 'download'
    return {'url': url, 'file': name, 'size': None, 'sha256': None}


def _url_digest(url):
    return hashlib.md5(url.encode('utf-8')).hexdigest()


def _keep_only_if_right(path, check):
    """Removes a file that has just arrived, and raises `Unavailable`, if it is of another kind than the wanted one."""
    try:
        check(path)
    except UserError as error:
        os.remove(path)
        raise Unavailable(f'what arrives {_without_path(error, path)}') from error


def _without_path(error, path):
    """The message of an error about a file, without the path at its begin and the full stop at its end."""
    message = error.message[len(path) :].lstrip(': ') if error.message.startswith(path) else error.message
    return message.rstrip('.')


def _check_cached(entry, path, check):
    """Refuses a file that is not the published one or, without a published hash, not the first one or no network."""
    with disk_errors('read', path, 'or delete it'):
        recorded = None if entry['sha256'] else _recorded_sha256(path)
        expected = dict(entry, sha256=entry['sha256'] or recorded)
        actual = sha256_of_file(path)
        problem = problem_of(expected, os.path.getsize(path), lambda: actual)
    if problem and recorded:
        raise UserError(
            f'{path} is not the file that was there first ({problem}): put that one back, or delete '
            f'{path}{RECORD} too if you know where the new one is from.'
        )
    if problem:
        raise UserError(
            '{} is not the published {} ({}): delete it, or put the right file there.'.format(
                path, entry['file'], problem
            )
        )
    if entry['sha256']:
        return
    try:
        check(path)
    except UserError as error:
        record = f' and {path}{RECORD}' if recorded else ''
        raise UserError(
            f'{path}, in the cache, {_without_path(error, path)}. Delete {path}{record}; then the same command '
            'downloads the file again.'
        ) from error
    if not recorded:
        _record_sha256(path, actual)


def _record_sha256(path, sha256):
    try:
        with atomic_write(path + RECORD, 'w') as file:
            file.write(f'{sha256}  {os.path.basename(path)}\n')  # as sha256sum -c reads it
    except OSError as error:
        # Somebody else looks after a folder that can only be read: it needs no record.
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise disk_error(error, 'written', path + RECORD) from error


def _recorded_sha256(path):
    if not os.path.exists(path + RECORD):
        return None
    with disk_errors('read', path + RECORD), open(path + RECORD, encoding='utf-8', errors='replace') as file:
        sha256 = file.read(1000).split(' ')[0]
    if not re.fullmatch('[0-9a-f]{64}', sha256):
        raise UserError(f'{path}{RECORD} is damaged: delete it; then the file beside it counts as the first one again.')
    return sha256
