"""Trains on a disk that is full for a while, and compares what it comes to with a run that always had space."""

import os
import subprocess
import sys
import tempfile

import click

from tests.faults.toy_training import KIMG, differences, only_run, start_training
from tests.toy_run import make_dataset

DISK_MB = 32
REFUSED = 'written (No space left on device)'


@click.command()
@click.option('--mounts', is_flag=True, hidden=True)
@click.option(
    '--whole',
    type=click.Path(exists=True, file_okay=False),
    metavar='DIR',
    help='Folder with an undisturbed run to compare with.  [default: train one]',
)
def main(mounts, whole):
    """Trains a toy network on a disk of 32 MB that is filled up at the first log line. Exits with 1 on failure.

    Once the space comes back when two attempts to save have failed; once it does not, and the same command is given
    again afterwards. Needs Linux's `unshare`, for a small disk of its own.
    """
    if not mounts:
        again = [sys.executable, '-m', 'tests.faults.disk_full', '--mounts', *(['--whole', whole] if whole else [])]
        sys.exit(subprocess.call(['unshare', '--map-root-user', '--mount', *again]))
    with tempfile.TemporaryDirectory() as folder:
        data = make_dataset(os.path.join(folder, 'toy'))
        if not whole:
            whole = os.path.join(folder, 'whole')
            output = start_training(data, whole, '--kimg', KIMG).communicate()[0]
            click.echo(output.splitlines()[-1])
        failures = []
        for name, frees in (('freed', True), ('full to the end', False)):
            disk = os.path.join(folder, name)
            os.mkdir(disk)
            subprocess.check_call(['mount', '-t', 'tmpfs', '-o', f'size={DISK_MB}m', 'tmpfs', disk])
            failures += train_on_full_disk(data, disk, frees)
            failures += differences(only_run(whole), only_run(disk), only_common=True)
            subprocess.check_call(['umount', disk])
    for failure in failures:
        click.echo('FAILED: ' + failure)
    click.echo('FAILED.' if failures else 'Passed: both runs went on, said so, and ended as the one with space did.')
    sys.exit(bool(failures))


def train_on_full_disk(data, disk, frees):
    """Trains to the end on a disk that is full for a while; returns sentences about what went wrong."""
    ballast = os.path.join(disk, 'ballast')
    process = start_training(data, disk, '--kimg', KIMG)
    output, refusals = '', 0
    for line in process.stdout:
        output += line
        if line.startswith('tick 1 '):
            fill(ballast)
            click.echo('The disk is full.')
        refusals += REFUSED in line
        if refusals == 2 and frees and os.path.exists(ballast):
            os.remove(ballast)
            click.echo('The disk has space again.')
    code = process.wait()
    click.echo(
        f'{refusals} times the run said that something cannot be {REFUSED}; it ended with status {code}: '
        f'{output.splitlines()[-1]}'
    )
    failures = [] if refusals >= 2 else [f'The run said {refusals} times that the disk is full:\n' + output]
    if code != (0 if frees else 1) or 'Traceback' in output:
        failures.append(f'The run ended with status {code}:\n' + output)
    if not frees:
        os.remove(ballast)
        output = start_training(data, disk, '--kimg', KIMG).communicate()[0]
        click.echo('The same command again, with space: ' + output.splitlines()[-1])
    return failures + ([] if 'Trained' in output else ['The run did not end:\n' + output])


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
