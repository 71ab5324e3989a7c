"""Compares the steps of replicas that are spread differently over processes: `python -m tests.joint_spread`."""

import os
import subprocess
import sys
import tempfile

import click
import numpy as np

from tests.joined_processes import ENGINES, Joined
from tests.toy_run import make_dataset

# How far arrays may be apart, relative to their largest value, since sums of a few numbers have another order. First
# gradients are D's, in its first step. Weights differ more: the gradient of a bias that the normalisation takes away
# again is 0 but for rounding, and Adam makes steps of its usual size of that too.
LARGEST = {'first gradients': 1e-6, 'losses': 1e-5, 'weights': 1e-2}


@click.command()
@click.option('--engine', default=ENGINES[0], type=click.Choice(ENGINES), show_default=True)
@click.option('--replicas', default=4, show_default=True, help='How many there are in all processes.')
@click.option('--optimizes', is_flag=True, help='TensorFlow optimises the graphs, as it does for users.')
def main(engine, replicas, optimizes):
    """Takes the steps of tests/joint_steps.py in 1, 2, 4, ... processes, up to one for each replica.

    Prints how far they are from one process. Exits with 1 if they are not equal within rounding.
    """
    counts = [count for count in (1, 2, 4, 8) if replicas % count == 0]
    with tempfile.TemporaryDirectory() as folder:
        data = make_dataset(os.path.join(folder, 'toy'))
        alone, *others = [found_by(engine, data, folder, count, replicas, optimizes) for count in counts]
    failed = False
    for count, found in zip(counts[1:], others):
        equal = sum(value.tobytes() == found[name].tobytes() for name, value in alone.items())
        spread = f'{count} x {replicas // count} beside 1 x {replicas}'
        click.echo(f'{engine}, {spread}: {equal} of {len(alone)} arrays are equal.')
        for kind, largest in LARGEST.items():
            (furthest, name), (second, _) = distances(alone, found, kind)[:2]
            click.echo(f'    {kind} differ by up to {furthest:.1e} ({name}), all others by up to {second:.1e}.')
            failed |= bool(furthest > largest)
    raise SystemExit(failed)


def found_by(engine, data, folder, count, replicas, optimizes):
    """Dict of name to array, as the chief of so many processes has them, up to the step that is not finite."""
    out = os.path.join(folder, str(count))
    os.mkdir(out)
    arguments = ['-m', 'tests.joint_steps', data, out, replicas, int(optimizes)]
    if count == 1:
        subprocess.check_call([sys.executable, *map(str, arguments)])
    else:
        texts, statuses = Joined(engine, *[arguments] * count).end()
        if any(statuses):
            raise click.ClickException(f'The processes ended with {statuses}: {"".join(texts)}')
    with np.load(os.path.join(out, 'rank0.npz')) as file:
        return {name: value for name, value in file.items() if 'nan' not in name}


def distances(found, other, kind):
    """How far arrays of a kind are apart, relative to their largest value, and their names: the furthest first."""
    begins = {'first gradients': 'first/TrainD', 'losses': 'stats/', 'weights': ('after/G', 'after/D')}[kind]
    apart = []
    for name, value in found.items():
        if name.startswith(begins) and np.any(value):
            apart.append((np.max(np.abs(value - other[name])) / np.max(np.abs(value)), name))
    return sorted(apart, reverse=True)


if __name__ == '__main__':
    main()
