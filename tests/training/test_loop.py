"""The loop keeps the original's books: when optimizers are reset, ticks end and networks are saved."""

import json
import pathlib
import types

import numpy as np
import pytest

from dnnlib.errors import UserError
from training import loop, run_state
from training.options import resolve_options
from training.stop import StopRequest

SIMULATION = json.loads((pathlib.Path(__file__).parents[1] / 'golden' / 'schedule.json').read_text())['loop_simulation']


class BookkeepingStep:
    """Trains nothing and remembers what it was asked."""

    G = D = Gs = None

    def __init__(self, *_):
        self.events = []
        self.run = None

    def reset_optimizers(self):
        self.events.append(['reset', self.run.counters.cur_nimg, pytest.approx(self.run.schedule.lod)])

    def set_lod(self, lod):
        self.lod = lod

    def train_D(self, schedule, cur_nimg, *_reals):
        assert self.lod == schedule.lod
        return {'D_loss': 1.0}

    def train_G(self, schedule, cur_nimg):
        return {'G_loss': 2.0}

    def update_Gs(self, minibatch):
        pass


class Reals:
    def minibatch(self, position, size, lod):
        return None, None, None


@pytest.fixture
def make_run(monkeypatch):
    monkeypatch.setattr(loop, 'TrainingStep', BookkeepingStep)
    monkeypatch.setattr(loop, 'Prefetcher', lambda training_set: Reals())
    monkeypatch.setattr(loop, 'ImageGrids', lambda *args: None)
    monkeypatch.setattr(loop, 'fingerprint', lambda records: '')
    monkeypatch.setattr(loop.tflib, 'replica_devices', lambda device, count: [device] * count)

    def make(cur_nimg=0, **given):
        options = resolve_options('paper', dict(given, data='datasets/x'), 256)
        log = types.SimpleNamespace(say=print, report=lambda stats: None, attempt=lambda action: [action()])
        run = loop._Run(options, types.SimpleNamespace(records=None), 'results/x', log, None, StopRequest())
        run.step.run = run
        run.save_state = lambda: True
        run.counters.update(cur_nimg=cur_nimg, tick_begin_nimg=cur_nimg)
        run._write = lambda due: run.step.events.append(
            ['tick', run.counters.tick, run.counters.cur_nimg, pytest.approx(run.schedule.lod),
             run.schedule.minibatch, due == run_state.NETWORKS])
        return run

    return make


@pytest.mark.parametrize('name, cur_nimg, given', [
    ('1gpu_256_total3000', 0, {'gpus': 1, 'total_kimg': 3000}),
    ('8gpu_256_total25000', 0, {'gpus': 8}),
    ('4gpu_256_total2600_resume1140', 1140000, {'gpus': 4, 'total_kimg': 2600}),
])
def test_books_equal_the_original(make_run, name, cur_nimg, given):
    run = make_run(cur_nimg, **given)
    iterations = 0
    while not run.finished():
        run.train_iteration()
        iterations += 1
        if run.tick_is_due() or run.finished():
            run.end_tick()
    assert run.step.events == SIMULATION[name]['events']
    assert run.counters.cur_nimg == SIMULATION[name]['final_nimg']
    assert iterations * run.options.minibatch_repeats in range(
        SIMULATION[name]['iterations'] * run.options.minibatch_repeats - 3,
        SIMULATION[name]['iterations'] * run.options.minibatch_repeats + 4)


def test_tick_reports_means_and_honest_rates(make_run, monkeypatch):
    run = make_run(gpus=1)
    reports = []
    run.log.report = reports.append
    now = [1000.0]
    monkeypatch.setattr(run_state.time, 'time', lambda: now[0])
    run.clock.start(0.0, 0.0)
    losses = iter(np.arange(8.0))
    run.step.train_D = lambda *args: {'D_loss': next(losses)}
    run.train_iteration()
    run.train_iteration()
    now[0] += 20.0
    run.end_tick()
    stats, = reports
    assert stats['kimg'] == 8 * 128 / 1000
    assert stats['D_loss'] == 3.5
    assert stats['sec_per_kimg'] == pytest.approx(20 / 1.024)
    assert stats['images_per_sec'] == pytest.approx(1024 / 20)
    # The rest of the run is at higher resolutions, so it takes far longer than at the speed of 8x8.
    assert stats['eta_sec'] > 20 / 1.024 * 25000 * 10
    assert run.counters.stats_count == 0


def test_saving_before_and_after_a_snapshot_is_maintenance_and_no_training(make_run, monkeypatch):
    run = make_run(gpus=1)
    now = [1000.0]
    monkeypatch.setattr(run_state.time, 'time', lambda: now[0])
    run.clock.start(0.0, 0.0)

    def save_state():
        now[0] += 5.0
        return True

    run.save_state = save_state
    run.train_iteration()
    now[0] += 20.0
    run.end_tick()
    assert run.counters.last_maintenance_sec == 10.0 and run.clock.tick_sec() == 0.0


def test_steps_that_are_not_finite_count_but_move_no_average(make_run):
    run = make_run(gpus=1, max_nonfinite=3)
    reports, moved, mended = [], [], []
    run.log.report = reports.append
    run.step.update_Gs = moved.append
    run.step.mend_averages = lambda: mended.append(run.counters.cur_nimg)
    losses = iter([1.0, np.nan, np.inf, 2.0])
    run.step.train_D = lambda *args: {'D_loss': next(losses)}
    run.train_iteration()
    run.end_tick()
    assert (reports[0]['D_loss'], reports[0]['nonfinite_steps']) == (1.5, 2)
    assert len(moved) == 2 and mended == [256, 384]
    run.step.train_D = lambda *args: {'D_loss': np.nan}
    run.saved = (512, None)
    with pytest.raises(UserError, match='losses of 3 steps in a row .* goes on from kimg 0.5. .* lower --lrate'):
        run.train_iteration()
    assert len(moved) == 2
