"""Does the memory of making a set stay flat? Makes many small images, and watches the processes."""

import functools
import pathlib
import sys
import tempfile

import click

from benchmarks.process_memory import print_growth, watch
from benchmarks.synthesis import Nothing, write_network
from dnnlib.jobs.workers import Workers

SIDE = 32  # px


@click.command(epilog='\b\nExample:\n  python -m benchmarks.synthesis_memory --images 4000')
@click.option('--images', type=click.IntRange(min=500), default=20000, show_default=True, help='Images of the set.')
@click.option('--workers', default=2, show_default=True, help='Processes that make images.')
def main(images, workers):
    """Make a set of IMAGES images of 32x32 with a small network, and print the memory of the processes.

    Exit status 1 if the leading process, or the largest other one, had over 5 % more in the last fifth of the time than
    in the second fifth. It needs Linux's /proc.
    """
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        network = str(folder / 'network.pkl')
        with Workers(1, functools.partial(write_network, network, SIDE, fmap_base=1024, fmap_max=64)) as pool:
            list(pool.run([Nothing()]))
        command = ['-m', 'synthesis', 'generate', network, '--out', str(folder / 'set'), '--identities', str(images)]
        samples = watch([*command, '--workers', str(workers)], folder / 'set')
    sys.exit(print_growth(samples, 'making'))


if __name__ == '__main__':
    main()
