"""Downloads from a server on this machine that behaves well, badly, or like Google Drive."""

import functools
import hashlib
import json
import os
import subprocess
import sys

import pytest

from dnnlib.download import cache_path, fetch, transfer
from dnnlib.errors import UserError
from tests.drive_server import CONTENT, DIGEST, STEP, entry


def content(path):
    with open(path, 'rb') as file:
        return file.read()


def refused(wanted, folder, **options):
    with pytest.raises(UserError) as caught:
        fetch(wanted, str(folder), **options)
    return caught.value.message


# ----------------------------------------------------------------------------------------------------------------------
# What arrives


def test_downloads_once_under_the_official_name(server, tmp_path):
    url = server.url + '/some/network.pkl'
    path = fetch(entry(url), str(tmp_path / 'cache'))
    assert os.path.basename(path) == hashlib.md5(url.encode()).hexdigest() + '_network.pkl'
    assert content(path) == CONTENT
    assert fetch(entry(url), str(tmp_path / 'cache')) == path
    assert fetch(entry(url), str(tmp_path / 'cache'), offline=True) == path
    assert len(server.requests) == 1
    assert os.listdir(str(tmp_path / 'cache')) == [os.path.basename(path)]


@pytest.mark.parametrize(
    'address, name', [('/some/thing.pkl?x=1', 'thing.pkl'), ('/a%20b/..%2Fevil', '.._2Fevil'), ('/', 'download')]
)
def test_a_bare_url_is_named_after_its_last_part(server, tmp_path, address, name):
    path = fetch(server.url + address, str(tmp_path))
    assert path.endswith('_' + name) and os.path.dirname(path) == str(tmp_path) and content(path) == CONTENT


def test_finds_what_the_original_code_cached_under_the_servers_name(tmp_path):
    url = 'http://127.0.0.1:9/uc?id=1'
    placed = tmp_path / (hashlib.md5(url.encode()).hexdigest() + '_karras.pkl')
    placed.write_bytes(CONTENT)
    for left_over in ('_a.pkl.part', '_b.pkl.part.json', '_c.pkl.sha256'):
        (tmp_path / (hashlib.md5(url.encode()).hexdigest() + left_over)).write_bytes(b'')
    assert fetch(entry(url), str(tmp_path)) == str(placed)


@pytest.mark.parametrize('page', ['/form', '/link', '/cookie'])
def test_passes_the_confirm_page_of_google_drive(server, tmp_path, page):
    assert content(fetch(entry(server.url + page), str(tmp_path))) == CONTENT


@pytest.mark.parametrize(
    'path, ranges',
    [
        ('/busy.pkl', [None] * 3),  # 503 twice
        ('/cut.pkl', [None, *(f'bytes={step * STEP}-' for step in (1, 2, 3))]),
        ('/no_ranges.pkl', [None, f'bytes={STEP}-']),  # which the server does not know, and sends everything
        ('/beyond.pkl', [None, f'bytes={STEP}-'] * 2),  # 416 to each; so it does not end well
        ('/wrong_part.pkl', [None, f'bytes={STEP}-']),
    ],
)
def test_goes_on_where_the_connection_broke_off(server, tmp_path, path, ranges):
    if path in ('/beyond.pkl', '/wrong_part.pkl'):
        refused(entry(server.url + path), tmp_path)
    else:
        assert content(fetch(entry(server.url + path), str(tmp_path))) == CONTENT
        assert len(os.listdir(str(tmp_path))) == 1
    assert server.ranges(path)[: len(ranges)] == ranges


def test_goes_on_with_what_an_earlier_process_left(server, tmp_path):
    wanted = entry(server.url + '/always_cut.pkl')
    assert 'the connection broke off' in refused(wanted, tmp_path)
    path = cache_path(wanted, str(tmp_path))
    assert sorted(os.listdir(str(tmp_path))) == sorted(
        os.path.basename(path) + end for end in (transfer.PART, transfer.PART_IDENTITY)
    )
    assert len(server.requests) == transfer.TRIES
    part = path + transfer.PART
    with open(part, 'wb') as file:
        file.write(CONTENT[:50_000])
    # The same file by its hash, on a server that is well again.
    moved = entry(server.url + '/cut.pkl')
    for end in (transfer.PART, transfer.PART_IDENTITY):
        os.rename(path + end, cache_path(moved, str(tmp_path)) + end)
    assert content(fetch(moved, str(tmp_path))) == CONTENT
    assert server.ranges('/cut.pkl') == ['bytes=50000-', f'bytes={50_000 + STEP}-', f'bytes={50_000 + 2 * STEP}-']
    assert len(os.listdir(str(tmp_path))) == 1


def leave_part(wanted, folder, etag):
    """Leaves 40,000 wrong bytes as the part of a file that had this ETag."""
    part = cache_path(wanted, str(folder)) + transfer.PART
    with open(part, 'wb') as file:
        file.write(b'x' * 40_000)
    with open(part + '.json', 'w') as file:
        file.write(json.dumps([len(CONTENT), etag, None, None, DIGEST]))


def test_a_part_of_another_file_is_begun_anew(server, tmp_path):
    wanted = entry(server.url + '/cut.pkl')
    leave_part(wanted, tmp_path, etag='"another"')
    assert content(fetch(wanted, str(tmp_path))) == CONTENT
    assert server.ranges('/cut.pkl')[:2] == ['bytes=40000-', None]


def test_a_damaged_part_is_found_by_the_hash_and_begun_anew(server, tmp_path):
    wanted = entry(server.url + '/file.pkl')
    leave_part(wanted, tmp_path, etag='"1"')
    assert content(fetch(wanted, str(tmp_path))) == CONTENT
    assert server.ranges('/file.pkl') == ['bytes=40000-', None]


def test_parts_are_not_joined_where_nothing_tells_that_they_are_of_one_file(server, tmp_path):
    anonymous = entry(server.url + '/anonymous.pkl', size=None, sha256=None)
    assert content(fetch(anonymous, str(tmp_path))) == CONTENT
    assert server.ranges('/anonymous.pkl') == [None] * 3


def test_a_part_that_claims_to_be_whole_is_gone_on_with(server, tmp_path):
    assert content(fetch(entry(server.url + '/short.pkl', size=None, sha256=None), str(tmp_path))) == CONTENT
    assert server.ranges('/short.pkl') == [None, *(f'bytes={step * STEP}-' for step in (1, 2, 3))]


def test_two_processes_at_once_download_a_file_once(server, tmp_path):
    script = (
        'import sys; from dnnlib.download import fetch; from tests.drive_server import entry\n'
        'print(fetch(entry(sys.argv[1]), sys.argv[2]))'
    )
    command = [sys.executable, '-c', script, server.url + '/cut.pkl', str(tmp_path)]
    processes = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True)
        for _ in range(3)
    ]
    outputs = [process.communicate() for process in processes]
    assert [process.returncode for process in processes] == [0] * 3, outputs
    assert len({output for output, _ in outputs}) == 1 and content(outputs[0][0].strip()) == CONTENT
    assert server.ranges('/cut.pkl').count(None) == 1 and len(os.listdir(str(tmp_path))) == 1


# ----------------------------------------------------------------------------------------------------------------------
# What cannot be had


@pytest.mark.parametrize(
    'path, changes, reason',
    [
        ('/missing.pkl', {}, 'answers 404'),
        ('/gone', {}, 'no such file any more'),
        ('/quota', {}, 'too many people have downloaded it lately: try again in a day'),
        ('/quota403', {}, 'too many people have downloaded it lately'),
        ('/form-then-quota', {}, 'too many people have downloaded it lately'),
        ('/form-without-end', {}, 'even after confirming'),
        ('/sign-in', {}, 'asks to sign in'),
        ('/other', {}, 'a web page instead of the file'),
        ('/page_as_file.pkl', {}, 'a web page under the name of the file'),
        ('/cut_page', {}, 'the connection broke off'),
        ('/compressed.pkl', {}, 'compresses the file though asked not to'),
        ('/changing.pkl', {}, 'the connection broke off'),
        ('/wrong_part.pkl', {}, 'another part of the file'),
        ('/empty.pkl', {'size': None, 'sha256': None}, 'an empty file'),
        ('/json.pkl', {'size': None, 'sha256': None}, 'a web page instead of the file'),
        ('/text.pkl', {'size': None, 'sha256': None}, 'a web page instead of the file'),
        ('/damaged_page', {}, 'a web page instead of the file'),
        ('/damaged_form', {}, 'a web page instead of the file'),
        ('/file.pkl', {'size': 5}, 'more than 5 bytes'),
        ('/file.pkl', {'size': 128_001}, '128,000 bytes instead of 128,001'),
        ('/file.pkl', {'sha256': '0' * 64}, 'SHA-256 differs'),
    ],
)
def test_what_cannot_be_had_is_a_sentence_that_says_which_file_to_put_where(server, tmp_path, path, changes, reason):
    wanted = entry(server.url + path, **changes)
    message = refused(wanted, tmp_path)
    assert reason in message and wanted['url'] in message
    assert cache_path(wanted, str(tmp_path)) in message and 'by hand' in message
    # A part that a later try can go on with may stay; the file does not appear.
    assert not [name for name in os.listdir(str(tmp_path)) if not name.endswith(('.part', '.part.json'))]


def test_what_is_refused_for_good_is_asked_for_once(server, tmp_path):
    refused(entry(server.url + '/quota'), tmp_path)
    assert server.ranges('/quota') == [None] and os.listdir(str(tmp_path)) == []


def test_offline_nothing_is_asked_for(server, tmp_path):
    message = refused(entry(server.url + '/file.pkl'), tmp_path / 'cache', offline=True)
    assert '--offline' in message and 'by hand' in message and server.requests == []
    assert not (tmp_path / 'cache').exists()


def test_no_connection_is_a_sentence(server, tmp_path):
    assert 'no connection to 127.0.0.1:9' in refused(entry('http://127.0.0.1:9/network.pkl'), tmp_path)


def test_a_host_that_cannot_be_reached_is_not_tried_for_each_of_its_files(server, tmp_path, monkeypatch):
    pauses, now = [], [0.0]
    monkeypatch.setattr('dnnlib.download.transfer.time.sleep', pauses.append)
    monkeypatch.setattr('dnnlib.download.transfer.time.monotonic', lambda: now[0])
    for name in ('a', 'b', 'c'):
        assert 'no connection to 127.0.0.1:9' in refused(entry(f'http://127.0.0.1:9/{name}.pkl'), tmp_path)
        assert len(pauses) == transfer.TRIES - 1
    assert content(fetch(entry(server.url + '/file.pkl'), str(tmp_path))) == CONTENT  # other hosts are asked
    now[0] = transfer.UNREACHABLE_FOR
    refused(entry('http://127.0.0.1:9/c.pkl'), tmp_path)
    assert len(pauses) == 2 * (transfer.TRIES - 1)


def test_the_limit_of_bytes_holds_without_a_progress_bar(server, tmp_path, monkeypatch):
    monkeypatch.setattr('dnnlib.download.transfer.Progress', functools.partial(transfer.Progress, disable=True))
    message = refused(entry(server.url + '/file.pkl', size=5), tmp_path)
    assert 'more than 5 bytes' in message


def test_a_server_without_a_certificate_that_can_be_verified_is_refused(tmp_path, tls_server):
    assert 'TLS certificate cannot be verified' in refused(entry(tls_server + '/file.pkl'), tmp_path)


@pytest.mark.parametrize('path', ['/insecure-form', '/insecure-redirect'])
@pytest.mark.parametrize('scheme', ['https:', 'HTTPS:'])
def test_nothing_leads_from_an_encrypted_address_to_one_that_is_not(tmp_path, tls_server, trusted, path, scheme):
    assert content(fetch(entry(tls_server + '/file.pkl'), str(tmp_path / 'cache'))) == CONTENT
    message = refused(entry(tls_server.replace('https:', scheme) + path), tmp_path / 'cache')
    assert 'leads to an unencrypted address' in message


@pytest.mark.parametrize('url', ['http://[::1', 'http://a..b/x'])
def test_what_is_no_address_is_a_sentence(tmp_path, url):
    with pytest.raises(UserError, match='is no address|its address is damaged|cannot be downloaded'):
        fetch(url, str(tmp_path))


def test_a_mirror_serves_only_files_whose_hash_is_known(server, tmp_path):
    mirrored = {'mirror': server.url + '/mirror.pkl'}
    message = refused(entry(server.url + '/quota', sha256=None, **mirrored), tmp_path)
    assert 'from its mirror' not in message and server.ranges('/mirror.pkl') == []
    assert content(fetch(entry(server.url + '/quota', **mirrored), str(tmp_path))) == CONTENT
    wrong = entry(server.url + '/gone', sha256='0' * 64, **mirrored)
    message = refused(wrong, tmp_path)
    assert 'no such file any more; and from its mirror: what arrives is not the published file' in message


def test_a_cache_folder_that_cannot_be_made_is_a_sentence(tmp_path):
    (tmp_path / 'file').write_bytes(b'')
    assert 'cannot be written' in refused(entry('http://127.0.0.1:9/network.pkl'), tmp_path / 'file' / 'cache')


# ----------------------------------------------------------------------------------------------------------------------
# What is in the cache


def test_a_wrong_file_in_the_cache_is_refused(tmp_path):
    wanted = entry('http://127.0.0.1:9/network.pkl')
    with open(cache_path(wanted, str(tmp_path)), 'wb') as file:
        file.write(CONTENT[:-1])
    assert '127,999 bytes instead of 128,000' in refused(wanted, tmp_path)


def test_a_file_in_the_cache_that_cannot_be_read_is_a_sentence(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(13, 'Permission denied', path)

    wanted = entry('http://127.0.0.1:9/network.pkl', size=None)
    with open(cache_path(wanted, str(tmp_path)), 'wb') as file:
        file.write(CONTENT)
    monkeypatch.setattr('dnnlib.download.cache.sha256_of_file', refuse)
    assert '_network.pkl cannot be read (Permission denied)' in refused(wanted, tmp_path)


@pytest.mark.parametrize('by_hand', [False, True])
def test_the_hash_of_the_first_file_counts_where_none_is_published(server, tmp_path, by_hand):
    wanted = entry(server.url + '/file.pkl', size=None, sha256=None)
    path = cache_path(wanted, str(tmp_path))
    if by_hand:
        with open(path, 'wb') as file:
            file.write(CONTENT)
    assert fetch(wanted, str(tmp_path)) == path
    assert content(path + '.sha256').decode() == f'{DIGEST}  {os.path.basename(path)}\n'
    assert fetch(wanted, str(tmp_path)) == path

    with open(path, 'ab') as file:
        file.write(b'more')
    message = refused(wanted, tmp_path)
    assert 'not the file that was there first (its SHA-256 differs)' in message and path + '.sha256' in message

    os.remove(path)  # another download must bring the same file
    with open(path + '.sha256', 'w') as file:
        file.write('0' * 64 + '  network.pkl\n')
    message = refused(wanted, tmp_path)
    assert 'its SHA-256 differs' in message and f'delete {path}.sha256' in message
    with open(path + '.sha256', 'w') as file:
        file.write('nothing')
    assert '.sha256 is damaged' in refused(wanted, tmp_path)
