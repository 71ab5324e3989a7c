"""How fast does `Gs.run` make images, beside another version of this project?"""

import click

from benchmarks.versions import against_flag, comparison, shortest_times

# Builds the networks; then a line is a side, for which it makes one minibatch.
PROGRAM = """
import os

threads = settings['threads']
if threads:  # versions before --threads use all cores that there are
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
import numpy as np
from dnnlib import tflib

tflib.init_tf({'intra_op_parallelism_threads': threads, 'inter_op_parallelism_threads': threads})
to_uint8, makers = {'func': tflib.convert_images_to_uint8, 'nchw_to_nhwc': True}, {}
for side in settings['sides']:
    G = tflib.Network('G', 'training.networks_stylegan.G_style', resolution=side, num_channels=3)
    latents = np.random.RandomState(0).randn(settings['minibatch'], *G.input_shape[1:])
    makers[side] = lambda G=G, latents=latents: G.run(latents, None, output_transform=to_uint8)
measured = lambda line: makers[int(line)]()
"""


@click.command(epilog='\b\nExample:\n  python -m benchmarks.generator --against ../version-before')
@against_flag
@click.option('--sides', default='64,256', show_default=True, help='Resolutions of the networks, px.')
@click.option('--minibatch', default=4, show_default=True, help='Images at a time.')
@click.option('--threads', default=1, show_default=True, help='Cores to use; 0: all.')
@click.option('--rounds', default=5, show_default=True, help='Times that everything is measured; the shortest counts.')
def main(against, sides, minibatch, threads, rounds):
    """Time `Gs.run` at default widths on the CPU, with new noise and images as uint8.

    With --against, two processes make minibatches in turns, one with each version. Other programs slow down the clock
    more than they add to the CPU time, which is that of all threads and of the kernel.
    """
    sides = [int(side) for side in sides.split(',')]
    settings = {'sides': sides, 'minibatch': minibatch, 'threads': threads}
    print(f'{"side":>4s} {"version":>8s} {"images/s":>9s} {"CPU s an image":>15s}')
    for side, best in shortest_times(PROGRAM, settings, against, sides, rounds):
        for name, (clock, cpu) in best.items():
            print(f'{side:4d} {name:>8s} {minibatch / clock:9.2f} {cpu / minibatch:15.3f}')
        if against:
            print(f'{side:4d} {comparison(best)}', flush=True)


if __name__ == '__main__':
    main()
