"""Does training's memory stay flat? `python -m benchmarks.memory` trains a small network and watches its process."""

import dnnlib.quiet  # noqa: F401, I001  first: silences TensorFlow before anything imports it

import glob
import json
import os
import re
import subprocess
import sys
import tempfile
import time

import click

from benchmarks.toy_dataset import make_random_dataset

SETTLED = 0.2  # share of the run in which the network grows, and memory with it
ALLOWED_GROWTH = 0.03  # share, from then to the end
# From 4 to 16 px within the first fifth of 100 kimg; a line, a grid and a state every 2 kimg, a snapshot every 20.
FLAGS = [
    '--resolution',
    '16',
    '--initial-resolution',
    '4',
    '--phase-kimg',
    '5',
    '--fade-kimg',
    '5',
    '--minibatch',
    '32',
    '--latent-size',
    '16',
    '--mapping-layers',
    '2',
    '--fmap-base',
    '128',
    '--fmap-max',
    '16',
    '--grid',
    '7x4',
    '--tick-kimg',
    '2',
    '--snapshot-ticks',
    '10',
    '--metrics',
    'none',
    '--device',
    'cpu',
]


@click.command(epilog='\b\nExample:\n  python -m benchmarks.memory')
@click.option('--kimg', default=100.0, show_default=True, help='Length of the training, thousands of images.')
def main(kimg):
    """Train a small network through train.py and print the memory of its process at every log line.

    The verdict compares the last tenth of the run with the tenth after its first fifth; exit status 1 if memory grew by
    more than 3 %. It needs Linux's /proc.
    """
    with tempfile.TemporaryDirectory() as folder:
        samples = train_and_watch(make_random_dataset(os.path.join(folder, 'toy'), 16, 500), folder, kimg)
    print('    kimg   resident MB   peak MB')
    for at_kimg, resident, peak in samples:
        print(f'{at_kimg:8.1f}{resident:14.1f}{peak:10.1f}')
    early = mean_resident(samples, SETTLED * kimg, (SETTLED + 0.1) * kimg)
    late = mean_resident(samples, 0.9 * kimg, kimg)
    growth = late / early - 1
    flat = growth < ALLOWED_GROWTH
    print(
        f'Memory {"is flat" if flat else "GROWS"}: {early:.1f} MB at {SETTLED:.0%} to {SETTLED + 0.1:.0%} of the '
        f'run, {late:.1f} MB in its last tenth: {growth:+.1%}, {ALLOWED_GROWTH:.0%} allowed.'
    )
    sys.exit(not flat)


def train_and_watch(data, folder, kimg):
    """Runs train.py; returns a list of (kimg, resident MB, peak MB so far), one for each log line."""
    results = os.path.join(folder, 'results')
    command = [sys.executable, 'train.py', '--data', data, '--results', results, '--kimg', str(kimg), *FLAGS]
    samples = []
    with open(os.path.join(folder, 'output.txt'), 'w+', encoding='utf-8') as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        try:
            while process.poll() is None:
                memory = memory_of(process.pid)
                kimgs = logged_kimgs(results)
                if memory is not None and len(kimgs) > len(samples):
                    samples.append((kimgs[-1], *memory))
                    print(f'\r{kimgs[-1]:.0f} of {kimg:g} kimg', end='', file=sys.stderr, flush=True)
                time.sleep(0.2)
        finally:
            process.kill()
            process.wait()
        print(file=sys.stderr)
        if process.returncode:
            output.seek(0)
            raise click.ClickException(f'train.py failed:\n{output.read()}')
    return samples


def memory_of(pid):
    """Resident memory of a process and the most it has had, MB; None once it has ended."""
    try:
        with open(f'/proc/{pid}/status', encoding='utf-8') as file:
            sizes = dict(re.findall(r'(VmRSS|VmHWM):\s*(\d+) kB', file.read()))
        return int(sizes['VmRSS']) * 1024 / 1e6, int(sizes['VmHWM']) * 1024 / 1e6
    except (OSError, KeyError):
        return None


def logged_kimgs(results):
    """The kimg of each log line so far."""
    lines = []
    for path in glob.glob(os.path.join(results, '*', 'stats.jsonl')):
        with open(path, encoding='utf-8') as file:
            lines += [line for line in file if line.endswith('\n')]
    return [json.loads(line)['kimg'] for line in lines]


def mean_resident(samples, begin, end):
    """Mean resident memory, MB, of the samples from `begin` to `end` kimg."""
    chosen = [resident for kimg, resident, _ in samples if begin <= kimg <= end + 1]
    if not chosen:
        raise click.ClickException('Too few log lines to judge by: give a larger --kimg.')
    return sum(chosen) / len(chosen)


if __name__ == '__main__':
    main()
