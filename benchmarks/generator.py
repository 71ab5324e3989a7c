"""How fast does `Gs.run` make images, beside another version of this project?"""

import json
import math
import os
import pathlib
import subprocess
import sys

import click

ROOT = pathlib.Path(__file__).parents[1]

# Runs in the folder of a version. Builds the networks, then makes one minibatch for each line that it reads, a side.
# Uses only what every version has.
PROGRAM = """
import dnnlib.quiet, json, os, sys, time
import numpy as np
from dnnlib import tflib

settings = json.loads(sys.argv[1])
threads = settings['threads']
tflib.init_tf({'intra_op_parallelism_threads': threads, 'inter_op_parallelism_threads': threads})
to_uint8, makers = {'func': tflib.convert_images_to_uint8, 'nchw_to_nhwc': True}, {}
for side in settings['sides']:
    G = tflib.Network('G', 'training.networks_stylegan.G_style', resolution=side, num_channels=3)
    latents = np.random.RandomState(0).randn(settings['minibatch'], *G.input_shape[1:])
    makers[side] = lambda G=G, latents=latents: G.run(latents, None, output_transform=to_uint8)
print('ready', flush=True)
for line in sys.stdin:
    clock, cpu = time.time(), sum(os.times()[:2])
    makers[int(line)]()
    print(json.dumps([time.time() - clock, sum(os.times()[:2]) - cpu]), flush=True)
"""


@click.command(epilog='\b\nExample:\n  python -m benchmarks.generator --against ../version-before')
@click.option('--against', type=click.Path(exists=True, file_okay=False), help='Folder of another version.')
@click.option('--sides', default='64,256', show_default=True, help='Resolutions of the networks, px.')
@click.option('--minibatch', default=4, show_default=True, help='Images at a time.')
@click.option(
    '--threads', default=1, show_default=True, help="Threads of TensorFlow's operations; 0: one for each core."
)
@click.option('--rounds', default=5, show_default=True, help='Times that everything is measured; the shortest counts.')
def main(against, sides, minibatch, threads, rounds):
    """Time `Gs.run` at default widths on the CPU, with new noise and images as uint8.

    With --against, two processes make minibatches in turns, one with each version. Other programs slow down the clock
    more than they add to the CPU time, which is that of all threads and of the kernel.
    """
    sides = [int(side) for side in sides.split(',')]
    settings = {'sides': sides, 'minibatch': minibatch, 'threads': threads}
    folders = {'here': ROOT, **({'there': pathlib.Path(against)} if against else {})}
    makers = {name: Maker(folder, settings) for name, folder in folders.items()}
    print(f'{"side":>4s} {"version":>8s} {"images/s":>9s} {"CPU s an image":>15s}')
    for side in sides:
        best = {name: [math.inf, math.inf] for name in makers}
        for number in range(rounds + 1):
            for name, maker in makers.items():
                times = maker.times(side)
                if number:  # the first round warms up
                    best[name] = [min(pair) for pair in zip(best[name], times)]
        for name, (clock, cpu) in best.items():
            print(f'{side:4d} {name:>8s} {minibatch / clock:9.2f} {cpu / minibatch:15.3f}')
        if against:
            clock, cpu = (there / here for there, here in zip(best['there'], best['here']))
            print(f'{side:4d} there : here, time {clock:.2f}, CPU time {cpu:.2f}', flush=True)


class Maker:
    """A process that makes images with the version in a folder.

    Args:
        folder: `pathlib.Path` of the version.
        settings: What PROGRAM takes.
    """

    def __init__(self, folder, settings):
        self._process = subprocess.Popen(
            [sys.executable, '-c', PROGRAM, json.dumps(settings)],
            cwd=str(folder),
            env={**os.environ, 'PYTHONPATH': str(folder.resolve()), 'CUDA_VISIBLE_DEVICES': ''},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            universal_newlines=True,
        )
        while self._line() != 'ready':
            pass

    def times(self, side):
        """Wall-clock seconds and CPU seconds of one minibatch."""
        self._process.stdin.write(f'{side}\n')
        self._process.stdin.flush()
        return json.loads(self._line())

    def _line(self):
        line = self._process.stdout.readline()
        if not line:
            raise click.ClickException('The process that makes images ended; it says why above.')
        return line.strip()


if __name__ == '__main__':
    main()
