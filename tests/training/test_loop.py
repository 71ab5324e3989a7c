"""What the loop counts and reports. Its books, as the original keeps them, are a golden case of test_schedule.py."""

import types

import numpy as np
import pytest

from dnnlib.errors import UserError
from tests.bookkeeping import bookkeeping_runs
from training import run_state
from training.ticks import format_tick


@pytest.fixture
def make_run():
    with bookkeeping_runs() as make:
        yield make


def test_tick_reports_means_and_honest_rates(make_run, monkeypatch):
    run = make_run(gpus=1)
    reports = []
    run.log.report = reports.append
    now = [1000.0]
    monkeypatch.setattr(run_state.time, 'monotonic', lambda: now[0])
    run.clock.start(0.0, 0.0)
    losses = iter(np.arange(8.0))
    run.step.train_D = lambda *args: {'D_loss': next(losses)}
    run.train_iteration()
    run.train_iteration()
    now[0] += 20.0
    run.end_tick()
    (stats,) = reports
    assert stats['kimg'] == 8 * 128 / 1000
    assert stats['D_loss'] == 3.5
    assert stats['sec_per_kimg'] == pytest.approx(20 / 1.024)
    assert stats['images_per_sec'] == pytest.approx(1024 / 20)
    # The rest of the run is at higher resolutions, so it takes far longer than at the speed of 8x8.
    assert stats['eta_sec'] > 20 / 1.024 * 25000 * 10
    assert run.counters.stats_count == 0


def test_setting_up_a_new_run_is_no_training(make_run, monkeypatch):
    run = make_run(gpus=1)
    now = [1000.0]
    monkeypatch.setattr(run_state.time, 'monotonic', lambda: now[0])
    run.clock.start(0.0, 0.0)

    def save_reals():
        now[0] += 30.0

    run.grids = types.SimpleNamespace(save_reals=save_reals)
    run._write_state = lambda state: None
    run.start_or_resume(None)
    now[0] += 1.0
    assert run.clock.tick_sec() == run.clock.total_sec() == 1.0


def test_saving_before_and_after_a_snapshot_is_maintenance_and_no_training(make_run, monkeypatch):
    run = make_run(gpus=1)
    now = [1000.0]
    monkeypatch.setattr(run_state.time, 'monotonic', lambda: now[0])
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
    reports, moved, restored = [], [], []
    run.log.report = reports.append
    run.step.update_Gs = moved.append
    run.step.restore_dlatent_avgs = lambda: restored.append(run.counters.cur_nimg)
    losses = iter([1.0, np.nan, np.inf, 2.0])
    run.step.train_D = lambda *args: {'D_loss': next(losses)}
    run.train_iteration()
    run.end_tick()
    assert (reports[0]['D_loss'], reports[0]['nonfinite_steps']) == (1.5, 2)
    assert len(moved) == 2 and restored == [256, 384]
    run.step.train_D = lambda *args: {'D_loss': np.nan}
    run.saved = (512, None)
    with pytest.raises(UserError, match='losses of 3 .* goes on from kimg 0.5. .* rate, as by .* --lrate'):
        run.train_iteration()
    assert len(moved) == 2


def test_skipped_updates_count_and_end_a_run_in_which_every_step_skips_one(make_run):
    run = make_run(gpus=1, precision='mixed', max_nonfinite=3)
    reports, skipped = [], iter([1, 0, 0, 1])
    run.log.report = reports.append
    run.step.loss_scales = lambda: {'D_loss_scale': 4096.0}
    run.step.train_D = lambda *args: {'D_loss': 1.0, 'D_skipped': next(skipped, 1)}
    run.step.train_G = lambda *args: {'G_loss': 1.0, 'G_skipped': 0}
    run.train_iteration()
    run.end_tick()
    assert (reports[0]['skipped_steps'], reports[0]['nonfinite_steps'], reports[0]['D_loss']) == (2, 0, 1.0)
    assert reports[0]['D_loss_scale'] == 4096.0 and 'D_skipped' not in reports[0]
    assert '2 updates skipped' in format_tick(reports[0])
    run.saved = (512, None)
    with pytest.raises(UserError, match='Gradients of 3 steps in a row were not finite.*--precision float32'):
        run.train_iteration()
    assert run.counters.cur_nimg == 512 + 2 * 128
    run.options.max_nonfinite = 2  # by --resume DIR --max-nonfinite 2
    with pytest.raises(UserError, match='Gradients of 4 steps in a row'):
        run.train_iteration()
