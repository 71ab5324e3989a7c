"""Run directories: results/00000-name/, 00001-..., one for each training run, and the names of what is in them."""

import contextlib
import json
import os
import re
import tempfile
from typing import Any, Dict, Iterator, List, Optional

from dnnlib.errors import UserError, disk_errors
from dnnlib.files import atomic_write, remove_leftovers, try_lock

OPTIONS_FILE = 'options.json'
LOG_FILE = 'log.txt'  # what the terminal showed
STATS_FILE = 'stats.jsonl'  # the figures of each tick, one JSON object a line
METRICS_FILE = 'metrics.jsonl'  # what was measured, one JSON object a line
REPORT_FILE = 'report.html'  # a page about the run
REALS_FILE = 'reals.png'
LOCK_FILE = 'lock'  # holds the number of the process that trains, which keeps it locked
FINAL_PICKLE = 'network-final.pkl'  # the networks at the end of the run
BEST_PICKLE = 'network-best.pkl'  # a copy of the snapshot that is best by a metric
SNAPSHOT_PATTERN = re.compile(r'network-snapshot-(\d{6,}(?:\.\d{3})?)\.pkl')  # the group is kimg
FAKES_PATTERN = re.compile(r'fakes(\d{6,}(?:\.\d{3})?)\.png')  # the group is kimg
STATE_PATTERN = re.compile(r'training-state-(\d{9,})\.npz')  # the group is the number of images shown
_RUN_NAME = re.compile(r'(\d{5,})-.*', re.DOTALL)


def snapshot_name(nimg: int, named_nimg: int = -1) -> str:
    """File name of the network pickle taken after `nimg` reals: network-snapshot-KKKKKK.pkl, kimg rounded down.

    A second snapshot within the same kimg is named to the image, network-snapshot-KKKKKK.KKK.pkl, so that it does not
    replace the first one.

    Args:
        nimg: Reals shown.
        named_nimg: Reals shown at the newest snapshot with a whole number of kimg in its name; -1 if there is none.
    """
    return f'network-snapshot-{_kimg_in_name(nimg, named_nimg)}.pkl'


def snapshot_kimg(name: str) -> Optional[float]:
    """Thousands of reals in the file name of a snapshot; None for other files."""
    return _kimg_of(SNAPSHOT_PATTERN.fullmatch(name))


def fakes_name(nimg: int, named_nimg: int = -1) -> str:
    """File name of the grid of fakes made after `nimg` reals: fakesKKKKKK.png, or fakesKKKKKK.KKK.png.

    Args:
        nimg, named_nimg: As for `snapshot_name`.
    """
    return f'fakes{_kimg_in_name(nimg, named_nimg)}.png'


def fakes_kimg(name: str) -> Optional[float]:
    """Thousands of reals in the file name of a grid of fakes; None for other files."""
    return _kimg_of(FAKES_PATTERN.fullmatch(name))


def _kimg_in_name(nimg, named_nimg):
    kimg, rest = divmod(nimg, 1000)
    is_taken = named_nimg != nimg and named_nimg // 1000 == kimg
    return f'{kimg:06d}.{rest:03d}' if is_taken else f'{kimg:06d}'


def _kimg_of(match):
    """The kimg, an int where the name has no fraction."""
    return match and (float(match.group(1)) if '.' in match.group(1) else int(match.group(1)))


def state_name(nimg: int) -> str:
    """File name of the state of training after `nimg` reals: training-state-NNNNNNNNN.npz."""
    return f'training-state-{nimg:09d}.npz'


def find_states(run_dir: str) -> List[int]:
    """The number of reals shown in each state of training that a run directory holds, newest first."""
    matches = map(STATE_PATTERN.fullmatch, os.listdir(run_dir))
    return sorted((int(match.group(1)) for match in matches if match), reverse=True)


def find_runs(results_dir: str) -> List[str]:
    """Paths of the run directories in a folder, oldest first; none if the folder does not exist.

    Raises:
        UserError: The folder cannot be read.
    """
    if not os.path.isdir(results_dir):
        return []
    with disk_errors('read', results_dir, 'or choose another folder with --results'):
        names = [name for name in os.listdir(results_dir) if _RUN_NAME.fullmatch(name)]
    names.sort(key=lambda name: (_number_of(name), name))
    return [os.path.join(results_dir, name) for name in names]


def _number_of(path):
    return int(_RUN_NAME.fullmatch(os.path.basename(path)).group(1))


def check_writable(results_dir: str) -> None:
    """Refuses a folder of runs that cannot be written; makes it if it is missing.

    Raises:
        UserError: It cannot be written.
    """
    with _written(results_dir):
        os.makedirs(results_dir, exist_ok=True)
        with tempfile.TemporaryFile(dir=results_dir):
            pass


def _written(results_dir):
    return disk_errors('written', results_dir, 'or choose another folder with --results')


@contextlib.contextmanager
def new_run(results_dir: str, description: str, options: Dict[str, Any]) -> Iterator[str]:
    """Makes the next run directory, locked as by `locked_run`, and writes the run's options into it.

    If a process made such a directory but died before it wrote the options, that directory is used first.

    Args:
        results_dir: Folder of all runs; made if missing.
        description: Ends the directory's name.
        options: Dict fit for JSON.

    Yields:
        Path of the directory.

    Raises:
        UserError: The folder cannot be written.
    """
    with contextlib.ExitStack() as stack:
        with _written(results_dir):
            os.makedirs(results_dir, exist_ok=True)
            path = _lock_stillborn(results_dir, description, stack)
            if path is None:
                path = _make_next(results_dir, description)
                stack.enter_context(locked_run(path))
            write_options(path, options)
        yield path


def _make_next(results_dir, description):
    while True:
        runs = find_runs(results_dir)
        number = max(map(_number_of, runs), default=-1) + 1
        path = os.path.join(results_dir, f'{number:05d}-{description}')
        try:
            os.mkdir(path)
            return path
        except FileExistsError:
            continue  # another process has taken the number in the meantime


def _lock_stillborn(results_dir, description, stack):
    """Locks the newest run if it has this description but, because its process was killed, no options; else None."""
    path = (find_runs(results_dir) or [''])[-1]
    if path and description_of(path) == description and _is_stillborn(path):
        with contextlib.suppress(UserError):  # locked by a process that is about to write the options
            stack.enter_context(locked_run(path))
            if _is_stillborn(path):
                return path
    return None


def _is_stillborn(run_dir):
    return all(name == LOCK_FILE or name.startswith('.' + OPTIONS_FILE) for name in os.listdir(run_dir))


def description_of(run_dir: str) -> str:
    """What follows the number in the name of a run directory."""
    return os.path.basename(run_dir).split('-', 1)[1]


@contextlib.contextmanager
def locked_run(run_dir: str) -> Iterator[str]:
    """While the block runs, no other process trains in the directory. Deletes half-written files of killed processes.

    The lock ends with the process, even if that is killed.

    Args:
        run_dir: Existing run directory.

    Yields:
        The same.

    Raises:
        UserError: Another process has the lock.
    """
    with open(os.path.join(run_dir, LOCK_FILE), 'a+', encoding='utf-8') as file:
        if not try_lock(file):
            file.seek(0)
            raise UserError(
                f'{run_dir} is being trained by process {file.read().strip() or "unknown"}: let that one '
                'end, or stop it. To train beside it, start another run: with --new-run, and without --resume.'
            )
        file.truncate(0)
        with contextlib.suppress(OSError):  # a full disk; the number is only for people
            file.write(str(os.getpid()))
            file.flush()
        remove_leftovers(run_dir)
        yield run_dir


def write_options(run_dir: str, options: Dict[str, Any]) -> None:
    """Writes the options of a run, a dict fit for JSON, in place of older ones."""
    with atomic_write(os.path.join(run_dir, OPTIONS_FILE), 'w') as file:
        json.dump(options, file, indent=2, sort_keys=True)
        file.write('\n')


def read_options(run_dir: str) -> Dict[str, Any]:
    """The options a run was started with, as a dict.

    Raises:
        UserError: There are none, or the file is damaged.
    """
    path = os.path.join(run_dir, OPTIONS_FILE)
    try:
        with disk_errors('read', path, 'or name the folder of a run'), open(path, encoding='utf-8') as file:
            options = json.load(file)
        if not isinstance(options, dict):
            raise ValueError('it holds no object of named values')
    except (ValueError, RecursionError) as error:
        raise UserError(f'{path}: is damaged ({error}); restore it, or start anew with train.py --new-run.') from error
    return options
