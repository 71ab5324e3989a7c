"""Kills a training with SIGKILL again and again, and compares what it comes to with an undisturbed one, bit for bit."""

import pathlib
import random
import sys
import tempfile
import time

import click

from tests.faults.toy_training import differences, kill_at, only_run, start_training
from tests.toy_run import make_dataset


@click.command()
@click.option('--kills', type=click.IntRange(min=1), default=20, show_default=True, help='How often.')
@click.option('--seed', type=int, default=1, show_default=True, help='Of the instants.')
@click.option('--kimg', type=click.IntRange(min=2), default=20, show_default=True, help='Length of the toy training.')
def main(kills, seed, kimg):
    """Trains a toy network on the CPU twice: undisturbed, and killed KILLS times. Exits with 1 if they differ.

    Every third kill waits for a state that is being written; the others come at random instants.
    """
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        data = make_dataset(str(folder / 'toy'))
        whole, killed = folder / 'whole', folder / 'killed'
        process = start_training(data, whole, '--kimg', kimg)
        begin, output = time.time(), ''
        for line in process.stdout:
            output += line
            if line.startswith('tick 1 '):
                start_sec = time.time() - begin
        if process.wait():
            raise click.ClickException('The undisturbed run failed:\n' + output)
        click.echo(f'Undisturbed run: {kimg} kimg in {time.time() - begin:.0f} s.')
        failures = train_through_kills(data, killed, kills, random.Random(seed), kimg, start_sec)
        failures += differences(only_run(whole), only_run(killed))
    for failure in failures:
        click.echo('FAILED: ' + failure)
    click.echo('FAILED.' if failures else f'Passed: after {kills} kills the run is the undisturbed one, bit for bit.')
    sys.exit(bool(failures))


def train_through_kills(data, results, kills, random, kimg, start_sec):
    """Kills a training that often and lets it end; `start_sec` is the time it takes to its first log line.

    Returns:
        Sentences about what went wrong.
    """
    failures, inside, done = [], 0, 0
    while True:
        process = start_training(data, results, '--kimg', kimg)
        if done == kills:
            output = process.communicate()[0]
            break
        instant = {'delay': random.uniform(0, 1.15 * start_sec)} if done % 3 else {'writes': random.randint(1, 3)}
        alive, in_write, output = kill_at(process, results, **instant)
        if not alive:
            failures.append(f'The run was through after {done} kills: give a larger --kimg.')
            break
        done, inside = done + 1, inside + in_write
        last = output.splitlines()[-1][:60] if output else 'nothing yet'
        click.echo(f'kill {done}: {"inside a write of the state" if in_write else "elsewhere"}, after: {last}')
        if 'Traceback' in output or 'Error' in output:
            failures.append(output)
    click.echo(f'{done} kills, {inside} of them inside a write of the state.')
    if 'Trained' not in output:
        failures.append('The run did not end:\n' + output)
    return failures + ([] if inside else ['No kill came inside a write of the state.'])


if __name__ == '__main__':
    main()
