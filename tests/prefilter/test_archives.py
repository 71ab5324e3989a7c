import contextlib
import gzip
import json
import os
import pickle
import struct
import subprocess
import sys
import tarfile
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dnnlib.errors import DiskError, UserError
from prefilter.reasons import Refusal
from prefilter.sources import open_source, tars, zips
from prefilter.sources.members import safe_name
from tests.pictures import make_archive

FILES = {'b/2.png': b'two', 'b/10.png': b'ten', 'a.png': b'a' * 3000, 'b-c/x.jpg': b'x', 'notes.txt': b'n'}
KINDS = {'.zip': None, '.tar': 'w', '.tgz': 'w:gz', '.tar.gz': 'w:gz', '.tar.bz2': 'w:bz2', '.tar.xz': 'w:xz'}


@pytest.mark.parametrize('ending', KINDS)
def test_archives_are_read_in_place(tmp_path, ending):
    path = make_archive(tmp_path / ('set' + ending), FILES, KINDS[ending])
    source = open_source(path)
    in_order = ['b/2.png', 'b/10.png', 'a.png', 'b-c/x.jpg']
    assert list(source.paths) == (sorted(in_order) if ending in ('.zip', '.tar') else in_order)
    assert source.ignored == 1 and os.listdir(str(tmp_path)) == ['set' + ending]
    for place in [*range(4), 0, 3, 1]:  # forward, and back
        assert source.read(place) == FILES[source.paths[place]]


@pytest.fixture(scope='module')
def read_elsewhere(tmp_path_factory):
    """What another process reads of `b/2.png` in each kind of archive, and in a folder, by ending."""
    work = {}
    for ending in ['', *KINDS]:
        folder = tmp_path_factory.mktemp('sources')
        if ending:
            location = make_archive(folder / ('set' + ending), FILES, KINDS[ending])
        else:
            location = str(folder)
            (folder / 'b').mkdir()
            (folder / 'b/2.png').write_bytes(b'two')
        source = open_source(location)
        place = source.paths.index('b/2.png')
        source.read(place)  # so that something is open
        work[ending] = pickle.dumps((source.reader, source.entry(place)))
        assert len(work[ending]) < 500 + len(location)
    code = (
        'import json, pickle, sys; work = pickle.load(sys.stdin.buffer);'
        'pairs = {ending: pickle.loads(pickled) for ending, pickled in work.items()};'
        'print(json.dumps({ending: reader.read(entry).decode() for ending, (reader, entry) in pairs.items()}))'
    )
    run = subprocess.run([sys.executable, '-c', code], input=pickle.dumps(work), stdout=subprocess.PIPE, check=True)
    return json.loads(run.stdout.decode())


@pytest.mark.parametrize('ending', ['', *KINDS])
def test_readers_open_anew_in_other_processes(read_elsewhere, ending):
    assert read_elsewhere[ending] == 'two'


FORKING = """
import os, sys
from prefilter.sources import open_source

source = open_source(sys.argv[1])
source.read(10)
child = os.fork()
right = all(source.read(place)[0] == place for place in range(11, 100))
if child == 0:
    os._exit(0 if right else 1)
assert right and os.waitpid(child, 0)[1] == 0
"""


def test_forked_processes_do_not_share_positions(tmp_path):
    files = {f'{number:03d}.png': bytes([number]) * 5000 for number in range(100)}
    location = make_archive(tmp_path / 'set.tgz', files, 'w:gz')
    # In a process of its own: a fork copies the locks that the threads of these tests hold, for ever.
    subprocess.run([sys.executable, '-c', FORKING, str(location)], check=True)


@pytest.mark.parametrize(
    'name, safe',
    [
        ('a/b.png', 'a/b.png'),
        ('./a//b.png', 'a/b.png'),
        ('a\\b.png', 'a/b.png'),
        ('/etc/b.png', None),
        ('\\b.png', None),
        ('C:/b.png', None),
        ('../b.png', None),
        ('a/../../b.png', None),
        ('a/..', None),
        ('.hidden/b.png', ''),
        ('__MACOSX/a/._b.png', ''),
        ('b\0.png', None),
    ],
)
def test_names_that_lead_elsewhere(name, safe):
    assert safe_name(name) == safe


@pytest.mark.parametrize('ending', ['.zip', '.tar', '.tgz'])
def test_tricks_are_left_out_and_counted(tmp_path, ending):
    files = [('/etc/a.png', b'1'), ('../b.png', b'2'), ('good.png', b'3'), ('.x/c.png', b'5')]
    path = make_archive(tmp_path / ('set' + ending), files, KINDS[ending])
    source = open_source(path)
    assert list(source.paths) == ['good.png'] and source.ignored == 2
    assert source.remarks == ['Left out of the archive: names that are absolute or lead out of it (2).']


def test_links_and_devices_are_left_out(tmp_path):
    files = [('good.png', b'1')]
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.DIRTYPE):
        member = tarfile.TarInfo()
        member.type, member.linkname = kind, '/etc/passwd'
        files.append((f'{kind.decode()}.png', member))
    source = open_source(make_archive(tmp_path / 'set.tar', files))
    assert list(source.paths) == ['good.png'] and source.ignored == 4  # a folder is no file
    assert source.remarks == ['Left out of the archive: links (2), devices and other things that are no files (2).']

    link = zipfile.ZipInfo('link.png')
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(str(tmp_path / 'set.zip'), 'w') as archive:
        archive.writestr(link, '/etc/passwd')
        archive.writestr('good.png', b'1')
    source = open_source(str(tmp_path / 'set.zip'))
    assert list(source.paths) == ['good.png'] and source.ignored == 1


@pytest.mark.parametrize('ending', ['.zip', '.tar', '.tgz'])
@pytest.mark.filterwarnings('ignore:Duplicate name')
def test_of_repeated_names_the_last_counts(tmp_path, ending):
    files = [('a.png', b'old'), ('b.png', b'b'), ('a.png', b'new')]
    source = open_source(make_archive(tmp_path / ('set' + ending), files, KINDS[ending]))
    assert {path: source.read(place) for place, path in enumerate(source.paths)} == {'a.png': b'new', 'b.png': b'b'}
    assert source.ignored == 1
    assert source.remarks == ['Left out of the archive: members whose name a later one has (1).']


def test_a_zip_that_lies_about_sizes_is_unreadable(tmp_path):
    path = make_archive(tmp_path / 'set.zip', {'a.png': b'a' * 5000})
    with open(path, 'rb') as file:
        data = file.read()
    place = data.index(b'PK\1\2') + 24  # uncompressed size in the central directory
    for size in (4000, 6000):
        with open(path, 'wb') as file:
            file.write(data[:place] + struct.pack('<I', size) + data[place + 4 :])
        with pytest.raises(OSError, match='size or checksum'):
            open_source(path).read(0)


def test_members_that_unpack_too_far_are_too_large(tmp_path, monkeypatch):
    path = make_archive(tmp_path / 'set.zip', {'a.png': b'a' * 500_000})
    source = open_source(path)
    assert len(source.read(0)) == 500_000  # harmless
    monkeypatch.setattr(zips, 'RATIO_FROM', 100_000)
    with pytest.raises(Refusal) as refusal:
        source.read(0)
    assert refusal.value.reason == 'too-large' and 'to 500,000 bytes' in refusal.value.detail


@pytest.mark.parametrize('ending', ['.tgz', '.tar.bz2', '.tar.xz'])
def test_a_compressed_tar_that_unpacks_too_far_is_refused(tmp_path, monkeypatch, ending):
    path = make_archive(tmp_path / ('set' + ending), {'a.png': b'a' * 3_000_000}, KINDS[ending])
    assert len(open_source(path).paths) == 1
    monkeypatch.setattr(tars, 'RATIO_FROM', 1_000_000)
    with pytest.raises(UserError, match='unpacks to more than 100 times its size, as only bombs do'):
        open_source(path)


def test_claimed_sizes_take_no_memory(tmp_path):
    member = tarfile.TarInfo('a.png')
    member.size = 1 << 40
    (tmp_path / 'set.tar').write_bytes(member.tobuf() + b'x' * 1024)
    with pytest.raises(UserError, match='is no whole archive'):
        open_source(str(tmp_path / 'set.tar'))
    long_name = tarfile.TarInfo('././@LongLink')
    long_name.type, long_name.size = tarfile.GNUTYPE_LONGNAME, 1 << 33
    (tmp_path / 'set.tar').write_bytes(long_name.tobuf(tarfile.GNU_FORMAT) + b'x' * 1024)
    with pytest.raises(UserError, match='a header claims 8,589,934,592 bytes'):
        open_source(str(tmp_path / 'set.tar'))


def test_members_that_overlap_are_refused(tmp_path):
    path = make_archive(tmp_path / 'set.zip', {'a.png': b'1' * 100, 'b.png': b'2' * 100})
    with open(path, 'rb') as file:
        data = file.read()
    second = data.rindex(b'PK\1\2')
    with open(path, 'wb') as file:
        file.write(data[: second + 42] + struct.pack('<I', 0) + data[second + 46 :])
    with pytest.raises(UserError, match='members that share their bytes'):
        open_source(path)


def test_encrypted_archives_are_a_sentence(tmp_path):
    path = make_archive(tmp_path / 'set.zip', {'a.png': b'1'})
    with open(path, 'rb') as file:
        data = bytearray(file.read())
    data[data.index(b'PK\1\2') + 8] |= 1
    with open(path, 'wb') as file:
        file.write(data)
    with pytest.raises(UserError, match='is encrypted: unpack it'):
        open_source(path)


@pytest.mark.parametrize('ending', KINDS)
def test_an_archive_cut_short_is_a_sentence(tmp_path, ending):
    files = {f'{number}.png': os.urandom(4000) for number in range(20)}
    path = make_archive(tmp_path / ('set' + ending), files, KINDS[ending])
    with open(path, 'r+b') as file:
        file.truncate(os.path.getsize(path) // 2)
    with pytest.raises(UserError, match='is no whole archive .*get or copy it again'):
        open_source(path)


def test_a_damaged_header_is_not_taken_for_the_end(tmp_path):
    path = make_archive(tmp_path / 'set.tar', {'a.png': b'1', 'b.png': b'2', 'c.png': b'3'})
    with open(path, 'r+b') as file:
        file.seek(1024)
        file.write(b'\xff' * 300)
    with pytest.raises(UserError, match='no header at byte 1,024'):
        open_source(path)


@pytest.mark.parametrize('ending', KINDS)
def test_other_bytes_are_no_archive(tmp_path, ending):
    (tmp_path / ('set' + ending)).write_bytes(b'no archive' * 100)
    with pytest.raises(UserError, match='is no whole archive'):
        open_source(str(tmp_path / ('set' + ending)))


@pytest.mark.parametrize('ending', KINDS)
def test_an_archive_that_cannot_be_opened_is_not_called_damaged(tmp_path, ending):
    (tmp_path / ('set' + ending)).symlink_to('nowhere')
    with pytest.raises(DiskError, match='cannot be read .No such file or directory.: check the path'):
        open_source(str(tmp_path / ('set' + ending)))


def test_what_changed_meanwhile_is_unreadable(tmp_path):
    path = make_archive(tmp_path / 'set.tgz', FILES, 'w:gz')
    source = open_source(path)
    with gzip.open(path, 'wb') as file:
        file.write(b'short')
    with pytest.raises(OSError, match='the archive ends before this file does'):
        source.read(2)


def test_a_compressed_tar_is_listed_and_read_without_going_back(tmp_path, monkeypatch):
    files = {f'{number:03d}.png': bytes([number]) * (number * 997 % 5000) for number in range(100)}
    path = make_archive(tmp_path / 'set.tgz', files, 'w:gz')
    rewinds = []
    rewind = gzip._GzipReader._rewind
    monkeypatch.setattr(gzip._GzipReader, '_rewind', lambda self: rewinds.append(1) or rewind(self))
    source = open_source(path)
    for place in range(100):
        source.read(place)
    assert not rewinds
    source.read(0)
    assert rewinds


def test_a_folder_of_archives_names_them(tmp_path):
    path = make_archive(tmp_path / 'set.zip', FILES)
    with pytest.raises(UserError) as error:
        open_source(str(tmp_path))
    assert error.value.message == f'SOURCE has no images (1 other files): name one of its archives, as {path}.'


def test_a_member_of_a_zip_without_a_name_is_left_out(tmp_path):
    path = make_archive(tmp_path / 'set.zip', {'a.png': b'1', 'b.png': b'2'})
    with open(path, 'rb') as file:
        data = bytearray(file.read())
    listed = data.rindex(b'PK\x01\x02')  # of b.png: its name becomes a comment
    data[listed + 28], data[listed + 32] = 0, len('b.png')
    with open(path, 'wb') as file:
        file.write(data)
    assert list(open_source(path).paths) == ['a.png']


@pytest.mark.slow
@pytest.mark.parametrize('ending', KINDS)
@given(edits=st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(0, 255)), min_size=1, max_size=6))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_damage_ends_in_another_error(tmp_path, ending, edits):
    path = make_archive(tmp_path / ('set' + ending), FILES, KINDS[ending])
    with open(path, 'rb') as file:
        data = bytearray(file.read())
    for place, byte in edits:
        data[place % len(data)] = byte
    with open(path, 'wb') as file:
        file.write(data)
    with contextlib.suppress(UserError):
        source = open_source(path)
        for place in range(len(source.paths)):
            with contextlib.suppress(OSError, Refusal):
                source.read(place)


@pytest.mark.parametrize('place, bytes_there', [(6, b'\xff\xff'), (42, b'\xff\xff\xff\xff')])
def test_members_that_no_zip_can_have_are_a_sentence(tmp_path, place, bytes_there):
    path = make_archive(tmp_path / 'set.zip', FILES)
    with open(path, 'r+b') as file:
        file.seek(file.read().index(b'PK\1\2') + place)
        file.write(bytes_there)
        file.seek(-22 + 16, 2)  # where the list of members begins: later than it does
        file.write(struct.pack('<I', 1 << 20) if place == 42 else b'')
    with pytest.raises(UserError, match='is no whole archive'):
        open_source(path)
