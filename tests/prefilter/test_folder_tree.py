import io
import os

import numpy as np
import pytest
from PIL import Image

from dnnlib.errors import UserError
from prefilter.sources import open_source
from tests.pictures import make_archive, write_files


def touch(folder, *paths):
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(path.encode())


def test_images_of_all_folders_sorted_by_path(tmp_path):
    touch(tmp_path, 'b/2.jpg', 'b/10.JPG', 'a.png', 'b-c/x.webp', 'b/d/y.tiff', 'B.gif')
    source = open_source(str(tmp_path))
    assert source.paths == ['B.gif', 'a.png', 'b-c/x.webp', 'b/10.JPG', 'b/2.jpg', 'b/d/y.tiff']
    assert source.read(5) == b'b/d/y.tiff' and source.identity(5) == 'b/d'


def test_other_files_are_counted_and_hidden_ones_are_not(tmp_path):
    touch(tmp_path, 'a.png', 'notes.txt', 'sub/list.csv', '._a.png', '.thumbnails/b.png', 'no_extension')
    source = open_source(str(tmp_path))
    assert source.paths == ['a.png'] and source.ignored == 3
    assert source.remarks == [
        'Files without the extension of an image: left out (1 without an extension, 1 .txt, 1 .csv).'
    ]


def test_of_many_kinds_of_files_the_most_frequent_are_named(tmp_path):
    touch(tmp_path, 'a.png', *(f'{kind}.{copy}.x{kind}' for kind in range(9) for copy in range(kind + 1)))
    (sentence,) = open_source(str(tmp_path)).remarks
    assert sentence.endswith('(9 .x8, 8 .x7, 7 .x6, 6 .x5, 5 .x4, 4 .x3, 6 of other kinds).')


def test_links_are_followed_but_not_in_circles(tmp_path):
    touch(tmp_path, 'elsewhere/a.png', 'photos/b.png')
    (tmp_path / 'photos/linked').symlink_to(tmp_path / 'elsewhere')
    (tmp_path / 'photos/loop').symlink_to(tmp_path / 'photos')
    assert open_source(str(tmp_path / 'photos')).paths == ['b.png', 'linked/a.png']


def test_the_dataset_inside_the_source_is_no_part_of_it(tmp_path):
    touch(tmp_path, 'a.png', 'set/accepted.png')
    assert open_source(str(tmp_path), leave_out=str(tmp_path / 'set')).paths == ['a.png']


def test_datasets_of_this_filter_inside_the_source_are_no_part_of_it(tmp_path):
    """Their galleries and exports would be filtered as photographs."""
    names = ('accepted.png', 'manifest.jsonl', 'png/00000/0.png', 'set-r02.tfrecords')
    touch(tmp_path, 'a.png', *(f'old/set/{name}' for name in names), 'kept/manifest.jsonl', 'kept/b.png')
    source = open_source(str(tmp_path))
    assert source.paths == ['a.png', 'kept/b.png'] and source.ignored == 1
    assert source.remarks[0] == 'old/set is a dataset of this filter: left out.'


def test_a_folder_that_cannot_be_listed_is_a_sentence(tmp_path, monkeypatch):
    def refuse(folder):
        raise PermissionError(13, 'Permission denied', folder)

    monkeypatch.setattr(os, 'scandir', refuse)
    with pytest.raises(UserError, match='cannot be read .Permission denied.: change its permissions, or move it away'):
        open_source(str(tmp_path))


def test_lfw_subset_is_100_faces_and_100_backgrounds():
    source = open_source('lfw-subset')
    assert len(source.paths) == 200 and source.paths == sorted(source.paths)
    assert source.paths[0] == 'lfw-subset/background_000.png' and source.paths[-1] == 'lfw-subset/face_099.png'
    pixels = np.asarray(Image.open(io.BytesIO(source.read(100))))
    assert pixels.shape == (200, 200, 3) and (pixels[..., 0] == pixels[..., 2]).all()


def test_lfw_subset_is_the_bundle_enlarged():
    from skimage.data import lfw_subset

    pixels = np.asarray(Image.open(io.BytesIO(open_source('lfw-subset').read(7))))[..., 0]
    means = pixels.reshape(25, 8, 25, 8).mean(axis=(1, 3)) / 255
    assert np.abs(means - lfw_subset()[107]).mean() < 0.01


def test_folders_of_file_systems_are_left_out(tmp_path):
    names = [
        '@eaDir/a.jpg',
        '#snapshot/daily/a.jpg',
        'x/@eaDir/a.jpg/SYNOPHOTO_THUMB_M.jpg',
        '$RECYCLE.BIN/b.jpg',
        '__MACOSX/c.jpg',
        'eadir/d.jpg',
    ]
    source = open_source(write_files(tmp_path, dict.fromkeys(names, b'')))
    assert list(source.paths) == ['eadir/d.jpg']
    assert source.remarks == [
        'Folders that a file system makes: left out (1 #snapshot, 1 $RECYCLE.BIN, 2 @eaDir, 1 __MACOSX).'
    ]
    packed = make_archive(tmp_path / 'set.zip', dict.fromkeys(names, b''))
    assert list(open_source(packed).paths) == ['eadir/d.jpg']


def test_images_of_kinds_that_are_not_read_are_to_be_converted(tmp_path):
    folder = write_files(tmp_path, {'x.HEIC': b'x', 'y/z.cr2': b'x', 'notes.txt': b'x'})
    with pytest.raises(UserError, match='no images .3 other files.: convert the .heic and .cr2 files to JPEG or PNG.$'):
        open_source(folder)
