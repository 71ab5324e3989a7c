"""Files from the internet, kept in a cache folder: whole, checked, or not at all."""

import glob
import hashlib
import html.parser
import os
import time
import urllib.parse

import click
import requests
from tqdm import tqdm

from dnnlib.errors import UserError
from dnnlib.files import atomic_write, sha256_of_file

ATTEMPTS = 4  # how often a failing connection is tried
FIRST_PAUSE = 1.0  # seconds before the second attempt; doubled for each further one
TIMEOUT = 30.0  # seconds without a byte before an attempt counts as failed
CHUNK = 1 << 16  # bytes


def fetch(source, cache_dir):
    """Returns the path of a published file, downloading it when it is not in the cache yet.

    The name in the cache is the one the original StyleGAN code uses, `<md5 of the URL>_<file name>`, so files it
    downloaded, or that were put there by hand, are found. TLS certificates are always verified.

    Args:
        source: A URL, or a dict with `url`, `file` (the file's own name), `size` (bytes or None) and `sha256`
            (hexadecimal or None), as in `config.NETWORKS`.
        cache_dir: Folder of downloaded files; made when missing.

    Returns:
        Path of a complete file, whose size and SHA-256 are the stated ones where they are stated.

    Raises:
        UserError: The file cannot be had, or is not the one that was published; the message says what to put where.
    """
    entry = _entry_of_url(source) if isinstance(source, str) else source
    path = cache_path(entry, cache_dir)
    cached = path if os.path.isfile(path) else _cached_under_another_name(entry, cache_dir)
    if cached:
        try:
            problem = _problem(entry, os.path.getsize(cached), lambda: sha256_of_file(cached))
        except OSError as error:
            raise UserError(
                f'{cached} cannot be read ({error.strerror}): mend its permissions, or delete it.') from error
        if problem:
            raise UserError('{} is not the published {} ({}): delete it, or put the right file there.'.format(
                cached, entry['file'], problem))
        return cached
    try:
        os.makedirs(cache_dir, exist_ok=True)
        _download(entry, path)
    except _Unavailable as error:
        raise UserError('{} cannot be downloaded ({}): get it from {} and put it at {} by hand.'.format(
            entry['file'], error, entry['url'], path)) from error
    except OSError as error:
        raise UserError(f'The cache folder {cache_dir} cannot be written: {error.strerror}.') from error
    return path


def cache_path(entry, cache_dir):
    """Where `fetch` keeps the file of `entry`: `<cache_dir>/<md5 of its URL>_<its file name>`."""
    return os.path.join(cache_dir, _url_digest(entry['url']) + '_' + entry['file'])


class _Unavailable(Exception):
    """The server does not give the file; the message is the reason, without a full stop."""


class _Interrupted(_Unavailable):
    """A failure that may be over a moment later."""


def _entry_of_url(url):
    name = os.path.basename(urllib.parse.urlsplit(url).path) or 'download'
    return {'url': url, 'file': name, 'size': None, 'sha256': None}


def _url_digest(url):
    return hashlib.md5(url.encode('utf-8')).hexdigest()


def _cached_under_another_name(entry, cache_dir):
    # The original code names files as the server does, which may differ from our table where that has no name.
    found = sorted(glob.glob(os.path.join(glob.escape(cache_dir), _url_digest(entry['url']) + '_*')))
    return found[0] if found else None


def _problem(entry, size, sha256):
    """What is wrong with a file of `size` bytes whose hash the function `sha256` returns, or None."""
    if entry['size'] is not None and size != entry['size']:
        return '{:,} bytes instead of {:,}'.format(size, entry['size'])
    if entry['sha256'] is not None and sha256() != entry['sha256']:
        return 'its SHA-256 differs'
    return None


def _download(entry, path):
    pause = FIRST_PAUSE
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with requests.Session() as session, _open(session, entry['url']) as response:
                _save(response, entry, path)
            return
        except _Interrupted as error:
            if attempt == ATTEMPTS:
                raise
            click.echo('{}: {}; trying again in {:g} s'.format(entry['file'], error, pause), err=True)
            time.sleep(pause)
            pause *= 2


def _open(session, url):
    """The response that carries the file, past Google Drive's page that asks to confirm large downloads."""
    response = _get(session, url)
    if not _is_page(response):
        return response
    page = b''.join(_chunks(response)).decode('utf-8', 'replace')
    confirmed = _confirmed_url(page, response.url)
    response.close()
    if confirmed is None:
        raise _Unavailable('the server answers with a web page instead of the file')
    response = _get(session, confirmed)
    if _is_page(response):
        response.close()
        raise _Unavailable('the server answers with a web page even after confirming, perhaps its quota is used up')
    return response


def _get(session, url):
    try:
        response = session.get(url, stream=True, timeout=TIMEOUT)
    except requests.exceptions.SSLError as error:
        raise _Unavailable('its TLS certificate cannot be verified') from error
    except (requests.ConnectionError, requests.Timeout) as error:
        raise _Interrupted('no connection to ' + urllib.parse.urlsplit(url).netloc) from error
    except requests.RequestException as error:
        raise _Unavailable(str(error).rstrip('.')) from error
    if response.status_code == 429 or response.status_code >= 500:
        response.close()
        raise _Interrupted(f'the server answers {response.status_code}')
    if response.status_code != 200:
        response.close()
        raise _Unavailable(f'the server answers {response.status_code}')
    if url.startswith('https:') and not response.url.startswith('https:'):
        response.close()
        raise _Unavailable('the server redirects to an unencrypted address')
    return response


def _is_page(response):
    return response.headers.get('Content-Type', '').startswith('text/html')


def _confirmed_url(page, page_url):
    """The address behind the button of Drive's confirm page, in its newer (form) or older (link) shape, or None."""
    parser = _ConfirmPage()
    parser.feed(page)
    if parser.action and 'confirm' in parser.fields:
        target = parser.action + '?' + urllib.parse.urlencode(parser.fields)
    elif parser.link:
        target = parser.link
    else:
        return None
    return urllib.parse.urljoin(page_url, target)


class _ConfirmPage(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.action, self.fields, self.link = None, {}, None

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if tag == 'form':
            self.action, self.fields = attributes.get('action'), {}
        elif tag == 'input' and attributes.get('type') == 'hidden':
            self.fields[attributes.get('name')] = attributes.get('value')
        elif tag == 'a' and 'confirm=' in (attributes.get('href') or ''):
            self.link = attributes['href']


def _save(response, entry, path):
    total = int(response.headers.get('Content-Length', 0)) or entry['size']
    digest, written = hashlib.sha256(), 0
    with atomic_write(path) as file, tqdm(
        desc=entry['file'], total=total, unit='B', unit_scale=True, unit_divisor=1024,
    ) as bar:
        for chunk in _chunks(response):
            file.write(chunk)
            digest.update(chunk)
            written += len(chunk)
            bar.update(len(chunk))
        problem = _problem(entry, written, digest.hexdigest)
        if problem:
            raise _Unavailable('what arrives is not the published file, ' + problem)


def _chunks(response):
    # Errors of the connection and of the disk are both OSErrors; only here it is clear which is which. A body shorter
    # than its Content-Length is such an error too.
    try:
        yield from response.iter_content(CHUNK)
    except requests.RequestException as error:
        raise _Interrupted('the connection broke off') from error
