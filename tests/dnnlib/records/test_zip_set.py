"""Datasets of .zip files: the same images as TFRecords of them, and every fault in a sentence."""

import concurrent.futures
import io
import json
import os
import zipfile

import numpy as np
import PIL.Image
import pytest

from dnnlib.errors import UserError
from dnnlib.exports.dataset_json import write_zip
from dnnlib.exports.encoding import png_bytes
from dnnlib.records.datasets import open_dataset
from dnnlib.records.tfrecords import MultiResolutionDataset, MultiResolutionWriter, fingerprint
from dnnlib.records.zip_set import ZipDataset

COUNT, IN_A_ZIP = 7, 3
CLASSES = [4, 0, 2, 2, 1, 0, 4]


def some_images(channels=3, side=16):
    return np.random.RandomState(3).randint(0, 256, [COUNT, channels, side, side]).astype(np.uint8)


def name_of(number):
    return f'00000/img{number:08d}.png'


def write_set(folder, images, labels=None):
    """The .zip files of a dataset, three images in each."""
    os.makedirs(str(folder))
    for number, start in enumerate(range(0, len(images), IN_A_ZIP)):
        places = range(start, min(start + IN_A_ZIP, len(images)))
        entries = [
            (name_of(place), png_bytes(images[place]), None if labels is None else labels[place]) for place in places
        ]
        write_zip(os.path.join(str(folder), f'{number:05d}.zip'), entries)
    return str(folder)


@pytest.fixture
def folder(tmp_path):
    return write_set(tmp_path / 'set', some_images(), CLASSES)


def refusal(path, resolution=None):
    with pytest.raises(UserError) as caught:
        open_dataset(path, resolution).close()
    return caught.value.message


@pytest.mark.parametrize('channels', [1, 3])
def test_images_are_those_of_the_same_dataset_as_tfrecords(tmp_path, channels):
    images = some_images(channels)
    folder = write_set(tmp_path / 'set', images, CLASSES)
    (tmp_path / 'records').mkdir()
    with MultiResolutionWriter(str(tmp_path / 'records'), 'set') as writer:
        for image in images:
            writer.add(image)
        writer.add_labels(np.array(CLASSES))
    for resolution in (None, 8):
        with open_dataset(folder, resolution) as zips, open_dataset(tmp_path / 'records', resolution) as records:
            assert isinstance(zips, ZipDataset) and isinstance(records, MultiResolutionDataset)
            for what in ('resolution', 'shape', 'num_images', 'name'):
                assert getattr(zips, what) == getattr(records, what)
            assert zips.labels.numbers.tolist() == records.labels.numbers.tolist() == CLASSES
            pairs = [(index, lod) for lod in range(len(records.paths)) for index in range(COUNT)]
            with concurrent.futures.ThreadPoolExecutor(4) as pool:
                found = list(pool.map(lambda pair: zips.read(*pair), pairs))
            many = zips.read_many([5, 0, 5], lod=1)
            np.testing.assert_array_equal(many, records.read_many([5, 0, 5], lod=1))
            for image, pair in zip(found, pairs):
                assert image.dtype == np.uint8
                np.testing.assert_array_equal(image, records.read(*pair))


def test_one_zip_that_another_program_packed_is_a_dataset(tmp_path):
    images, path = some_images(), str(tmp_path / 'faces.zip')
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as archive:
        archive.writestr('00000/', '')
        for number in reversed(range(COUNT)):
            archive.writestr(name_of(number), png_bytes(images[number]))
    with open_dataset(path) as dataset:
        assert (dataset.name, dataset.labels, dataset.num_images) == ('faces', None, COUNT)
        for number in range(COUNT):
            np.testing.assert_array_equal(dataset.read(number), images[number])
        with pytest.raises(IndexError, match='has images 0 to 6, not 7'):
            dataset.read(7)


def test_vectors_are_rows_of_labels(tmp_path):
    rows = np.random.RandomState(0).rand(COUNT, 2).astype(np.float32)
    with open_dataset(write_set(tmp_path / 'set', some_images(), rows.tolist())) as dataset:
        assert dataset.labels.numbers is None
        np.testing.assert_array_equal(dataset.labels[:], rows)


def test_a_fingerprint_tells_images_and_labels_apart(tmp_path):
    images, found = some_images(), []
    for number, (content, labels) in enumerate(
        [(images, CLASSES), (images, CLASSES), (images[::-1], CLASSES), (images, CLASSES[::-1])]
    ):
        with open_dataset(write_set(tmp_path / str(number), content, labels)) as dataset:
            found.append((fingerprint(dataset), fingerprint(dataset, with_labels=True)))
            assert len(dataset.stamp()) == 9
    assert found[0] == found[1] and found[0][0] == found[3][0] != found[2][0]
    assert len({labelled for _, labelled in found}) == 3


# ----------------------------------------------------------------------------------------------------------------------
# Faults.


def pack(path, members):
    with zipfile.ZipFile(str(path), 'w') as archive:
        for name, data in members.items():
            archive.writestr(name, data)


def png(*size, mode='RGB'):
    file = io.BytesIO()
    PIL.Image.new(mode, size or (16, 16)).save(file, 'PNG')
    return file.getvalue()


def labels_json(pairs):
    return json.dumps({'labels': pairs})


@pytest.mark.parametrize(
    'members, sentence',
    [
        ({'dataset.json': '{}'}, '00000.zip holds no PNG files'),
        ({'a.png': png(), 'b.jpg': b''}, '00000.zip holds b.jpg, and a dataset holds only PNG files'),
        (
            {'a.png': png(12, 12)},
            'holds images that are 12 pixels wide and 12 high, but a dataset needs a square power',
        ),
        ({'a.png': png(), 'b.png': png(8, 8)}, r'Image 1 .* has the shape [3, 8, 8] but those of '),
        (
            {'a.png': png(mode='RGBA')},
            'is of the kind RGBA, not grey or RGB: make a dataset of it with',
        ),
        ({'a.png': b'no image'}, 'Image 0 (counted from 0) of '),
        ({'a.png': png(), 'dataset.json': '{'}, 'dataset.json in '),
        ({'a.png': png(), 'dataset.json': '[]'}, 'is not as expected ('),
        ({'a.png': png(), 'dataset.json': labels_json([])}, 'has no label for a.png: give one for each image'),
        (
            {'a.png': png(), 'dataset.json': labels_json([['a.png', 1], ['b.png', 1]])},
            'has a label for b.png, which',
        ),
        (
            {'a.png': png(), 'dataset.json': labels_json([['a.png', -1]])},
            'has class numbers outside of 0 to',
        ),
        ({'a.png': png(), 'dataset.json': labels_json([['a.png', 'x']])}, 'neither all class numbers nor all lists'),
        ({'a.png': png(), 'dataset.json': labels_json([['a.png', True]])}, 'neither all class numbers nor all lists'),
        (
            {'a.png': png(), 'dataset.json': labels_json([['a.png', [1e999]]])},
            'neither all class numbers nor all lists',
        ),
    ],
)
def test_what_is_no_dataset_is_refused(tmp_path, members, sentence):
    pack(tmp_path / '00000.zip', members)
    found = refusal(tmp_path)
    assert str(tmp_path / '00000.zip') in found
    assert all(part in found for part in sentence.split(' .* '))


@pytest.mark.parametrize('end', [30, -1, -30, -400])
def test_a_file_that_is_cut_off_is_refused(folder, end):
    path = os.path.join(folder, '00001.zip')
    with open(path, 'rb') as file:
        data = file.read()
    with open(path, 'wb') as file:
        file.write(data[:end])
    assert refusal(folder).startswith(f'{path} is no whole .zip (')


def test_a_file_that_is_missing_is_named(folder):
    os.remove(os.path.join(folder, '00001.zip'))
    assert refusal(folder) == f'Dataset {folder} lacks the file 00001.zip: copy it again, or make it anew.'


def test_labels_of_all_files_are_of_one_kind(folder):
    path = os.path.join(folder, '00001.zip')
    pack(path, {name_of(3): png()})
    assert refusal(folder).endswith(
        f'00000.zip has labels, and {path} has none: copy it again or make the dataset anew.'
    )
    pack(path, {name_of(3): png(), 'dataset.json': labels_json([[name_of(3), [1, 0]]])})
    assert f'dataset.json in {path} has labels of another kind than ' in refusal(folder)


def test_a_resolution_that_no_level_has_is_refused(folder):
    assert 'has no resolution 32: choose a power of two from 4 to 16.' in refusal(folder, 32)


def test_damage_in_the_middle_is_named_when_it_is_read(folder):
    path = os.path.join(folder, '00001.zip')
    with zipfile.ZipFile(path) as archive:
        offset = archive.getinfo(name_of(4)).header_offset
    with open(path, 'r+b') as file:
        file.seek(offset + 100)
        file.write(b'\xff\0\xff')
    with open_dataset(folder) as dataset:
        dataset.read(3), dataset.read(5)
        with pytest.raises(UserError, match=r'Image 1 .* of .*00001.zip is damaged .its checksum is wrong'):
            dataset.read(4)
    with open(path, 'r+b') as file:
        file.seek(offset)
        file.write(b'no')
    with open_dataset(folder) as dataset, pytest.raises(UserError, match='it does not begin where the list'):
        dataset.read(4)


def test_an_image_of_another_shape_in_the_middle_is_named_when_it_is_read(tmp_path):
    pack(tmp_path / '00000.zip', {'a.png': png(), 'b.png': png(8, 8), 'c.png': png()})
    with open_dataset(tmp_path) as dataset, pytest.raises(UserError, match=r'Image 1 .* has the shape \[3, 8, 8\]'):
        dataset.read(1)


def test_damaged_packed_data_and_bombs_are_refused(tmp_path):
    path = tmp_path / '00000.zip'
    with zipfile.ZipFile(str(path), 'w', zipfile.ZIP_DEFLATED) as archive:
        for name in ('a.png', 'b.png', 'c.png'):
            archive.writestr(name, png() + bytes(5000))
        offset = archive.getinfo('b.png').header_offset
    with open(str(path), 'r+b') as file:
        file.seek(offset + 35)
        file.write(bytes(9))
    with open_dataset(tmp_path) as dataset, pytest.raises(UserError, match='Image 1 .* is damaged'):
        dataset.read(1)
