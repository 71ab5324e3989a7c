"""A pickle machine that runs nothing: it makes plain values, and other objects only with the makers it is given.

Python's own unpickler calls any function that a file names, and allocates as much memory as a file claims. In Python
3.7 it does not know protocol 5. This machine reads protocols 0 to 5, as the documentation in `pickletools` describes
them. Its memory is limited: a value takes no more bytes than the file holds, and the number of operations is limited.
"""

import codecs
import pickle
import struct
from typing import Any, Callable, Tuple

MOST_OPERATIONS = 250_000  # a triple of published networks has 12,000
LONGEST_NUMBER = 1000  # characters or bytes; Python needs very long for a whole number of a million digits
NEWEST_PROTOCOL = 5

_BYTEARRAY8 = b'\x96'  # of protocol 5; Python 3.7's pickle has no name for it


class PickleError(Exception):
    """This machine refuses a file; the message is the reason, without a full stop."""


class EndsEarly(PickleError):
    """The file ends before the pickle does."""


class Maker:
    """Stands for a class or function that a pickle names. It runs only `make`, and no attribute can be set on it.

    Args:
        make: Function from the tuple of arguments to the value.
        is_class: Whether the pickle may make instances of it (`NEWOBJ`), as of a class.
    """

    __slots__ = ('_is_class', '_make')

    def __init__(self, make: Callable[[tuple], Any], is_class: bool = False) -> None:
        self._make, self._is_class = make, is_class

    def make(self, arguments: Tuple[Any, ...], as_class: bool) -> Any:
        """The value; raises `PickleError` if `as_class` asks for an instance of what is no class."""
        if as_class and not self._is_class:
            raise PickleError('it makes an object of something that is no class')
        return self._make(arguments)


class Made:
    """An object that a maker returns, and that the pickle then gives a state."""

    __slots__ = ()

    def set_state(self, state: Any) -> None:
        """Takes the state; raises `PickleError` if it does not fit this object."""
        raise NotImplementedError


def read_pickle(data: bytes, find_maker: Callable[[str, str], Maker]) -> Any:
    """The value that a pickle holds.

    Args:
        data: Bytes of the pickle; bytes after its end are ignored, as by `pickle.load`.
        find_maker: Function from (module, name), both text, to the `Maker`; raises `PickleError` for a name that is not
            allowed.

    Returns:
        None, a boolean, number, text, tuple, list, dict with keys of text, or an object of a maker. Bytes become
        memoryviews on `data`. Strings of Python 2 become text with one character for each byte (latin-1).

    Raises:
        PickleError: The pickle is damaged, or holds anything else.
    """
    return _Machine(data, find_maker).run()


class _Machine:
    def __init__(self, data, find_maker):
        self._data, self._find_maker = memoryview(data), find_maker
        self._position = 0
        self._stack, self._outer_stacks = [], []  # a mark puts the stack aside and begins a new one
        self._memo = {}

    def run(self):
        for _ in range(MOST_OPERATIONS):
            begin = self._position
            code = bytes(self._take(1))
            if code == pickle.STOP:
                return self._pop()
            operation = _OPERATIONS.get(code)
            if operation is None:
                raise PickleError(f'operation {code!r} at byte {begin} is not allowed')
            try:
                operation(self)
            except (ValueError, struct.error, OverflowError) as error:  # text that is no number, no UTF-8, ...
                raise PickleError(f'the value at byte {begin} is damaged ({error})') from error
        raise PickleError(f'it takes more than {MOST_OPERATIONS:,} operations')

    # The file

    def _check_left(self, length):
        left = len(self._data) - self._position
        if not 0 <= length <= left:
            if left == 0:
                raise EndsEarly('it ends early')
            raise EndsEarly(f'at byte {self._position} it claims {length} bytes, but holds {left}')

    def _take(self, length):
        self._check_left(length)
        self._position += length
        return self._data[self._position - length : self._position]

    def _number(self, form):
        return struct.unpack(form, self._take(struct.calcsize(form)))[0]

    def _line(self, longest=None):
        # In steps: a search in all that follows would copy it.
        end, step = self._position, 1 << 12
        while True:
            found = bytes(self._data[end : end + step]).find(b'\n')
            if found >= 0:
                break
            end += step
            if end >= len(self._data) or (longest is not None and end - self._position > longest):
                raise EndsEarly(f'the line at byte {self._position} does not end')
        line = bytes(self._take(end + found - self._position))
        self._position += 1
        if longest is not None and len(line) > longest:
            raise PickleError(f'the number at byte {self._position} is too long')
        return line

    # The stack

    def _push(self, value):
        self._stack.append(value)

    def _pop(self):
        if not self._stack:
            raise PickleError(f'at byte {self._position} there is nothing on its stack')
        return self._stack.pop()

    def _top(self, kind):
        if not self._stack or type(self._stack[-1]) is not kind:
            raise PickleError(f'before byte {self._position} it adds to something that is no {kind.__name__}')
        return self._stack[-1]

    def _mark(self):
        self._outer_stacks.append(self._stack)
        self._stack = []

    def _pop_to_mark(self):
        if not self._outer_stacks:
            raise PickleError(f'at byte {self._position} there is no mark on its stack')
        values, self._stack = self._stack, self._outer_stacks.pop()
        return values

    # The memo

    def _remember(self, place):
        if not self._stack:
            raise PickleError(f'at byte {self._position} there is nothing to remember')
        self._memo[place] = self._stack[-1]

    def _recall(self, place):
        if place not in self._memo:
            raise PickleError(f'before byte {self._position} it recalls the value {place}, which it has not made')
        self._push(self._memo[place])

    # Values

    def _tuple(self, length):
        values = [self._pop() for _ in range(length)]
        self._push(tuple(reversed(values)))

    def _extend_dict(self, target, values):
        if len(values) % 2:
            raise PickleError(f'before byte {self._position} a key has no value')
        for key, value in zip(values[::2], values[1::2]):
            # Only text, as in every network: nested tuples could take very long to hash.
            if type(key) is not str:
                raise PickleError(f'before byte {self._position} a key is no text')
            target[key] = value

    def _legacy_string(self):
        text = self._line()
        if len(text) < 2 or text[:1] not in (b"'", b'"') or text[:1] != text[-1:]:
            raise PickleError(f'the text before byte {self._position} has no quotes')
        self._push(codecs.escape_decode(text[1:-1])[0].decode('latin-1'))

    def _whole_number(self):
        text = self._line(LONGEST_NUMBER)
        # Protocols 0 and 1 write booleans as I00 and I01.
        self._push({b'00': False, b'01': True}[text] if text in (b'00', b'01') else int(text.rstrip(b'L')))

    def _binary_whole_number(self, length):
        if length > LONGEST_NUMBER:
            raise PickleError(f'the number at byte {self._position} is too long')
        self._push(int.from_bytes(self._take(length), 'little', signed=True))

    # Objects

    def _global(self, module, name):
        self._push(self._find_maker(module, name))

    def _named_on_stack(self):
        name, module = self._pop(), self._pop()
        if type(name) is not str or type(module) is not str:
            raise PickleError(f'before byte {self._position} the name of a class is no text')
        self._global(module, name)

    def _make(self, as_class):
        arguments, maker = self._pop(), self._pop()
        if not isinstance(maker, Maker) or type(arguments) is not tuple:
            raise PickleError(f'before byte {self._position} it calls something that is no class or function')
        self._push(maker.make(arguments, as_class))

    def _build(self):
        state, target = self._pop(), self._pop()
        if not isinstance(target, Made):
            raise PickleError(f'before byte {self._position} it gives a state to something that has none')
        target.set_state(state)
        self._push(target)


def _sized(form, convert):
    return lambda machine: machine._push(convert(machine._take(machine._number(form))))


def _utf8(data):
    return str(data, 'utf-8', 'surrogatepass')


def _latin1(data):
    return str(data, 'latin-1')


def _constant(value):
    return lambda machine: machine._push(value)


def _unpacked(form):
    return lambda machine: machine._push(machine._number(form))


_OPERATIONS = {
    pickle.FRAME: lambda machine: machine._check_left(machine._number('<Q')),  # all of it is read already
    pickle.MARK: _Machine._mark,
    pickle.POP: lambda machine: machine._pop() if machine._stack else machine._pop_to_mark(),
    pickle.POP_MARK: lambda machine: machine._pop_to_mark() and None,
    pickle.NONE: _constant(None),
    pickle.NEWTRUE: _constant(True),
    pickle.NEWFALSE: _constant(False),
    pickle.INT: _Machine._whole_number,
    pickle.LONG: _Machine._whole_number,
    pickle.LONG1: lambda machine: machine._binary_whole_number(machine._number('<B')),
    pickle.LONG4: lambda machine: machine._binary_whole_number(machine._number('<i')),
    pickle.BININT: _unpacked('<i'),
    pickle.BININT1: _unpacked('<B'),
    pickle.BININT2: _unpacked('<H'),
    pickle.FLOAT: lambda machine: machine._push(float(machine._line(LONGEST_NUMBER))),
    pickle.BINFLOAT: _unpacked('>d'),
    pickle.STRING: _Machine._legacy_string,
    pickle.BINSTRING: _sized('<i', _latin1),
    pickle.SHORT_BINSTRING: _sized('<B', _latin1),
    pickle.UNICODE: lambda machine: machine._push(machine._line().decode('raw-unicode-escape')),
    pickle.BINUNICODE: _sized('<I', _utf8),
    pickle.SHORT_BINUNICODE: _sized('<B', _utf8),
    pickle.BINUNICODE8: _sized('<Q', _utf8),
    pickle.BINBYTES: _sized('<I', memoryview),
    pickle.SHORT_BINBYTES: _sized('<B', memoryview),
    pickle.BINBYTES8: _sized('<Q', memoryview),
    _BYTEARRAY8: _sized('<Q', memoryview),
    pickle.EMPTY_TUPLE: _constant(()),
    pickle.TUPLE: lambda machine: machine._push(tuple(machine._pop_to_mark())),
    pickle.TUPLE1: lambda machine: machine._tuple(1),
    pickle.TUPLE2: lambda machine: machine._tuple(2),
    pickle.TUPLE3: lambda machine: machine._tuple(3),
    pickle.EMPTY_LIST: lambda machine: machine._push([]),
    pickle.LIST: lambda machine: machine._push(machine._pop_to_mark()),
    pickle.EMPTY_DICT: lambda machine: machine._push({}),
    pickle.PUT: lambda machine: machine._remember(int(machine._line(LONGEST_NUMBER))),
    pickle.BINPUT: lambda machine: machine._remember(machine._number('<B')),
    pickle.LONG_BINPUT: lambda machine: machine._remember(machine._number('<I')),
    pickle.MEMOIZE: lambda machine: machine._remember(len(machine._memo)),
    pickle.GET: lambda machine: machine._recall(int(machine._line(LONGEST_NUMBER))),
    pickle.BINGET: lambda machine: machine._recall(machine._number('<B')),
    pickle.LONG_BINGET: lambda machine: machine._recall(machine._number('<I')),
    pickle.GLOBAL: lambda machine: machine._global(machine._line().decode(), machine._line().decode()),
    pickle.STACK_GLOBAL: _Machine._named_on_stack,
    pickle.REDUCE: lambda machine: machine._make(as_class=False),
    pickle.NEWOBJ: lambda machine: machine._make(as_class=True),
    pickle.BUILD: _Machine._build,
}


def _operation(code):
    def register(function):
        _OPERATIONS[code] = function
        return function

    return register


@_operation(pickle.PROTO)
def _check_protocol(machine):
    protocol = machine._number('<B')
    if protocol > NEWEST_PROTOCOL:
        raise PickleError(
            f'it has the protocol {protocol}, but {NEWEST_PROTOCOL} is the newest that this version reads'
        )


@_operation(pickle.DUP)
def _duplicate(machine):
    machine._push(machine._pop())
    machine._push(machine._stack[-1])


@_operation(pickle.APPEND)
def _append(machine):
    value = machine._pop()
    machine._top(list).append(value)


@_operation(pickle.APPENDS)
def _append_all(machine):
    values = machine._pop_to_mark()
    machine._top(list).extend(values)


@_operation(pickle.DICT)
def _dict_of_all(machine):
    values, target = machine._pop_to_mark(), {}
    machine._extend_dict(target, values)
    machine._push(target)


@_operation(pickle.SETITEM)
def _set_item(machine):
    value, key = machine._pop(), machine._pop()
    machine._extend_dict(machine._top(dict), [key, value])


@_operation(pickle.SETITEMS)
def _set_items(machine):
    values = machine._pop_to_mark()
    machine._extend_dict(machine._top(dict), values)
