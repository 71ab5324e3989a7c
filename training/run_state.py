"""How far a run has come: its counters, which go into every state, and its clock."""

import math
import time

from dnnlib.errors import UserError
from dnnlib.util import EasyDict

# What a tick leaves behind; networks come with images.
NOTHING, IMAGES, NETWORKS = 'nothing', 'images', 'networks'


def new_counters(dataset):
    """The counters of a run that begins; all fit for JSON.

    Args:
        dataset: Fingerprint of the dataset.
    """
    return EasyDict(
        dataset=dataset,
        cur_nimg=0,  # reals shown so far; also the position in the stream of reals
        tick=0,
        tick_begin_nimg=0,
        previous_lod=-1.0,
        total_sec=0.0,  # of the whole run, when it was saved
        tick_sec=0.0,  # of the current tick, when it was saved
        maintenance_sec=0.0,  # spent between ticks, whole run
        last_maintenance_sec=0.0,  # since the last tick
        stats_sums={},  # over the finite steps of the current tick
        stats_count=0,  # finite steps of the current tick
        nonfinite_steps=0,  # other steps of the current tick
        nonfinite_in_row=0,  # steps since the last finite one
        named_nimg=-1,  # of the newest snapshot that is named by whole kimg; -1: none yet
        due=NETWORKS,  # what is still to be written for the last tick, or the start: NETWORKS, IMAGES or NOTHING
    )


def is_finished(counters, options):
    """Whether a run is at its end and has written everything."""
    return counters['cur_nimg'] >= options['total_kimg'] * 1000 and counters['due'] == NOTHING


def check_same_images(counters, dataset, data, run_dir):
    """Refuses to go on with a run on other images; `dataset` is the fingerprint of those in the folder `data`."""
    if counters['dataset'] != dataset:
        raise UserError(
            f'{data} holds other images than when {run_dir} was started: bring them back, or give '
            '--new-run to start anew.'
        )


def are_finite(stats):
    """Whether a dict of numbers has neither infinities nor what is not a number."""
    return all(math.isfinite(value) for value in stats.values())


def add_step(counters, stats):
    """Takes one step's means into those of the tick, or counts it as one that is not finite."""
    if not are_finite(stats):
        counters.nonfinite_steps += 1
        counters.nonfinite_in_row += 1
        return
    counters.nonfinite_in_row = 0
    counters.stats_count += 1
    for name, value in stats.items():
        counters.stats_sums[name] = counters.stats_sums.get(name, 0.0) + float(value)


def begin_tick(counters):
    """Starts the counting of the next tick."""
    counters.update(
        tick_begin_nimg=counters.cur_nimg, stats_sums={}, stats_count=0, nonfinite_steps=0, last_maintenance_sec=0.0
    )


class Clock:
    """Seconds of a run that may have been trained in several parts, whatever happens to the clock on the wall."""

    def __init__(self):
        self.start(0.0, 0.0)

    def start(self, total_sec, tick_sec):
        """Starts with what earlier parts of the run, and of the current tick, have taken."""
        now = time.monotonic()
        self._begin, self._tick_begin, self._paused = now - total_sec, now - tick_sec, None

    def begin_tick(self):
        """Starts the next tick."""
        self._tick_begin = time.monotonic()

    def pause(self):
        """Stops the clock of the tick, for maintenance; nothing if it stands already."""
        self._paused = self._paused or time.monotonic()

    def go_on(self, counters):
        """Ends a pause, if there is one, and counts it as maintenance."""
        if self._paused is not None:
            seconds, self._paused = time.monotonic() - self._paused, None
            self._tick_begin += seconds
            counters.last_maintenance_sec += seconds
            counters.maintenance_sec += seconds

    def total_sec(self):
        """Seconds of the whole run."""
        return time.monotonic() - self._begin

    def tick_sec(self):
        """Seconds of training in the current tick."""
        return (self._paused or time.monotonic()) - self._tick_begin
