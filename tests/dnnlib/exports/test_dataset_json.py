import json
import zipfile

import numpy as np
import pytest

from dnnlib.exports import dataset_json as module
from dnnlib.exports.forms import EXPORTS, ExportOptions, write_exports
from dnnlib.exports.images import DatasetImages
from dnnlib.records.tfrecords import MultiResolutionDataset, MultiResolutionWriter
from prefilter.images import decode
from prefilter.sources import open_source


def write_dataset(folder, count=5, labels=None, channels=3):
    images = np.random.RandomState(0).randint(0, 256, [count, channels, 8, 8]).astype(np.uint8)
    folder.mkdir()
    with MultiResolutionWriter(str(folder), 'faces') as writer:
        for image in images:
            writer.add(image)
        if labels is not None:
            writer.add_labels(np.array(labels, np.float32))
    return images


def exported(folder, form):
    with MultiResolutionDataset(str(folder)) as dataset:
        write_exports(DatasetImages(dataset), str(folder), dataset.name, ExportOptions((form,)))
        return folder / EXPORTS[form].name.format(dataset.name)


@pytest.mark.parametrize('form, name', [('zip', 'faces.zip'), ('png', 'png')])
def test_images_come_back_in_the_order_of_the_records(tmp_path, monkeypatch, form, name):
    monkeypatch.setattr(module, 'IMAGES_PER_FOLDER', 2)
    images = write_dataset(tmp_path / 'set', labels=np.eye(3)[[2, 0, 1, 2, 2]])
    path = exported(tmp_path / 'set', form)
    assert path.name == name
    source = open_source(str(path))
    assert source.layout == 'dataset-json'
    assert list(source.paths) == [
        '00000/img00000000.png',
        '00000/img00000001.png',
        '00001/img00000002.png',
        '00001/img00000003.png',
        '00002/img00000004.png',
    ]
    for place, image in enumerate(images):
        np.testing.assert_array_equal(decode(source.read(place)), image.transpose(1, 2, 0))
    assert [source.identity(place) for place in range(5)] == [2, 0, 1, 2, 2]


def test_the_zip_is_stored_and_the_same_every_time(tmp_path):
    write_dataset(tmp_path / 'set')
    path = exported(tmp_path / 'set', 'zip')
    with zipfile.ZipFile(str(path)) as archive:
        assert all(member.compress_type == zipfile.ZIP_STORED for member in archive.infolist())
    before = path.read_bytes()
    path.unlink()
    assert exported(tmp_path / 'set', 'zip').read_bytes() == before


@pytest.mark.parametrize('rows, identities', [(np.eye(3)[[2, 0, 2]], [2, 0, 2]), ([[1], [1], [1]], [0, 0, 0])])
def test_identities_are_those_of_the_labels(tmp_path, rows, identities):
    write_dataset(tmp_path / 'set', 3, rows)
    with MultiResolutionDataset(str(tmp_path / 'set')) as dataset:
        images = DatasetImages(dataset, labels_are_identities=True)
        assert [images.identity(place) for place in range(3)] == identities
        before = [identities[:place].count(identities[place]) for place in range(3)]
        assert [images.number(place) for place in range(3)] == before
        assert DatasetImages(dataset).identity(0) is None


@pytest.mark.parametrize('rows, labels', [(None, None), ([[0, 1], [1, 1]], [[0, 1], [1, 1]]), ([[1], [1]], [[1], [1]])])
def test_labels_that_are_no_classes(tmp_path, rows, labels):
    write_dataset(tmp_path / 'set', 2, rows, channels=1)
    path = exported(tmp_path / 'set', 'png')
    found = json.loads((path / 'dataset.json').read_text())['labels']
    names = ['00000/img00000000.png', '00000/img00000001.png']
    assert found == (labels and [list(pair) for pair in zip(names, labels)])
