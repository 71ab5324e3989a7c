"""What numpy pickles, as `dnnlib.pickle_machine` makes it: types of numbers, and arrays of them, checked."""

import re
import reprlib
from typing import Any

import numpy as np

from dnnlib.pickle_machine import Made, PickleError

MOST_AXES = 8
_DTYPE = re.compile(r'[<>|=]?(b1|[iu][1248]|f[248])')

_shortener = reprlib.Repr()
_shortener.maxstring = _shortener.maxother = 100
_shortener.maxlevel = 2


def shown(value: Any) -> str:
    """What a file holds, as it can be shown in a sentence: short, without control characters."""
    text = _shortener.repr(value)
    return text if len(text) <= 200 else text[:200] + '...'


class _Dtype(Made):
    """A type of numbers, without the structures, objects and dates that numpy could make of it."""

    __slots__ = ('dtype',)

    def __init__(self, code):
        self.dtype = np.dtype(code)

    def set_state(self, state):
        # (version, byte order, sub-array, field names, fields, item size or -1, alignment or -1, flags)
        order = state[1] if type(state) is tuple and len(state) >= 5 else None
        if type(order) is not str or order not in ('<', '>', '|', '='):
            raise PickleError('the type of an array has an unknown state')
        if any(part is not None for part in state[2:5]):
            raise PickleError('the type of an array is made of several')
        self.dtype = self.dtype.newbyteorder(order)


class PickledArray(Made):
    """An array whose data comes in its state."""

    __slots__ = ('_array', '_charge')

    def __init__(self, charge):
        self._charge = charge

    def set_state(self, state):
        if type(state) is not tuple or len(state) not in (4, 5):
            raise PickleError('an array has an unknown state')
        shape, dtype, is_fortran, data = state[-4:]  # a version may stand before it
        self._array = array_of(data, dtype, shape, 'F' if is_fortran == 1 else 'C', self._charge)

    def array(self) -> np.ndarray:
        if not hasattr(self, '_array'):
            raise PickleError('an array has no data')
        return self._array


def array_of(data, dtype, shape, order, charge):
    if type(shape) is not tuple or len(shape) > MOST_AXES or not all(type(n) is int and n >= 0 for n in shape):
        raise PickleError(f'{shown(shape)} is no shape of an array')
    dtype, data = _dtype_of(dtype), bytes_of(data, charge)
    count = 1
    for length in shape:
        count *= length
    if count * dtype.itemsize != len(data):
        raise PickleError(f'an array claims the shape {shown(shape)} of {dtype.name} but has {len(data)} bytes')
    if not dtype.isnative:
        charge(len(data))
    array = np.frombuffer(data, dtype) if count else np.empty(0, dtype)
    return array.reshape(shape, order=order).astype(dtype.newbyteorder('='), copy=False)


def _dtype_of(value):
    if not isinstance(value, _Dtype):
        raise PickleError('an array has a type that is none of numbers')
    return value.dtype


def bytes_of(value, charge):
    if type(value) is str:  # of Python 2, which knows no other bytes
        charge(len(value))
        return value.encode('latin-1')
    if type(value) not in (memoryview, bytes):
        raise PickleError('an array has no bytes as its data')
    return value


def make_dtype(arguments):
    code = arguments[0] if arguments else None
    if type(code) is not str or not _DTYPE.fullmatch(code):
        raise PickleError(f'{shown(code)} is no type of numbers')
    return _Dtype(code)
