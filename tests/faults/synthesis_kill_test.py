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

import click

from tests.faults.prefilter_kill_test import differences

ROOT = pathlib.Path(__file__).parents[2]
NETWORK = ROOT / 'tests' / 'golden' / 'crossing' / 'tensorflow-1.15' / 'run' / 'network-final.pkl'  # 8x8, RGB


@click.command(epilog='\b\nExample:\n  python -m tests.faults.synthesis_kill_test --kills 10 --seed 1')
@click.option('--kills', type=click.IntRange(min=1), default=10, show_default=True, help='How often.')
@click.option('--seed', type=int, default=1, show_default=True, help='Of the instants and the numbers of processes.')
@click.option('--images', type=click.IntRange(min=200), default=2000, show_default=True, help='Of the set.')
def main(kills, seed, images):
    """Makes a set twice: undisturbed, and killed KILLS times. Exits with 1 if any byte differs or a file is left.

    Every third kill takes a single process that makes images, which the run replaces; the others take the process that
    leads, alone, so that the rest must end by themselves. The instants are random; the last third of the kills waits
    until the first images are there.
    """
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        begin = time.time()
        output = start(folder, 'whole', images, 2).communicate()[0]
        seconds = time.time() - begin
        click.echo(f'Undisturbed run of {images} images: {seconds:.0f} s. {output.splitlines()[-3]}')
        failures = run_through_kills(folder, images, kills, chance, seconds)
        failures += differences(folder / 'whole', folder / 'killed')
    for failure in failures:
        click.echo('FAILED: ' + failure)
    click.echo(
        'FAILED.'
        if failures
        else f'Passed: after {kills} kills the set is the undisturbed one, byte for byte, and nothing is left over.'
    )
    sys.exit(bool(failures))


def start(folder, name, images, workers):
    """Starts to make a set, in a session of its own."""
    args = [str(NETWORK), '--out', str(folder / name / 'set'), '--identities', str(images // 2), '--per-identity', '2']
    args += ['--psi', '1', '--keep-w', '--device', 'cpu', '--workers', str(workers)]
    return subprocess.Popen(
        [sys.executable, '-m', 'synthesis', 'generate', *args],
        cwd=str(ROOT),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def run_through_kills(folder, images, kills, chance, seconds):
    """Kills the command that often and lets it end.

    Returns:
        Sentences about what went wrong.
    """
    parts, failures, amid = folder / 'killed' / '.set.unfinished' / 'parts', [], 0
    process = start(folder, 'killed', images, chance.randint(1, 2))
    for kill in range(1, kills + 1):
        before = count_shards(parts)
        deadline = time.time() + chance.uniform(0, seconds)
        if kill > kills * 2 // 3:
            while process.poll() is None and count_shards(parts) == before:
                time.sleep(0.001)
            deadline = time.time() + chance.uniform(0, 0.2)
        while process.poll() is None and time.time() < deadline:
            time.sleep(0.001)
        if process.poll() is not None:
            click.echo(f'kill {kill}: too late, the run had ended.')
            break
        workers = workers_of(process) if kill % 3 == 0 else []
        if workers:
            os.kill(chance.choice(workers), signal.SIGKILL)
        else:
            process.kill()
            output = process.communicate()[0]  # ends when the last of its processes has ended
            if process.returncode != -signal.SIGKILL:
                failures += [] if process.returncode == 0 else [output]
                click.echo(f'kill {kill}: too late, the run had ended.')
                break
            process = start(folder, 'killed', images, chance.randint(1, 2))
        done = count_shards(parts)
        amid += done > 0
        click.echo(f'kill {kill}, of {"a worker" if workers else "the run"}: {done} shards finished.')
    output = process.communicate()[0]
    click.echo(output.splitlines()[-3] if output.count('\n') > 2 else output)
    failures += [] if process.returncode == 0 else [output]
    if not amid and kills >= 3:
        failures.append('No kill came while images were made.')
    return failures


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
