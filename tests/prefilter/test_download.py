import functools
import hashlib
import http.server
import threading

import pytest
import sklearn.datasets._lfw
from click.testing import CliRunner

from dnnlib.download import transfer
from dnnlib.errors import UserError
from prefilter.__main__ import main
from prefilter.sources import open_source
from prefilter.sources.download import fetch_lfw
from tests.pictures import make_archive, picture


@pytest.fixture
def published(tmp_path, monkeypatch):
    """An archive as LFW's on a server of this machine, in the place of the address that scikit-learn knows."""
    folder = tmp_path / 'server'
    folder.mkdir()
    make_archive(folder / 'lfw.tgz', {'lfw/Bo/Bo_0001.jpg': picture(1), 'lfw/Al/Al_0001.jpg': picture(2)}, 'w:gz')

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

        def translate_path(self, path):
            return str(folder / path.lstrip('/'))

    server = http.server.HTTPServer(('127.0.0.1', 0), functools.partial(Quiet))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    checksum = hashlib.sha256((folder / 'lfw.tgz').read_bytes()).hexdigest()
    url = f'http://127.0.0.1:{server.server_port}/lfw.tgz'
    archive = sklearn.datasets._lfw.ARCHIVE._replace(url=url, checksum=checksum)
    monkeypatch.setattr(sklearn.datasets._lfw, 'ARCHIVE', archive)
    monkeypatch.setattr(transfer, 'FIRST_PAUSE', 0)
    yield server
    server.shutdown()
    server.server_close()


def test_what_scikit_learn_publishes_is_known():
    archive = sklearn.datasets._lfw.ARCHIVE
    assert archive.filename == 'lfw.tgz' and archive.url.startswith('https://') and len(archive.checksum) == 64


def test_lfw_is_fetched_once_and_read_in_place(published, tmp_path):
    path = fetch_lfw(tmp_path / 'lfw')
    published.shutdown()
    assert fetch_lfw(tmp_path / 'lfw') == path  # from the folder
    source = open_source(path, 'lfw')
    assert list(source.paths) == ['lfw/Bo/Bo_0001.jpg', 'lfw/Al/Al_0001.jpg'] and source.identity(0) == 'Bo'


def test_an_archive_that_is_not_the_published_one_is_refused(published, tmp_path, monkeypatch):
    changed = sklearn.datasets._lfw.ARCHIVE._replace(checksum='0' * 64)
    monkeypatch.setattr(sklearn.datasets._lfw, 'ARCHIVE', changed)
    with pytest.raises(UserError, match='its SHA-256 differs'):
        fetch_lfw(tmp_path / 'lfw')


def test_the_command_fetches_and_goes_on(published, tmp_path):
    args = [str(tmp_path / 'lfw'), '--format', 'lfw', '--download', '--no-detect', '--out', str(tmp_path / 'x')]
    result = CliRunner(mix_stderr=False).invoke(main, [*args, '--size', '4', '--labels', 'identity'])
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith('2 images: 2 accepted')


@pytest.mark.parametrize(
    'args, sentence',
    [
        (['--download'], '--download fetches LFW only: give --format lfw with it'),
        (['--download', '--format', 'ytf'], '--download fetches LFW only'),
        (['--download', '--format', 'lfw'], 'is a file: with --download name the folder that takes the archive'),
    ],
)
def test_wrong_usage_of_download(tmp_path, args, sentence):
    (tmp_path / 'file').write_text('')
    result = CliRunner(mix_stderr=False).invoke(main, [str(tmp_path / 'file'), '--out', str(tmp_path / 'x'), *args])
    assert result.exit_code == 2 and sentence in result.stderr
