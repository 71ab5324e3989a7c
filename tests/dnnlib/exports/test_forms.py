import errno
import io
import json
import struct
import tracemalloc
import zipfile

import click
import numpy as np
import pytest
from export_sets import Faces, files_below
from PIL import Image

from dnnlib.errors import DiskError, UserError
from dnnlib.exports import dataset_json, forms, webdataset
from dnnlib.exports.forms import (
    EXPORTS,
    ExportOptions,
    bytes_needed,
    check_counts,
    check_exports,
    names_written,
    write_exports,
)
from dnnlib.exports.parts import is_for_testing
from dnnlib.exports.recordio import record
from dnnlib.images import shrink
from prefilter.images import decode
from prefilter.sources import open_source
from prefilter.sources.recordio import MAGIC, RecordReader

EACH_FORM = pytest.mark.parametrize('form', EXPORTS)


def write(folder, images, *names, **options):
    folder.mkdir(exist_ok=True)
    write_exports(images, str(folder), 'faces', ExportOptions(names, **options))
    return folder


def pixels(data):
    return decode(data).transpose(2, 0, 1)


# ----------------------------------------------------------------------------------------------------------------------
# Each form, read by what reads it.


def test_the_filter_reads_identity_folders(tmp_path):
    images = Faces()
    folder = write(tmp_path, images, 'folders') / 'folders'
    source = open_source(str(folder), 'tree')
    assert list(source.paths) == [
        *('000003/000000.png', '000003/000001.png', '000005/000000.png'),
        *('000007/000000.png', '000007/000001.png', '000007/000002.png'),
    ]
    for place, original in enumerate([1, 3, 4, 0, 2, 5]):
        np.testing.assert_array_equal(pixels(source.read(place)), images.read(original))
    assert (folder / '000007' / '000001.png').read_bytes() == images.png(2)


def test_record_files_hold_each_identity_in_one_piece(tmp_path):
    images = Faces()
    folder = write(tmp_path, images, 'recordio') / 'recordio'
    source = open_source(str(folder))
    assert source.layout == 'casia-webface' and not source.remarks
    assert list(source.paths) == ['0/1.jpg', '0/2.jpg', '1/3.jpg', '2/4.jpg', '2/5.jpg', '2/6.jpg']
    for place, original in enumerate([1, 3, 4, 0, 2, 5]):
        np.testing.assert_array_equal(pixels(source.read(place)), images.read(original))
    # As InsightFace's FaceImageIter reads them: record 0 names the records of identities, which name their images.
    offsets = dict(map(int, line.split('\t')) for line in (folder / 'train.idx').read_text().splitlines())
    reader = RecordReader(str(folder / 'train.rec'))
    ranges = [reader.parse(offsets[key]) for key in [0, 7, 8, 9]]
    assert [(flag, labels.tolist(), rest) for flag, labels, rest in ranges] == [
        *[(2, [7, 10], b''), (2, [1, 3], b''), (2, [3, 4], b''), (2, [4, 7], b'')]
    ]
    assert (folder / 'property').read_text() == '3,8,8'
    assert (folder / 'train.lst').read_text().splitlines()[:3] == [
        *('1\t0\t000003/000000.png', '2\t0\t000003/000001.png', '3\t1\t000005/000000.png')
    ]


@pytest.mark.parametrize('number', range(5))
def test_a_record_is_split_where_its_number_of_magic_stands(tmp_path, number):
    magic = struct.pack('<I', MAGIC)
    header = struct.pack('<IfQQ', 0, 4, 1, 0)
    picture = [b'abcd' + magic + b'rest', magic, magic + magic, b'abc' + magic + b'd', b'abcd' + magic][number]
    (tmp_path / 'train.rec').write_bytes(b''.join(record(header + picture)))
    reader = RecordReader(str(tmp_path / 'train.rec'))
    assert reader.parse(0)[2] == picture and reader.label(0) == 4
    assert reader.end_of(0) == (tmp_path / 'train.rec').stat().st_size
    words = np.frombuffer((tmp_path / 'train.rec').read_bytes(), '<u4')
    assert np.count_nonzero(words == MAGIC) == [2, 2, 3, 1, 2][number]  # at the beginning of each part, and there alone


def test_more_records_than_float32_can_count_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr('dnnlib.exports.recordio.LARGEST_KEY', 9)
    with pytest.raises(UserError, match='its records can count 9 images and identities, not 6 and 3'):
        write(tmp_path, Faces(), 'recordio')
    assert not files_below(tmp_path)


def test_webdataset_itself_reads_the_shards(tmp_path, monkeypatch):
    import webdataset as reader

    monkeypatch.setattr(webdataset, 'IMAGES_PER_SHARD', 4)
    images = Faces(labels=np.array([[0, 1]] * 6, np.float32))
    folder = write(tmp_path, images, 'webdataset') / 'webdataset'
    shards = sorted(map(str, folder.iterdir()))
    assert [shard[-10:] for shard in shards] == ['000000.tar', '000001.tar']
    samples = list(
        reader.WebDataset(shards, shardshuffle=False).decode('rgb8').to_tuple('__key__', 'png', 'json', 'cls')
    )
    assert [sample[0] for sample in samples] == [f'{place:08d}' for place in range(6)]
    for place, (_, picture, facts, number) in enumerate(samples):
        np.testing.assert_array_equal(picture.transpose(2, 0, 1), images.read(place))
        identity = images.identity(place)
        assert facts == {'index': place, 'identity': identity, 'number': images.number(place), 'label': [0, 1]}
        assert number == {3: 0, 5: 1, 7: 2}[identity]


@pytest.mark.parametrize('labels, cls', [(None, None), (np.array([4, 0, 4]), ['4', '0', '4'])])
def test_shards_without_identities_have_the_labels_classes(tmp_path, labels, cls):
    import tarfile

    folder = write(tmp_path, Faces(count=3, labels=labels), 'webdataset') / 'webdataset'
    with tarfile.open(str(folder / '000000.tar')) as shard:
        found = {member.name: shard.extractfile(member).read() for member in shard}
        assert {(member.mtime, member.uid, member.gid, member.uname, member.mode) for member in shard} == {
            (0, 0, 0, '', 0o644)
        }
    assert [found.get(f'{place:08d}.cls', b'').decode() for place in range(3)] == (cls or ['', '', ''])
    assert json.loads(found['00000001.json'].decode()) == ({'index': 1, 'label': 0} if cls else {'index': 1})


def test_a_folder_of_zips_numbers_the_images_over_the_whole_set(tmp_path, monkeypatch):
    monkeypatch.setattr(dataset_json, 'IMAGES_PER_ZIP', 4)
    monkeypatch.setattr(dataset_json, 'IMAGES_PER_FOLDER', 2)
    images = Faces(labels=np.array([2, 0, 1, 2, 2, 0]))
    folder = write(tmp_path, images, 'zips') / 'faces-zips'
    assert sorted(path.name for path in folder.iterdir()) == ['00000.zip', '00001.zip']
    with zipfile.ZipFile(str(folder / '00001.zip')) as archive:
        assert archive.namelist() == ['00002/img00000004.png', '00002/img00000005.png', 'dataset.json']
        labels = json.loads(archive.read('dataset.json').decode())
        assert labels == {'labels': [['00002/img00000004.png', 2], ['00002/img00000005.png', 0]]}
        assert archive.read('00002/img00000005.png') == images.png(5)
    source = open_source(str(folder / '00000.zip'))
    assert [source.identity(place) for place in range(4)] == [2, 0, 1, 2]


def test_a_zip_of_any_images_can_be_written_alone(tmp_path):
    path = tmp_path / 'x.zip'
    dataset_json.write_zip(str(path), [('a.png', b'picture', 3), ('b.png', b'other', 4)])
    with zipfile.ZipFile(str(path)) as archive:
        assert archive.read('a.png') == b'picture'
        assert archive.read('dataset.json') == json.dumps({'labels': [['a.png', 3], ['b.png', 4]]}).encode()


def test_scikit_learn_reads_the_layout_of_lfw_with_its_pairs(tmp_path):
    from sklearn.datasets import _lfw as lfw

    images = Faces(np.repeat(np.arange(40), 4), side=16)
    write(tmp_path, images, 'lfw', jpeg=95, pairs=5)
    index, whole = str(tmp_path / 'pairs.txt'), (slice(0, 16), slice(0, 16))
    found, same, _ = lfw._fetch_lfw_pairs(index, str(tmp_path / 'lfw'), whole, color=True)
    assert found.shape == (100, 2, 16, 16, 3) and len(np.unique(found.reshape(200, -1), axis=0)) > 80
    assert same.tolist() == ([1] * 5 + [0] * 5) * 10
    assert open_source(str(tmp_path / 'lfw')).layout == 'lfw'


# ----------------------------------------------------------------------------------------------------------------------
# All forms.


@EACH_FORM
def test_the_same_set_gives_the_same_bytes(tmp_path, form):
    options = {'test_share': 0.5, 'jpeg': 90 if EXPORTS[form].takes_encoding else None}
    identities = np.arange(24) % 8
    first, again = (write(tmp_path / name, Faces(identities), form, **options) for name in 'ab')
    found = files_below(first)
    assert len(found) > 1 and found == files_below(again)


class Held(Faces):
    """A set that holds PNGs."""

    def png(self, place):
        return super().png(place) + b'kept'


@pytest.mark.parametrize('form', ['zip', 'folders', 'webdataset'])
def test_pngs_that_the_set_holds_are_taken_as_they_are(tmp_path, form):
    images = Held()
    write(tmp_path, images, form)
    content = b''.join(path.read_bytes() for path in tmp_path.rglob('*') if path.is_file())
    assert all(images.png(place) in content for place in range(images.count))
    if EXPORTS[form].takes_encoding:
        write(tmp_path / 'small', images, form, side=4)
        assert b'kept' not in b''.join(path.read_bytes() for path in (tmp_path / 'small').rglob('*') if path.is_file())


class Full(Faces):
    def read(self, place):
        if place == 4:
            raise OSError(errno.ENOSPC, 'No space left on device')
        return super().read(place)


@EACH_FORM
def test_a_full_disk_is_said_and_leaves_nothing(tmp_path, form):
    with pytest.raises(DiskError, match='cannot be written .*: free space'):
        write(tmp_path, Full(), form)
    assert not list(tmp_path.iterdir())


class Stopped(Faces):
    def read(self, place):
        if place == 4:
            raise KeyboardInterrupt
        return super().read(place)


@EACH_FORM
def test_an_interrupted_export_leaves_nothing(tmp_path, form):
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path, Stopped(), form)
    assert not list(tmp_path.iterdir())
    write(tmp_path, Faces(), form)
    assert [path.name for path in tmp_path.iterdir()] == [EXPORTS[form].name.format('faces')]


def test_what_a_killed_process_left_is_replaced(tmp_path):
    (tmp_path / f'.folders{forms.UNFINISHED}' / '000009').mkdir(parents=True)
    write(tmp_path, Faces(), 'folders')
    assert [path.name for path in tmp_path.iterdir()] == ['folders']
    assert not (tmp_path / 'folders' / '000009').exists()


@EACH_FORM
def test_the_disk_that_is_needed_is_told_before(tmp_path, form):
    images = Faces(np.arange(100) % 10, side=64)
    options = ExportOptions((form,), jpeg=95 if EXPORTS[form].takes_encoding else None)
    close, most = (bytes_needed(options, 100, images.shape, known) for known in (images, None))
    write(tmp_path, images, form, jpeg=options.jpeg)
    sizes = [path.stat().st_size for path in tmp_path.rglob('*') if path.is_file()]
    block = EXPORTS[form].block if EXPORTS[form].block == forms.BLOCK else 1
    taken = sum(-(-size // block) * block for size in sizes)
    assert taken <= close <= 1.35 * taken
    assert taken <= most <= 3.5 * taken  # noise as PNG takes what its pixels take


@EACH_FORM
@pytest.mark.slow
def test_no_form_keeps_the_pictures_in_memory(tmp_path, form):
    def peak(count):
        images = Faces(np.arange(count) // 2, side=64)
        tracemalloc.start()
        try:
            write(tmp_path / str(count), images, form)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(10)  # whatever is kept for the next time
    assert peak(110) - peak(11) < 100 * 3 * 64 * 64 / 2  # of 100 pictures


def test_pictures_are_shrunk_by_area_and_jpeg_keeps_its_colours(tmp_path):
    images = Faces(side=16)
    names = 'folders', 'recordio', 'webdataset'
    write(tmp_path / 'png', images, *names, side=7)
    read = Image.open(str(tmp_path / 'png' / 'folders' / '000005' / '000000.png'))
    np.testing.assert_array_equal(np.array(read).transpose(2, 0, 1), shrink(images.read(4), 7))
    assert (tmp_path / 'png' / 'recordio' / 'property').read_text() == '3,7,7'
    write(tmp_path / 'jpg', images, *names, side=7, jpeg=95)
    read = Image.open(str(tmp_path / 'jpg' / 'folders' / '000005' / '000000.jpg'))
    assert read.format == 'JPEG' and [layer[1:3] for layer in read.layer] == [(1, 1)] * 3
    source = open_source(str(tmp_path / 'jpg' / 'recordio'))
    expected = io.BytesIO((tmp_path / 'jpg' / 'folders' / '000005' / '000000.jpg').read_bytes()).getvalue()
    assert source.read(2) == expected


@pytest.mark.parametrize('channels', [1, 3])
def test_grey_sets_stay_grey(tmp_path, channels):
    write(tmp_path, Faces(channels=channels), 'folders', 'recordio', jpeg=95)
    read = Image.open(str(tmp_path / 'folders' / '000005' / '000000.jpg'))
    assert read.mode == {1: 'L', 3: 'RGB'}[channels]


# ----------------------------------------------------------------------------------------------------------------------
# Parts.


def test_parts_have_no_identity_in_common_and_each_form_has_them(tmp_path):
    identities = np.arange(40) % 20
    folder = write(tmp_path, Faces(identities), *EXPORTS, test_share=0.3)
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        names_written(ExportOptions(tuple(EXPORTS), test_share=0.3), 'faces')
    )
    test = {name for name in range(20) if is_for_testing(name, 0.3)}
    assert 0 < len(test) < 20
    for part, expected in (('test', test), ('train', set(range(20)) - test)):
        for form in ('folders', 'lfw'):
            assert {int(path.name) for path in (folder / form / part).iterdir()} == expected
        lines = (folder / f'{part}.txt').read_text().splitlines()
        assert {int(line[-12:-4]) % 20 for line in lines} == expected
        assert len(open_source(str(folder / 'recordio' / part)).paths) == len(lines) == 2 * len(expected)
        assert (folder / 'recordio' / part / 'property').read_text() == f'{len(expected)},8,8'
        assert (folder / 'webdataset' / f'{part}-000000.tar').exists()


def test_the_form_of_the_set_itself_has_lists_too(tmp_path):
    options = ExportOptions(test_share=0.3, pairs=1)
    check_exports(options, 8, True, there=['zips'])
    images = Faces(np.arange(200) % 100)
    write_exports(images, str(tmp_path), 'faces', options, ['zips'])
    assert sorted(path.name for path in tmp_path.iterdir()) == ['pairs.txt', 'test.txt', 'train.txt']
    assert sorted(names_written(options, 'faces', ['zips'])) == ['pairs.txt', 'test.txt', 'train.txt']
    tested = {int(line[-12:-4]) % 100 for line in (tmp_path / 'test.txt').read_text().splitlines()}
    paired = [line.split('\t') for line in (tmp_path / 'pairs.txt').read_text().splitlines()[1:]]
    assert {int(words[0]) for words in paired} <= tested  # pairs are for testing


def test_a_set_that_grows_keeps_its_split():
    chosen = [is_for_testing(identity, 0.1) for identity in range(20000)]
    assert 0.09 < np.mean(chosen) < 0.11
    assert np.flatnonzero(chosen)[:5].tolist() == [0, 7, 10, 38, 42]  # changing them would change users' splits
    larger = [is_for_testing(identity, 0.2) for identity in range(20000)]
    assert not np.any(np.array(chosen) & ~np.array(larger))


@pytest.mark.parametrize('share, part, change', [(0.001, 'test', 'larger'), (0.999, 'train', 'smaller')])
def test_a_part_without_identities_is_refused(tmp_path, share, part, change):
    with pytest.raises(UserError, match=f'leaves no identity for the part {part}, of 3: give a {change} share'):
        write(tmp_path, Faces(), 'folders', test_share=share)
    assert not list(tmp_path.iterdir())


# ----------------------------------------------------------------------------------------------------------------------
# What is refused before any work.


@pytest.mark.parametrize(
    'options, sentence',
    [
        (ExportOptions(('folders',)), '--export folders needs to know who is in an image: add --labels identity.'),
        (ExportOptions(('zip',), pairs=3), '--pairs needs to know who is in an image: add --labels identity.'),
        (ExportOptions(('zip',), test_share=0.1), '--test-share needs to know who'),
        (ExportOptions((), pairs=3), '--pairs is about what --export writes: add --export FORM, or leave --pairs out.'),
        (ExportOptions(('zip',), jpeg=95), '--jpeg is for --export folders, lfw, recordio, webdataset: add one'),
        (ExportOptions((), side=8), '--export-size is for --export folders'),
        (ExportOptions(('webdataset',), side=65), '--export-size 65: the images have 64 px, so take 64 at most.'),
    ],
)
def test_what_cannot_be_exported_is_refused_at_once(options, sentence):
    with pytest.raises(click.UsageError) as error:
        check_exports(options, 64, False, 'add --labels identity')
    assert sentence in error.value.message


@pytest.mark.parametrize(
    'options, images_of, sentence',
    [
        (ExportOptions(('zip',), test_share=0.5), [9], '--test-share needs two identities, and the set has 1'),
        (ExportOptions(('zip',), pairs=1), [9] * 19, '--pairs needs 20 identities, two for each of 10 folds'),
        (ExportOptions(('zip',), pairs=3), [2] * 29, '--pairs 3 needs 30 pairs of one identity, and the set has 29 at'),
    ],
)
def test_too_little_for_parts_and_pairs_is_refused_at_once(options, images_of, sentence):
    with pytest.raises(UserError) as error:
        check_counts(options, images_of)
    assert sentence in error.value.message
    check_counts(options, [2] * 30)


def test_what_can_be_exported_is_not_refused():
    check_exports(ExportOptions(tuple(EXPORTS), 95, 64, 0.1, 3), 64, True, '')
    check_exports(ExportOptions(('zip', 'png', 'zips', 'webdataset'), 95, 32), 64, False, '')
