"""Kills one of two processes that train together, again and again, and compares with a run that nothing disturbed."""

import contextlib
import os
import random
import signal
import tempfile
import time

import click

from dnnlib.processes import LOST
from tests.faults.test_joint_training import start
from tests.faults.toy_training import differences, only_run, train_here
from tests.joined_processes import ENGINES
from tests.steps import SharedSteps
from tests.toy_run import make_dataset


@click.command()
@click.option('--engine', default=ENGINES[0], type=click.Choice(ENGINES), show_default=True)
@click.option('--kills', default=4, show_default=True, help='How often a process is killed, the ranks in turns.')
@click.option('--longest', default=60.0, show_default=True, help='Seconds after the start before which a kill comes.')
@click.option('--kimg', default=3.0, show_default=True, help='Length of the run, thousands of reals.')
@click.option('--seed', default=1, show_default=True, help='Seed of the instants.')
def main(engine, kills, longest, kimg, seed):
    """Trains a toy network in two processes, of which one dies by kill -9 at random instants.

    After each kill the same command goes on: in two processes, at the end in one. Exits with 1 on failure.
    """
    steps, rand, failures = SharedSteps(), random.Random(seed), []
    flags = ['--gpus', 2, '--kimg', kimg]
    with tempfile.TemporaryDirectory() as folder:
        data, whole = make_dataset(os.path.join(folder, 'toy')), os.path.join(folder, 'whole')
        train_here(steps, data, whole, *flags)
        killed = os.path.join(folder, 'killed')
        for number in range(kills):
            processes, rank, delay = start(engine, data, killed, flags=flags), number % 2, rand.uniform(5, longest)
            time.sleep(delay)
            with contextlib.suppress(ProcessLookupError):
                processes.send_signal(rank, signal.SIGKILL)
            begin = time.monotonic()
            texts, statuses = processes.end()
            seconds = time.monotonic() - begin
            run_dir = only_run(killed)
            click.echo(
                f'kill {number + 1}, rank {rank} after {delay:.1f} s: all ended after {seconds:.1f} s with {statuses}; '
                f'{len(list(run_dir.glob("training-state*.npz"))) if run_dir else 0} states'
            )
            output = ''.join(texts)
            if not any(statuses):
                failures.append(f'The run was through after {number} kills: give a larger --kimg.')
                break
            if 'Traceback' in output or (LOST not in output and run_dir is not None and engine != 'horovod'):
                failures.append(output)
        result = train_here(steps, data, killed, *flags)
        if 'Trained' not in result.output:
            failures.append(result.output)
        failures += differences(only_run(whole), only_run(killed))
    steps.close()
    for failure in failures:
        click.echo('FAILED: ' + failure)
    click.echo('FAILED.' if failures else 'Passed: the run ended as the undisturbed one.')
    raise SystemExit(bool(failures))


if __name__ == '__main__':
    main()
