"""Keys of graphs: equal for equal arguments, and only for them."""

import functools

import numpy as np
import pytest

from dnnlib.tflib.graph_keys import graph_key


def plus(a, b):
    return a + b


class Scaler:
    def scale(self, x):
        return x


SCALER = Scaler()
MAKERS = [  # of arguments that must all be told apart; called twice, each must equal itself
    lambda: None,
    lambda: True,
    lambda: 1,
    lambda: 1.0,
    lambda: 0.0,
    lambda: -0.0,
    lambda: float('nan'),
    lambda: '1',
    lambda: b'1',
    lambda: [1, 2],
    lambda: (1, 2),
    lambda: [(1,), 2],
    lambda: {'a': 1, 'b': 2},
    lambda: {'a': 2, 'b': 1},
    lambda: np.float32(1),
    lambda: np.zeros(5000),
    lambda: np.zeros(5000, np.float32),
    lambda: np.zeros([50, 100]),
    lambda: np.eye(1, 5000, 2500)[0],
    lambda: np.zeros([4, 6])[:, ::2],
    lambda: plus,
    lambda: functools.partial(plus, 1),
    lambda: functools.partial(plus, 2),
    lambda: functools.partial(plus, b=1),
    lambda: SCALER.scale,
    lambda: SCALER,
]


def test_only_equal_arguments_have_equal_keys():
    keys = [graph_key(make()) for make in MAKERS]
    assert len(set(keys)) == len(keys)
    for make, key in zip(MAKERS, keys):
        assert graph_key(make()) == key and hash(graph_key(make())) == hash(key)


def test_order_of_keyword_arguments_does_not_matter():
    assert graph_key({'a': 1, 'b': [2]}) == graph_key({'b': [2], 'a': 1})


@pytest.mark.parametrize('make', [lambda: lambda x: x, Scaler, lambda: Scaler().scale, lambda: np.array([plus, None])])
def test_objects_are_only_equal_to_themselves(make):
    first, second = make(), make()
    assert graph_key(first) == graph_key(first) != graph_key(second)
