"""Downloads one file. A part survives a broken connection; the file is checked before it takes its name."""

import contextlib
import hashlib
import json
import math
import os
import re
import time
import urllib.parse
from typing import Any, Callable, Dict, Optional

import click
import requests

from dnnlib.download.drive import confirmed_url, reason_of_page
from dnnlib.files import atomic_write, fsync_folder, still_has_name, try_lock, wait_for_lock
from dnnlib.progress import Progress

TRIES = 5  # how many tries in a row may fail without bringing a byte of the file
FIRST_PAUSE = 1.0  # seconds before the second try; doubled for each further one
TIMEOUT = 30.0  # seconds without a byte before a try counts as failed
CHUNK = 1 << 14  # bytes; less than this is lost when a connection breaks off
LARGEST_PAGE = 1 << 20  # bytes of a web page that are read
UNREACHABLE_FOR = 300.0  # seconds for which a host that cannot be reached is not asked again
LARGEST_FILE = 4 << 30  # bytes, if the size of a file is not known

PART = '.part'  # ends the name of the part that has arrived
PART_IDENTITY = '.part.json'  # ends the name of the file that identifies the part


class Unavailable(Exception):
    """The server does not give the file; the message is the reason, without a full stop."""


class _Interrupted(Unavailable):
    """A failure that may be gone at the next try."""


class _NoConnection(_Interrupted):
    """A host that cannot be reached."""

    def __init__(self, host):
        super().__init__('no connection to ' + host)
        self.host = host


class _StalePart(_Interrupted):
    """The part is not from the file that the server has now, so the download must begin anew."""

    def __init__(self):
        super().__init__('the part that has arrived is from another file')


_unreachable = {}  # host to the time (`time.monotonic`) when it was given up: the other files of a group fail at once


def download(entry: Dict[str, Any], path: str) -> None:
    """Downloads a file. If an earlier run, in this process or another, has left a part of it, goes on from there.

    If another process is downloading the file, waits for it. A mirror without TLS is asked only if the hash is known.

    Args:
        entry: Dict as for `dnnlib.download.fetch`.
        path: Where the file appears once it is whole and checked; its folder exists.

    Raises:
        Unavailable: No server gives the published file.
        OSError: It cannot be written.
    """
    with _locked_part(path, entry['file']) as part:
        if os.path.exists(path):  # the other process has brought it
            part.forget()
            return
        try:
            _download_from_any(entry, part)
        except BaseException:  # Ctrl-C and a full disk, too
            part.forget_if_worthless()
            raise
        part.become(path)


def problem_of(entry: Dict[str, Any], size: int, sha256: Callable[[], str]) -> Optional[str]:
    """Says what is wrong with a file of `size` bytes, or None. `sha256` is a function that returns its hash."""
    if entry['size'] is not None and size != entry['size']:
        return '{:,} bytes instead of {:,}'.format(size, entry['size'])
    if entry['sha256'] is not None and sha256() != entry['sha256']:
        return 'its SHA-256 differs'
    return None


# ----------------------------------------------------------------------------------------------------------------------
# What has arrived


class _Part:
    """The part of a file that has arrived, and the identity of that file."""

    def __init__(self, file, path):
        self.file, self._path = file, path
        self._identity_path = path[: -len(PART)] + PART_IDENTITY

    def size(self):
        return self.file.seek(0, os.SEEK_END)

    def identity(self):
        try:
            with open(self._identity_path, encoding='utf-8') as file:
                return json.load(file)
        except (FileNotFoundError, ValueError):
            return None

    def restart(self, identity):
        """Empties the part. `identity`, from `_identity`, is the file that is downloaded from now on."""
        self.file.truncate(0)
        with contextlib.suppress(FileNotFoundError):
            os.remove(self._identity_path)
        if identity is not None:
            with atomic_write(self._identity_path, 'w') as file:
                json.dump(identity, file)

    def append(self, data):
        rest = memoryview(data)
        while rest:
            rest = rest[self.file.write(rest) :]

    def sha256(self):
        digest = hashlib.sha256()
        self.file.seek(0)
        for chunk in iter(lambda: self.file.read(1 << 20), b''):
            digest.update(chunk)
        return digest.hexdigest()

    def become(self, path):
        os.fsync(self.file.fileno())
        os.replace(self._path, path)
        fsync_folder(os.path.dirname(os.path.abspath(path)))
        self._remove_files()

    def forget(self):
        self.file.truncate(0)
        self._remove_files()

    def forget_if_worthless(self):
        if self.size() == 0 or self.identity() is None:
            self.forget()

    def _remove_files(self):
        for path in (self._path, self._identity_path):
            with contextlib.suppress(FileNotFoundError):
                os.remove(path)


@contextlib.contextmanager
def _locked_part(path, name):
    """Yields the `_Part` of a file, which no other process has at the same time."""
    while True:
        with open(path + PART, 'a+b', buffering=0) as file:  # unbuffered: a full disk raises at once, not when closing
            if not try_lock(file):
                click.echo(f'{name}: another process is downloading it; waiting.', err=True)
                wait_for_lock(file)
            if still_has_name(file, path + PART):
                yield _Part(file, path + PART)
                return


# ----------------------------------------------------------------------------------------------------------------------
# Tries


def _download_from_any(entry, part):
    urls = [entry['url'], entry['mirror']] if entry.get('mirror') and entry['sha256'] else [entry['url']]
    failures = []
    for url in urls:
        try:
            _download_from(url, entry, part)
            return
        except Unavailable as error:
            failures.append(f'and from its mirror: {error}' if failures else str(error))
    raise Unavailable('; '.join(failures))


def _download_from(url, entry, part):
    pause, failures, furthest = FIRST_PAUSE, 0, part.size()
    while True:
        try:
            with requests.Session() as session:
                if url.lower().startswith('https:'):
                    session.mount('http://', _RefusesPlainHttp())  # redirections and confirm pages, too
                _receive(session, url, entry, part)
            return
        except _Interrupted as error:
            size = part.size()
            if size > furthest:
                pause, failures, furthest = FIRST_PAUSE, 0, size
            if isinstance(error, _StalePart):
                part.restart(None)
            failures += 1
            if failures == TRIES:
                if isinstance(error, _NoConnection):
                    _unreachable[error.host] = time.monotonic()
                raise
            click.echo('{}: {}; trying again in {:g} s'.format(entry['file'], error, pause), err=True)
            time.sleep(pause)
            pause *= 2


def _receive(session, url, entry, part):
    """One try: gets all that is missing of the file."""
    begin = part.size() if part.identity() is not None else 0
    with _open(session, url, begin) as response:
        identity = _identity(response, entry)
        if response.status_code == 206:
            if identity != part.identity():
                raise _StalePart
        else:  # the whole file
            begin = 0
            part.restart(identity)
        _append(response, entry, part, begin)
        total = _total(response)
    if total is not None and part.size() < total:
        raise _Interrupted('the connection broke off')
    if part.size() == 0:
        raise Unavailable('the server sends an empty file')
    problem = problem_of(entry, part.size(), part.sha256)
    if problem and begin:
        raise _StalePart  # the two pieces are of different files
    if problem:
        part.restart(None)
        raise Unavailable('what arrives is not the published file, ' + problem)


def _identity(response, entry):
    """Identifies the file that a server offers now, JSON; None if its answer has nothing that does."""
    marks = [response.headers.get(name) for name in ('ETag', 'Last-Modified', 'x-goog-hash')] + [entry['sha256']]
    return [_total(response), *marks] if any(marks) else None


def _total(response):
    """Length of the whole file, also if the response brings a part; None if the response does not say."""
    said = response.headers.get('Content-Length', '')
    if response.status_code == 206:
        said = response.headers.get('Content-Range', '').rpartition('/')[2]
    return int(said) if said.isdigit() else None


def _append(response, entry, part, begin):
    limit = LARGEST_FILE if entry['size'] is None else entry['size']
    total, size = _total(response) or entry['size'], begin
    with Progress(desc=entry['file'], total=total, initial=begin, unit='B', unit_scale=True, unit_divisor=1024) as bar:
        for number, chunk in enumerate(_chunks(response)):
            if begin == number == 0 and re.match(rb'\s*<(!doctype\s+)?html', chunk[:200], re.IGNORECASE):
                raise Unavailable('the server sends a web page under the name of the file')
            size += len(chunk)  # not the bar's count, which stays 0 if bars are switched off
            if size > limit:
                part.restart(None)
                raise Unavailable(f'what arrives is not the published file, more than {limit:,} bytes')
            part.append(chunk)
            bar.update(len(chunk))


# ----------------------------------------------------------------------------------------------------------------------
# Requests


class _RefusesPlainHttp(requests.adapters.BaseAdapter):
    def send(self, *args, **kwargs):
        raise requests.RequestException('the server leads to an unencrypted address')

    def close(self):
        pass


def _open(session, url, begin):
    """The response with the file from byte `begin` on; confirms what Google Drive's page asks first."""
    response = _get(session, url, begin)
    for _ in range(2):
        if not _is_page(response):
            return response
        page = _text(response)
        reason, target = _understood(page, response, session)
        if target is None:
            raise Unavailable(reason or _answer(response, 'a web page instead of the file'))
        response = _get(session, target, begin)
    response.close()
    raise Unavailable('the server answers with a web page even after confirming')


def _understood(page, response, session):
    """What a page says: (why there is no file, or None; the address behind its button, or None)."""
    try:
        reason = reason_of_page(page, response.url)
        if reason is not None or response.status_code != 200:
            return reason, None
        return None, confirmed_url(page, response.url, session.cookies.get_dict())
    except (ValueError, NotImplementedError, AssertionError):  # damaged addresses and markup
        return None, None


def _get(session, url, begin):
    # Without compression, so that lengths and ranges count bytes of the file.
    headers = {'Accept-Encoding': 'identity', **({'Range': f'bytes={begin}-'} if begin else {})}
    host = urllib.parse.urlsplit(url).netloc
    if time.monotonic() - _unreachable.get(host, -math.inf) < UNREACHABLE_FOR:
        raise Unavailable(f'no connection to {host}, as a moment ago')
    try:
        response = session.get(url, stream=True, timeout=TIMEOUT, headers=headers)
    except requests.exceptions.SSLError as error:
        if 'certificate' in str(error).lower():
            raise Unavailable('its TLS certificate cannot be verified') from error
        raise _NoConnection(host) from error
    except (requests.ConnectionError, requests.Timeout) as error:
        raise _NoConnection(host) from error
    except requests.RequestException as error:
        raise Unavailable(str(error).rstrip('.')) from error
    except ValueError as error:
        raise Unavailable(f'its address is damaged: {error}') from error
    try:
        _check(response, begin)
    except BaseException:
        response.close()
        raise
    return response


def _check(response, begin):
    if response.headers.get('Content-Encoding', 'identity') != 'identity':
        raise Unavailable('the server compresses the file though asked not to')
    status = response.status_code
    if status == 416 and begin:
        raise _StalePart
    if status == 429 or status >= 500:
        raise _Interrupted(_answer(response))
    if status == 206:
        if not begin or not response.headers.get('Content-Range', '').startswith(f'bytes {begin}-'):
            raise Unavailable('the server sends another part of the file than was asked for')
    elif status != 200 and not _is_page(response):
        raise Unavailable(_answer(response))


def _answer(response, instead=''):
    return (
        f'the server answers {response.status_code}'
        if response.status_code != 200
        else (f'the server answers with {instead}')
    )


def _is_page(response):
    return response.headers.get('Content-Type', '').startswith(('text/', 'application/json', 'application/xhtml'))


def _text(response):
    page = b''
    for chunk in _chunks(response):
        page += chunk
        if len(page) > LARGEST_PAGE:
            break
    response.close()
    return page.decode('utf-8', 'replace')


def _chunks(response):
    # Errors of the connection and of the disk are both OSErrors: only the connection can be the cause here. A body
    # shorter than its Content-Length raises such an error too.
    try:
        yield from response.iter_content(CHUNK)
    except requests.RequestException as error:
        raise _Interrupted('the connection broke off') from error
