"""How exact are gradients in half precision? `python -m benchmarks.precision` prints a table, and needs no GPU."""

import dnnlib.quiet  # noqa: F401, I001  first: silences TensorFlow before anything imports it

import time

import click
import tensorflow.compat.v1 as tf

from dnnlib.tflib.versions import IS_TF2
from tests.half_gradients import LOSSES, Gradients, errors
from tests.sessions import KeptSession
from training.precision import FIRST_LOSS_SCALING_LOG2, FLOAT32, MIXED, MIXED_BFLOAT16

# (precision, highest resolutions in half precision, log2 of the loss scale)
CASES = [(MIXED, 1, 0), (MIXED, 4, 0), (MIXED, 4, FIRST_LOSS_SCALING_LOG2), (MIXED, 4, 15)]
CASES += [(MIXED_BFLOAT16, 4, 0)] if IS_TF2 else []


@click.command(epilog='\b\nExample:\n  # Some minutes.\n  python -m benchmarks.precision\n')
@click.option('--resolution', 'resolutions', type=int, multiple=True, default=(32, 64), show_default=True)
@click.option('--fmap-max', default=32, show_default=True, help='Feature maps of a layer, at most.')
@click.option('--minibatch', default=16, show_default=True, help='Images; each of two GPUs has 16 at 64 px.')
@click.option('--seed', default=1, show_default=True, help='Of the random weights.')
def main(resolutions, fmap_max, minibatch, seed):
    """Compare the gradients of every layer in half precision with those in float32, on the CPU.

    The weights are random. A cell has the error of all gradients together, relative to their norm, and in brackets the
    error of the worst layer, its weight and bias together; then the number of variables whose gradient is lost.
    """
    row = '{:<5}{:<16}{:>7}{:>9}' + '{:>22}' * len(LOSSES) + '{:>6}{:>8}'
    click.echo(row.format('px', 'precision', 'levels', 'scale', *LOSSES, 'lost', 's'))
    for resolution in resolutions:
        kept = KeptSession()  # which takes the graph as it is: optimising it takes longer than running it once
        with kept.as_default():
            tf.set_random_seed(seed)
            gradients = Gradients(resolution, fmap_max, minibatch)
            exact = gradients.of(FLOAT32)
            for precision, levels, scale_log2 in CASES:
                begin = time.process_time()
                found = gradients.of(precision, levels, scale_log2)
                by_loss = [errors(exact[loss], found[loss]) for loss in LOSSES]
                cells = [f'{each.total:.2%} ({each.worst:.1%})' for each in by_loss]
                lost, seconds = sum(each.lost for each in by_loss), time.process_time() - begin
                scale = f'2^{scale_log2:g}'
                click.echo(row.format(resolution, precision, levels, scale, *cells, lost, f'{seconds:.0f}'))
        kept.close()


if __name__ == '__main__':
    main()
