"""What tests of faults share: a toy training run, as a process or in this one, and the comparison of two runs."""

import dnnlib.quiet  # noqa: F401, I001  first: silences TensorFlow before anything imports it

import contextlib
import json
import os
import pathlib
import re
import shlex
import signal
import subprocess
import sys
import time
from unittest import mock

import numpy as np

from metrics.registry import METRICS, FrechetDistance
from tests.joined_processes import Joined
from tests.sessions import without_graph_optimizer
from tests.train_command import run_here
from train import main

ROOT = pathlib.Path(__file__).parents[2]
METRIC = FrechetDistance('fd_onet64', 'onet', num_fakes=64, num_reals=12)  # as fd_onet5k, in a moment
KIMG = 1.5  # length of the runs that tests compare
# A log line every 8 steps, a state of 2 MB, and grid, snapshot and measurement at every log line.
TOY = shlex.split(
    '--latent-size 256 --mapping-layers 2 --fmap-base 32 --fmap-max 8 --minibatch 32 --initial-resolution 4 '
    '--phase-kimg 0.5 --fade-kimg 0.5 --tick-kimg 0.25 --snapshot-ticks 1 --grid 3x2 --device cpu '
    f'--metrics {METRIC.name}'
)
_TIMES = ('_sec', 'per_kimg', '_gb', 'seconds')  # end the names of fields that differ from run to run


def start_training(data, results, *flags, **kwargs):
    """Starts train.py, which learns of METRIC, on the toy network; output and errors go to the process's stdout."""
    args = ['--data', data, '--results', results, *TOY, *flags]
    command = [sys.executable, '-m', 'tests.faults.toy_training', *map(str, args)]
    return subprocess.Popen(
        command, cwd=str(ROOT), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **kwargs
    )


def start_joint(engine, data, results, *flags, other_data=None):
    """Starts it in two processes that an engine joins, as `Joined`; the second one may have another dataset."""
    arguments = ['-m', 'tests.faults.toy_training', '--results', results, *TOY, *flags, '--data']
    return Joined(engine, [*arguments, data], [*arguments, other_data or data])


def shows_traceback(output):
    """Whether a process of training shows a traceback. Horovod's launcher shows its own when a process fails.

    It begins each line of a process with the rank, as [1]<stderr>:.
    """
    begin = r'^\[\d+\]<\w+>:' if '<stderr>:' in output else '^'
    return re.search(begin + 'Traceback', output, re.MULTILINE) is not None


def wait_for_ticks(processes, results, count):
    """Waits until a run has so many log lines. Returns whether its processes are alive."""
    while processes.is_alive():
        if count_ticks(results) >= count:
            return True
        time.sleep(0.01)
    return False


def count_ticks(results):
    """How many log lines the only run in a folder has."""
    run_dir = only_run(results)
    stats = run_dir and run_dir / 'stats.jsonl'
    return len(stats.read_bytes().splitlines()) if stats and stats.exists() else 0


def train_here(built_steps, data, results, *flags):
    """Trains likewise in this process, with a step that `built_steps` has; returns click's result."""
    with known_metric(results):
        return run_here(built_steps, ['--data', data, '--results', results, *TOY, *flags])


@contextlib.contextmanager
def known_metric(results):
    """In the block, commands know METRIC, and have a cache in the folder of runs. Sessions run graphs as they are."""
    cache = os.path.join(str(results), 'cache')
    metric = mock.patch.dict(METRICS, {METRIC.name: METRIC})
    with metric, mock.patch('config.CACHE_DIR', cache), without_graph_optimizer():
        yield


def read_records(path):
    """The objects of a file of JSON lines, without times and memory."""
    with open(str(path), encoding='utf-8') as file:
        records = [json.loads(line) for line in file]
    return [{name: value for name, value in record.items() if not name.endswith(_TIMES)} for record in records]


def read_state(path):
    """The arrays of a state, and its counters without times."""
    with np.load(str(path)) as file:
        state = dict(file)
    counters = json.loads(str(state.pop('counters_json')))
    return state, {name: value for name, value in counters.items() if not name.endswith(_TIMES)}


def differences(run, other, only_common=False):
    """What differs between two run directories beside times: a list of sentences, empty for equal runs.

    Args:
        run: The undisturbed one.
        other: The other one.
        only_common: Compare grids and snapshots that both have, and not the measurements.
    """
    run, other = pathlib.Path(str(run)), pathlib.Path(str(other))
    names = [
        {path.name for path in folder.iterdir() if path.suffix in ('.png', '.pkl', '.npz')} for folder in (run, other)
    ]
    if only_common:  # which one is best depends on which ones were measured
        names[0].discard('network-best.pkl')
    found = [] if only_common else [f'{name} is in one run only' for name in sorted(names[0] ^ names[1])]
    for name in sorted(names[0] & names[1]):
        if name.endswith('.npz'):
            texts = _state_differences(read_state(run / name), read_state(other / name))
            found += [f'{name}: {text}' for text in texts]
        elif (run / name).read_bytes() != (other / name).read_bytes():
            found.append(f'{name} differs')
    for name in ('stats.jsonl',) if only_common else ('stats.jsonl', 'metrics.jsonl'):
        if read_records(run / name) != read_records(other / name):
            found.append(f'{name} differs')
    found += [f'{path.name} is left over' for path in other.iterdir() if path.name.endswith('.part')]
    return found


def _state_differences(state, other):
    if state[0].keys() != other[0].keys() or state[1] != other[1]:
        return ['other variables or counters']
    return [
        f'variable {name} differs' for name, value in state[0].items() if value.tobytes() != other[0][name].tobytes()
    ]


def only_run(results):
    """The run directory in a folder of runs, or None before there is one.

    Raises:
        AssertionError: There are several.
    """
    runs = sorted(pathlib.Path(str(results)).glob('?????-*'))
    assert len(runs) < 2, runs
    return runs[0] if runs else None


def state_in_writing(run_dir):
    """Name of the state that is being written, or None."""
    try:
        names = os.listdir(str(run_dir))
    except OSError:
        return None
    return next((name for name in names if name.startswith('.training-state') and name.endswith('.part')), None)


def kill_at(process, results, delay=None, writes=None):
    """Ends a training with SIGKILL, after some seconds or in the midst of writing a state.

    Args:
        process: As from `start_training`.
        results: Its folder of runs.
        delay: Seconds from now, or None.
        writes: Number of the state from now on that is not to be finished, instead of a delay.

    Returns:
        Tuple of whether the process still lived, whether a half-written state was left, and its output.
    """
    if delay is not None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(delay)
    else:
        seen = {None}
        while process.poll() is None and len(seen) <= writes:
            run_dir = only_run(results)
            if run_dir is not None:
                seen.add(state_in_writing(run_dir))
            time.sleep(0.0005)
    process.kill()
    output = process.communicate()[0]
    run_dir = only_run(results)
    return process.returncode == -signal.SIGKILL, run_dir is not None and state_in_writing(run_dir) is not None, output


if __name__ == '__main__':
    with known_metric(sys.argv[sys.argv.index('--results') + 1]):
        main()
