"""How fast do two processes train beside one process with two replicas?"""

import dnnlib.quiet  # noqa: F401, I001  first: silences TensorFlow before anything imports it

import contextlib
import fcntl
import json
import math
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

import click
import numpy as np
import tensorflow.compat.v1 as tf

from dnnlib import tflib
from dnnlib.processes import ALONE, HOROVOD, launched
from dnnlib.util import EasyDict
from tests.joined_processes import ENGINES, Joined
from training.options import resolve_options
from training.step import TrainingStep

RESOLUTION, REPLICAS = 256, 2
SUMMED = 30 * 10**6  # numbers
_TO_PAUSE = '.to-pause'  # ends the name of a file that is named after a process


@click.command(epilog='\b\nExample:\n  python -m benchmarks.machines --engine horovod --sides 8,16,32')
@click.option('--engine', default=ENGINES[0], type=click.Choice(ENGINES), show_default=True)
@click.option('--sides', default='8,16,32', show_default=True, help='Resolutions that train, px.')
@click.option('--minibatch', default=16, show_default=True, help='Images of an iteration, of both replicas together.')
@click.option('--rounds', default=2, show_default=True, help='Times that everything is measured; the shortest counts.')
@click.option('--folder', hidden=True, help='Where a process of a measurement leaves its times.')
def main(engine, sides, minibatch, rounds, folder):
    """Time an iteration (D with R1, Gs, G) of the 256x256 network of the paper, on the CPU of this machine.

    One process with two replicas takes turns with two processes of one replica each. The larger the --minibatch, the
    less counts what the processes tell each other. The paper's is 256 at 8 px, 128 at 16 px and 64 at 32 px.
    """
    sides = [int(side) for side in sides.split(',')]
    if folder is not None:
        measure(sides, minibatch, rounds, pathlib.Path(folder))
        return
    os.environ.setdefault('HOROVOD_GLOO_TIMEOUT_SECONDS', '3600')  # longer than anything is paused
    with tempfile.TemporaryDirectory() as folder:
        flags = ['--sides', ','.join(map(str, sides)), '--minibatch', minibatch, '--rounds', rounds]
        arguments = ['-m', 'benchmarks.machines', *map(str, flags), '--folder', folder]
        alone = subprocess.Popen([sys.executable, *arguments])
        joined = Joined(engine, *[arguments] * REPLICAS)
        while alone.poll() is None and joined.is_alive():
            time.sleep(0.5)
        send(pathlib.Path(folder), signal.SIGCONT)  # if the lone process was killed in its turn
        texts, statuses = joined.end()
        if any(statuses):
            alone.kill()
        if any([alone.wait(), *statuses]):
            raise click.ClickException(f'The processes ended with {[alone.returncode, *statuses]}: {texts}')
        one, two = (json.loads(pathlib.Path(folder, f'{size}.json').read_text()) for size in (1, REPLICAS))
    print(f'{"seconds":>24s} {"1 x 2 replicas":>15s} {"2 x 1 replica":>15s} {"ratio":>6s}')
    for what in one:
        print(f'{what:>24s} {one[what]:15.3f} {two[what]:15.3f} {two[what] / one[what]:6.2f}')


def measure(sides, minibatch, rounds, folder):
    """Measures in this process and in those that train with it. The chief leaves the times in the folder."""
    processes, launch = ALONE, launched()
    if launch is not None:
        from dnnlib.tflib.joining import join

        processes = join(launch)
    iteration, best = Iteration(processes, minibatch), {}
    to_pause = folder / f'{os.getpid()}{_TO_PAUSE}'
    if launch is not None and launch.engine == HOROVOD:
        to_pause.touch()
        processes.gather(None)
    processes.on_chief((folder / f'{processes.size} are built').touch)
    while len(list(folder.glob('* are built'))) < 2:  # building would disturb what the others measure
        time.sleep(0.1)
    for number in range(rounds + 1):  # the first round warms up
        for what, action in iteration.actions(sides):
            with a_turn(folder, processes):
                begin = time.time()
                action()
                processes.gather(None)
                seconds = time.time() - begin
            if launch is None:  # what the others print is not shown
                click.echo(f'{what}: {seconds:.3f} s in one process', err=True)
            if number:
                best[what] = min(seconds, best.get(what, math.inf))
    processes.on_chief(lambda: (folder / f'{processes.size}.json').write_text(json.dumps(best)))
    processes.gather(None)
    with contextlib.suppress(FileNotFoundError):
        to_pause.unlink()
    processes.leave()


@contextlib.contextmanager
def a_turn(folder, processes):
    """While the block runs in these processes, it does not run in the others that measure."""
    with open(str(folder / 'turn'), 'w') as file:
        processes.on_chief(lambda: fcntl.flock(file, fcntl.LOCK_EX))
        with paused(folder) if processes is ALONE else contextlib.nullcontext():
            yield
    time.sleep(0.05)  # for the others to take it


@contextlib.contextmanager
def paused(folder):
    """While the block runs, the processes of Horovod stand still: while they wait, they take CPU time."""
    try:
        send(folder, signal.SIGSTOP)
        yield
    finally:
        send(folder, signal.SIGCONT)


def send(folder, number):
    """Sends a signal to the processes that are to be paused."""
    for path in folder.glob('*' + _TO_PAUSE):
        with contextlib.suppress(ProcessLookupError):  # it has just ended
            os.kill(int(path.stem), number)


class Iteration:
    """Training steps at default widths."""

    label_size, shape = 0, [3, RESOLUTION, RESOLUTION]  # what the step reads of a training set

    def __init__(self, processes, minibatch):
        self._minibatch = minibatch
        self._options = resolve_options('paper', {'data': '', 'gpus': REPLICAS}, RESOLUTION)
        here = processes.share(REPLICAS)
        tflib.init_tf('cpu', cpu_replicas=here, seed=1, open_session=processes.open_session)
        self._replicas = tflib.Replicas(tflib.replica_devices('cpu', here), processes)
        self._step = TrainingStep(self._options, self, self._replicas)
        with tf.device('/cpu:0'):
            numbers = [tf.Variable(tf.zeros([SUMMED])) for _ in range(here)]
            tflib.run([each.initializer for each in numbers])
            self._sum = [each[0].op for each in self._replicas.averages([[each + 0.0] for each in numbers])]

    def random_labels(self, size, _random):
        return np.zeros([size, 0], np.float32)

    def actions(self, sides):
        """(what, function) of everything that is measured."""
        yield f'{SUMMED / 1e6:g} M numbers', lambda: tflib.run(self._sum)
        for side in sides:
            yield f'iteration at {side} px', lambda side=side: self._iterate(side)

    def _iterate(self, side):
        size = self._minibatch
        schedule = EasyDict(lod=math.log2(RESOLUTION // side), minibatch=size, G_lrate=0.001, D_lrate=0.001)
        share = size // REPLICAS * len(self._replicas.own)
        reals = np.random.RandomState(0).randint(0, 256, [share, 3, side, side]).astype(np.uint8)
        self._step.set_lod(schedule.lod)
        self._step.train_D(schedule, 0, reals, self.random_labels(share, None), np.zeros(share, np.float32))
        self._step.update_Gs(size)
        self._step.train_G(schedule, size)


if __name__ == '__main__':
    main()
