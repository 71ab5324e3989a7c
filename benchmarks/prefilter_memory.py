"""Does the filter's memory stay flat? Runs it over the same photographs under many names, and watches its processes."""

import pathlib
import sys
import tempfile

import click

from benchmarks.process_memory import print_growth, watch
from tests.pictures import write_photographs

DIFFERENT = 64  # photographs


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
        command = ['-m', 'prefilter', str(folder / 'photos'), '--out', str(folder / 'set'), '--size', '32']
        samples = watch([*command, '--workers', str(workers)], folder / 'set')
    sys.exit(print_growth(samples, 'examining'))


if __name__ == '__main__':
    main()
