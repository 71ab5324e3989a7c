"""Run directories: results/00000-name/, 00001-..., one for each training run, and the names of what is in them."""

import json
import os
import re

from dnnlib.errors import UserError
from dnnlib.files import atomic_write

OPTIONS_FILE = 'options.json'
FINAL_PICKLE = 'network-final.pkl'  # the networks at the end of the run
BEST_PICKLE = 'network-best.pkl'  # a copy of the snapshot that a metric singles out
SNAPSHOT_PATTERN = re.compile(r'network-snapshot-(\d{6,})\.pkl')  # the group is kimg
_RUN_NAME = re.compile(r'(\d{5,})-.*')


def snapshot_name(kimg):
    """File name of the network pickle taken after `kimg` thousand reals: network-snapshot-KKKKKK.pkl, rounded down."""
    return f'network-snapshot-{int(kimg):06d}.pkl'


def find_runs(results_dir):
    """Paths of the run directories in a folder, oldest first; none if the folder does not exist."""
    if not os.path.isdir(results_dir):
        return []
    names = [name for name in os.listdir(results_dir) if _RUN_NAME.fullmatch(name)]
    names.sort(key=lambda name: (int(_RUN_NAME.fullmatch(name).group(1)), name))
    return [os.path.join(results_dir, name) for name in names]


def create_run(results_dir, description, options):
    """Makes the next run directory and writes the run's options into it.

    Args:
        results_dir: Folder of all runs; made if missing.
        description: Ends the directory's name.
        options: Dict fit for JSON.

    Returns:
        Path of the new directory.

    Raises:
        UserError: The folder cannot be written.
    """
    try:
        os.makedirs(results_dir, exist_ok=True)
        runs = find_runs(results_dir)
        number = int(_RUN_NAME.fullmatch(os.path.basename(runs[-1])).group(1)) + 1 if runs else 0
        while True:  # another process may take the number in the meantime
            path = os.path.join(results_dir, f'{number:05d}-{description}')
            if any(os.path.basename(run).startswith(f'{number:05d}-') for run in find_runs(results_dir)):
                number += 1
                continue
            os.mkdir(path)
            break
        with atomic_write(os.path.join(path, OPTIONS_FILE), 'w') as file:
            json.dump(options, file, indent=2, sort_keys=True)
            file.write('\n')
    except OSError as error:
        raise UserError(f'The results folder {results_dir} cannot be written ({error.strerror}); choose another one '
                        'with --results, or mend its permissions.') from error
    return path


def read_options(run_dir):
    """The options a run was started with, as a dict.

    Raises:
        UserError: There are none, or the file is damaged.
    """
    path = os.path.join(run_dir, OPTIONS_FILE)
    try:
        with open(path, encoding='utf-8') as file:
            return json.load(file)
    except OSError as error:
        raise UserError(f'{path}: cannot be read ({error.strerror}); is {run_dir} the folder of a run?') from error
    except ValueError as error:
        raise UserError(f'{path}: is damaged ({error}); restore it or start a new run.') from error
