"""Downloads from a server on this machine that behaves well, badly, or like Google Drive."""

import hashlib
import http.server
import os
import threading

import pytest

from dnnlib import download
from dnnlib.errors import UserError

CONTENT = bytes(range(256)) * 500
DIGEST = hashlib.sha256(CONTENT).hexdigest()
FORM_PAGE = b"""<html><body><form id="download-form" action="/download" method="get">
<input type="hidden" name="id" value="drive"><input type="hidden" name="confirm" value="t">
<input type="submit" value="Download anyway"></form></body></html>"""
LINK_PAGE = b'<html><a href="/download?export=download&amp;confirm=Ab1&amp;id=drive">Download anyway</a></html>'
QUOTA_PAGE = b'<html><title>Quota exceeded</title><p>Too many users have viewed this file</p></html>'
PAGES = {'/form': FORM_PAGE, '/link': LINK_PAGE, '/quota': QUOTA_PAGE}


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        path = self.path.split('?')[0]
        count = self.server.counts[path] = self.server.counts.get(path, 0) + 1
        if path in PAGES:
            self.reply(200, PAGES[path], 'text/html; charset=utf-8')
        elif path == '/download' and 'confirm=' not in self.path:
            self.reply(400, b'')
        elif path == '/missing.pkl':
            self.reply(404, b'')
        elif path == '/busy.pkl' and count < 3:
            self.reply(503, b'')
        elif path == '/cut_page':
            self.reply(200, FORM_PAGE[:50], 'text/html', length=len(FORM_PAGE))
        elif path == '/always_cut.pkl' or (path == '/cut.pkl' and count < 2):
            self.reply(200, CONTENT[:1000], length=len(CONTENT))
        else:
            self.reply(200, CONTENT)

    def reply(self, status, body, content_type='application/octet-stream', length=None):
        self.send_response(status)
        self.send_header('Content-Type', content_type)
        self.send_header('Content-Length', str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(download, 'FIRST_PAUSE', 0.01)
    monkeypatch.setenv('NO_PROXY', '127.0.0.1')
    monkeypatch.setenv('no_proxy', '127.0.0.1')
    with http.server.HTTPServer(('127.0.0.1', 0), Handler) as server:
        server.counts = {}
        server.url = f'http://127.0.0.1:{server.server_port}'
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def entry(url, **changes):
    return {'url': url, 'file': 'network.pkl', 'size': len(CONTENT), 'sha256': DIGEST, **changes}


def content(path):
    with open(path, 'rb') as file:
        return file.read()


def test_downloads_once_under_the_official_name(server, tmp_path):
    url = server.url + '/some/network.pkl'
    path = download.fetch(entry(url), str(tmp_path / 'cache'))
    assert os.path.basename(path) == hashlib.md5(url.encode()).hexdigest() + '_network.pkl'
    assert content(path) == CONTENT
    assert download.fetch(entry(url), str(tmp_path / 'cache')) == path
    assert server.counts['/some/network.pkl'] == 1


def test_a_bare_url_is_named_after_its_last_part(server, tmp_path):
    path = download.fetch(server.url + '/some/thing.pkl?x=1', str(tmp_path))
    assert path.endswith('_thing.pkl') and content(path) == CONTENT


def test_finds_what_the_original_code_cached_under_the_servers_name(tmp_path):
    url = 'http://127.0.0.1:9/uc?id=1'
    placed = tmp_path / (hashlib.md5(url.encode()).hexdigest() + '_karras.pkl')
    placed.write_bytes(CONTENT)
    assert download.fetch(entry(url), str(tmp_path)) == str(placed)


@pytest.mark.parametrize('page', ['/form', '/link'])
def test_passes_the_confirm_page_of_google_drive(server, tmp_path, page):
    assert content(download.fetch(entry(server.url + page), str(tmp_path))) == CONTENT


@pytest.mark.parametrize('path, requests', [('/busy.pkl', 3), ('/cut.pkl', 2)])
def test_tries_again_when_the_server_stumbles(server, tmp_path, path, requests):
    assert content(download.fetch(entry(server.url + path), str(tmp_path))) == CONTENT
    assert server.counts[path] == requests


@pytest.mark.parametrize('path, changes, reason', [
    ('/missing.pkl', {}, 'answers 404'),
    ('/quota', {}, 'web page instead of the file'),
    ('/always_cut.pkl', {}, 'the connection broke off'),
    ('/cut_page', {}, 'the connection broke off'),
    ('/file.pkl', {'size': 5}, '128,000 bytes instead of 5'),
    ('/file.pkl', {'sha256': '0' * 64}, 'SHA-256 differs'),
])
def test_what_cannot_be_had_is_a_sentence_that_says_which_file_to_put_where(server, tmp_path, path, changes, reason):
    wanted = entry(server.url + path, **changes)
    with pytest.raises(UserError) as caught:
        download.fetch(wanted, str(tmp_path))
    message = caught.value.message
    assert reason in message and wanted['url'] in message
    assert download.cache_path(wanted, str(tmp_path)) in message and 'by hand' in message
    assert os.listdir(str(tmp_path)) == []


def test_no_connection_is_a_sentence(monkeypatch, tmp_path):
    monkeypatch.setattr(download, 'FIRST_PAUSE', 0.01)
    monkeypatch.setenv('NO_PROXY', '127.0.0.1')
    with pytest.raises(UserError, match='no connection to 127.0.0.1:9'):
        download.fetch(entry('http://127.0.0.1:9/network.pkl'), str(tmp_path))


def test_a_wrong_file_in_the_cache_is_refused(tmp_path):
    wanted = entry('http://127.0.0.1:9/network.pkl')
    with open(download.cache_path(wanted, str(tmp_path)), 'wb') as file:
        file.write(CONTENT[:-1])
    with pytest.raises(UserError, match='127,999 bytes instead of 128,000'):
        download.fetch(wanted, str(tmp_path))


def test_a_file_in_the_cache_that_cannot_be_read_is_a_sentence(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(13, 'Permission denied', path)

    wanted = entry('http://127.0.0.1:9/network.pkl', size=None)
    with open(download.cache_path(wanted, str(tmp_path)), 'wb') as file:
        file.write(CONTENT)
    monkeypatch.setattr(download, 'sha256_of_file', refuse)
    with pytest.raises(UserError, match='_network.pkl cannot be read .Permission denied.'):
        download.fetch(wanted, str(tmp_path))


def test_a_cache_folder_that_cannot_be_made_is_a_sentence(tmp_path):
    (tmp_path / 'file').write_bytes(b'')
    with pytest.raises(UserError, match='cache folder .* cannot be written'):
        download.fetch(entry('http://127.0.0.1:9/network.pkl'), str(tmp_path / 'file' / 'cache'))
