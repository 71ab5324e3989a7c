"""The form of the pickles that ProGAN's own program writes: the class `tfutil.Network`, with a state of version 2."""

import contextlib
import sys
import types
from typing import Any, Iterator
from unittest import mock

from dnnlib.network_file import PROGAN

_VERSION = 2
_FIELDS = 'name', 'static_kwargs', 'build_module_src', 'build_func_name', 'variables'


@contextlib.contextmanager
def in_their_form(networks: Any) -> Iterator[Any]:
    """A block in which `pickle` writes each network in the form of its program.

    Args:
        networks: A `Network`, or a tuple of networks.

    Yields:
        What to pickle: `networks`, with other objects in the place of the networks of ProGAN's own program.
    """
    parts = networks if isinstance(networks, tuple) else (networks,)
    if all(net.program != PROGAN for net in parts):
        yield networks
        return
    module = types.ModuleType('tfutil')  # pickle asks for the module that it names
    module.Network = type('Network', (), {'__module__': 'tfutil'})
    content = tuple(_as_theirs(net, module.Network) if net.program == PROGAN else net for net in parts)
    with mock.patch.dict(sys.modules, tfutil=module):
        yield content if isinstance(networks, tuple) else content[0]


def _as_theirs(net, network_class):
    state, theirs = net.state(), network_class()
    vars(theirs).update(version=_VERSION, **{field: state[field] for field in _FIELDS})
    return theirs
