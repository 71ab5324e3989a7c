"""The argument of a verb: the directory of a training run, or a single network pickle."""

import contextlib
import os
from typing import NamedTuple, Optional, Tuple

from dnnlib.errors import UserError, disk_errors
from dnnlib.folder_kinds import DATASET, kind_of
from dnnlib.network_file import read_network_file
from dnnlib.records.datasets import open_dataset
from dnnlib.records.levels import is_resolution
from dnnlib.run_dir import BEST_PICKLE, OPTIONS_FILE, read_options
from metrics.results import Snapshot, find_equal, find_snapshots

LARGEST_SEED = 2**32 - 1  # numpy takes no larger seed

# Checks of the options of a run that measurements and figures use. Any option may be missing.
_VALID_OPTIONS = {
    'data': lambda value: isinstance(value, str),
    'resolution': lambda value: isinstance(value, int),
    'mirror': lambda value: isinstance(value, bool),
    'seed': lambda value: isinstance(value, int) and 0 <= value <= LARGEST_SEED,
    'metrics': lambda value: isinstance(value, list) and all(isinstance(name, str) for name in value),
    'total_kimg': lambda value: isinstance(value, (int, float)),
}


class Source(NamedTuple):
    """Networks, and what is known about their training."""

    folder: str  # folder of the pickles
    is_run: bool  # whether the folder is the directory of a run, which keeps results
    snapshots: Tuple[Snapshot, ...]  # sorted by kimg; not empty
    data: Optional[str]  # folder of the dataset of the training
    resolution: Optional[int]  # px, of the training; None: unknown
    mirror: bool  # whether training mirrored the reals
    seed: int  # of the training; measurements use it too
    metrics: Tuple[str, ...]  # names of the metrics of the training


def find_source(path):
    """Looks at a run directory or a pickle without opening any network.

    Args:
        path: Existing directory of a run, or a file. A file in the directory of a run is a network of that run. If it
            has the same content as a snapshot, as network-best.pkl has, it stands for the snapshot.

    Returns:
        A `Source`.

    Raises:
        UserError: The directory has no networks, cannot be read, or has a damaged options.json.
    """
    folder = path if os.path.isdir(path) else os.path.dirname(os.path.abspath(path))
    kind = kind_of(folder)
    if kind == DATASET and os.path.isdir(path):
        raise UserError(f'{path} is a dataset: name the directory of a training run, or a network pickle.')
    # A pickle in the folder of a dataset belongs to no run: that options.json has the options of the dataset.
    has_options = kind != DATASET and os.path.exists(os.path.join(folder, OPTIONS_FILE))
    options = _read_valid_options(folder) if has_options else {}
    snapshots = find_snapshots(folder, final_kimg=options.get('total_kimg'))
    if not os.path.isdir(path):
        snapshots = [_snapshot_of(folder, snapshots, os.path.basename(path))]
    elif not snapshots and os.path.exists(os.path.join(folder, BEST_PICKLE)):
        snapshots = [Snapshot(BEST_PICKLE, None)]  # the other snapshots were deleted to save space
    elif not snapshots:
        raise UserError(
            f'{path} is {kind} and has no network-snapshot-*.pkl: '
            'name the directory of a training run, or a network pickle.'
        )
    return Source(
        folder=folder,
        is_run=has_options or os.path.isdir(path),
        snapshots=tuple(snapshots),
        data=options.get('data'),
        resolution=options.get('resolution'),
        mirror=options.get('mirror', False),
        seed=options.get('seed', 0),
        metrics=tuple(options.get('metrics', ())),
    )


def level_of(source, data):
    """The side of the images of a network that is in no run, if a dataset has it; else None, for the largest side.

    Args:
        source: `Source`.
        data: Folder of the dataset.

    Raises:
        UserError: The dataset is damaged.
    """
    try:
        networks = read_network_file(os.path.join(source.folder, source.snapshots[-1].name)).networks
    except UserError:  # reported when the network is opened
        return None
    side = networks[-1]['static_kwargs'].get('resolution', 1024)  # the default of the build function
    with open_dataset(data) as dataset:
        return side if isinstance(side, int) and is_resolution(side) and side < dataset.resolution else None


def check_device(device, count):
    """Refuses a device that is not there. Call it after the checks that need no TensorFlow, and before any download.

    Args:
        device: 'auto', 'gpu' or 'cpu'.
        count: Number of devices, at least 1.

    Raises:
        click.UsageError: There is no such device, or there are too few.
    """
    from dnnlib import tflib  # here: it starts TensorFlow

    tflib.replica_devices(device, count)


def _read_valid_options(run_dir):
    options = {name: value for name, value in read_options(run_dir).items() if value is not None}
    for name, is_valid in _VALID_OPTIONS.items():
        if name in options and not is_valid(options[name]):
            raise UserError(
                f'{os.path.join(run_dir, OPTIONS_FILE)}: is damaged ({name} is {options[name]!r}); '
                'restore it, or start anew with train.py --new-run.'
            )
    return options


def _snapshot_of(folder, snapshots, name):
    named = next((snapshot for snapshot in snapshots if snapshot.name == name), None)
    with disk_errors('read', folder):
        return named or find_equal(folder, snapshots, name) or Snapshot(name, None)


def representative_network(path):
    """The pickle to show for a path: the best network of a run directory, else the newest; for a pickle, itself.

    Raises:
        UserError: The directory has no networks.
    """
    if not os.path.isdir(path):
        return path
    best = os.path.join(path, BEST_PICKLE)
    return best if os.path.exists(best) else os.path.join(path, find_source(path).snapshots[-1].name)


@contextlib.contextmanager
def open_generator(path, device='auto', seed=None, threads=None):
    """Opens the generator of a pickle, in a new graph and session that end with the block.

    If a session is open already, it is used instead, and stays open.

    Args:
        path: Pickle of (G, D, Gs), or of a generator alone.
        device: 'auto', 'gpu' or 'cpu'.
        seed: Graph-level random seed, which makes noise repeatable; None draws a new one.
        threads: Of TensorFlow on the CPU; None: one for each core.

    Yields:
        Gs, a `Network`.

    Raises:
        UserError: The file is no network pickle, or holds no generator.
        click.UsageError: There is no such device.
    """
    import tensorflow.compat.v1 as tf  # here: a command line is checked before TensorFlow starts

    from dnnlib import tflib

    with contextlib.ExitStack() as stack:
        if tf.get_default_session() is None:
            stack.enter_context(tf.Graph().as_default())
            session = tflib.init_tf(device, seed=seed, threads=threads)
            stack.callback(session.close)
            stack.push(session.__exit__)
        yield tflib.load_generator(path)
