"""Fingerprints tell datasets apart by every image, and by the labels where these count."""

import numpy as np
from small_datasets import some_images, write

from dnnlib.records.tfrecords import (
    MultiResolutionDataset,
    fingerprint,
    is_old_fingerprint,
    old_fingerprint,
)


def test_a_fingerprint_is_that_of_the_pixels_their_number_and_their_shape(tmp_path):
    images, folders = some_images(200, 4), iter(range(100))

    def of(images, resolution=None):
        folder = write(tmp_path / str(next(folders)), images)
        with MultiResolutionDataset(folder, resolution) as dataset:
            return fingerprint(dataset)

    assert of(images) == of(images) and len(of(images)) == 64
    first, unsampled = images.copy(), images.copy()
    first[0, 0, 0, 0] ^= 1
    unsampled[197, 0, 0, 0] ^= 1
    larger = some_images(3, 8)
    others = [first, unsampled, images[:199], images[:3], images[:3, :1], images[::-1], larger]
    assert len({of(images), of(larger, resolution=4), *map(of, others)}) == 9


def test_labels_count_for_a_fingerprint_where_they_are_trained_on(tmp_path):
    found, labels = [], np.eye(3)
    for number, content in enumerate((labels, labels[::-1], None)):
        folder = write(tmp_path / str(number), some_images(3, 4), labels=content)
        with MultiResolutionDataset(folder) as dataset:
            found.append([fingerprint(dataset, with_labels) for with_labels in (True, False)])
    assert found[0][1] == found[1][1] == found[2][1] == found[2][0] and len({pair[0] for pair in found}) == 3


def test_a_fingerprint_of_the_old_kind_is_told_by_its_length(tmp_path):
    with MultiResolutionDataset(write(tmp_path, some_images(3, 4))) as dataset:
        old, new = old_fingerprint(dataset), fingerprint(dataset)
    assert is_old_fingerprint(old) and not is_old_fingerprint(new) and not is_old_fingerprint(None)


def test_a_content_digest_is_that_of_every_image_and_their_order(tmp_path):
    images, folders = some_images(200, 4), iter(range(100))

    def of(images, count=199):
        with MultiResolutionDataset(write(tmp_path / str(next(folders)), images)) as dataset:
            return dataset.content_digest(count)

    found = {of(images), of(images, 200)}
    for index in (0, 1, 77, 198):
        changed = images.copy()
        changed[index, 2, 3, 3] ^= 1
        found.add(of(changed))
    found.add(of(images[np.r_[1, 0, 2:200]]))
    assert len(found) == 7
    changed = images.copy()
    changed[199] ^= 1
    assert of(changed) == of(images)  # the last one does not count


def test_class_numbers_count_for_a_fingerprint(tmp_path):
    found = set()
    for number, labels in enumerate(([0, 1, 2], [0, 2, 1], np.eye(3))):
        with MultiResolutionDataset(
            write(tmp_path / str(number), some_images(3, 4), labels=np.array(labels))
        ) as dataset:
            found.add(fingerprint(dataset, with_labels=True))
    assert len(found) == 3
