"""Sets of crops, and images with a file of labels, small, in their own layouts."""

import json
import pickle
import struct

import google_crc32c
import h5py
import numpy as np
import pytest

from dnnlib.errors import UserError
from dnnlib.records.record_file import RecordEncoder
from dnnlib.records.tfrecords import MultiResolutionDataset, MultiResolutionWriter
from prefilter.images import decode
from prefilter.labels import check_labels
from prefilter.sources import open_source
from tests.pictures import identities, make_archive, npy, picture, reds, write_files

# ----------------------------------------------------------------------------------------------------------------------
# Aligned sets.


def test_ffhq(tmp_path):
    listed = {str(number): {'category': 'training' if number < 2 else 'validation'} for number in range(3)}
    files = {'ffhq-dataset-v2.json': json.dumps(listed)}
    for number in range(3):
        files[f'images1024x1024/00000/{number:05d}.png'] = picture(number)
        files[f'thumbnails128x128/00000/{number:05d}.png'] = picture(100 + number)
        files[f'in-the-wild-images/00000/{number:05d}.png'] = picture(200 + number)
    source = open_source(write_files(tmp_path, files))
    assert (source.layout, source.aligned, source.has_identities) == ('ffhq', True, False)
    assert reds(source) == [0, 1, 2] and source.ignored == 7
    assert reds(open_source(str(tmp_path), partition='valid')) == [2]
    wild = open_source(str(tmp_path / 'in-the-wild-images'), 'ffhq')
    assert reds(wild) == [200, 201, 202]
    write_files(tmp_path, {'ffhq-dataset-v2.json': '{"0": {}}'})
    with pytest.raises(UserError, match='ffhq-dataset-v2.json is not as expected .KeyError'):
        open_source(str(tmp_path), partition='train')
    (tmp_path / 'ffhq-dataset-v2.json').unlink()
    with pytest.raises(UserError, match='--partition train needs ffhq-dataset-v2.json'):
        open_source(str(tmp_path), partition='train')


def test_only_wild_images_of_ffhq_are_not_aligned(tmp_path):
    source = open_source(write_files(tmp_path, {'in-the-wild-images/00000/00007.png': picture(1)}))
    assert (source.layout, source.aligned) == ('ffhq', False)


def test_files_of_other_names_among_many_of_ffhq_are_in_no_partition(tmp_path):
    files = {'ffhq-dataset-v2.json': json.dumps({str(number): {'category': 'training'} for number in range(401)})}
    files.update({f'thumbnails128x128/00000/{number:05d}.png': picture(1) for number in range(401)})
    files['thumbnails128x128/00000/other.png'] = picture(2)
    source = open_source(write_files(tmp_path, files), partition='train')
    assert source.layout == 'ffhq' and len(source.paths) == 401 and source.ignored == 2
    stray = "Images not named as the layout has it: left out (1, as 'thumbnails128x128/00000/other.png')."
    assert stray in source.remarks


def image(red, side=8):
    return np.full([3, side, side], [[[red]], [[100]], [[200]]], np.uint8)


def test_celeba_hq_as_arrays_and_images(tmp_path):
    arrays = {f'imgHQ{number:05d}.npy': npy(image(number)[np.newaxis]) for number in (1, 2)}
    source = open_source(write_files(tmp_path / 'npy', {**arrays, 'notes.txt': 'x'}))
    assert (source.layout, source.aligned, source.ignored) == ('celeba-hq', True, 1)
    assert reds(source) == [1, 2]
    source = open_source(write_files(tmp_path / 'png', {'00000.png': picture(5)}), 'celeba-hq')
    assert reds(source) == [5] and source.aligned


def test_celeba_hq_as_hdf5(tmp_path):
    with h5py.File(str(tmp_path / 'celeba.h5'), 'w') as file:
        for side in (4, 8, 16):
            file[f'data{side}x{side}'] = np.stack([image(number, side) for number in (3, 4)])
        file['other'] = [1]
    source = open_source(str(tmp_path / 'celeba.h5'))
    assert (source.layout, list(source.paths)) == ('celeba-hq', ['data16x16/00000', 'data16x16/00001'])
    assert reds(source) == [3, 4] and decode(source.read(0)).shape == (16, 16, 3)
    with h5py.File(str(tmp_path / 'other.h5'), 'w') as file:
        file['data8x8'] = np.zeros([2, 8, 8, 3], np.uint8)
    with pytest.raises(UserError, match=r'expected data8x8 as uint8 \[N, 3, H, W\], found uint8 \[2, 8, 8, 3\]'):
        open_source(str(tmp_path / 'other.h5'))
    (tmp_path / 'broken.h5').write_bytes(b'x')
    with pytest.raises(UserError, match='cannot be read as HDF5'):
        open_source(str(tmp_path / 'broken.h5'))
    (tmp_path / 'gone.h5').symlink_to('nowhere')
    with pytest.raises(UserError, match='cannot be read .No such file or directory.: check the path'):
        open_source(str(tmp_path / 'gone.h5'))


@pytest.mark.parametrize('channels', [1, 3])
def test_tfrecords(tmp_path, channels):
    folder = tmp_path / 'ffhq'
    folder.mkdir()
    with MultiResolutionWriter(str(folder), 'ffhq') as writer:
        for number in (7, 8):
            writer.add(image(number)[:channels])
    for layout in ('auto', 'ffhq', 'celeba-hq', 'tfrecords'):
        source = open_source(str(folder), layout)
        assert list(source.paths) == ['ffhq-r03.tfrecords/0', 'ffhq-r03.tfrecords/1']
        assert reds(source) == [7, 8] and decode(source.read(0)).shape == (8, 8, 3) and source.aligned
    assert reds(open_source(str(folder / 'ffhq-r02.tfrecords'))) == [7, 8]


def write_set(folder, name, side, channels=3):
    """A dataset of two images, with files of all resolutions up to its own."""
    (folder / 'new').mkdir(parents=True)
    with MultiResolutionWriter(str(folder / 'new'), name) as writer:
        for number in (7, 8):
            writer.add(np.full([channels, side, side], number, np.uint8))
    for path in (folder / 'new').iterdir():
        path.rename(folder / path.name)
    (folder / 'new').rmdir()
    return str(folder)


@pytest.mark.parametrize('chosen', ['auto', 'ffhq', 'celeba-hq', 'tfrecords'])
def test_tfrecords_of_two_sets_are_refused_as_train_does(tmp_path, chosen):
    write_set(tmp_path / 'both', 'zoo', 8)
    location = write_set(tmp_path / 'both', 'faces', 16)
    with pytest.raises(UserError) as of_the_filter:
        open_source(location, chosen)
    with pytest.raises(UserError) as of_training:
        MultiResolutionDataset(location)
    assert 'both hold 4x4 images: keep one dataset in a folder.' in of_the_filter.value.message
    assert of_the_filter.value.message == of_training.value.message
    assert len(open_source(str(tmp_path / 'both/faces-r04.tfrecords')).paths) == 2


def test_tfrecords_of_two_sets_with_no_resolution_in_common_are_refused(tmp_path):
    location = write_set(tmp_path / 'both', 'zoo', 8)
    write_set(tmp_path / 'faces', 'faces', 16)
    (tmp_path / 'faces/faces-r04.tfrecords').rename(tmp_path / 'both/faces-r04.tfrecords')
    with pytest.raises(UserError, match='holds the datasets faces and zoo: keep one dataset in a folder, or name one'):
        open_source(location)


def test_the_largest_images_are_found_by_content(tmp_path):
    location = write_set(tmp_path / 'faces', 'faces', 16)
    (tmp_path / 'faces/faces-r04.tfrecords').rename(tmp_path / 'faces/faces.tfrecords')
    assert decode(open_source(location).read(0)).shape == (16, 16, 3)


def test_a_file_of_records_that_lacks_some_is_not_taken_for_all(tmp_path):
    location = write_set(tmp_path / 'faces', 'faces', 8)
    path = tmp_path / 'faces/faces-r03.tfrecords'
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])  # one of its two records
    with pytest.raises(
        UserError, match=r'faces-r03.tfrecords has 1 records but .*faces-r02.tfrecords has 2: copy both'
    ):
        open_source(location)
    assert len(open_source(str(path)).paths) == 1


@pytest.mark.parametrize('channels', [2, 4])
def test_tfrecords_of_other_channels_are_refused(tmp_path, channels):
    shape = (channels, 8, 8)
    path = tmp_path / 'faces-r03.tfrecords'
    path.write_bytes(RecordEncoder(shape).encode(np.zeros(shape, np.uint8)))
    for location in (tmp_path, path):
        with pytest.raises(UserError, match=r'holds images of shape \[., 8, 8\], but a dataset needs 1 or 3 channels'):
            open_source(str(location))


def framed(payload):
    """A record file of one record."""
    length = struct.pack('<Q', len(payload))
    checksums = [google_crc32c.value(data) for data in (length, payload)]
    masked = [struct.pack('<I', ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF) for crc in checksums]
    return length + masked[0] + payload + masked[1]


def feature(name, content):
    """An entry of a tf.train.Features, in protocol-buffer encoding; shorter than 128 bytes."""
    value = bytes([0x0A, len(content)]) + content
    value = bytes([0x0A, len(value)]) + value
    entry = bytes([0x0A, len(name)]) + name + bytes([0x12, len(value)]) + value
    return bytes([0x0A, len(entry)]) + entry


JPEG = b'\xff\xd8\xff\xe0 and so on'
SHAPE = b'\x0a\x0d\x0a\x05shape\x12\x04\x1a\x02\x0a\x00'


@pytest.mark.parametrize(
    'features, words',
    [
        (feature(b'image/encoded', JPEG), 'records with the features image/encoded, not pixels with their shape'),
        (feature(b'data', JPEG) + SHAPE, 'images as JPEG files, not pixels with their shape'),
        (feature(b'data', b'\x89PNG') + SHAPE, 'images as PNG files, not pixels with their shape'),
    ],
)
def test_records_of_encoded_images_are_not_called_damaged(tmp_path, features, words):
    path = tmp_path / 'faces-r08.tfrecords'
    path.write_bytes(framed(bytes([0x0A, len(features)]) + features))
    for refuse in (open_source, MultiResolutionDataset):
        with pytest.raises(UserError) as error:
            refuse(str(tmp_path))
        assert error.value.message == (
            f'{path} holds {words}: write the images out as files, and make the dataset with python -m prefilter.'
        )


# ----------------------------------------------------------------------------------------------------------------------
# Any images with labels.


def test_csv(tmp_path):
    text = '\ufeffPath, label, smiling, age, hat\nz.png, Ann, 1, 20, 0\n'
    text += 'a.png, "Lee, Bo", 0, 1, 0\nz2.png, Ann, 1, 0, 1\n'
    write_files(tmp_path, {'list.csv': text, 'z.png': picture(1), 'a.png': picture(2), 'z2.png': picture(3)})
    source = open_source(str(tmp_path / 'list.csv'))
    assert (source.layout, list(source.paths)) == ('csv', ['z.png', 'a.png', 'z2.png'])  # the order of the lines
    assert identities(source) == ['Ann', 'Lee, Bo', 'Ann'] and reds(source) == [1, 2, 3]
    assert source.attribute_names == ['smiling', 'hat']
    assert [source.attributes(place).tolist() for place in range(3)] == [[1, 0], [0, 0], [1, 1]]
    write_files(tmp_path, {'list.csv': 'path\na.png\n'})
    source = open_source(str(tmp_path / 'list.csv'))
    assert not source.has_identities and source.attribute_names is None
    write_files(tmp_path, {'list.csv': 'file\na.png\n'})
    with pytest.raises(UserError, match='expected a column path in its first line, found file'):
        open_source(str(tmp_path / 'list.csv'))
    write_files(tmp_path, {'list.csv': 'path\na.png\na.png\n'})
    with pytest.raises(UserError, match='names a.png twice: keep one line'):
        open_source(str(tmp_path / 'list.csv'))


IMAGES = {f'00000/img0000000{number}.png': picture(number) for number in range(3)}


@pytest.mark.parametrize('archive', [False, True])
def test_dataset_json(tmp_path, archive):
    def opened(labels):
        files = {**IMAGES, 'dataset.json': json.dumps({'labels': labels}).encode()}
        location = make_archive(tmp_path / 'x.zip', files) if archive else write_files(tmp_path, files)
        return open_source(location)

    source = opened([[path, 10 - number] for number, path in enumerate(IMAGES)])
    assert source.layout == 'dataset-json' and source.aligned and reds(source) == [0, 1, 2]
    assert identities(source) == [10, 9, 8] and source.ignored == 0
    source = opened([[path, [number % 2, 1]] for number, path in enumerate(IMAGES)])
    assert [source.attributes(place).tolist() for place in range(3)] == [[0, 1], [1, 1], [0, 1]]
    source = opened(None)
    assert not source.has_identities and source.attribute_names is None
    with pytest.raises(UserError, match='is not as expected .KeyError: .00000/img00000001.png'):
        check_labels(opened([['00000/img00000000.png', 1]]), 'identity')
    with pytest.raises(UserError, match=r'labels that are neither all ints nor all vectors of 0 and 1, as \[0.5\]'):
        check_labels(opened([[path, [0.5]] for path in IMAGES]), 'attributes')


def test_a_folder_of_zips_is_one_set(tmp_path):
    def opened(*labels):
        for number, (path, label) in enumerate(zip(IMAGES, labels)):
            pairs = label and json.dumps({'labels': [[path, label[0]]]})
            (tmp_path / 'set').mkdir(exist_ok=True)
            files = {path: IMAGES[path], **({'dataset.json': pairs.encode()} if pairs else {})}
            make_archive(tmp_path / 'set' / f'{number:05d}.zip', files)
        return open_source(str(tmp_path / 'set'))

    source = opened([7], [3], [7])
    assert source.layout == 'dataset-json' and source.aligned and reds(source) == [0, 1, 2] and source.ignored == 0
    assert list(source.paths) == [f'0000{number}.zip/{path}' for number, path in enumerate(IMAGES)]
    assert identities(source) == [7, 3, 7] and source.attribute_names is None
    reader = pickle.loads(pickle.dumps(source.reader))  # as a worker gets it
    assert [reader.read(source.entry(place)) for place in range(3)] == list(IMAGES.values())
    source = opened([[0, 1]], [[1, 1]], [[0, 0]])
    assert [source.attributes(place).tolist() for place in range(3)] == [[0, 1], [1, 1], [0, 0]]
    assert not source.has_identities
    source = opened(None, None, None)
    assert not source.has_identities and source.attribute_names is None
    with pytest.raises(UserError, match='00000.zip has labels, and .*00001.zip has none'):
        check_labels(opened([7], None, [7]), 'identity')
    with pytest.raises(UserError, match='the labels in SOURCE are not all vectors of 0 and 1'):
        check_labels(opened([[0.5]], [[1.0]], [[0.0]]), 'attributes')
    (tmp_path / 'set' / '00001.zip').write_bytes(b'PK')
    with pytest.raises(UserError, match='00001.zip is no whole .zip'):
        open_source(str(tmp_path / 'set'))
