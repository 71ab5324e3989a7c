"""Network pickles as data: reads and checks what is in a file, without running any of it, and without TensorFlow.

A file holds a tuple (G, D, Gs), as the published StyleGAN networks do, or one network. A network is a dict with
`version`, `name`, `static_kwargs`, `components` (networks by role), `build_module_src` (source text), `build_func_name`
(the name of the build function in the source text), `variables` (pairs of name and value), and `program`, which says
whose classes the file names: STYLEGAN or PROGAN. ProGAN's own program has build functions of the same names as
StyleGAN's, and another meaning.
"""

import hashlib
import os
import re
import stat
from typing import Any, Dict, Iterator, Optional, Tuple

import numpy as np

from dnnlib.errors import UserError, disk_errors
from dnnlib.files import Path
from dnnlib.pickle_machine import EndsEarly, Made, Maker, PickleError, read_pickle
from dnnlib.pickled_arrays import PickledArray, array_of, bytes_of, make_dtype, shown
from dnnlib.run_dir import BEST_PICKLE
from dnnlib.wrong_files import NAME_A_PICKLE, ONLY_V1, has_changed_line_ends, name_of_bytes, name_of_module

STATE_VERSIONS = (2, 3)  # of a network's dict; version 2 has no components
STYLEGAN2_VERSIONS = (4, 5, 6)

STYLEGAN, PROGAN = 'StyleGAN', 'ProGAN'  # the programs whose files are read

# The only build functions that a file can name. The functions of this project are called, not source text in the file.
BUILD_FUNCTIONS = {
    **{name: 'training.networks_stylegan.' + name for name in ('G_style', 'G_mapping', 'G_synthesis', 'D_basic')},
    **{name: 'training.networks_progan.' + name for name in ('G_paper', 'D_paper')},
}
# The same for files of ProGAN's own program.
PROGAN_BUILD_FUNCTIONS = {name: 'training.networks_progan_2018.' + name for name in ('G_paper', 'D_paper')}

LARGEST_FILE = 4 << 30  # bytes; the largest published network has 0.33e9
MOST_NETWORKS = 16  # in a file, components included; a published triple has 7
DEEPEST_COMPONENT = 3
MOST_KWARGS = 100  # values in the arguments of one network, also inside lists; a published one has 10
SLACK = 1 << 20  # bytes that variables may take beyond the file's size, since several may share a small value

_NAME = re.compile(r'[A-Za-z0-9.][A-Za-z0-9_.\-/]{0,199}')  # what TensorFlow accepts as the name of a scope
_STATE_FIELDS = {
    'version': int,
    'name': str,
    'static_kwargs': dict,
    'components': dict,
    'build_module_src': str,
    'build_func_name': str,
    'variables': list,
}


def own_build_function(state: Dict[str, Any]) -> Optional[str]:
    """The dotted name of this project's build function for the dict of a network; None if it has none."""
    functions = PROGAN_BUILD_FUNCTIONS if state.get('program') == PROGAN else BUILD_FUNCTIONS
    return functions.get(state['build_func_name'])


class WrongFile(PickleError):
    """The file is no network pickle; the message says what it is, and what to do."""


class NetworkFile:
    """The networks in a file.

    Attributes:
        path: Of the file.
        networks: List of dicts as described above; components are such dicts too. Values of variables are arrays or
            scalars of numpy. They share memory with the file's content and are read-only.
        is_tuple: Whether the file holds a tuple of networks; False for a network alone.
        num_bytes: Size of the file.
    """

    def __init__(self, path: Path, data: bytes, content: Any) -> None:
        self.path, self._data, self.num_bytes = path, data, len(data)
        self.is_tuple = type(content) is tuple
        parts = content if self.is_tuple else (content,)
        if not parts or not all(isinstance(part, _Network) for part in parts):
            what = name_of_bytes(data)
            otherwise = f'holds something other than networks{_name_of_content(content)}: {NAME_A_PICKLE}'
            raise UserError(f'{path}: {otherwise if what is None else "is " + what}.')
        budget = [MOST_NETWORKS]
        self.networks = [part.checked(budget, depth=0) for part in parts]
        held = sum(
            value.nbytes for top in self.networks for _, network in walk(top) for _, value in network['variables']
        )
        if held > self.num_bytes + SLACK:  # in TensorFlow, variables that share an array here would each take its bytes
            raise PickleError(f'its variables take {held:,} bytes, more than the file has')
        self._sha256 = None

    @property
    def sha256(self) -> str:
        """SHA-256 of the bytes that were read, as 64 hexadecimal digits."""
        if self._sha256 is None:
            self._sha256 = hashlib.sha256(self._data).hexdigest()
        return self._sha256


def read_network_file(path: Path) -> NetworkFile:
    """Reads a network pickle; nothing in it is executed, nothing is built.

    Args:
        path: File of at most 4 GiB, of pickle protocol 0 to 5, written by Python 2 or 3.

    Returns:
        A `NetworkFile`.

    Raises:
        UserError: The file cannot be read, is damaged, or holds something that is not allowed in a network pickle; the
            message names the file and the first fault.
    """
    try:
        if os.path.isdir(path):
            raise UserError(f'{path}: is a directory: name a network pickle in it, such as {BEST_PICKLE} of a run.')
        with disk_errors('read', path), open(path, 'rb') as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise UserError(f'{path}: is no file: name a network pickle.')
            if status.st_size > LARGEST_FILE:
                raise UserError(
                    f'{path}: has {status.st_size:,} bytes; no network pickle has more than {LARGEST_FILE:,}.'
                )
            data = file.read(status.st_size)
    except MemoryError as error:
        raise UserError(f'{path}: has more bytes than this machine has memory for.') from error
    try:
        return NetworkFile(path, data, read_pickle(data, _Makers(2 * len(data) + SLACK).find))
    except WrongFile as error:
        raise UserError(f'{path}: is {error}.') from error
    except PickleError as error:
        raise UserError(f'{path}: {_what_is_wrong(data, error)}.') from error
    except MemoryError as error:
        raise UserError(f'{path}: takes more memory than this machine has.') from error


def _what_is_wrong(data, error):
    """What a file is that the pickle machine refuses, as the end of a sentence."""
    known = name_of_bytes(data)
    if known is not None:
        return f'is {known}'
    if has_changed_line_ends(data):
        return (
            'is not a whole network pickle, because a program has changed its line ends: download or copy it again, in '
            'binary mode'
        )
    if isinstance(error, EndsEarly):
        return f'is truncated or damaged, not a whole network pickle ({error}): download or copy it again'
    return f'is not a whole network pickle ({error}): download or copy it again, or name another file'


def walk(network: Dict[str, Any], prefix: str = '') -> Iterator[Tuple[str, Dict[str, Any]]]:
    """Yields (path of names, dict) of a network and of all its components; a path is like 'Gs/G_mapping'."""
    yield prefix + network['name'], network
    for part in network['components'].values():
        yield from walk(part, prefix + network['name'] + '/')


def _name_of_content(content):
    """What a pickle holds in place of networks, in brackets; empty if that is nothing known."""
    parts = content.values() if isinstance(content, dict) else content if isinstance(content, (list, tuple)) else ()
    if any(isinstance(part, _Network) for part in parts):
        return f' (a {type(content).__name__} of networks, where a tuple (G, D, Gs) or one network is expected)'
    return {dict: ' (a dict)', list: ' (a list)', PickledArray: ' (an array)'}.get(type(content), '')


# ----------------------------------------------------------------------------------------------------------------------
# Networks


class _Network(Made):
    __slots__ = 'state', 'program'

    def __init__(self, program=STYLEGAN):
        self.program = program

    def set_state(self, state):
        if hasattr(self, 'state'):
            raise PickleError('it gives a network two states')
        if type(state) is not dict:
            raise PickleError('the state of a network is no dict')
        self.state = state

    def checked(self, budget, depth):
        """The network's dict, all of it checked; `budget` is a list of one number: how many networks may follow."""
        budget[0] -= 1
        if budget[0] < 0 or depth > DEEPEST_COMPONENT:  # one that is a part of itself, too
            raise PickleError(f'its networks have more than {MOST_NETWORKS} parts, or parts within parts without end')
        state = dict(getattr(self, 'state', {}))
        state.setdefault('components', {})
        for field, kind in _STATE_FIELDS.items():
            if type(state.get(field)) is not kind:
                raise PickleError(f'a network has no {field} of the type {kind.__name__}')
        unknown = [field for field in state if field not in _STATE_FIELDS]
        if unknown:
            raise PickleError(f'a network has a field {shown(unknown[0])}')
        where = f'network {shown(state["name"])}'
        if state['version'] in STYLEGAN2_VERSIONS:
            raise WrongFile(f'of StyleGAN2 (its state version is {state["version"]}): {ONLY_V1}')
        if state['version'] not in STATE_VERSIONS:
            raise PickleError(
                f'{where}: state version {shown(state["version"])} is none that is known, which are '
                f'{" and ".join(map(str, STATE_VERSIONS))}'
            )
        _check_name(state['name'], 'network')
        _check_name(state['build_func_name'], 'build function')
        state['static_kwargs'] = _checked_kwargs(state['static_kwargs'], where)
        state['variables'] = _checked_variables(state['variables'], where)
        for role, part in state['components'].items():
            _check_name(role, 'component')
            if not isinstance(part, _Network):
                raise PickleError(f'{where}: its component {role} is no network')
        state['components'] = {role: part.checked(budget, depth + 1) for role, part in state['components'].items()}
        return {**{field: state[field] for field in _STATE_FIELDS}, 'program': self.program}


def _check_name(name, what):
    if not _NAME.fullmatch(name):
        raise PickleError(f'{shown(name)} is no name of a {what}')


def _checked_kwargs(kwargs, where):
    budget = [MOST_KWARGS]
    return {key: _checked_value(value, budget, f'{where}: argument {shown(key)}') for key, value in kwargs.items()}


def _checked_value(value, budget, where, depth=0):
    """An argument made of plain values; refuses anything else."""
    budget[0] -= 1
    if budget[0] < 0 or depth > 3:
        raise PickleError(f'{where} is too long')
    if value is None or type(value) in (bool, int, float):
        return value
    if type(value) is str and len(value) <= 10_000:
        return value
    if isinstance(value, np.generic):
        return value.item()
    if type(value) in (list, tuple):
        return type(value)(_checked_value(item, budget, where, depth + 1) for item in value)
    if type(value) is dict:
        return {key: _checked_value(item, budget, where, depth + 1) for key, item in value.items()}
    raise PickleError(f'{where} is no number, text or list')


def _checked_variables(variables, where):
    checked, names = [], set()
    for pair in variables:
        if type(pair) not in (tuple, list) or len(pair) != 2 or type(pair[0]) is not str:
            raise PickleError(f'{where}: one of its variables is no pair of name and value')
        name, value = pair
        _check_name(name, 'variable')
        if name in names:
            raise PickleError(f'{where} has two variables {name}')
        names.add(name)
        if isinstance(value, PickledArray):
            value = value.array()
        if not isinstance(value, (np.ndarray, np.generic)):
            raise PickleError(f'{where}: its variable {name} is no array')
        checked.append((name, value))
    return checked


# ----------------------------------------------------------------------------------------------------------------------
# What a file may name


def _maker_of_networks(program):
    def make(arguments):
        if arguments:
            raise PickleError('it makes a network from arguments')
        return _Network(program)

    return Maker(make, is_class=True)


def _make_no_bytes(arguments):
    if arguments:
        raise PickleError('it makes bytes from arguments')
    return b''


def _refuse_call(arguments):
    raise PickleError('it calls something that is only named in a network pickle')


class _Makers:
    """Every class and function that a network pickle may name.

    Protocols 0 to 2 have no bytes, so they encode text. Protocols 0 and 1 have no operation for objects, so they call a
    function of copyreg. Protocol 5 has a function of its own for arrays.

    Args:
        most_copied: How many bytes may be copied in all: a pickle can ask for copies of one value over and over.
    """

    def __init__(self, most_copied):
        self._left = most_copied
        self._network, self._network_of_progan = map(_maker_of_networks, (STYLEGAN, PROGAN))
        self._ndarray, self._object = Maker(_refuse_call), Maker(_refuse_call)
        self._known = {
            ('dnnlib.tflib.network', 'Network'): self._network,
            ('tfutil', 'Network'): self._network_of_progan,
            ('numpy', 'ndarray'): self._ndarray,
            ('numpy', 'dtype'): Maker(make_dtype),
            ('numpy.core.multiarray', '_reconstruct'): Maker(self._make_array),
            ('numpy.core.multiarray', 'scalar'): Maker(self._make_scalar),
            ('numpy.core.numeric', '_frombuffer'): Maker(self._make_array_of_buffer),
            ('_codecs', 'encode'): Maker(self._make_bytes),
            ('builtins', 'bytes'): Maker(_make_no_bytes),
            ('builtins', 'object'): self._object,
            ('copyreg', '_reconstructor'): Maker(self._make_legacy_object),
        }

    def find(self, module, name):
        """The maker of a name; raises `PickleError` for a name that no network pickle needs."""
        # numpy 2 moved its modules to numpy._core.
        known = _PYTHON2_NAMES.get(module, module).replace('numpy._core.', 'numpy.core.')
        maker = self._known.get((known, name))
        if maker is None and known.endswith(('.dnnlib.tflib.network', '.tfutil')) and name == 'Network':
            # Of a program that has the modules inside a folder.
            maker = self._network_of_progan if known.endswith('.tfutil') else self._network
        if maker is None:
            what = name_of_module(module)
            if what is not None:
                raise WrongFile(what)
            named = f'{module}.{name}'
            named = named if named.isprintable() and len(named) < 200 else shown(named)
            raise PickleError(f'it names {named}, which is not allowed in a network pickle')
        return maker

    def _charge(self, num_bytes):
        self._left -= num_bytes
        if self._left < 0:
            raise PickleError('it copies its values over and over')

    def _make_array(self, arguments):
        kind, shape, code = arguments if len(arguments) == 3 else (None, None, None)
        if kind is not self._ndarray or shape != (0,) or bytes_of(code, self._charge) != b'b':
            raise PickleError('it makes an array in another way than numpy does')
        return PickledArray(self._charge)

    def _make_scalar(self, arguments):
        dtype, data = arguments if len(arguments) == 2 else (None, None)
        return array_of(data, dtype, (), 'C', self._charge)[()]

    def _make_array_of_buffer(self, arguments):
        data, dtype, shape, order = arguments if len(arguments) == 4 else (None, None, None, None)
        if type(order) is not str or order not in ('C', 'F'):
            raise PickleError(f'an array has the unknown order {shown(order)}')
        array = PickledArray(self._charge)
        array.set_state((shape, dtype, order == 'F', data))
        return array

    def _make_bytes(self, arguments):
        text, encoding = arguments if len(arguments) == 2 else (None, None)
        if type(text) is not str or type(encoding) is not str or encoding not in ('latin1', 'latin-1'):
            raise PickleError('it encodes text in another way than latin-1')
        self._charge(len(text))
        return text.encode('latin-1')

    def _make_legacy_object(self, arguments):
        if (
            len(arguments) != 3
            or arguments[0] is not self._network
            or arguments[1] is not self._object
            or (arguments[2] is not None)
        ):
            raise PickleError('it makes an object that is no network')
        return _Network()


_PYTHON2_NAMES = {'__builtin__': 'builtins', 'copy_reg': 'copyreg'}
