"""The full state of a training run in one file. From it a run goes on, whatever stopped it.

A run keeps its two newest states. If the newest is damaged, the run goes on from the older one.
"""

import contextlib
import functools
import io
import json
import os
import struct
import zipfile
import zlib

import numpy as np

from dnnlib.errors import UserError, disk_errors
from dnnlib.files import atomic_write
from dnnlib.run_dir import find_states, state_name

STATES_KEPT = 2
_COUNTERS = 'counters_json'
_SUFFIX = '.npy'  # of each array in the archive, as numpy.savez names them
# What the zipfile module raises for damaged files. RuntimeError: a damaged flag says "encrypted". OSError: a damaged
# offset is outside the file.
_DAMAGES = (
    OSError,
    EOFError,
    ValueError,
    KeyError,
    NotImplementedError,
    RuntimeError,
    OverflowError,
    struct.error,
    zlib.error,
    zipfile.BadZipFile,
)


class Checkpoints:
    """The states of one run.

    Args:
        run_dir: Folder of the run.
    """

    def __init__(self, run_dir):
        self._run_dir = run_dir
        self._whole = []  # names of the states known to be whole, oldest first

    def load(self, say):
        """Reads the newest state that is not damaged. Everything in it is checked.

        Args:
            say: Function that is called with a sentence for each damaged state.

        Returns:
            Tuple of variables (dict of name to array) and counters (dict), or None if the run has no state yet.

        Raises:
            UserError: All states are damaged, or a state cannot be opened.
        """
        found = _newest_whole(self._run_dir, _read_all, say)
        if found is None:
            return None
        name, state = found
        self._whole = [name]
        return state

    def save(self, variables, counters):
        """Writes a state, then deletes all states but the newest `STATES_KEPT`.

        Args:
            variables: Dict of name to array.
            counters: Dict of the counters, fit for JSON. The name of the file contains `cur_nimg`.

        Raises:
            OSError: The state could not be written; the earlier states are unchanged.
        """
        name = state_name(counters['cur_nimg'])
        with atomic_write(os.path.join(self._run_dir, name)) as file:
            _write_arrays(file, {**variables, _COUNTERS: np.array(json.dumps(counters))})
        self._whole = [*(known for known in self._whole if known != name), name][-STATES_KEPT:]
        # States with a higher number, left from before the run went back to an older state, are deleted too. As long
        # as fewer than two states are known to be whole, nothing is deleted.
        if len(self._whole) == STATES_KEPT:
            for other in map(state_name, find_states(self._run_dir)):
                if other not in self._whole:
                    with contextlib.suppress(OSError):  # tried again with the next state
                        os.remove(os.path.join(self._run_dir, other))


def _write_arrays(file, arrays):
    """Writes what `numpy.savez` writes, but without its second, uncatchable error after a failure."""
    archive = zipfile.ZipFile(file, 'w')
    try:
        for name, value in arrays.items():
            array = np.asarray(value, order='C')
            archive.writestr(name + _SUFFIX, _header(array.dtype.str, array.shape) + array.tobytes())
        archive.close()
    except BaseException:
        archive.fp = None  # so that the archive writes nothing when it is garbage-collected
        raise


@functools.lru_cache(maxsize=4096)
def _header(dtype, shape):
    """What a file of `numpy.save` begins with. Kept, because numpy takes a millisecond to write it."""
    content = io.BytesIO()
    np.lib.format.write_array_header_1_0(content, {'descr': dtype, 'fortran_order': False, 'shape': shape})
    return content.getvalue()


def load_counters(run_dir):
    """The counters of the newest state that is not damaged, or None without states. Reads no variables.

    Raises:
        UserError: All states are damaged, or a state cannot be opened.
    """
    found = _newest_whole(run_dir, _read_counters, lambda text: None)
    return None if found is None else found[1]


def _newest_whole(run_dir, read, say):
    """(name, result of `read`) of the newest state that `read` can read; None without states."""
    damages = []
    for nimg in find_states(run_dir):
        name = state_name(nimg)
        path = os.path.join(run_dir, name)
        with _opened(path) as file:
            try:
                with zipfile.ZipFile(file) as archive:
                    result = read(archive)
            except _DAMAGES as error:
                damages.append(f'{path} is damaged ({error})')
                continue
        for damage in damages:
            say(f'{damage}: going on from {name}, the one before.')
        return name, result
    if damages:
        raise UserError(
            f'{"; ".join(damages)}: bring one of these files back, or start anew with --new-run, and without --resume '
            'of this run; its network snapshots are whole, and --resume takes one of them too.'
        )
    return None


def _opened(path):
    """Opens a state, or raises a UserError: a state that cannot be opened may be whole, so it is not passed over."""
    with disk_errors('read', path, 'or move it away to go on from the state before'):
        return open(path, 'rb')


def _read_all(archive):
    names = [name[: -len(_SUFFIX)] for name in archive.namelist()]
    return {name: _read_array(archive, name) for name in names if name != _COUNTERS}, _read_counters(archive)


def _read_counters(archive):
    return json.loads(str(_read_array(archive, _COUNTERS)))


def _read_array(archive, name):
    content = archive.read(name + _SUFFIX)  # compares the checksum first
    return np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
