"""Does the filter's memory stay flat? Runs it over the same photographs under many names, and watches its processes."""

import pathlib
import subprocess
import sys
import tempfile
import time

import click

from benchmarks.memory import memory_of
from tests.pictures import write_photographs

ROOT = pathlib.Path(__file__).parents[1]
DIFFERENT = 64  # photographs
ALLOWED_GROWTH = 0.05  # from the second fifth to the last one


@click.command(epilog='\b\nExample:\n  python -m benchmarks.prefilter_memory --images 4000')
@click.option('--images', type=click.IntRange(min=500), default=20000, show_default=True, help='Photographs.')
@click.option('--workers', default=2, show_default=True, help='Processes that examine.')
def main(images, workers):
    """Filter IMAGES photographs, a few under many names, and print the memory of the filter's processes.

    Exit status 1 if the leading process, or the largest examining one, had over 5 % more in the last fifth of the time
    than in the second fifth. It needs Linux's /proc.
    """
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        write_photographs(folder / 'few', DIFFERENT)
        few = sorted(path for path in (folder / 'few').rglob('*') if path.is_file())
        for number in range(images):
            link = folder / 'photos' / f'{number // 1000:03d}' / f'{number:06d}{few[number % len(few)].suffix}'
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(few[number % len(few)])
        samples = watch(folder, workers)
    print('   share   leading MB   examining MB (largest)')
    for number in range(0, len(samples), max(len(samples) // 20, 1)):
        print(f'{number / len(samples):8.0%}{samples[number][0]:13.1f}{samples[number][1]:15.1f}')
    grown = False
    fifth = max(len(samples) // 5, 1)
    for column, what in enumerate(('leading', 'examining')):
        early, late = (
            sum(sample[column] for sample in part) / len(part)
            for part in (samples[fifth : 2 * fifth], samples[-fifth:])
        )
        grown |= late / early - 1 > ALLOWED_GROWTH
        print(f'{what}: {early:.1f} MB in the second fifth, {late:.1f} MB in the last: {late / early - 1:+.1%}.')
    print('Memory GROWS.' if grown else f'Memory is flat: within {ALLOWED_GROWTH:.0%}.')
    sys.exit(grown)


def watch(folder, workers):
    """Runs the filter; returns (MB of the leading process, MB of the largest other one), every half second."""
    command = [
        sys.executable,
        '-m',
        'prefilter',
        str(folder / 'photos'),
        '--out',
        str(folder / 'set'),
        '--size',
        '32',
        '--workers',
        str(workers),
    ]
    samples = []
    with open(str(folder / 'output.txt'), 'w+') as output:
        process = subprocess.Popen(command, cwd=str(ROOT), stdout=output, stderr=output)
        try:
            while process.poll() is None:
                # While faces are found, before records are written: then memory could grow with the dataset.
                if (
                    list(folder.glob('.set.unfinished/parts/*.shard'))
                    and not (folder / '.set.unfinished' / 'content').exists()
                ):
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
            raise click.ClickException(f'The filter failed:\n{output.read()}')
    return samples


def children(pid):
    """Numbers of the processes that a process has started."""
    try:
        return pathlib.Path(f'/proc/{pid}/task/{pid}/children').read_text().split()
    except OSError:
        return []


if __name__ == '__main__':
    main()
