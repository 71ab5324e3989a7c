"""A server, and no waiting between attempts."""

import ssl
import subprocess

import pytest

from tests.drive_server import drive_server


@pytest.fixture(autouse=True)
def no_host_is_given_up(monkeypatch):
    """What one test cannot reach another asks anew."""
    monkeypatch.setattr('dnnlib.download.transfer._unreachable', {})


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr('dnnlib.download.transfer.FIRST_PAUSE', 0.01)
    monkeypatch.setenv('NO_PROXY', '127.0.0.1')
    monkeypatch.setenv('no_proxy', '127.0.0.1')
    with drive_server() as server:
        yield server


@pytest.fixture
def tls_server(server, tmp_path):
    """Address of a server with a certificate that it has made itself."""
    certificate, key = str(tmp_path / 'certificate.pem'), str(tmp_path / 'key.pem')
    subprocess.run(
        [
            'openssl',
            'req',
            '-x509',
            '-newkey',
            'rsa:2048',
            '-nodes',
            '-keyout',
            key,
            '-out',
            certificate,
            '-subj',
            '/CN=127.0.0.1',
            '-addext',
            'subjectAltName=IP:127.0.0.1',
            '-days',
            '2',
        ],
        check=True,
        stderr=subprocess.DEVNULL,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    return server.url.replace('http:', 'https:')


@pytest.fixture
def trusted(tls_server, tmp_path, monkeypatch):
    """Has that certificate count as one of a known authority."""
    monkeypatch.setenv('REQUESTS_CA_BUNDLE', str(tmp_path / 'certificate.pem'))
