"""The pickle machine reads what pickle writes, and nothing else."""

import pickle
import pickletools

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dnnlib.pickle_machine import Made, Maker, PickleError, read_pickle

MAKERS = {
    ('_codecs', 'encode'): Maker(lambda arguments: arguments[0].encode('latin-1')),
    ('__builtin__', 'bytes'): Maker(lambda arguments: b''),
}


def find_maker(module, name):
    if (module, name) not in MAKERS:
        raise PickleError(f'it names {module}.{name}')
    return MAKERS[module, name]


def read(data):
    return plain(read_pickle(data, find_maker))


def plain(value):
    """With bytes in place of memoryviews."""
    if isinstance(value, memoryview):
        return bytes(value)
    if isinstance(value, (list, tuple)):
        return type(value)(map(plain, value))
    return {key: plain(item) for key, item in value.items()} if isinstance(value, dict) else value


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**400), 2**400) | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda values: st.lists(values) | st.lists(values).map(tuple) | st.dictionaries(st.text(), values),
    max_leaves=20,
)


@settings(max_examples=60)
@given(value=VALUES, protocol=st.integers(0, pickle.HIGHEST_PROTOCOL))
@example(value=[list(range(3000)), {str(number): (number,) * 4 for number in range(300)}], protocol=4)
@example(value='line\n\\u0041\r\0', protocol=0)
def test_reads_what_pickle_writes(value, protocol):
    data = pickle.dumps(value, protocol)
    again = read(data)
    assert again == value and repr(again) == repr(value)  # 1 is not True
    assert read(pickletools.optimize(data) + b'what follows') == value


@settings(max_examples=30)
@given(st.lists(VALUES, max_size=4))
def test_what_was_one_object_still_is(value):
    again = read_pickle(pickle.dumps([value, (value,), value]), find_maker)
    assert again[0] is again[2] and again[1][0] is again[0]


@pytest.mark.parametrize(
    'data, value',
    [
        (b"S'it''s \\xe4'\n.", "it''s \xe4"),
        (b'T\x02\x00\x00\x00\xe4\xf6.', '\xe4\xf6'),
        (b'U\x01\xff.', '\xff'),
        (b'I01\n.', True),
        (b'I00\n.', False),
        (b'L-5L\n.', -5),
        (b'I12\n.', 12),
        (b'F1.5\n.', 1.5),
        (b'(I1\nI2\nl.', [1, 2]),
        (b'(V\xe4\nI2\nd.', {'\xe4': 2}),
        (b'(K\x01t.', (1,)),
        (b'(K\x01K\x021N.', None),
        (b'K\x01K\x020.', 1),
        (b'(0N.', None),
        (b'K\x012\x86.', (1, 1)),
        (b'\x96\x02\x00\x00\x00\x00\x00\x00\x00ab.', b'ab'),
        (b'\x8e\x02\x00\x00\x00\x00\x00\x00\x00ab.', b'ab'),
    ],
)
def test_reads_what_other_versions_of_python_write(data, value):
    assert read(data) == value and type(read(data)) is type(value)


@settings(max_examples=60)
@given(VALUES, st.integers(0, pickle.HIGHEST_PROTOCOL), st.data())
def test_a_damaged_pickle_is_an_error_or_a_value(value, protocol, data):
    content = bytearray(pickle.dumps(value, protocol))
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] = data.draw(st.integers(0, 255))
    try:
        read(bytes(content))
    except PickleError as error:
        assert str(error)
    with pytest.raises(PickleError):
        read(bytes(content[:place]))


class Box(Made):
    def __init__(self, arguments):
        self.content = arguments

    def set_state(self, state):
        self.content += (state,)


def test_objects_are_what_makers_make():
    def find(module, name):
        return {'f': Maker(lambda arguments: sum(arguments)), 'Box': Maker(Box, is_class=True)}[name]

    assert read_pickle(b'cm\nf\n(K\x01K\x02tR.', find) == 3
    assert read_pickle(b'cm\nBox\n(K\x01t\x81N0.', find).content == (1,)
    assert read_pickle(b'\x8c\x01m\x8c\x03Box\x93K\x01\x85R}b.', find).content == (1, {})
    for data in (b'cm\nf\n)\x81.', b'cm\nf\nK\x01R.', b'K\x01)R.', b'cm\nf\n}b.', b']}b.', b'cm\nBox\n}b.'):
        with pytest.raises(PickleError):
            read_pickle(data, find)
    with pytest.raises(AttributeError):
        find('m', 'f').make_something = 1
