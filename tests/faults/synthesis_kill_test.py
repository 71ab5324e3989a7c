"""Kills the making of a synthetic set with SIGKILL again and again, and compares the set with an undisturbed run's."""

import contextlib
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time
from typing import NamedTuple

import click

from synthesis.job import SHARD_IMAGES
from tests.faults.prefilter_kill_test import differences

ROOT = pathlib.Path(__file__).parents[2]
NETWORK = ROOT / 'tests' / 'golden' / 'crossing' / 'tensorflow-1.15' / 'run' / 'network-final.pkl'  # 8x8, RGB


@click.command(epilog='\b\nExample:\n  python -m tests.faults.synthesis_kill_test --kills 10 --seed 1')
@click.option('--kills', type=click.IntRange(min=1), default=10, show_default=True, help='How often.')
@click.option('--seed', type=int, default=1, show_default=True, help='Of the instants and the numbers of processes.')
@click.option('--images', type=click.IntRange(min=200), default=2000, show_default=True, help='Of the set.')
@click.option(
    '--network',
    type=click.Path(exists=True, dir_okay=False),
    default=str(NETWORK),
    help='A network pickle.  [default: one of 8x8 px]',
)
def main(kills, seed, images, network):
    """Makes a set twice: undisturbed, and killed KILLS times. Exits with 1 if any byte differs or a file is left.

    Every third kill takes a single process that makes images, which the run replaces; the others take the process that
    leads, alone, so that the rest must end by themselves. The first third of the kills comes while the run starts, at
    random instants; each of the others after a random number of finished parts.
    """
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        killed = Killed(pathlib.Path(folder), os.path.abspath(network), images)
        begin = time.monotonic()
        output = killed.start('whole', 2).communicate()[0]
        click.echo(f'Undisturbed run of {images} images: {time.monotonic() - begin:.0f} s. {output.splitlines()[-3]}')
        failures = run_through_kills(killed, kills, chance)
        failures += differences(killed.folder / 'whole', killed.folder / 'killed')
    for failure in failures:
        click.echo('FAILED: ' + failure)
    click.echo(
        'FAILED.'
        if failures
        else f'Passed: after {kills} kills the set is the undisturbed one, byte for byte, and nothing is left over.'
    )
    sys.exit(bool(failures))


class Killed(NamedTuple):
    """What the runs have in common."""

    folder: pathlib.Path
    network: str
    images: int

    def start(self, name, workers):
        """Starts to make the set, in a session of its own. Returns the `subprocess.Popen`."""
        args = [self.network, '--out', str(self.folder / name / 'set'), '--identities', str(self.images // 2)]
        args += ['--per-identity', '2', '--psi', '1', '--keep-w', '--device', 'cpu', '--workers', str(workers)]
        return subprocess.Popen(
            [sys.executable, '-m', 'synthesis', 'generate', *args],
            cwd=str(ROOT),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )


def run_through_kills(killed, kills, chance):
    """Kills the command that often and lets it end.

    Returns:
        Sentences about what went wrong.
    """
    parts = killed.folder / 'killed' / '.set.unfinished' / 'parts'
    shards = -(-killed.images // SHARD_IMAGES)
    early = kills // 3
    finished = sorted(
        chance.randint(0, shards * 2 // 3) for _ in range(kills - early)
    )  # so many before each later kill
    process = killed.start('killed', chance.randint(1, 2))
    for kill in range(1, kills + 1):
        if kill > early:
            while process.poll() is None and count_shards(parts) < finished[kill - early - 1]:
                time.sleep(0.001)
        time.sleep(chance.uniform(0, 8 if kill <= early else 0.2))
        workers = workers_of(process) if kill % 3 == 0 else []
        done = count_shards(parts)
        if workers:
            os.kill(chance.choice(workers), signal.SIGKILL)
        else:
            process.kill()
            output = process.communicate()[0]  # ends when the last of its processes has ended
            if process.returncode != -signal.SIGKILL:
                return [f'The run had ended before kill {kill}: give more --images, or another --seed. {output}']
            process = killed.start('killed', chance.randint(1, 2))
        click.echo(f'kill {kill}, of {"a worker" if workers else "the run"}: {done} of {shards} parts finished.')
    output = process.communicate()[0]
    click.echo(output.splitlines()[-3] if output.count('\n') > 2 else output)
    return [output] if process.returncode else []


def workers_of(process):
    """The ids of the processes that make images for a run."""
    found = []
    with contextlib.suppress(OSError):  # a process has ended
        for number in pathlib.Path(f'/proc/{process.pid}/task/{process.pid}/children').read_text().split():
            if b'spawn_main' in pathlib.Path(f'/proc/{number}/cmdline').read_bytes():
                found.append(int(number))
    return found


def count_shards(parts):
    """How many shard files there are."""
    return len(list(parts.glob('*.shard'))) if parts.exists() else 0


if __name__ == '__main__':
    main()
