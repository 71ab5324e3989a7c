"""The training loop: report, checkpoint, snapshot, train, until the schedule ends."""

import contextlib
import math
import os
import shlex

import tensorflow.compat.v1 as tf

from dnnlib import tflib
from dnnlib.errors import UserError
from dnnlib.processes import ALONE
from dnnlib.run_dir import FINAL_PICKLE, fakes_name, snapshot_name
from dnnlib.tflib import versions
from dnnlib.util import format_duration
from training.checkpoint import Checkpoints
from training.dataset import Prefetcher
from training.options import smaller_minibatches
from training.pickled_networks import LOST, read_pickle
from training.precision import FLOAT32, sentence_about_precision
from training.run_state import (
    IMAGES,
    NETWORKS,
    NOTHING,
    Clock,
    add_step,
    are_finite,
    begin_tick,
    check_same_images,
    new_counters,
)
from training.schedule import training_schedule
from training.snapshots import ImageGrids, names_before, retire_final
from training.step import TrainingStep
from training.stop import Stopped
from training.ticks import tick_stats


def train(options, training_set, run_dir, log, snapshots, stop, processes=ALONE):
    """Trains the networks of a run. If the run directory has a state, training goes on from it.

    Training does not end when the disk refuses a file: it logs a warning and tries again at the next tick.

    Args:
        options: `TrainingOptions`.
        training_set: `TrainingSet` at the options' resolution.
        run_dir: Folder of the run, where the chief writes everything.
        log: `RunLog`; `Silence` in other processes than the chief.
        snapshots: Object that measures network pickles. After each pickle, `measure(name, kimg, Gs, images)` is called
            with the file name, kimg, Gs, and the current grid of fakes as uint8 [N, H, W, C]. When the run goes on from
            a state, `forget_from(kimg)` is called to drop what was measured at or after that kimg. In other processes
            than the chief, `help(Gs, question)` is called with what the chief asks while it measures.
        stop: `StopRequest`.
        processes: `Processes` that train together; each calls this function.

    Raises:
        UserError: The device has too little memory; or the state is damaged or does not fit the dataset; or too many
            steps in a row were not finite; or a file could not be written at the end; or another process has ended.
        Stopped: A signal came while the training graph was built.
    """
    devices = tflib.replica_devices(options.device, processes.share(options.gpus), processes)
    replicas = tflib.Replicas(devices, processes)
    with contextlib.closing(Prefetcher(training_set, replicas.share_of)) as reals:
        with stop.at_once():
            checkpoints = Checkpoints(run_dir)
            state = processes.on_chief(lambda: checkpoints.load(log.say))
            known = {} if state is None else state[1]
            # Before the graph, which takes long to build.
            counters = new_counters(check_same_images(known, training_set.records, options.use_labels, run_dir))
            run = _Run(options, training_set, replicas, reals, run_dir, log, snapshots, stop, checkpoints, counters)
            with run.errors_as_sentences():
                run.start_or_resume(state)
        with run.errors_as_sentences():
            run.to_its_end()


class _Run:
    """A run: its counters, networks, files and clock.

    All processes go through the same steps with the same counters. What only the chief does stands in `on_chief`.
    """

    def __init__(self, options, training_set, replicas, reals, run_dir, log, snapshots, stop, checkpoints, counters):
        self.options, self.run_dir, self.log, self.snapshots, self.stop = options, run_dir, log, snapshots, stop
        log.say(sentence_about_precision(options, versions.allow_tf32(options.precision != FLOAT32)))
        log.say('Building the networks and the training graph ...')
        self.processes = replicas.processes
        self.step = TrainingStep(options, training_set, replicas)
        self.networks = (self.step.G, self.step.D, self.step.Gs)
        self.reals = reals
        self.grids = ImageGrids(run_dir, training_set, options.latent_size, options.grid, options.seed)
        self.checkpoints, self.counters = checkpoints, counters
        self.schedule = self._schedule_now()
        self.clock = Clock()
        self.warm_up = None  # images and seconds of the first iteration; zeros once its tick is over
        self.saved = None  # (cur_nimg, due) of the newest state on disk

    # ----------------------------------------------------------------------------------------------------------------

    def start_or_resume(self, state):
        """Goes on from a state (variables, counters). Without one, starts the run and saves the first state."""
        if state is None:
            if self.options.resume is not None:
                self._start_from_pickle()
            self._follow_schedule()
            self.step.update_Gs(0)  # gives the lod to Gs
            self.processes.on_chief(self.grids.save_reals)
            self.log.say(f'Training for {self.options.total_kimg:g} kimg ...')
            self.clock.start(0.0, 0.0)  # all before is setting up, which the first tick and its ETA must not count
            # Weights that machines draw may differ by rounding.
            first = self.processes.broadcast(self.step.get_state())
            self.step.set_state(first)
            self.processes.on_chief(lambda: self._write_state(first))
            self._is_saved()
        else:
            self._set_state(*state)
            if not self.finished():
                self.processes.on_chief(lambda: retire_final(self.run_dir, self._snapshot_name()))
            self.log.say(f'Going on at kimg {self.kimg():.1f} ...')

    def _start_from_pickle(self):
        path = self.options.resume
        values = self.processes.on_chief(lambda: read_pickle(path).values)
        try:
            self.step.set_networks(values)
        except (KeyError, ValueError) as error:
            raise UserError(
                f'Training cannot start from the networks in {path} ({error}): choose another pickle.'
            ) from error
        self.counters.cur_nimg = self.counters.tick_begin_nimg = int(round(self.options.resume_kimg * 1000))
        self.log.say(f'Starting from the networks in {path} at kimg {self.kimg():g}. {LOST}')

    def _set_state(self, variables, counters):
        try:
            self.step.set_state(variables)
        except (KeyError, ValueError) as error:
            raise UserError(
                f'The state in {self.run_dir} does not fit the networks ({error}): start a new run from one of its '
                f'network snapshots, by --data {shlex.quote(self.options.data)} --resume NETWORK.'
            ) from error
        # Version 0.5 did not count names.
        names = self.processes.on_chief(lambda: names_before(self.run_dir, counters['cur_nimg']))
        dataset = self.counters.dataset  # an earlier version wrote another kind of fingerprint into the state
        self.counters.update({**names, **counters, 'dataset': dataset})
        self._is_saved()
        self.schedule = self._schedule_now()
        self.clock.start(self.counters.total_sec, self.counters.tick_sec)
        self.log.go_back(self.counters.tick, self.counters.cur_nimg)
        # What is due will be measured again. An earlier result of it must go, so that it is not listed twice.
        measured = self.counters.cur_nimg + (self.counters.due != NETWORKS)
        self.processes.on_chief(lambda: self.snapshots.forget_from(measured / 1000))

    def to_its_end(self):
        """Trains until the schedule ends or a stop is requested, and makes sure that everything is on disk."""
        try:
            self.maintain()
            while not self.finished() and not self.stop_is_requested():
                self.train_iteration()
                if self.tick_is_due() or self.finished():
                    self.end_tick()
            self.end()
        except Stopped:
            self.end()

    def stop_is_requested(self):
        """Whether a signal has come to any process."""
        return self.processes.any(self.stop.requested)

    @contextlib.contextmanager
    def errors_as_sentences(self):
        """A block in which a lack of memory, or the end of another process, becomes a UserError: what to do."""
        try:
            yield
        except tf.errors.OpError as error:
            lost = self.processes.explain(error)
            if lost is not None:
                raise lost from error
            if not isinstance(error, tf.errors.ResourceExhaustedError):
                raise
            schedule, side = self.schedule, self.schedule.resolution
            smaller = smaller_minibatches(self.options, side)
            hint = 'train smaller networks in a new run, with a smaller --resolution or --fmap-max'
            if smaller is not None:
                hint = f'{self._resume()} --minibatch {smaller} goes on with this run'
            raise UserError(
                f'The device has too little memory for minibatches of {schedule.minibatch} at {side}x{side}: {hint}.'
            ) from error

    def _resume(self):
        return f'train.py --resume {shlex.quote(self.run_dir)}'

    def train_iteration(self):
        """A few steps of D and G with the same settings of the schedule."""
        counters = self.counters
        begin_nimg, begin_sec = counters.cur_nimg, self.clock.tick_sec()
        self._follow_schedule()
        schedule = self.schedule
        for _ in range(self.options.minibatch_repeats):
            reals, labels, mirror_draws = self.reals.minibatch(
                counters.cur_nimg, schedule.minibatch, int(math.floor(schedule.lod))
            )
            stats = self.step.train_D(schedule, counters.cur_nimg, reals, labels, mirror_draws)
            if are_finite(stats):  # otherwise Gs, an average, would never be finite again
                # As in the original, Gs moves before G is trained, so it lags one step of G.
                self.step.update_Gs(schedule.minibatch)
            counters.cur_nimg += schedule.minibatch
            stats.update(self.step.train_G(schedule, counters.cur_nimg))
            add_step(counters, stats)
            if counters.nonfinite_in_row:
                self._survive_nonfinite_step()
            if counters.skipped_in_row >= self.options.max_nonfinite:  # lowered since the state was saved, maybe
                self._fail_for_skipped_steps()
        if self.warm_up is None:
            self.warm_up = counters.cur_nimg - begin_nimg, self.clock.tick_sec() - begin_sec

    def _survive_nonfinite_step(self):
        self.step.restore_dlatent_avgs()
        if self.counters.nonfinite_in_row == self.options.max_nonfinite:
            self._fail(
                f'The losses of {self.options.max_nonfinite} steps in a row were not finite, the last at kimg '
                f'{self.kimg():.1f}. {self._state_on_disk()} To get past this, try a lower learning rate, as by '
                f'{self._resume()} --lrate {self.schedule.G_lrate / 2:g}; or a higher --gamma in a new run.'
            )

    def _fail_for_skipped_steps(self):
        self._fail(
            f'Gradients of {self.counters.skipped_in_row} steps in a row were not finite, the last at kimg '
            f'{self.kimg():.1f}. {self._state_on_disk()} To get past this, try {self._resume()} --precision float32.'
        )

    def _fail(self, message):
        """Ends all processes with an error that all of them have found."""

        def fail():
            raise UserError(message)

        self.processes.on_chief(fail)

    def _schedule_now(self):
        return training_schedule(self.counters.cur_nimg, self.options.resolution, **self.options.schedule_options())

    def _follow_schedule(self):
        self.schedule = schedule = self._schedule_now()
        previous_lod = self.counters.previous_lod
        if (math.floor(schedule.lod), math.ceil(schedule.lod)) != (math.floor(previous_lod), math.ceil(previous_lod)):
            self.step.reset_optimizers()  # a transition begins or ends: the networks change abruptly
        if schedule.lod != previous_lod:
            self.step.set_lod(schedule.lod)
        self.counters.previous_lod = schedule.lod

    def tick_is_due(self):
        return self.counters.cur_nimg >= self.counters.tick_begin_nimg + self.schedule.tick_kimg * 1000

    def finished(self):
        return self.counters.cur_nimg >= self.options.total_kimg * 1000

    def kimg(self):
        return self.counters.cur_nimg / 1000

    # ----------------------------------------------------------------------------------------------------------------

    def end_tick(self):
        """Reports, and writes what is due. The state is written first, because the rest may take long, or fail."""
        counters = self.counters
        counters.tick += 1
        self.log.report(
            tick_stats(
                counters,
                self.schedule,
                self.options,
                self.clock.total_sec(),
                self.clock.tick_sec(),
                self.warm_up,
                self.step.loss_scales(),
            )
        )
        self.warm_up = 0, 0.0
        if counters.tick % self.options.snapshot_ticks == 0 or counters.tick == 1 or self.finished():
            counters.due = NETWORKS
        elif counters.tick % self.options.image_ticks == 0 and counters.due == NOTHING:
            counters.due = IMAGES  # NETWORKS that a full disk has refused stay due
        begin_tick(counters)
        self.clock.begin_tick()
        self.clock.pause()
        if self.save_state():
            self.maintain()
        self.clock.go_on(counters)

    def maintain(self):
        """Writes what is due. The state on disk says so too: a run that is killed here goes on here."""
        due = self.counters.due
        if due == NOTHING:
            return
        self.clock.pause()
        with versions.exact_float32():  # metrics and images are those that other commands make of the pickle
            done = self.processes.on_chief(lambda: self._write_at_once(due), self._help)
        self.clock.go_on(self.counters)
        if done:
            self.counters.due = NOTHING
            if due == NETWORKS:
                self.clock.pause()
                self.save_state()  # so that a long measurement is not repeated
                self.clock.go_on(self.counters)

    def _help(self, question):
        return self.snapshots.help(self.step.Gs, question)

    def _write_at_once(self, due):
        with self.stop.at_once():
            return self.log.write_or_warn(lambda: self._write(due))

    def _write(self, due):
        """Writes the grid of fakes. If NETWORKS are due, writes and measures them too."""
        share = max(self.schedule.minibatch // self.options.gpus, 1)
        nimg = self.counters.cur_nimg
        grid = fakes_name(nimg, self.counters.grid_nimg)
        images = self.grids.save_fakes(self.step.Gs, grid, share)
        if grid == fakes_name(nimg):
            self.counters.grid_nimg = nimg
        if due == NETWORKS:
            name = self._snapshot_name()
            self._save_networks(name)
            if name == snapshot_name(nimg):
                self.counters.named_nimg = nimg
            self.snapshots.measure(name, self.kimg(), self.step.Gs, images)
            if self.finished():
                self._save_networks(FINAL_PICKLE)

    def _snapshot_name(self):
        return snapshot_name(self.counters.cur_nimg, self.counters.named_nimg)

    def _save_networks(self, name):
        tflib.save_networks(os.path.join(self.run_dir, name), self.networks)

    def save_state(self):
        """Writes the state, unless something in it is not finite. Returns whether it was written."""
        state = None if self.counters.nonfinite_in_row else self.step.get_state()
        if state is None or self.processes.on_chief(lambda: self.step.is_spoiled(state)):
            self.log.say(f'Nothing is saved at kimg {self.kimg():.1f}: the newest step was not finite.')
            return False
        written = self.processes.on_chief(lambda: self.log.write_or_warn(lambda: self._write_state(state)))
        if written:
            self._is_saved()
        return written

    def _write_state(self, state):
        self.log.flush()  # stats.jsonl has all ticks that the state counts
        self.counters.update(total_sec=self.clock.total_sec(), tick_sec=self.clock.tick_sec())
        self.checkpoints.save(state, self.counters)

    def _is_saved(self):
        self.saved = self.counters.cur_nimg, self.counters.due

    def end(self):
        """Makes sure that everything is on disk, and says how the run ended."""
        counters, is_stopped = self.counters, self.stop_is_requested()
        if self.saved == (counters.cur_nimg, counters.due) or self.save_state():
            if self.finished() and counters.due == NOTHING:
                self.log.say(f'Trained {self.kimg():.1f} kimg in {format_duration(self.clock.total_sec())}.')
            elif self.finished() and not is_stopped:
                self._fail(
                    f'Training is over, but not all of its files are written: free space in {self.run_dir} '
                    'or change its permissions; the same command writes them.'
                )
            else:
                self.log.say(f'Stopped at kimg {self.kimg():.1f}; the same command goes on from there.')
        elif is_stopped and counters.nonfinite_in_row:
            self.log.say(f'Stopped at kimg {self.kimg():.1f}. {self._state_on_disk()}')
        else:
            self._fail(f'Training ended at kimg {self.kimg():.1f}; its state is not saved. {self._state_on_disk()}')

    def _state_on_disk(self):
        return f'The last good state is kept: the same command goes on from kimg {self.saved[0] / 1000:.1f}.'
