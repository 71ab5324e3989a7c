"""The progress of a run: its counters, which every state contains, and its clock."""

import math
import shlex
import time

from dnnlib.errors import UserError
from dnnlib.records.tfrecords import fingerprint, is_old_fingerprint, old_fingerprint
from dnnlib.util import EasyDict

_SKIPPED = 'G_skipped', 'D_skipped'  # in the figures of a step

# What is written after a tick. With NETWORKS, image grids are written too.
NOTHING, IMAGES, NETWORKS = 'nothing', 'images', 'networks'


def new_counters(dataset):
    """The counters of a new run, an EasyDict that fits JSON.

    Args:
        dataset: Fingerprint of the dataset.
    """
    return EasyDict(
        dataset=dataset,
        cur_nimg=0,  # reals shown so far; also the position in the stream of reals
        tick=0,
        tick_begin_nimg=0,
        previous_lod=-1.0,
        total_sec=0.0,  # of the whole run, until the state was saved
        tick_sec=0.0,  # of the current tick, until the state was saved
        maintenance_sec=0.0,  # spent between ticks, whole run
        last_maintenance_sec=0.0,  # since the last tick
        stats_sums={},  # over the finite steps of the current tick
        stats_count=0,  # finite steps of the current tick
        nonfinite_steps=0,  # other steps of the current tick
        nonfinite_in_row=0,  # steps since the last finite one
        skipped_steps=0,  # of G and D in the current tick, with half precision: a gradient was not finite
        skipped_in_row=0,  # steps since the last one in which neither G nor D was skipped
        named_nimg=-1,  # cur_nimg of the newest snapshot whose name is in whole kimg; -1: none yet
        grid_nimg=-1,  # the same for the newest grid of fakes
        due=NETWORKS,  # what must still be written for the last tick, or for the start: NETWORKS, IMAGES or NOTHING
    )


def is_finished(counters, total_kimg):
    """Whether a run has reached its end, `total_kimg` thousand reals, and has written everything."""
    return counters['cur_nimg'] >= total_kimg * 1000 and counters['due'] == NOTHING


def check_same_images(counters, dataset, with_labels, run_dir):
    """Refuses to go on with a run on other images.

    Args:
        counters: Counters of the run.
        dataset: The open dataset that is there now, at the resolution of the run.
        with_labels: Whether the run trains on the labels of the dataset.
        run_dir: Folder of the run.

    Returns:
        The fingerprint of the dataset. An earlier version wrote one of the old kind, which this one replaces.

    Raises:
        UserError: The fingerprint in the counters is the one of another dataset.
    """
    found = fingerprint(dataset, with_labels)
    known = counters.get('dataset', found)
    if known != (old_fingerprint(dataset) if is_old_fingerprint(known) else found):
        what = 'images and labels' if with_labels else 'images'
        raise UserError(
            f'{dataset.folder} does not hold the {what} that {run_dir} was started with: bring them back, or name '
            f'their folder: train.py --resume {shlex.quote(run_dir)} --data FOLDER. To train on what is there now, '
            f'start a new run: train.py --data {shlex.quote(dataset.folder)} --new-run.'
        )
    return found


def are_finite(stats):
    """Whether all values of a dict are finite numbers."""
    return all(math.isfinite(value) for value in stats.values())


def add_step(counters, stats):
    """Adds the means of a step to the sums of the tick; a step that is not finite is only counted.

    Args:
        counters: Counters of the run.
        stats: Dict of what `TrainingStep.train_D` and `train_G` return.
    """
    skipped = sum(stats.get(name, 0) for name in _SKIPPED)
    counters.skipped_steps += skipped
    counters.skipped_in_row = counters.skipped_in_row + 1 if skipped else 0
    stats = {name: value for name, value in stats.items() if name not in _SKIPPED}
    if not are_finite(stats):
        counters.nonfinite_steps += 1
        counters.nonfinite_in_row += 1
        return
    counters.nonfinite_in_row = 0
    counters.stats_count += 1
    for name, value in stats.items():
        counters.stats_sums[name] = counters.stats_sums.get(name, 0.0) + float(value)


def begin_tick(counters):
    """Sets the counters of the tick back to zero."""
    counters.update(
        tick_begin_nimg=counters.cur_nimg,
        stats_sums={},
        stats_count=0,
        nonfinite_steps=0,
        skipped_steps=0,
        last_maintenance_sec=0.0,
    )


class Clock:
    """The time of a run, over all of its parts. Changes of the system's clock do not matter.

    A run that is stopped and goes on has several parts.
    """

    def __init__(self):
        self.start(0.0, 0.0)

    def start(self, total_sec, tick_sec):
        """Starts the clock.

        Args:
            total_sec: Seconds that earlier parts of the run have taken.
            tick_sec: Seconds that earlier parts of the current tick have taken.
        """
        now = time.monotonic()
        self._begin, self._tick_begin, self._paused = now - total_sec, now - tick_sec, None

    def begin_tick(self):
        """Starts the next tick."""
        self._tick_begin = time.monotonic()

    def pause(self):
        """Stops the clock of the tick, for maintenance. Does nothing if the clock is stopped already."""
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
