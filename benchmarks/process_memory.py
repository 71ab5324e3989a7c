"""Watches the memory of a command that makes a dataset in shards, and says whether it stays flat."""

import pathlib
import subprocess
import sys
import time

import click

from benchmarks.memory import memory_of

ROOT = pathlib.Path(__file__).parents[1]
ALLOWED_GROWTH = 0.05  # from the second fifth to the last one


def watch(arguments, out):
    """Runs a command while it makes shards.

    Args:
        arguments: For this Python: ['-m', 'prefilter', ...].
        out: pathlib.Path of its `--out`.

    Returns:
        List of (MB of the leading process, MB of the largest other one), every half second.
    """
    work = out.parent / f'.{out.name}.unfinished'
    samples = []
    with open(str(out.parent / 'output.txt'), 'w+') as output:
        process = subprocess.Popen([sys.executable, *arguments], cwd=str(ROOT), stdout=output, stderr=output)
        try:
            while process.poll() is None:
                # Until the dataset is put together: then memory could grow with it.
                if any(work.glob('parts/*')) and not (work / 'content').exists():
                    others = [memory_of(int(pid)) for pid in children(process.pid)]
                    sizes = [memory_of(process.pid), max((size for size in others if size), default=None)]
                    if None not in sizes:
                        samples.append((sizes[0][0], sizes[1][0]))
                time.sleep(0.5)
        finally:
            process.kill()
            process.wait()
        if process.returncode:
            output.seek(0)
            raise click.ClickException(f'The command failed:\n{output.read()}')
    return samples


def children(pid):
    """Numbers of the processes that a process has started."""
    try:
        return pathlib.Path(f'/proc/{pid}/task/{pid}/children').read_text().split()
    except OSError:
        return []


def print_growth(samples, others):
    """Prints samples of `watch` and whether memory grows; returns that.

    Args:
        samples: From `watch`.
        others: What the other processes do: 'examining'.
    """
    print(f'   share   leading MB   {others} MB (largest)')
    for number in range(0, len(samples), max(len(samples) // 20, 1)):
        print(f'{number / len(samples):8.0%}{samples[number][0]:13.1f}{samples[number][1]:15.1f}')
    grown = False
    fifth = max(len(samples) // 5, 1)
    for column, what in enumerate(('leading', others)):
        early, late = (
            sum(sample[column] for sample in part) / len(part)
            for part in (samples[fifth : 2 * fifth], samples[-fifth:])
        )
        grown |= late / early - 1 > ALLOWED_GROWTH
        print(f'{what}: {early:.1f} MB in the second fifth, {late:.1f} MB in the last: {late / early - 1:+.1%}.')
    print('Memory GROWS.' if grown else f'Memory is flat: within {ALLOWED_GROWTH:.0%}.')
    return grown
