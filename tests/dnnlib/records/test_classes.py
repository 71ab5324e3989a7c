import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dnnlib.records.classes import largest_classes
from dnnlib.records.labels import Labels


@given(st.lists(st.integers(0, 9), max_size=60), st.one_of(st.none(), st.integers(1, 12)), st.integers(1, 5))
def test_the_chosen_classes_are_the_largest_that_are_large_enough(numbers, at_most, at_least):
    found = largest_classes(np.array(numbers, np.int64), at_most, at_least).tolist()
    ranked = sorted(set(numbers), key=lambda number: (-numbers.count(number), number))
    assert found == sorted(number for number in ranked[:at_most] if numbers.count(number) >= at_least)


def test_classes_of_rows_and_of_numbers():
    numbers = np.array([2, 0, 2])
    assert Labels(np.eye(3)[numbers]).classes().tolist() == Labels(numbers).classes().tolist() == [2, 0, 2]
    assert Labels(np.array([[0, 1], [1, 1]])).classes() is None
    assert Labels(np.array([[1], [1]])).classes() is None  # one number for each image, not one class


def test_labels_say_what_they_are():
    assert Labels(np.zeros([3, 40])).describe() == '40 labels an image'
    assert Labels(np.arange(2000)).describe() == 'class numbers of 2,000 classes'
