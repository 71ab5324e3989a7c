import numpy as np
import pytest

from dnnlib.errors import UserError
from prefilter.labels import check_labels, label_rows, one_hot
from prefilter.sources.index import Index
from prefilter.sources.source import Attributes, Source


def source_of(paths, **options):
    index = Index()
    for path in paths:
        index.add(path)
    return Source('tree', index, None, **options)


def test_one_hot_columns_are_sorted_names():
    assert one_hot(['b', 'a', 'b']).tolist() == [[0, 1], [1, 0], [0, 1]]
    assert one_hot([10, 9, 10]).tolist() == [[0, 1], [1, 0], [0, 1]]  # by number, not as text
    assert one_hot(['b']).dtype == np.float32


def test_rows_are_those_of_the_places():
    table = Attributes(['x', 'y'], np.array([[0, 1], [1, 0], [1, 1]], np.uint8))
    source = source_of(['a/1', 'b/1', 'a/2'], attributes=lambda: table)
    assert label_rows(source, 'identity', [2, 1]).tolist() == [[1, 0], [0, 1]]
    rows = label_rows(source, 'attributes', [2, 0])
    assert rows.tolist() == [[1, 1], [0, 1]] and rows.dtype == np.float32
    assert label_rows(source, None, [0]) is None


def test_labels_beyond_memory_are_refused():
    source = source_of([f'{person}/x.png' for person in range(20000)])
    with pytest.raises(UserError, match='--labels identity would take 1.5 GiB for 20000 images of 20000 identities'):
        check_labels(source, 'identity')
    check_labels(source, None)


def test_labels_that_are_not_there_are_refused():
    source = source_of(['a/1'], identity_of=None)
    with pytest.raises(UserError, match='tree does not say who is in an image'):
        check_labels(source, 'identity')
    with pytest.raises(
        UserError, match='this SOURCE, read as tree, has no attributes. .* celeba .with list_attr_celeba.txt.'
    ):
        check_labels(source, 'attributes')
