"""A server on this machine that behaves well, badly, or like Google Drive."""

import contextlib
import hashlib
import http.server
import threading
import urllib.parse

from tests.hostile_pickles import network, pickled

CONTENT = (pickled(network()) + bytes(range(256)) * 500)[:128_000]  # opens; what follows its end does not count
STEP = 1 << 15  # bytes before a connection breaks off
DIGEST = hashlib.sha256(CONTENT).hexdigest()
HTML = 'text/html; charset=utf-8'

FORM_PAGE = b"""<!DOCTYPE html><html><head><title>Google Drive - Virus scan warning</title></head><body>
<form id="download-form" action="/download" method="get"><input type="submit" value="Download anyway">
<input type="hidden" name="id" value="drive"><input type="hidden" name="export" value="download">
<input type="hidden" name="confirm" value="t"><input type="hidden" name="uuid" value="0b1-2c"></form></body></html>"""
LINK_PAGE = b"""<html><title>Google Drive - Virus scan warning</title><a href="/open">name.pkl</a> is too large to scan.
<a id="uc-download-link" href="/download?export=download&amp;confirm=Ab1&amp;id=drive">Download anyway</a></html>"""
COOKIE_PAGE = b'<html><title>Google Drive - Virus scan warning</title><p>too large to scan for viruses</p></html>'
QUOTA_PAGE = b"""<html><title>Google Drive - Quota exceeded</title><p>Sorry, you can't view or download this file at
this time. Too many users have viewed or downloaded this file recently.</p></html>"""
SIGN_IN_PAGE = b'<html><title>Google Drive: Sign-in</title><form action="https://accounts.google.com/ServiceLogin">'
GONE_PAGE = b'<html><title>Error 404 (Not Found)!!1</title><p>Sorry, the file you have requested does not exist.</p>'
OTHER_PAGE = b'<html><title>Welcome to the hotel</title><a href="/log-in">Log in to use our network</a></html>'
PAGES = {
    '/form': (200, FORM_PAGE),
    '/link': (200, LINK_PAGE),
    '/cookie': (200, COOKIE_PAGE),
    '/quota': (200, QUOTA_PAGE),
    '/quota403': (403, QUOTA_PAGE),
    '/sign-in': (200, SIGN_IN_PAGE),
    '/gone': (404, GONE_PAGE),
    '/other': (200, OTHER_PAGE),
    '/form-then-quota': (200, FORM_PAGE.replace(b'/download', b'/quota')),
    '/form-without-end': (200, FORM_PAGE.replace(b'/download', b'/form-without-end')),
}

ANSWERS = {  # of servers that have no file, with status 200
    '/empty.pkl': (b'',),
    '/json.pkl': (b'{"error": "rate"}', 'application/json'),
    '/text.pkl': (b'slow down', 'text/plain'),
    '/damaged_page': (b'<![foo <!DOCTYPE [ <![ ]>', HTML),
    '/damaged_form': (FORM_PAGE.replace(b'"/download"', b'"http://[::1"'), HTML),
}


class _Handler(http.server.BaseHTTPRequestHandler):
    """Paths say what happens; see `do_GET`. `server.requests` lists (path, Range or None)."""

    def do_GET(self):
        path, _, query = self.path.partition('?')
        wanted = self.headers.get('Range')
        with self.server.lock:
            self.server.requests.append((path, wanted))
            count = sum(earlier == path for earlier, _ in self.server.requests)
        confirmed = 'confirm=' in query
        if path == '/cookie' and confirmed:
            is_right = 'confirm=Zz9' in query and 'download_warning_1=Zz9' in self.headers.get('Cookie', '')
            self.reply(*((200, CONTENT) if is_right else (400, b'')))
        elif path in PAGES:
            status, page = PAGES[path]
            self.reply(status, page, HTML, headers=[('Set-Cookie', 'download_warning_1=Zz9')] * (path == '/cookie'))
        elif path == '/download':
            self.send_part(wanted) if confirmed else self.reply(400, b'')
        elif path == '/insecure-form':
            self.reply(200, FORM_PAGE.replace(b'"/download"', b'"http://127.0.0.1:9/download"'), HTML)
        elif path == '/insecure-redirect':
            self.reply(302, b'', headers={'Location': 'http://127.0.0.1:9/file.pkl'})
        elif path in ANSWERS:
            self.reply(200, *ANSWERS[path])
        elif path == '/short.pkl':  # the first answer breaks off, the others are whole and yet too short
            self.send_part(wanted, longest=STEP, is_honest=count > 1)
        elif path == '/compressed.pkl':
            self.reply(200, CONTENT, headers={'Content-Encoding': 'gzip'})
        elif path == '/missing.pkl':
            self.reply(404, b'')
        elif path == '/busy.pkl' and count < 3:
            self.reply(503, b'')
        elif path == '/cut_page':
            self.reply(200, FORM_PAGE[:50], HTML, length=len(FORM_PAGE))
        elif path == '/page_as_file.pkl':
            self.reply(200, b'\n' + QUOTA_PAGE)
        elif path == '/no_ranges.pkl':
            self.reply(200, CONTENT if count > 1 else CONTENT[:STEP], length=len(CONTENT))
        elif path == '/always_cut.pkl':
            self.reply(200, CONTENT[:STEP], length=len(CONTENT), headers={'ETag': '"1"'})
        elif path == '/wrong_part.pkl':
            self.send_part(wanted and 'bytes=5-', longest=STEP)
        elif path == '/beyond.pkl' and wanted:
            self.reply(416, b'')
        elif path == '/changing.pkl':
            self.send_part(wanted, longest=STEP, headers={'ETag': f'"{count}"'})
        elif path == '/anonymous.pkl':  # nothing tells which file it is
            self.send_part(wanted, longest=STEP if count < 3 else None, headers={})
        else:  # '/cut.pkl' breaks off after STEP bytes each time
            self.send_part(wanted, longest=STEP if path in ('/cut.pkl', '/beyond.pkl') else None)

    def send_part(self, wanted, longest=None, headers=None, is_honest=False):
        headers = {'ETag': '"1"', 'Accept-Ranges': 'bytes'} if headers is None else headers
        begin = int(wanted[len('bytes=') : -1]) if wanted else 0
        body = CONTENT[begin:]
        if wanted:
            headers = dict(headers, **{'Content-Range': f'bytes {begin}-{len(CONTENT) - 1}/{len(CONTENT)}'})
        length = len(body[:longest]) if is_honest else len(body)
        self.reply(206 if wanted else 200, body[:longest], length=length, headers=headers)

    def reply(self, status, body, content_type='application/octet-stream', length=None, headers=()):
        self.send_response(status)
        self.send_header('Content-Type', content_type)
        self.send_header('Content-Length', str(len(body) if length is None else length))
        for name, value in dict(headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


class _Server(http.server.HTTPServer):
    def __init__(self, handler=_Handler):
        super().__init__(('127.0.0.1', 0), handler)
        self.requests, self.lock = [], threading.Lock()
        self.url = f'http://127.0.0.1:{self.server_port}'

    def ranges(self, path):
        """What parts of a path were asked for, in order; None is all of it."""
        return [wanted for asked, wanted in self.requests if asked == path]


@contextlib.contextmanager
def drive_server(handler=_Handler):
    """The server while the block runs, with `url` and `requests`."""
    with _Server(handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def entry(url, **changes):
    """An entry of a table of published files, for `CONTENT`."""
    name = urllib.parse.urlsplit(url).path.rpartition('/')[2] or 'network.pkl'
    return {'url': url, 'file': name, 'size': len(CONTENT), 'sha256': DIGEST, **changes}
