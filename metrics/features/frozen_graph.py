"""Reads a frozen TensorFlow graph without TensorFlow: the few fields of GraphDef that a graph of constants needs.

GraphDef is a protocol buffer: fields of (number, kind of number, value). TensorFlow takes seconds to start, and the
messages of its package cannot be imported without it.
"""

import collections
import struct
from typing import Any, Dict, Iterable, Iterator, List, Tuple, Union

import numpy as np

from dnnlib.errors import UserError

# inputs: names of nodes. attributes: {name: value}; a value is an int, a float, a text, a list of ints or an array.
FrozenNode = collections.namedtuple('FrozenNode', 'name operation inputs attributes')

_NODES = 1  # of GraphDef
_NAME, _OPERATION, _INPUT, _ATTRIBUTE = 1, 2, 3, 5  # of NodeDef
_LIST, _TEXT, _INT, _FLOAT, _BOOL, _TYPE, _SHAPE, _TENSOR = range(1, 9)  # of AttrValue
_TENSOR_TYPE, _TENSOR_SHAPE, _CONTENT, _FLOATS, _INTS = 1, 2, 4, 5, 7  # of TensorProto
_TYPES = {1: np.dtype('<f4'), 3: np.dtype('<i4')}  # numbers of TensorFlow's types


def read_frozen_graph(data: bytes, name: str) -> Dict[str, FrozenNode]:
    """The nodes of a graph, by name, in the order of the file, which may differ from the order of the computation.

    Args:
        data: The file.
        name: Of the file, for the error.

    Raises:
        UserError: It is no GraphDef, or it holds constants that are neither float32 nor int32.
    """
    try:
        nodes = [_node(value) for number, value in _fields(memoryview(data)) if number == _NODES]
    except (IndexError, KeyError, TypeError, ValueError, struct.error) as error:
        raise UserError(f'{name} is no frozen TensorFlow graph: install the package that carries it again.') from error
    return {node.name: node for node in nodes}


def in_order(nodes: Dict[str, FrozenNode], last: str) -> List[FrozenNode]:
    """The nodes that `last` needs, and `last`: each after its inputs."""
    done, waiting = {}, [last]
    while waiting:
        missing = [name for name in nodes[waiting[-1]].inputs if name not in done]
        if missing:
            waiting += missing
        else:
            done[waiting.pop()] = None
    return [nodes[name] for name in done]


def _node(data):
    name, operation, inputs, attributes = '', '', [], {}
    for number, value in _fields(data):
        if number == _NAME:
            name = _text(value)
        elif number == _OPERATION:
            operation = _text(value)
        elif number == _INPUT:
            inputs.append(_text(value).partition(':')[0])  # the number of the output: each node here has one
        elif number == _ATTRIBUTE:
            entry = dict(_fields(value))
            attributes[_text(entry[1])] = _attribute(entry[2])
    values = [each for each in inputs if not each.startswith('^')]  # others only say what comes first
    return FrozenNode(name, operation, values, attributes)


def _attribute(data):
    for number, value in _fields(data):
        if number == _LIST:
            return [each for field, numbers in _fields(value) if field == _INT for each in _ints(numbers)]
        if number == _TENSOR:
            return _tensor(value)
        if number == _FLOAT:
            return struct.unpack('<f', value)[0]
        if number in (_INT, _BOOL, _TYPE):
            return value
        if number == _TEXT:
            return _text(value)
    return None


def _tensor(data):
    dtype, shape, values = None, [], None
    for number, value in _fields(data):
        if number == _TENSOR_TYPE:
            dtype = _TYPES[value]
        elif number == _TENSOR_SHAPE:
            shape = [dict(_fields(dimension)).get(1, 0) for field, dimension in _fields(value) if field == 2]
        elif number in (_CONTENT, _FLOATS):
            values = np.frombuffer(value, dtype)
        elif number == _INTS:
            values = np.array(_ints(value), dtype)
    count = int(np.prod(shape))  # a constant of equal numbers may be written as one
    return np.full(shape, values[0], dtype) if values.size == 1 < count else values.reshape(shape)


def _fields(data: memoryview) -> Iterator[Tuple[int, Union[int, memoryview]]]:
    """The fields of a message: number, and an int or the bytes of the value."""
    place = 0
    while place < len(data):
        key, place = _varint(data, place)
        kind = key & 7
        if kind == 0:
            value, place = _varint(data, place)
        else:
            length = {1: 8, 5: 4}.get(kind)
            if kind == 2:
                length, place = _varint(data, place)
            value, place = data[place : place + length], place + length
            if place > len(data):
                raise ValueError('a field is longer than its message')
        yield key >> 3, value


def _varint(data, place):
    number = shift = 0
    while True:
        byte = data[place]
        number |= (byte & 127) << shift
        place, shift = place + 1, shift + 7
        if byte < 128:
            return number - (1 << 64) if number >> 63 else number, place


def _ints(value: Any) -> Iterable[int]:
    """The numbers of a repeated field: a single one, or many in a row."""
    if isinstance(value, int):
        return [value]
    numbers, place = [], 0
    while place < len(value):
        number, place = _varint(value, place)
        numbers.append(number)
    return numbers


def _text(value):
    return bytes(value).decode()
