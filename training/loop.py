"""The training loop: report, snapshot, checkpoint, train, until the schedule ends."""

import math
import os
import signal
import time

import tensorflow.compat.v1 as tf

from dnnlib import tflib
from dnnlib.errors import UserError
from dnnlib.tfrecords import fingerprint
from dnnlib.util import EasyDict, format_duration
from training import checkpoint
from training.cost import eta_sec
from training.dataset import Prefetcher
from training.log import gpu_memory_gb, peak_memory_gb
from training.schedule import training_schedule
from training.snapshots import ImageGrids, save_snapshot
from training.step import TrainingStep


def train(options, training_set, run_dir, log, on_snapshot):
    """Trains StyleGAN, continuing from the run directory's state if there is one.

    Args:
        options: `TrainingOptions`.
        training_set: `TrainingSet` at the options' resolution.
        run_dir: Folder of the run, where everything is written.
        log: `RunLog`.
        on_snapshot: Called after each network pickle with its file name, kimg, Gs, and the current grid of fakes as
            uint8 [N, H, W, C].

    Raises:
        UserError: The device has too little memory, or the run's state is damaged or does not fit the dataset.
    """
    run = _Run(options, training_set, run_dir, log, on_snapshot)
    try:
        with _StopRequest() as stop:
            run.start_or_resume()
            while not run.finished() and not stop.requested:
                run.train_iteration()
                if run.tick_is_due() or run.finished():
                    run.end_tick()
            if run.finished():
                log.say(f'Trained {run.kimg():.1f} kimg in {format_duration(run.total_sec())}.')
            else:
                run.save_state()
                log.say(f'Stopped at kimg {run.kimg():.1f}; the same command goes on from there.')
    except tf.errors.ResourceExhaustedError as error:
        raise UserError(f'The device has too little memory for minibatches of {run.schedule.minibatch} at '
                        f'{run.schedule.resolution}x{run.schedule.resolution}: give a smaller --minibatch.') from error

# What a tick leaves behind; networks come with images.
NOTHING, IMAGES, NETWORKS = 'nothing', 'images', 'networks'


class _Run:
    """A run's counters and what it works with."""

    def __init__(self, options, training_set, run_dir, log, on_snapshot):
        self.options, self.run_dir, self.log, self.on_snapshot = options, run_dir, log, on_snapshot
        log.say('Building the networks and the training graph ...')
        devices = tflib.replica_devices(options.device, options.gpus)
        self.step = TrainingStep(options, training_set, devices)
        self.networks = (self.step.G, self.step.D, self.step.Gs)
        self.reals = Prefetcher(training_set)
        self.grids = ImageGrids(run_dir, training_set, options.latent_size, options.grid, options.seed)
        self.counters = EasyDict(
            dataset=fingerprint(training_set.records),
            cur_nimg=0,  # reals shown so far; also the position in the stream of reals
            tick=0,
            tick_begin_nimg=0,
            previous_lod=-1.0,
            total_sec=0.0,  # of the whole run, when it was saved
            tick_sec=0.0,  # of the current tick, when it was saved
            maintenance_sec=0.0,  # spent between ticks, whole run
            last_maintenance_sec=0.0,
            stats_sums={},  # over the steps of the current tick
            stats_count=0,
            due=NETWORKS)  # what is still to be written for the last tick: NETWORKS, IMAGES or NOTHING
        self.begin_time = self.tick_begin_time = time.time()

    # ----------------------------------------------------------------------------------------------------------------

    def start_or_resume(self):
        """Makes the first snapshot, or takes up the state of the run directory."""
        tick_sec = 0.0
        state = checkpoint.load_state(self.run_dir)
        if state is None:
            self._follow_schedule()
            self.step.update_Gs(0)  # takes the lod over
            self.grids.save_reals()
            self.log.say(f'Training for {self.options.total_kimg:g} kimg ...')
            self.save_state()
        else:
            self._set_state(*state)
            tick_sec = self.counters.tick_sec
            self.log.say(f'Going on at kimg {self.kimg():.1f} ...')
        self._maintain(time.time())
        self.tick_begin_time -= tick_sec

    def _set_state(self, variables, counters):
        if counters['dataset'] != self.counters.dataset:
            raise UserError(f'{self.options.data} holds other images than when {self.run_dir} was started: bring them '
                            'back, or give --new-run to start anew.')
        try:
            self.step.set_state(variables)
        except (KeyError, ValueError) as error:
            raise UserError(f'The state in {self.run_dir} is of other networks ({error}): give --new-run to start '
                            'anew.') from error
        self.counters.update(counters)
        self.begin_time -= self.counters.total_sec
        self.schedule = self._schedule_now()

    def train_iteration(self):
        """A few steps of D and G under one look at the schedule."""
        counters = self.counters
        self._follow_schedule()
        schedule = self.schedule
        for _ in range(self.options.minibatch_repeats):
            reals, labels, mirror_draws = self.reals.minibatch(
                counters.cur_nimg, schedule.minibatch, int(math.floor(schedule.lod)))
            stats = self.step.train_D(schedule, counters.cur_nimg, reals, labels, mirror_draws)
            # Gs lags one step of G, as in the original: it moves before G is trained.
            self.step.update_Gs(schedule.minibatch)
            counters.cur_nimg += schedule.minibatch
            stats.update(self.step.train_G(schedule, counters.cur_nimg))
            for name, value in stats.items():
                counters.stats_sums[name] = counters.stats_sums.get(name, 0.0) + float(value)
            counters.stats_count += 1

    def _schedule_now(self):
        return training_schedule(self.counters.cur_nimg, self.options.resolution, **self.options.schedule_options())

    def _follow_schedule(self):
        self.schedule = schedule = self._schedule_now()
        previous_lod = self.counters.previous_lod
        if (math.floor(schedule.lod), math.ceil(schedule.lod)) != (math.floor(previous_lod), math.ceil(previous_lod)):
            self.step.reset_optimizers()  # entering and leaving a transition, networks change abruptly
        if schedule.lod != previous_lod:
            self.step.set_lod(schedule.lod)
        self.counters.previous_lod = schedule.lod

    def tick_is_due(self):
        return self.counters.cur_nimg >= self.counters.tick_begin_nimg + self.schedule.tick_kimg * 1000

    def finished(self):
        return self.counters.cur_nimg >= self.options.total_kimg * 1000

    def kimg(self):
        return self.counters.cur_nimg / 1000

    def total_sec(self):
        return time.time() - self.begin_time

    # ----------------------------------------------------------------------------------------------------------------

    def end_tick(self):
        """Reports, and writes what is due. The state goes first: what follows may take long, or fail."""
        counters = self.counters
        counters.tick += 1
        self.log.report(self._tick_stats())
        if counters.tick % self.options.snapshot_ticks == 0 or counters.tick == 1 or self.finished():
            counters.due = NETWORKS
        else:
            counters.due = IMAGES if counters.tick % self.options.image_ticks == 0 else NOTHING
        counters.update(tick_begin_nimg=counters.cur_nimg, stats_sums={}, stats_count=0)
        self.tick_begin_time = begin = time.time()
        self.save_state()
        self._maintain(begin)

    def _tick_stats(self):
        counters, schedule = self.counters, self.schedule
        kimg = self.kimg()
        tick_sec = time.time() - self.tick_begin_time
        tick_kimg = (counters.cur_nimg - counters.tick_begin_nimg) / 1000
        stats = {
            'tick': counters.tick, 'kimg': kimg, 'lod': schedule.lod, 'resolution': schedule.resolution,
            'minibatch': schedule.minibatch, 'total_sec': self.total_sec(), 'tick_sec': tick_sec,
            'sec_per_kimg': tick_sec / tick_kimg, 'images_per_sec': tick_kimg * 1000 / tick_sec,
            'maintenance_sec': counters.last_maintenance_sec,
            'eta_sec': eta_sec(counters.tick, kimg - tick_kimg, kimg, tick_sec, counters.maintenance_sec, self.options),
            'memory_gb': peak_memory_gb(), 'gpu_memory_gb': gpu_memory_gb(),
            'G_lrate': schedule.G_lrate, 'D_lrate': schedule.D_lrate}
        stats.update({name: total / counters.stats_count for name, total in counters.stats_sums.items()})
        return stats

    def _maintain(self, begin):
        """Does what the last tick left to do, counts the time since `begin` as maintenance, starts a tick's clock."""
        counters, due = self.counters, self.counters.due
        if due != NOTHING:
            self._write(due)
        counters.due = NOTHING
        self.tick_begin_time = time.time()
        counters.last_maintenance_sec = self.tick_begin_time - begin
        counters.maintenance_sec += counters.last_maintenance_sec
        if due == NETWORKS:
            self.save_state()  # so that a long measurement is not made twice
            self.tick_begin_time = time.time()

    def _write(self, due):
        """Writes the grid of fakes, and the networks and their measurements if they are due."""
        share = max(self.schedule.minibatch // self.options.gpus, 1)
        images = self.grids.save_fakes(self.step.Gs, self.kimg(), share)
        if due == NETWORKS:
            name = save_snapshot(self.run_dir, self.networks, self.kimg())
            self.on_snapshot(name, self.kimg(), self.step.Gs, images)
            if self.finished():
                save_snapshot(self.run_dir, self.networks)

    def save_state(self):
        """Writes everything that training goes on from."""
        now = time.time()
        self.counters.update(total_sec=now - self.begin_time, tick_sec=now - self.tick_begin_time)
        checkpoint.save_state(self.run_dir, self.step.get_state(), self.counters)


class _StopRequest:
    """While active, Ctrl-C and SIGTERM ask for a stop after the current step; a second Ctrl-C stops at once."""

    def __enter__(self):
        self.requested = False
        self._previous = {number: signal.signal(number, self._on_signal)
                          for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *_exc):
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _on_signal(self, number, _frame):
        self.requested = True
        signal.signal(number, self._previous[number])
        # Not through the log: the signal may have come while that is being written to.
        os.write(2, b'Stopping after the current step, or the measurement that is running ...\n')
