"""Trains on a disk that is full for a while, and compares what it comes to with a run that always had space."""

import os
import re
import subprocess
import sys
import tempfile
from unittest import mock

import click

from tests.faults.toy_training import (
    KIMG,
    differences,
    only_run,
    shows_traceback,
    start_joint,
    train_here,
    wait_for_ticks,
)
from tests.joined_processes import ENGINES
from tests.steps import SharedSteps
from tests.toy_run import make_dataset
from training.log import RunLog

DISK_MB = 32
REFUSED = 'written (No space left on device)'


@click.command()
@click.option('--engine', type=click.Choice(ENGINES), help='Train in two processes that this engine joins.')
@click.option('--mounts', is_flag=True, hidden=True)
def main(engine, mounts):
    """Trains a toy network on a disk of 32 MB that is filled up at the first log line. Exits with 1 on failure.

    Once the space comes back when two attempts to save have failed; once it does not, and the same command is given
    again afterwards. With --engine it does not come back in a run of two processes; the command that is given again
    trains in one. Needs Linux's `unshare`, for a small disk of its own.
    """
    if not mounts:
        again = [sys.executable, '-m', 'tests.faults.disk_full', '--mounts', *(['--engine', engine] if engine else [])]
        sys.exit(subprocess.call(['unshare', '--map-root-user', '--mount', *again]))
    steps = SharedSteps()  # built once for all runs, which are commands in this process
    with tempfile.TemporaryDirectory() as folder:
        data, whole = make_dataset(os.path.join(folder, 'toy')), os.path.join(folder, 'whole')
        flags = ['--kimg', KIMG, '--gpus', 1 if engine is None else 2]
        click.echo(_last_line(train_here(steps, data, whole, *flags)))
        failures = []
        for name, frees in (('freed', True), ('full to the end', False))[0 if engine is None else 1 :]:
            disk = os.path.join(folder, name)
            os.mkdir(disk)
            subprocess.check_call(['mount', '-t', 'tmpfs', '-o', f'size={DISK_MB}m', 'tmpfs', disk])
            if engine is None:
                failures += train_on_full_disk(steps, data, disk, frees, flags)
            else:
                failures += train_together_on_full_disk(steps, data, disk, engine, flags)
            failures += differences(only_run(whole), only_run(disk), only_common=True)
            subprocess.check_call(['umount', disk])
    steps.close()
    for failure in failures:
        click.echo('FAILED: ' + failure)
    click.echo('FAILED.' if failures else 'Passed: both runs went on, said so, and ended as the one with space did.')
    sys.exit(bool(failures))


def train_on_full_disk(steps, data, disk, frees, flags):
    """Trains to the end on a disk that is full for a while; returns sentences about what went wrong."""
    ballast = os.path.join(disk, 'ballast')
    refusals, say = [], RunLog.say

    def say_and_act(log, line):
        say(log, line)
        if line.startswith('tick 1 '):
            fill(ballast)
            click.echo('The disk is full.', err=True)
        refusals.extend([line] if REFUSED in line else [])
        if len(refusals) == 2 and frees and os.path.exists(ballast):
            os.remove(ballast)
            click.echo('The disk has space again.', err=True)

    with mock.patch.object(RunLog, 'say', say_and_act):
        result = train_here(steps, data, disk, *flags)
    click.echo(
        f'{len(refusals)} times the run said that something cannot be {REFUSED}; it ended with status '
        f'{result.exit_code}: {_last_line(result)}'
    )
    failures = []
    if len(refusals) < 2:
        failures.append(f'The run said {len(refusals)} times that the disk is full:\n' + result.output)
    if result.exit_code != (0 if frees else 1) or 'Traceback' in result.output:
        failures.append(f'The run ended with status {result.exit_code}:\n' + result.output)
    if not frees:
        os.remove(ballast)
        result = train_here(steps, data, disk, *flags)
        click.echo('The same command again, with space: ' + _last_line(result))
    return failures + ([] if 'Trained' in result.output else ['The run did not end:\n' + result.output])


def train_together_on_full_disk(steps, data, disk, engine, flags):
    """Trains in two processes on a disk that stays full, then in one with space; returns what went wrong."""
    ballast = os.path.join(disk, 'ballast')
    processes = start_joint(engine, data, disk, *flags)
    wait_for_ticks(processes, disk, 1)
    fill(ballast)
    texts, statuses = processes.end()
    output = ''.join(texts)
    errors = re.findall('(?:^|>:)(Error: .*)', output, re.MULTILINE)
    click.echo(
        f'{output.count(REFUSED)} times two processes said that something cannot be {REFUSED}; they ended with '
        f'statuses {statuses}: {errors}'
    )
    failures = []
    if REFUSED not in output or not all(statuses) or len(errors) != 1 or shows_traceback(output):
        failures.append(f'Two processes ended with statuses {statuses}:\n{output}')
    os.remove(ballast)
    result = train_here(steps, data, disk, *flags)
    click.echo('The same command again in one process, with space: ' + _last_line(result))
    return failures + ([] if 'Trained' in result.output else ['The run did not end:\n' + result.output])


def _last_line(result):
    return result.output.splitlines()[-1]


def fill(path):
    """Writes a file that takes all that is left of a disk."""
    with open(path, 'wb', buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                pass


if __name__ == '__main__':
    main()
