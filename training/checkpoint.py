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
    path = os.path.join(run_dir, STATE_FILE)
    if not os.path.exists(path):
        return None
    try:
        with np.load(path, allow_pickle=False) as file:
            variables = {name: file[name] for name in file.files}
        return variables, json.loads(str(variables.pop(_COUNTERS)))
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise UserError(f'{path}: is damaged ({error}); delete it and start the run again, or start a new one with '
                        '--new-run.') from error


def load_counters(run_dir):
    """Only the counters of `load_state`, without reading the variables; None if there is no state."""
    path = os.path.join(run_dir, STATE_FILE)
    if not os.path.exists(path):
        return None
    try:
        with np.load(path, allow_pickle=False) as file:
            return json.loads(str(file[_COUNTERS]))
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None  # load_state says what is wrong with it, should that run be continued
