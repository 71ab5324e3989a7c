"""Is the memory that --dry-run estimates right? `python -m benchmarks.step_memory` traces real training steps."""

import dnnlib.quiet  # noqa: F401, I001  first: silences TensorFlow before anything imports it

import click

from tests.step_memory import compare
from training.options import resolve_options


@click.command(
    epilog='\b\nExamples:\n'
    '  # A minute: small networks.\n'
    '  python -m benchmarks.step_memory --resolution 32 --fmap-base 1024 --fmap-max 64\n\n'
    '\b\n  # Some twenty minutes and 6 GB: every phase of the real run.\n'
    '  python -m benchmarks.step_memory --resolution 256'
)
@click.option('--resolution', default=64, show_default=True, help='Of the images, px.')
@click.option('--fmap-base', default=8192, show_default=True, help='As for train.py.')
@click.option('--fmap-max', default=512, show_default=True, help='As for train.py.')
def main(resolution, fmap_base, fmap_max):
    """Run one step of D and of G on the CPU for every phase, at the minibatch for one GPU, and compare its memory.

    The measured memory is the peak that TensorFlow's allocator holds during the step, without the variables.
    """
    given = {'data': '', 'fmap_base': fmap_base, 'fmap_max': fmap_max, 'device': 'cpu'}
    options = resolve_options('paper', given, resolution)
    print(f'{"phase":<9s}{"resolution":<12s}{"images":>8s}   {"step":<6s}{"measured MB":>12s}{"estimated MB":>14s}')
    for row, which, measured, estimated in compare(options):
        print(
            f'{row.what:<9s}{row.resolution:<12d}{row.minibatch:>8d}   {which:<6s}{measured / 1e6:>12.0f}'
            f'{estimated / 1e6:>14.0f}{estimated / measured - 1:>+8.0%}',
            flush=True,
        )


if __name__ == '__main__':
    main()
