"""The command that checks a dataset, from the outside."""

import os

import numpy as np
import pytest
from click.testing import CliRunner

from dnnlib.exports.dataset_json import write_zip
from dnnlib.exports.encoding import png_bytes
from dnnlib.records.tfrecords import MultiResolutionWriter
from dnnlib.verify import main

COUNT = 5


@pytest.fixture
def data(tmp_path):
    images = np.random.RandomState(1).randint(0, 256, [COUNT, 3, 16, 16]).astype(np.uint8)
    with MultiResolutionWriter(str(tmp_path), 'set') as writer:
        for image in images:
            writer.add(image)
        writer.add_labels(np.eye(COUNT)[:, :2])
    return str(tmp_path)


def verify(folder):
    return CliRunner().invoke(main, [folder], catch_exceptions=False)


def path_of(data, level):
    return os.path.join(data, f'set-r{level:02d}.tfrecords')


def flip_a_bit(path, position):
    with open(path, 'r+b') as file:
        file.seek(position)
        byte = file.read(1)[0]
        file.seek(position)
        file.write(bytes([byte ^ 1]))


def test_a_whole_dataset_is_told_with_what_was_checked(data):
    result = verify(data)
    assert result.exit_code == 0
    size = sum(os.path.getsize(path_of(data, level)) for level in (2, 3, 4))
    assert (
        f'{data} is whole: 5 images of 3x16x16 at 3 levels, 15 records, {size / 1e6:.1f} MB, 2 labels an image.'
        in result.output
    )


@pytest.mark.parametrize('level, record, place', [(4, 3, 300), (2, 0, 40), (2, 4, -1), (3, 2, 5), (3, 4, 9)])
def test_one_bit_is_found_wherever_it_is(data, level, record, place):
    path = path_of(data, level)
    step = os.path.getsize(path) // COUNT
    flip_a_bit(path, record * step + place % step)
    result = verify(data)
    assert result.exit_code == 1
    error = result.output.splitlines()[-1]
    assert error.startswith(f'Error: Record {record} (counted from 0) of {path} is damaged') and error.endswith('.')


def test_a_cut_file_is_found(data):
    os.truncate(path_of(data, 3), os.path.getsize(path_of(data, 3)) - 7)
    result = verify(data)
    assert result.exit_code == 1 and f'Record 4 (counted from 0) of {path_of(data, 3)} is damaged' in result.output


def test_levels_of_unequal_length_are_found(data):
    os.truncate(path_of(data, 3), os.path.getsize(path_of(data, 3)) // COUNT * (COUNT - 1))
    result = verify(data)
    assert result.exit_code == 1 and f'{path_of(data, 3)} has 4' in result.output


def test_a_wrong_number_of_labels_is_found(data):
    with open(os.path.join(data, 'set-rxx.labels'), 'wb') as file:
        np.save(file, np.zeros([COUNT - 1, 2], np.float32))
    result = verify(data)
    assert result.exit_code == 1 and 'set-rxx.labels has the shape [4, 2]' in result.output


def test_no_folder_is_wrong_usage(tmp_path):
    assert verify(str(tmp_path / 'nowhere')).exit_code == 2


def test_every_image_of_zip_files_is_read(tmp_path):
    for number, count in enumerate((3, 2)):
        places = range(3 * number, 3 * number + count)
        pixels = np.random.RandomState(number).randint(0, 256, [3, 16, 16]).astype(np.uint8)
        write_zip(
            tmp_path / f'{number:05d}.zip', [(f'img{place:08d}.png', png_bytes(pixels), place) for place in places]
        )
    result = verify(str(tmp_path))
    assert result.exit_code == 0, result.output
    size = sum(path.stat().st_size for path in tmp_path.iterdir()) / 1e6
    assert f'is whole: 5 images of 3x16x16 in 2 .zip files, {size:.1f} MB, class numbers of 5 classes.' in result.output
    flip_a_bit(str(tmp_path / '00000.zip'), 1200)  # in the middle of the second image
    result = verify(str(tmp_path))
    assert result.exit_code == 1
    assert f'Image 1 (counted from 0) of {tmp_path / "00000.zip"} is damaged (its checksum is wrong)' in result.output
