"""Disturbs two processes that train together, again and again, and compares with a run that nothing disturbed."""

import contextlib
import itertools
import os
import random
import signal
import tempfile
import time

import click

from dnnlib.processes import LOST
from tests.faults.toy_training import (
    count_ticks,
    differences,
    only_run,
    shows_traceback,
    start_joint,
    start_training,
    train_here,
    wait_for_ticks,
)
from tests.joined_processes import ENGINES, LAUNCHER
from tests.steps import SharedSteps
from tests.toy_run import make_dataset

SLACK_SEC = 30  # in which all processes must have ended, on a busy machine
# Who gets which signal, in turns. A run that trains alone goes on with what two processes left, and they with that.
DISTURBANCES = (
    (0, signal.SIGKILL),
    (1, signal.SIGTERM),
    ('alone', signal.SIGKILL),
    (1, signal.SIGKILL),
    (0, signal.SIGTERM),
    (LAUNCHER, signal.SIGTERM),
)


@click.command()
@click.option('--engine', default=ENGINES[0], type=click.Choice(ENGINES), show_default=True)
@click.option('--kills', default=5, show_default=True, help='How often the run is disturbed.')
@click.option('--longest', default=30.0, show_default=True, help='Seconds after the start before which a signal comes.')
@click.option('--kimg', default=20.0, show_default=True, help='Length of the run, thousands of reals.')
@click.option('--seed', default=1, show_default=True, help='Seed of the instants.')
def main(engine, kills, longest, kimg, seed):
    """Trains a toy network in two processes, of which one gets SIGKILL or SIGTERM at random instants.

    Each time the same command goes on: in two processes, at times in one, and at the end in one. Every second signal
    comes after a log line, so that the run moves on. Exits with 1 on failure.
    """
    steps, rand, failures = SharedSteps(), random.Random(seed), []
    flags = ['--gpus', 2, '--kimg', kimg]
    with tempfile.TemporaryDirectory() as folder:
        data, whole = make_dataset(os.path.join(folder, 'toy')), os.path.join(folder, 'whole')
        train_here(steps, data, whole, *flags)
        killed = os.path.join(folder, 'killed')
        disturbances = [each for each in DISTURBANCES if each[0] != LAUNCHER or engine == 'horovod']
        for number, (rank, kind) in enumerate(itertools.islice(itertools.cycle(disturbances), kills)):
            processes = Alone(data, killed, flags) if rank == 'alone' else start_joint(engine, data, killed, *flags)
            in_training = number % 2 == 0 and wait_for_ticks(processes, killed, count_ticks(killed) + 1)
            time.sleep(rand.uniform(0, 2 if in_training else longest))
            send_signal(processes, rank, kind)
            begin = time.monotonic()
            texts, statuses = processes.end()
            seconds, output = time.monotonic() - begin, ''.join(texts)
            when = 'in training' if in_training else 'at any time'
            click.echo(
                f'{kind.name} to {rank}, {when}: all ended after {seconds:.1f} s with {statuses}, '
                f'{"with" if LOST in output else "without"} the sentence about another process; '
                f'{count_ticks(killed)} log lines'
            )
            if 'Trained' in output:
                failures.append('The run was through: give a larger --kimg.')
                break
            failures += what_is_wrong(rank, kind, in_training, seconds, statuses, output)
        result = train_here(steps, data, killed, *flags)
        if 'Trained' not in result.output:
            failures.append(result.output)
        failures += differences(only_run(whole), only_run(killed))
    steps.close()
    for failure in failures:
        click.echo('FAILED: ' + failure)
    click.echo('FAILED.' if failures else 'Passed: the run ended as the undisturbed one.')
    raise SystemExit(bool(failures))


class Alone:
    """A process that trains all replicas, with the methods of `Joined`."""

    def __init__(self, data, results, flags):
        self._process = start_training(data, results, *flags)

    def send_signal(self, _rank, number):
        self._process.send_signal(number)

    def is_alive(self):
        return self._process.poll() is None

    def end(self):
        return [self._process.communicate()[0]], [self._process.returncode]


def send_signal(processes, rank, number):
    """Sends a signal to a rank, as soon as the launcher has started it, unless all have ended."""
    while processes.is_alive():
        with contextlib.suppress(ProcessLookupError):
            processes.send_signal(rank, number)
            return
        time.sleep(0.1)


def what_is_wrong(rank, kind, in_training, seconds, statuses, output):
    """Sentences about how processes ended."""
    if seconds > SLACK_SEC:
        yield f'They took {seconds:.1f} s to end:\n{output}'
    if shows_traceback(output):
        yield output
    stopped = not any(statuses) and output.count('; the same command goes on from there') == 1
    if in_training and kind == signal.SIGTERM and rank != LAUNCHER and not stopped:
        yield f'They did not stop together:\n{output}'
    if in_training and kind == signal.SIGKILL and rank != 'alone' and LOST not in output:
        yield f'Nothing says that the same command goes on:\n{output}'


if __name__ == '__main__':
    main()
