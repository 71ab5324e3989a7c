"""Kills the filter with SIGKILL again and again, and compares the dataset with an undisturbed run's, byte for byte."""

import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time

import click

from tests.pictures import write_photographs

ROOT = pathlib.Path(__file__).parents[2]


@click.command(epilog='\b\nExample:\n  python -m tests.faults.prefilter_kill_test --kills 10 --seed 1')
@click.option('--kills', type=click.IntRange(min=1), default=10, show_default=True, help='How often.')
@click.option('--seed', type=int, default=1, show_default=True, help='Of the instants and the numbers of processes.')
@click.option('--images', type=click.IntRange(min=200), default=2000, show_default=True, help='Photographs.')
def main(kills, seed, images):
    """Filters photographs twice: undisturbed, and killed KILLS times with all its processes. Exits with 1 if any byte
    of the dataset differs or anything else is left over.

    The last third of the kills waits for the records, the rest come at random instants; each run has one to three
    processes.
    """
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        write_photographs(folder / 'photos', images)
        begin = time.time()
        output = start(folder, 'whole', 2).communicate()[0]
        seconds = time.time() - begin
        click.echo(f'Undisturbed run of {images} photographs: {seconds:.0f} s. {output.splitlines()[-2]}')
        failures = run_through_kills(folder, kills, chance, seconds)
        failures += differences(folder / 'whole', folder / 'killed')
    for failure in failures:
        click.echo('FAILED: ' + failure)
    click.echo(
        'FAILED.'
        if failures
        else f'Passed: after {kills} kills the dataset is the undisturbed one, byte for byte, and nothing is left over.'
    )
    sys.exit(bool(failures))


def start(folder, name, workers):
    """Starts the filter in a group of processes of its own."""
    args = [
        str(folder / 'photos'),
        '--out',
        str(folder / name / 'set'),
        '--size',
        '64',
        '--labels',
        'identity',
        '--export',
        'zip',
        '--workers',
        str(workers),
    ]
    return subprocess.Popen(
        [sys.executable, '-m', 'prefilter', *args],
        cwd=str(ROOT),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def run_through_kills(folder, kills, chance, seconds):
    """Kills the filter that often and lets it end.

    Returns:
        Sentences about what went wrong.
    """
    content = folder / 'killed' / '.set.unfinished' / 'content'
    failures, parts, writing = [], content.parent / 'parts', 0
    for kill in range(1, kills + 1):
        process = start(folder, 'killed', chance.randint(1, 3))
        deadline = time.time() + 2 + chance.uniform(0, 1.5 * seconds / kills)  # 2 s to start
        if kill > kills * 2 // 3:
            while process.poll() is None and not content.exists():
                time.sleep(0.001)
            deadline = time.time() + chance.uniform(0, 0.5)
        while process.poll() is None and time.time() < deadline:
            time.sleep(0.001)
        os.killpg(process.pid, signal.SIGKILL)
        output = process.communicate()[0]
        if process.returncode != -signal.SIGKILL:
            failures += [] if process.returncode == 0 else [output]
            click.echo(f'kill {kill}: too late, the run had ended.')
            break
        writing += content.exists()
        done = len(list(parts.glob('*.shard'))) if parts.exists() else 0
        click.echo(f'kill {kill}: {done} shards finished{", records in writing" if content.exists() else ""}.')
    else:
        process = start(folder, 'killed', chance.randint(1, 3))
        output = process.communicate()[0]
        click.echo(output.splitlines()[-2])
        failures += [] if process.returncode == 0 else [output]
    if not writing and kills >= 3:
        failures.append('No kill came while the dataset was written.')
    return failures


def differences(whole, killed):
    """Sentences about what differs between two folders."""
    files = [
        {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob('*') if path.is_file()}
        for folder in (whole, killed)
    ]
    names = sorted(set(files[0]) | set(files[1]))
    return [f'{name} differs or is in one only' for name in names if files[0].get(name) != files[1].get(name)]


if __name__ == '__main__':
    main()
