"""Archives with hard links, put together by cat, in parts, or of kinds that are not read."""

import gzip
import os
import tarfile

import pytest

from dnnlib.errors import UserError
from prefilter.sources import open_source
from tests.pictures import make_archive, picture

KINDS = {'.zip': None, '.tar': 'w', '.tgz': 'w:gz', '.tar.bz2': 'w:bz2', '.tar.xz': 'w:xz'}


def bytes_of(path):
    with open(path, 'rb') as file:
        return file.read()


def hard_link(target):
    member = tarfile.TarInfo()
    member.type, member.linkname = tarfile.LNKTYPE, target
    return member


@pytest.mark.parametrize('ending', ['.tar', '.tgz', '.tar.xz'])
def test_hard_links_to_members_are_these_members(tmp_path, ending):
    files = [
        ('a/1.png', b'one'),
        ('b.png', b'two'),
        ('a/2.png', hard_link('a/1.png')),
        ('a/3.png', hard_link('a/2.png')),
        ('c.png', hard_link('nowhere.png')),
    ]
    source = open_source(make_archive(tmp_path / ('set' + ending), files, KINDS[ending]))
    read = {path: source.read(place) for place, path in enumerate(source.paths)}
    assert read == {'a/1.png': b'one', 'a/2.png': b'one', 'a/3.png': b'one', 'b.png': b'two'}
    assert source.remarks == ['Left out of the archive: links (1).'] and source.ignored == 1


def test_hard_links_need_no_way_back_in_a_compressed_tar(tmp_path, monkeypatch):
    files = [(f'{number}.png', os.urandom(3000)) for number in range(20)]
    files += [(f'link{number}.png', hard_link(f'{number}.png')) for number in range(20)]
    path = make_archive(tmp_path / 'set.tgz', files, 'w:gz')
    rewinds = []
    rewind = gzip._GzipReader._rewind
    monkeypatch.setattr(gzip._GzipReader, '_rewind', lambda self: rewinds.append(1) or rewind(self))
    source = open_source(path)
    assert len({source.paths[place]: source.read(place) for place in range(40)}) == 40
    assert not rewinds


LATER = {'c.png': b'3', 'a.png': b'new'}


def joined(tmp_path, ending, second=None):
    """Two archives put together by cat."""
    with open(make_archive(tmp_path / ('one' + ending), {'a.png': b'1', 'b.png': b'2'}, KINDS[ending]), 'rb') as file:
        data = file.read()
    if second is None:
        with open(
            make_archive(tmp_path / ('two' + ending), {'c.png': b'3', 'a.png': b'new'}, KINDS[ending]), 'rb'
        ) as file:
            second = file.read()
    (tmp_path / ('set' + ending)).write_bytes(data + second)
    return str(tmp_path / ('set' + ending))


@pytest.mark.parametrize('ending', ['.tar', '.tgz', '.tar.bz2', '.tar.xz'])
def test_of_archives_put_together_by_cat_all_are_read(tmp_path, ending):
    source = open_source(joined(tmp_path, ending))
    read = {path: source.read(place) for place, path in enumerate(source.paths)}
    assert read == {'a.png': b'new', 'b.png': b'2', 'c.png': b'3'}


@pytest.mark.parametrize('ending', ['.tar', '.tgz'])
def test_what_is_no_archive_behind_the_end_is_said(tmp_path, ending):
    source = open_source(joined(tmp_path, ending, second=b'no archive' * 200))
    assert list(source.paths) == ['a.png', 'b.png']
    assert source.remarks == ['Left out of the archive: parts behind its end that are no archive (1).']


def test_zeros_behind_the_end_of_a_tar_are_not_mentioned(tmp_path):
    assert open_source(joined(tmp_path, '.tar', second=bytes(30_000))).remarks == []


def test_zips_put_together_by_cat_are_refused(tmp_path):
    with pytest.raises(UserError, match='holds several archives one after another, and programs read only the last'):
        open_source(joined(tmp_path, '.zip'))


def test_a_program_that_unpacks_itself_is_a_zip(tmp_path):
    path = make_archive(tmp_path / 'set.zip', {'a.png': b'1'})
    with open(path, 'rb') as file:
        data = file.read()
    with open(path, 'wb') as file:
        file.write(b'MZ' + bytes(500) + data)
    assert open_source(path).read(0) == b'1'


@pytest.mark.parametrize(
    'beginning, sentence',
    [
        (
            b'PK\x03\x04',
            'is the last of 3 parts of an archive .*: put them together with "zip -s 0 .*set.zip --out',
        ),
        (b'PK\x07\x08', 'holds the parts of an archive one after another: make it whole with "zip -FF .*set.zip --out'),
    ],
)
def test_a_part_of_a_zip_is_called_one(tmp_path, beginning, sentence):
    path = make_archive(tmp_path / 'set.zip', {'a.png': b'1'})
    with open(path, 'rb') as file:
        data = bytearray(file.read())
    end = data.rindex(b'PK\5\6')
    data[:4], data[end + 4 : end + 8] = beginning, b'\2\0\2\0'
    with open(path, 'wb') as file:
        file.write(data)
    with pytest.raises(UserError, match=sentence):
        open_source(path)


@pytest.mark.parametrize(
    'name, words',
    [
        ('x.7z.001', 'is an archive, or a part of one, of a kind that is not read: unpack it, and name the folder'),
        ('x.rar', 'is an archive, or a part of one, of a kind that is not read: unpack it, and name the folder'),
        ('x.tar.zst', 'is an archive, or a part of one, of a kind that is not read: unpack it, and name the folder'),
        ('c.z01', 'is a part of an archive: name the file that ends with .zip'),
        ('s.tar.gz.partaa', 's.tar.gz.* >'),
        ('s.tar.001', 's.tar.* >'),
        ('s.zip.002', 's.zip.* >'),
    ],
)
def test_archives_that_are_not_read_are_named(tmp_path, name, words):
    (tmp_path / name).write_bytes(b'7z')
    for location in (tmp_path, tmp_path / name):
        with pytest.raises(UserError) as error:
            open_source(str(location))
        assert f'SOURCE has no images (1 other files): {tmp_path / name} is ' in error.value.message
        assert words in error.value.message


def test_an_archive_of_archives_is_to_be_unpacked(tmp_path):
    path = make_archive(tmp_path / 'set.zip', {'train.zip': b'1'})
    with pytest.raises(UserError) as error:
        open_source(path)
    assert error.value.message == f'SOURCE has no images (1 other files): unpack {path}, and name train.zip in it.'


def test_archives_are_read_by_their_content(tmp_path):
    files = {'a/1.png': b'one', 'b.png': b'two'}
    for ending in KINDS:
        data = bytes_of(make_archive(tmp_path / ('set' + ending), files, KINDS[ending]))
        for name in KINDS:
            (tmp_path / ('x' + name)).write_bytes(data)
            source = open_source(str(tmp_path / ('x' + name)))
            assert {path: source.read(place) for place, path in enumerate(source.paths)} == files


@pytest.mark.parametrize('ending', ['.zip', '.tar', '.tgz'])
@pytest.mark.parametrize(
    'data, sentence',
    [
        (b'<html>quota</html>', 'is a web page, as servers'),
        (b'version https://git-lfs.github.com/spec/v1\n', 'is a Git LFS pointer, which stands for a file'),
        (b'Rar!\x1a\x07' + bytes(90), 'is a RAR archive: unpack it, and name what is in it'),
        (picture(1), 'is a picture .PNG.: name an archive or a folder of images'),
        (b'', 'is no whole archive'),
        (b'hello', 'is no whole archive'),
    ],
)
def test_what_is_no_archive_is_called_by_its_name(tmp_path, data, sentence, ending):
    (tmp_path / ('x' + ending)).write_bytes(data)
    with pytest.raises(UserError, match=f'x{ending} {sentence}'):
        open_source(str(tmp_path / ('x' + ending)))


@pytest.mark.parametrize('ending', KINDS)
def test_an_archive_without_members_has_no_images(tmp_path, ending):
    with pytest.raises(UserError, match='SOURCE has no images .0 other files.'):
        open_source(make_archive(tmp_path / ('set' + ending), {}, KINDS[ending]))


@pytest.mark.parametrize('name', ['set.tsv', 'set.h5'])
def test_a_web_page_in_place_of_a_set_is_called_by_its_name(tmp_path, name):
    (tmp_path / name).write_bytes(b'<html>quota</html>')
    with pytest.raises(UserError, match=f'{name} is a web page'):
        open_source(str(tmp_path / name))
