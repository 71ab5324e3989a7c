"""What a verb is pointed at: the directory of a training run, or a single network pickle."""

import contextlib
import os
from typing import NamedTuple, Optional, Tuple

from dnnlib.errors import UserError, disk_errors
from dnnlib.folder_kinds import DATASET, kind_of
from dnnlib.run_dir import BEST_PICKLE, OPTIONS_FILE, read_options
from metrics.results import Snapshot, find_equal, find_snapshots

LARGEST_SEED = 2**32 - 1  # that numpy takes

# What the options of a run may be, as far as measurements and figures use them; any may be missing.
_VALID_OPTIONS = {
    'data': lambda value: isinstance(value, str),
    'resolution': lambda value: isinstance(value, int),
    'mirror': lambda value: isinstance(value, bool),
    'seed': lambda value: isinstance(value, int) and 0 <= value <= LARGEST_SEED,
    'metrics': lambda value: isinstance(value, list) and all(isinstance(name, str) for name in value),
    'total_kimg': lambda value: isinstance(value, (int, float)),
}


class Source(NamedTuple):
    """Networks, and what is known of their training."""

    folder: str  # where the pickles are
    is_run: bool  # whether that is the directory of a run, which keeps its results
    snapshots: Tuple[Snapshot, ...]  # by growing kimg; not empty
    data: Optional[str]  # dataset folder of the training
    resolution: Optional[int]  # px, of the training; None: unknown
    mirror: bool  # whether training mirrored the reals
    seed: int  # of the training, and so of its measurements
    metrics: Tuple[str, ...]  # names of what the training measured


def find_source(path):
    """Looks at a run directory or a pickle without opening any network.

    Args:
        path: Existing directory of a run, or file. A file in the directory of a run is one of that run's networks; one
            that equals a snapshot by content, such as network-best.pkl, stands for that snapshot.

    Returns:
        A `Source`.

    Raises:
        UserError: A directory without networks, that cannot be read, or with a damaged options.json.
    """
    folder = path if os.path.isdir(path) else os.path.dirname(os.path.abspath(path))
    kind = kind_of(folder)
    if kind == DATASET and os.path.isdir(path):
        raise UserError(f'{path} is a dataset: name the directory of a training run, or a network pickle.')
    # A pickle that lies in a dataset is of no run: the options.json beside it says how the dataset was made.
    has_options = kind != DATASET and os.path.exists(os.path.join(folder, OPTIONS_FILE))
    options = _read_valid_options(folder) if has_options else {}
    snapshots = find_snapshots(folder, final_kimg=options.get('total_kimg'))
    if not os.path.isdir(path):
        snapshots = [_snapshot_of(folder, snapshots, os.path.basename(path))]
    elif not snapshots and os.path.exists(os.path.join(folder, BEST_PICKLE)):
        snapshots = [Snapshot(BEST_PICKLE, None)]  # all others were deleted to save space
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
    """The pickle that stands for a run directory: the best network, else the newest; a pickle stands for itself.

    Raises:
        UserError: A directory without networks.
    """
    if os.path.isfile(path):
        return path
    best = os.path.join(path, BEST_PICKLE)
    return best if os.path.exists(best) else os.path.join(path, find_source(path).snapshots[-1].name)


@contextlib.contextmanager
def open_generator(path, device='auto', seed=None):
    """Opens the generator of a pickle in a graph and session of its own, which end with the block.

    A session that is open already is used instead and left open.

    Args:
        path: Pickle of (G, D, Gs), or of a generator alone.
        device: 'auto', 'gpu' or 'cpu'.
        seed: Graph-level random seed, so that noise repeats; None draws a new one.

    Yields:
        Gs, a `Network`.

    Raises:
        UserError: Not a network pickle, or not one of a generator.
        click.UsageError: There is no such device.
    """
    import tensorflow.compat.v1 as tf  # here: a command line is checked before TensorFlow starts

    from dnnlib import tflib

    with contextlib.ExitStack() as stack:
        if tf.get_default_session() is None:
            stack.enter_context(tf.Graph().as_default())
            session = tflib.init_tf(device, seed=seed)
            stack.callback(session.close)
            stack.push(session.__exit__)
        networks = tflib.load_networks(path)
        Gs = networks[2] if isinstance(networks, tuple) and len(networks) == 3 else networks
        if not {'mapping', 'synthesis'} <= set(getattr(Gs, 'components', {})):
            raise UserError(f'{path} holds no StyleGAN generator: name a pickle with (G, D, Gs), or with a generator.')
        yield Gs
