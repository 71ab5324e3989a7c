"""Compares the steps of replicas that are spread differently over processes: `python -m tests.joint_spread`."""

import os
import subprocess
import sys
import tempfile

import click
import numpy as np

from tests.joined_processes import ENGINES, Joined
from tests.toy_run import make_dataset

LARGEST = 1e-6  # of the largest value of an array: float32 sums of a few numbers in another order


@click.command()
@click.option('--engine', default=ENGINES[0], type=click.Choice(ENGINES), show_default=True)
@click.option('--replicas', default=4, show_default=True, help='How many there are in all processes.')
@click.option('--optimizes', is_flag=True, help='TensorFlow optimises the graphs, as it does for users.')
def main(engine, replicas, optimizes):
    """Takes the steps of tests/joint_steps.py in 1, 2, 4, ... processes, up to one for each replica.

    Prints how far their states are from the state of one process. Exits with 1 if they are not equal within rounding.
    """
    counts = [count for count in (1, 2, 4, 8) if replicas % count == 0]
    with tempfile.TemporaryDirectory() as folder:
        data = make_dataset(os.path.join(folder, 'toy'))
        alone, *others = [states_of(engine, data, folder, count, replicas, optimizes) for count in counts]
    worst = 0
    for count, state in zip(counts[1:], others):
        equal = sum(value.tobytes() == state[name].tobytes() for name, value in alone.items())
        distance, name = max((distance_of(value, state[name]), name) for name, value in alone.items())
        worst = max(worst, distance)
        click.echo(
            f'{engine}, {count} x {replicas // count} beside 1 x {replicas}: {equal} of {len(alone)} arrays are equal; '
            f'the largest relative difference is {distance:.1e}, of {name}'
        )
    raise SystemExit(worst > LARGEST)


def states_of(engine, data, folder, count, replicas, optimizes):
    """Dict of name to array: the state after all steps, as the chief of so many processes has it."""
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
        return {name: value for name, value in file.items() if name.startswith('after/')}


def distance_of(value, other):
    """The largest difference of two arrays, relative to the largest absolute value of the first one."""
    return float(np.max(np.abs(value - other), initial=0) / max(np.max(np.abs(value), initial=0), 1e-30))


if __name__ == '__main__':
    main()
