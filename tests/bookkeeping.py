"""Runs of the loop that train nothing and only keep its books: resets, ticks, networks."""

import contextlib
import math
import types
from unittest import mock

from training import loop
from training.options import resolve_options
from training.run_state import new_counters
from training.stop import StopRequest


class BookkeepingStep:
    """Trains nothing and remembers what it was asked."""

    G = D = Gs = None

    def __init__(self, *_):
        self.events = []
        self.run = None

    def reset_optimizers(self):
        self.events.append(['reset', self.run.counters.cur_nimg, self.run.schedule.lod])

    def set_lod(self, lod):
        self.lod = lod

    def train_D(self, schedule, cur_nimg, *_reals):
        assert self.lod == schedule.lod
        return {'D_loss': 1.0}

    def train_G(self, schedule, cur_nimg):
        return {'G_loss': 2.0}

    def update_Gs(self, minibatch):
        pass

    def loss_scales(self):
        return {}

    def get_state(self):
        return {}

    def set_state(self, state):
        pass


class Reals:
    def minibatch(self, position, size, lod):
        return None, None, None


@contextlib.contextmanager
def bookkeeping_runs():
    """Gives the function that makes one from the number of images shown before, the resolution and options."""
    with contextlib.ExitStack() as stack:
        for owner, name, stand_in in (
            (loop, 'TrainingStep', BookkeepingStep),
            (loop, 'ImageGrids', lambda *args: None),
        ):
            stack.enter_context(mock.patch.object(owner, name, stand_in))
        yield _make_run


def _make_run(cur_nimg=0, resolution=256, **given):
    options = resolve_options('paper', dict(given, data='datasets/x'), resolution)
    log = types.SimpleNamespace(say=lambda text: None, report=lambda stats: None, write_or_warn=lambda write: [write()])
    run = loop._Run(
        options,
        types.SimpleNamespace(),
        loop.tflib.Replicas(['/cpu:0']),
        Reals(),
        'results/x',
        log,
        None,
        StopRequest(),
        None,
        new_counters(''),
    )
    run.step.run = run
    run.save_state = lambda: True
    run.counters.update(cur_nimg=cur_nimg, tick_begin_nimg=cur_nimg)
    run._write = lambda due: run.step.events.append(
        [
            'tick',
            run.counters.tick,
            run.counters.cur_nimg,
            run.schedule.lod,
            run.schedule.minibatch,
            due == loop.NETWORKS,
        ]
    )
    return run


def run_to_the_end(run):
    """Trains nothing until the run is finished; returns the number of iterations.

    At full resolution the schedule changes no more. Of the iterations of a tick there, only the first and the last are
    carried out; the others are counted.
    """
    iterations = 0
    while not run.finished():
        run.train_iteration()
        iterations += 1
        if run.tick_is_due() or run.finished():
            run.end_tick()
        elif run.schedule.lod == 0:
            iterations += _skip_to_the_last_iteration(run)
    return iterations


def _skip_to_the_last_iteration(run):
    counters, images = run.counters, run.schedule.minibatch * run.options.minibatch_repeats
    end = min(counters.tick_begin_nimg + run.schedule.tick_kimg * 1000, run.options.total_kimg * 1000)
    skipped = max(math.ceil((end - counters.cur_nimg) / images) - 1, 0)
    counters.cur_nimg += skipped * images
    return skipped
