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
_RUN_NAME = re.compile(r'(\d{5,})-.*', re.DOTALL)


def snapshot_name(kimg):
    """File name of the network pickle taken after `kimg` thousand reals: network-snapshot-KKKKKK.pkl, rounded down."""
    return f'network-snapshot-{int(kimg):06d}.pkl'


def find_runs(results_dir):
    """Paths of the run directories in a folder, oldest first; none if the folder does not exist.

    Raises:
        UserError: The folder cannot be read.
    """
    if not os.path.isdir(results_dir):
        return []
    try:
        names = [name for name in os.listdir(results_dir) if _RUN_NAME.fullmatch(name)]
    except OSError as error:
        raise UserError(f'The results folder {results_dir} cannot be read ({error.strerror}); choose another one with '
                        '--results, or mend its permissions.') from error
    names.sort(key=lambda name: (_number_of(name), name))
    return [os.path.join(results_dir, name) for name in names]


def _number_of(path):
    return int(_RUN_NAME.fullmatch(os.path.basename(path)).group(1))


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
        path = _make_next(results_dir, description)
        with atomic_write(os.path.join(path, OPTIONS_FILE), 'w') as file:
            json.dump(options, file, indent=2, sort_keys=True)
            file.write('\n')
    except OSError as error:
        raise UserError(f'The results folder {results_dir} cannot be written ({error.strerror}); choose another one '
                        'with --results, or mend its permissions.') from error
    return path


def _make_next(results_dir, description):
    while True:
        number = max(map(_number_of, find_runs(results_dir)), default=-1) + 1
        path = os.path.join(results_dir, f'{number:05d}-{description}')
        try:
            os.mkdir(path)
            return path
        except FileExistsError:
            continue  # another process has taken the number in the meantime


def read_options(run_dir):
    """The options a run was started with, as a dict.

    Raises:
        UserError: There are none, or the file is damaged.
    """
    path = os.path.join(run_dir, OPTIONS_FILE)
    try:
        with open(path, encoding='utf-8') as file:
            options = json.load(file)
        if not isinstance(options, dict):
            raise ValueError('it holds no object of named values')
    except OSError as error:
        raise UserError(f'{path}: cannot be read ({error.strerror}); is {run_dir} the folder of a run?') from error
    except ValueError as error:
        raise UserError(f'{path}: is damaged ({error}); restore it, or start anew with train.py --new-run.') from error
    return options
