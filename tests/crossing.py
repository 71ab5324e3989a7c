"""What one TensorFlow wrote, opened by the other: the dataset, the state, the networks and the metrics of a run.

    python -m tests.crossing write FOLDER
    python -m tests.crossing check FOLDER
    python -m tests.crossing matrix .venv/bin/python .venv-tf2/bin/python

`write` trains a run in miniature and measures it; `check` opens all of it, in that TensorFlow which the Python has, and
compares. `matrix` does both with every pair of the Pythons named. tests/golden/crossing has what two of them wrote.
"""

import dnnlib.quiet  # noqa: F401, I001  first: silences TensorFlow before anything imports it

import contextlib
import json
import os
import pathlib
import shutil
import sys
import tempfile
from unittest import mock

import click
import numpy as np
import tensorflow.compat.v1 as tf

import run_metrics
import train
from dnnlib import tflib
from dnnlib.records.integrity import check_records
from dnnlib.records.tfrecords import MultiResolutionDataset
from metrics import registry
from metrics.registry import FrechetDistance
from metrics.results import read_results
from tests.pythons import run_python, tensorflow_of
from tests.sessions import close_open_sessions
from tests.steps import SharedSteps
from tests.steps import train as train_steps
from tests.toy_run import SMALL, SMALL_G, make_dataset, toy_images
from training.checkpoint import Checkpoints
from training.dataset import TrainingSet
from training.resume import stored_options

RUN, DATA, START, LOSSES_FILE, OUTPUTS = 'run', 'data', 'start.pkl', 'losses.json', 'outputs.npz'
MINIBATCH, ITERATIONS = 8, 4
WRITTEN, MORE = 0.064, 0.096  # kimg: of the run as written, and as it goes on
UNUSED = 'events.*', '*.png', 'lock', 'log.txt', 'network-best.pkl', 'training-state-000000032.npz'
FLAGS = [
    '--resume-kimg',
    0,
    '--minibatch',
    MINIBATCH,
    '--initial-resolution',
    8,
    '--tick-kimg',
    MINIBATCH / 1000,
    '--snapshot-ticks',
    100,
    '--image-ticks',
    100,
    '--metrics',
    'fd_onet5k',
    '--grid',
    '1x1',
    '--device',
    'cpu',
]
LOSSES = 'G_loss', 'D_loss', 'real_scores', 'fake_scores', 'r1_penalty'

# The largest difference allowed, as a share of the largest value.
TOLERANCES = {
    'pixels of the dataset': 0,
    'outputs of the networks': 1e-5,
    'first iteration, from the state': 1e-5,
    'iterations 2 to 4': 1e-5,
    'the run gone on with': 1e-5,
    'metrics, measured again': 1e-5,
}


def write(folder):
    """Writes a dataset, a run of a few iterations, what its networks make, and how the run goes on."""
    folder = pathlib.Path(folder)
    make_dataset(str(folder / DATA))
    write_networks(str(folder / START))
    steps = SharedSteps()
    command(
        train,
        '--resume',
        folder / START,
        '--data',
        folder / DATA,
        '--results',
        folder / 'results',
        *FLAGS,
        '--kimg',
        WRITTEN,
        steps=steps,
    )
    (made,) = (folder / 'results').iterdir()
    made.rename(folder / RUN)
    (folder / 'results').rmdir()
    networks = folder / RUN / 'network-final.pkl'
    np.savez(str(folder / OUTPUTS), **outputs(networks))
    (folder / LOSSES_FILE).write_text(json.dumps([*iterations(folder, steps), gone_on(folder, steps)], indent=1))
    steps.close()
    for pattern in UNUSED:
        for path in (folder / RUN).glob(pattern):
            path.unlink()


def write_networks(path):
    """Writes networks in which no variable has the value of a new network.

    In new ones the first layer's channels are constant; scaled to a deviation of 1 they are nothing but rounding.
    """
    with one_command():
        tflib.init_tf(device='cpu')
        G = tflib.Network('G', 'training.networks_stylegan.G_style', **SMALL, **SMALL_G)
        D = tflib.Network('D', 'training.networks_stylegan.D_basic', **SMALL)
        random = np.random.RandomState(7)
        for net in (G, D):
            tflib.set_vars(
                {
                    variable: random.randn(*variable.shape.as_list()) * (name != 'lod')
                    for name, variable in net.vars.items()
                    if not name.endswith('/lod')
                }
            )
        tflib.save_networks(path, (G, D, G.clone('Gs')))


def check(folder, steps):
    """Opens what `write` wrote.

    Args:
        folder: Its folder.
        steps: `SharedSteps`.

    Returns:
        Dict of what was compared to the largest difference, as a share of the largest value.
    """
    folder = pathlib.Path(folder)
    expected, actual = (
        json.loads((folder / LOSSES_FILE).read_text()),
        [*iterations(folder, steps), gone_on(folder, steps)],
    )
    assert len(actual) == len(expected) == ITERATIONS + 1
    losses = [max(difference(theirs[name], ours[name]) for name in LOSSES) for ours, theirs in zip(actual, expected)]
    with np.load(str(folder / OUTPUTS)) as theirs:
        networks = max(
            difference(theirs[name], value) for name, value in outputs(folder / RUN / 'network-final.pkl').items()
        )
    return dict(
        zip(TOLERANCES, (pixels(folder), networks, losses[0], max(losses[1:-1]), losses[-1], measured_again(folder)))
    )


def difference(expected, actual):
    """The largest, as a share of the largest expected value."""
    return float(np.max(np.abs(np.subtract(expected, actual))) / np.max(np.abs(expected)))


def pixels(folder):
    """The largest difference between the dataset and what it was made of, at full resolution."""
    images = toy_images().astype(int)
    with MultiResolutionDataset(str(folder / DATA)) as dataset:
        check_records(dataset, lambda: None)
        return difference(images, np.stack([dataset.read(index, 0) for index in range(dataset.num_images)]))


def outputs(path):
    """What the networks in a pickle make of fixed inputs: dict of arrays."""
    latents, labels = np.random.RandomState(5).randn(4, 8), np.zeros([4, 0])
    with one_command():
        tflib.init_tf(device='cpu')
        G, D, Gs = tflib.load_networks(str(path))
        images = Gs.run(latents, labels, randomize_noise=False)
        return {
            'images': images,
            'in training': G.run(latents, labels, randomize_noise=False, is_validation=True),
            'scores': D.run(images, labels),
        }


def iterations(folder, steps):
    """Trains from the state of the run: list of dicts of losses, one an iteration."""
    run_dir = folder / RUN
    options = stored_options(str(run_dir), json.loads((run_dir / 'options.json').read_text()))
    variables, counters = Checkpoints(str(run_dir)).load(print)
    reals, cur_nimg = TrainingSet(str(folder / DATA), mirror=options.mirror, seed=options.seed), counters['cur_nimg']
    losses = []
    with one_command(), steps.in_use() as make_step:
        tflib.init_tf(device='cpu', seed=options.seed)  # as the command does: its step is shared
        step = make_step(options, reals, tflib.Replicas(['/cpu:0']))
        step.set_state(variables)
        for _ in range(ITERATIONS):
            cur_nimg, stats = train_steps(step, reals, options, 1, cur_nimg)
            losses.append({name: float(value) for name, value in stats.items()})
    return losses


def gone_on(folder, steps):
    """Goes on with a copy of the run by the command for that: dict of the losses of its next log line."""
    with copy_of_run(folder) as run_dir:
        command(train, '--resume', run_dir, '--data', folder / DATA, '--kimg', MORE, steps=steps)
        last = json.loads((run_dir / 'stats.jsonl').read_text().splitlines()[-1])
    assert last['kimg'] == MORE
    return {name: last[name] for name in LOSSES}


def measured_again(folder):
    """Measures a copy of the run once more: the largest difference from the records it came with."""
    with copy_of_run(folder) as run_dir:
        old = read_results(str(run_dir))
        command(run_metrics, run_dir, '--data', folder / DATA, '--device', 'cpu', '--force')
        new = read_results(str(run_dir))[len(old) :]
    theirs, ours = ({record['snapshot']: record['value'] for record in records} for records in (old, new))
    assert theirs.keys() == ours.keys() and theirs
    return max(difference(theirs[name], value) for name, value in ours.items())


@contextlib.contextmanager
def copy_of_run(folder):
    with tempfile.TemporaryDirectory() as temporary:
        yield pathlib.Path(shutil.copytree(str(folder / RUN), os.path.join(temporary, RUN)))


def command(verb, *args, steps=None):
    """Runs one of the project's commands in this process, with few images for its metric; `train` with shared steps."""
    few = {'fd_onet5k': FrechetDistance('fd_onet5k', 'onet', 40, 30)}
    with contextlib.ExitStack() as stack:
        stack.enter_context(one_command())
        if steps is not None:
            make_step = stack.enter_context(steps.in_use())
            stack.enter_context(mock.patch('training.loop.TrainingStep', make_step))
        stack.enter_context(mock.patch.dict(registry.METRICS, few))
        stack.enter_context(contextlib.redirect_stdout(sys.stderr))
        verb.main([str(arg) for arg in args], standalone_mode=False)


@contextlib.contextmanager
def one_command():
    """A graph of its own, and the end of the session that a command leaves open."""
    with tf.Graph().as_default():
        try:
            yield
        finally:
            close_open_sessions()


# ---------------------------------------------------------------------------------------------------------------------


@click.group()
def main():
    """Opens under one TensorFlow what another wrote."""


@main.command('write')
@click.argument('folder', type=click.Path(exists=False))
def write_command(folder):
    """Writes a run in miniature, and what comes of it, to the new FOLDER."""
    write(folder)


@main.command('check')
@click.argument('folder', type=click.Path(exists=True, file_okay=False))
def check_command(folder):
    """Opens FOLDER and prints the largest differences, as JSON."""
    print(json.dumps(check(folder, SharedSteps())))


@main.command('matrix')
@click.argument('pythons', nargs=-1, required=True, type=click.Path(exists=True))
def matrix_command(pythons):
    """Writes with each of PYTHONS and checks with each; exits with 1 if a difference is too large."""
    too_large = False
    print(f'{"written by":14s} {"opened by":14s} {"compared":34s} {"difference":>10s} {"allowed":>8s}')
    with tempfile.TemporaryDirectory() as temporary:
        for number, writer in enumerate(pythons):
            folder = os.path.join(temporary, str(number))
            crossing(writer, 'write', folder)
            for reader in pythons:
                for what, value in json.loads(crossing(reader, 'check', folder)).items():
                    over = not value <= TOLERANCES[what]
                    too_large |= over
                    print(
                        f'{tensorflow_of(writer):14s} {tensorflow_of(reader):14s} {what:34s} {value:10.1e} '
                        f'{TOLERANCES[what]:8.0e}{"  TOO LARGE" if over else ""}',
                        flush=True,
                    )
    sys.exit(too_large)


def crossing(python, *args):
    return run_python(python, '-m', 'tests.crossing', *args)


if __name__ == '__main__':
    main()
