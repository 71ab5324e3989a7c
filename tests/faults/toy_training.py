"""What tests and benchmarks of faults share: a toy training run as a process, and the comparison of two runs."""

import json
import math
import os
import pathlib
import signal
import subprocess
import sys
import time

import numpy as np

import config
import dnnlib.quiet  # noqa: F401
from metrics.registry import METRICS, FrechetDistance

ROOT = pathlib.Path(__file__).parents[2]
METRIC = FrechetDistance('fd_onet64', 'onet', num_fakes=64, num_reals=12)  # as fd_onet5k, in a moment
KIMG = 6  # length of the runs that tests compare
# Half a second a log line, a state of 2 MB, and grid, snapshot and measurement at every log line.
TOY = [
    '--latent-size',
    '256',
    '--mapping-layers',
    '2',
    '--fmap-base',
    '32',
    '--fmap-max',
    '8',
    '--minibatch',
    '32',
    '--initial-resolution',
    '4',
    '--phase-kimg',
    '2',
    '--fade-kimg',
    '2',
    '--tick-kimg',
    '1',
    '--snapshot-ticks',
    '1',
    '--metrics',
    METRIC.name,
    '--grid',
    '3x2',
    '--device',
    'cpu',
]
_TIMES = ('_sec', 'per_kimg', '_gb', 'seconds')  # end the names of fields that differ from run to run


def start_training(data, results, *flags, **kwargs):
    """Starts train.py, which learns of METRIC, on the toy network; output and errors go to the process's stdout."""
    args = ['--data', data, '--results', results, *TOY, *flags]
    command = [sys.executable, '-m', 'tests.faults.toy_training', *map(str, args)]
    return subprocess.Popen(
        command, cwd=str(ROOT), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **kwargs
    )


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
    deadline = math.inf if delay is None else time.time() + delay
    seen = set()
    while process.poll() is None and time.time() < deadline:
        run_dir = only_run(results)
        if writes is not None and run_dir is not None:
            seen.add(state_in_writing(run_dir))
            if len(seen - {None}) >= writes:
                break
        time.sleep(0.0002)
    process.kill()
    output = process.communicate()[0]
    run_dir = only_run(results)
    return process.returncode == -signal.SIGKILL, run_dir is not None and state_in_writing(run_dir) is not None, output


if __name__ == '__main__':
    from train import main

    METRICS[METRIC.name] = METRIC
    config.CACHE_DIR = os.path.join(sys.argv[sys.argv.index('--results') + 1], 'cache')
    main()
