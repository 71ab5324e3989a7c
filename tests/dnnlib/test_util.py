"""Small helpers."""

import copy
import pickle

import pytest

import dnnlib
from dnnlib.util import format_duration


def test_easydict_items_are_attributes():
    options = dnnlib.EasyDict(a=1)
    options.b = 2
    options['c'] = 3
    del options.a
    assert options == {'b': 2, 'c': 3} and options.c == 3
    with pytest.raises(AttributeError):
        options.a  # noqa: B018
    assert not hasattr(options, 'a')
    assert isinstance(copy.deepcopy(options), dnnlib.EasyDict)
    assert pickle.loads(pickle.dumps(options)) == options
    assert dnnlib.util.EasyDict is dnnlib.EasyDict


@pytest.mark.parametrize(
    'seconds, text',
    [
        (0, '0s'),
        (41.4, '41s'),
        (59.6, '1m 00s'),
        (425, '7m 05s'),
        (3599.4, '59m 59s'),
        (3600, '1h 00m'),
        (10930, '3h 02m'),
        (86399, '23h 59m'),
        (86400, '1d 00h'),
        (12 * 86400 + 4 * 3600 + 59, '12d 04h'),
    ],
)
def test_durations_as_a_person_reads_them(seconds, text):
    assert format_duration(seconds) == text
