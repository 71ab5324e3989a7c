"""Keys of a cache of graphs: a graph is built once for each set of arguments."""

import functools
import hashlib
import types
from typing import Any, Hashable

import numpy as np


def graph_key(value: Any) -> Hashable:
    """A key that is equal only for arguments that build the same graph.

    Numbers, texts, arrays, and containers of them are compared by type and content. Every other object is equal only
    to itself, because two functions may have equal source and different closures. The key keeps a reference to the
    object, so that no later object can get the same address.

    Args:
        value: An argument, or a container of arguments. All values of an array count, whatever its size.
    """
    kind = type(value)
    if value is None or kind in (bool, int, str, bytes):
        return kind, value
    if kind in (float, complex):
        return kind, repr(value)  # keeps 0.0 and -0.0 apart, and takes NaN for equal to itself
    if isinstance(value, (np.ndarray, np.generic)) and value.dtype != object:
        return kind, value.dtype.str, value.shape, hashlib.sha256(np.ascontiguousarray(value)).digest()
    if kind in (list, tuple):
        return (kind, *map(graph_key, value))
    if isinstance(value, dict):
        return (kind, *((graph_key(key), graph_key(value[key])) for key in sorted(value, key=repr)))
    if kind is functools.partial:
        return kind, graph_key(value.func), graph_key(value.args), graph_key(value.keywords)
    if kind is types.MethodType:  # each access to a method makes a new object
        return kind, _Identity(value.__self__), _Identity(value.__func__)
    return _Identity(value)


class _Identity:
    """Equal only to another `_Identity` of the very same object."""

    __slots__ = ('_value',)

    def __init__(self, value):
        self._value = value

    def __hash__(self):
        return id(self._value)

    def __eq__(self, other):
        return isinstance(other, _Identity) and self._value is other._value
