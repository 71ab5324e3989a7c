"""The full state of a training run in one file, so that the same run can go on after whatever stopped it."""

import json
import os
import zipfile

import numpy as np

from dnnlib.errors import UserError
from dnnlib.files import atomic_write

STATE_FILE = 'training-state.npz'
_COUNTERS = 'counters_json'


def save_state(run_dir, variables, counters):
    """Replaces the run's state in one step.

    Args:
        run_dir: Folder of the run.
        variables: Dict of name to array.
        counters: Dict fit for JSON: how far the run has come.
    """
    with atomic_write(os.path.join(run_dir, STATE_FILE)) as file:
        np.savez(file, **{_COUNTERS: np.array(json.dumps(counters))}, **variables)


def load_state(run_dir):
    """Reads what `save_state` wrote.

    Returns:
        Tuple of variables (dict of name to array) and counters (dict), or None if the run has no state yet.

    Raises:
        UserError: The file is damaged.
    """
    return _read(run_dir, lambda file: ({name: file[name] for name in file.files if name != _COUNTERS},
                                        json.loads(str(file[_COUNTERS]))))


def load_counters(run_dir):
    """Only the counters of `load_state`, without reading the variables."""
    return _read(run_dir, lambda file: json.loads(str(file[_COUNTERS])))


def _read(run_dir, take):
    path = os.path.join(run_dir, STATE_FILE)
    if not os.path.exists(path):
        return None
    try:
        if not zipfile.is_zipfile(path):  # asked first: numpy's own complaint comes with noise
            raise ValueError('it is cut short')
        with np.load(path, allow_pickle=False) as file:
            return take(file)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise UserError(f'{path} is damaged ({error}): give --new-run to start anew; the network snapshots beside it '
                        'are whole.') from error
