"""Makes numpy's types of numbers and arrays for `dnnlib.pickle_machine`, and checks them."""

import re
import reprlib
from typing import Any, Callable, Union

import numpy as np

from dnnlib.pickle_machine import Made, PickleError

MOST_AXES = 8
_DTYPE = re.compile(r'[<>|=]?(b1|[iu][1248]|f[248])')

_shortener = reprlib.Repr()
_shortener.maxstring = _shortener.maxother = 100
_shortener.maxlevel = 2


def shown(value: Any) -> str:
    """A value from a file as text for a sentence: short, without control characters."""
    text = _shortener.repr(value)
    return text if len(text) <= 200 else text[:200] + '...'


class _Dtype(Made):
    """A type of numbers; structures, objects and dates, which numpy also has, are refused."""

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


Charge = Callable[[int], None]  # called with each number of bytes to copy; raises `PickleError` beyond a limit


class PickledArray(Made):
    """An array, whose shape, type and bytes come with its state."""

    __slots__ = ('_array', '_charge')

    def __init__(self, charge: Charge) -> None:
        self._charge = charge

    def set_state(self, state: Any) -> None:
        """See `Made.set_state`."""
        if type(state) is not tuple or len(state) not in (4, 5):
            raise PickleError('an array has an unknown state')
        shape, dtype, is_fortran, data = state[-4:]  # a version may stand before it
        self._array = array_of(data, dtype, shape, 'F' if is_fortran == 1 else 'C', self._charge)

    def array(self) -> np.ndarray:
        """The array; raises `PickleError` if it got no state."""
        if not hasattr(self, '_array'):
            raise PickleError('an array has no data')
        return self._array


def array_of(data: Any, dtype: Any, shape: Any, order: str, charge: Charge) -> np.ndarray:
    """The array of some parts of a pickle; raises `PickleError` if they are not what numpy pickles.

    Args:
        data: Its bytes.
        dtype: A made type of numbers.
        shape: Tuple of int.
        order: 'C' or 'F'.
        charge: See `Charge`.
    """
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
        raise PickleError('an array has a type that is no type of numbers')
    return value.dtype


def bytes_of(value: Any, charge: Charge) -> Union[bytes, memoryview]:
    """The bytes that a value of a pickle stands for; raises `PickleError` if it stands for none."""
    if type(value) is str:  # Python 2 pickles bytes as text
        charge(len(value))
        return value.encode('latin-1')
    if type(value) not in (memoryview, bytes):
        raise PickleError('an array has no bytes as its data')
    return value


def make_dtype(arguments: tuple) -> Made:
    """The type of numbers that `numpy.dtype(*arguments)` would be; raises `PickleError` if it is none."""
    code = arguments[0] if arguments else None
    if type(code) is not str or not _DTYPE.fullmatch(code):
        raise PickleError(f'{shown(code)} is no type of numbers')
    return _Dtype(code)
