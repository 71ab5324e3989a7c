import tracemalloc

import numpy as np
import pytest

from dnnlib.errors import UserError
from prefilter.labels import check_labels, chooser_of_images, labels_of
from prefilter.sources.index import Index
from prefilter.sources.source import Attributes, Source


def source_of(paths, **options):
    index = Index()
    for path in paths:
        index.add(path)
    return Source('tree', index, None, **options)


def test_one_hot_columns_are_sorted_names():
    assert rows_of(['b', 'a', 'b']) == [[0, 1], [1, 0], [0, 1]]
    assert rows_of([10, 9, 10]) == [[0, 1], [1, 0], [0, 1]]  # by number, not as text


def rows_of(names):
    rows = labels_of(source_of(map(str, range(len(names))), identities=names), 'identity', range(len(names)))
    assert rows.dtype == np.float32
    return rows.tolist()


def test_rows_are_those_of_the_places():
    table = Attributes(['x', 'y'], np.array([[0, 1], [1, 0], [1, 1]], np.uint8))
    source = source_of(['a/1', 'b/1', 'a/2'], attributes=lambda: table)
    assert labels_of(source, 'identity', [2, 1]).tolist() == [[1, 0], [0, 1]]
    rows = labels_of(source, 'attributes', [2, 0])
    assert rows.tolist() == [[1, 1], [0, 1]] and rows.dtype == np.float32
    assert labels_of(source, None, [0]) is None


def test_identities_beyond_memory_are_class_numbers():
    people = 20000
    source = source_of([f'{person:05d}/x.png' for person in range(people)])
    (sentence,) = check_labels(source, 'identity')
    assert sentence.startswith(
        'One-hot labels of all 20,000 images and 20,000 identities would take 1.5 GiB. Above 1 GiB class numbers are '
        'written, which train.py reads and the original StyleGAN does not'
    )
    assert check_labels(source, None) == []
    tracemalloc.start()
    numbers = labels_of(source, 'identity', range(people - 1, -1, -1))
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert numbers.dtype == np.int32 and numbers.tolist() == list(range(people - 1, -1, -1)) and most < 20e6


def test_attributes_beyond_memory_are_refused(monkeypatch):
    monkeypatch.setattr('dnnlib.records.label_file.LARGEST_LABELS', 23)
    table = Attributes(['x', 'y'], np.zeros([3, 2], np.uint8))
    with pytest.raises(UserError, match='--labels attributes would take 0.0 GiB for 3 images with 2 attributes'):
        check_labels(source_of(['a/1', 'b/1', 'a/2'], attributes=lambda: table), 'attributes')


def test_the_largest_identities_are_chosen_in_a_fixed_order():
    paths = ['c/1', 'c/2', 'a/1', 'b/1', 'b/2', 'd/1', 'b/3']
    source = source_of(paths)

    def chosen(*options):
        taken = chooser_of_images(source, *options)(range(len(paths)))
        return ''.join(name[0] for name, is_taken in zip(paths, taken) if is_taken)

    assert chooser_of_images(source) is None
    assert (chosen(1), chosen(2), chosen(9)) == ('bbb', 'ccbbb', 'ccabbdb')
    assert chosen(3) == 'ccabbb'  # a and d have one image each
    assert (chosen(None, 2), chosen(1, 2), chosen(None, 4)) == ('ccbbb', 'bbb', '')


def test_the_flags_about_identities_need_identities():
    source = source_of(['a/1'], identity_of=None)
    with pytest.raises(UserError, match='--min-images: tree does not say who is in an image; leave the flag out.'):
        check_labels(source, None, ['--min-images'])
    (sentence,) = check_labels(source_of(['a/1', 'a/2']), None, ['--max-identities'])
    assert sentence.startswith("--max-identities: all 2 images are of one identity, 'a', so it chooses nothing.")


def test_labels_that_are_not_there_are_refused():
    source = source_of(['a/1'], identity_of=None)
    with pytest.raises(UserError, match='tree does not say who is in an image'):
        check_labels(source, 'identity')
    with pytest.raises(
        UserError, match='this SOURCE, read as tree, has no attributes. .* celeba .with list_attr_celeba.txt.'
    ):
        check_labels(source, 'attributes')
