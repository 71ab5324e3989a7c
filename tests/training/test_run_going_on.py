"""What a run loses by odd clocks, other datasets, snapshots close together, and a second life: nothing."""

import os
import threading
import time
import types

import pytest

from dnnlib.errors import UserError
from dnnlib.run_dir import fakes_name
from tests.bookkeeping import bookkeeping_runs
from tests.toy_run import make_dataset
from training import loop
from training.checkpoint import Checkpoints
from training.dataset import TrainingSet
from training.options import resolve_options
from training.run_state import Clock, new_counters
from training.schedule import training_schedule
from training.snapshots import retire_final
from training.stop import StopRequest
from training.ticks import format_tick, tick_stats


def test_a_clock_that_is_set_back_makes_no_tick_negative(monkeypatch):
    hours = [0]
    true_time = time.time
    monkeypatch.setattr(time, 'time', lambda: true_time() - 3600 * hours[0])
    clock, counters = Clock(), new_counters('')
    hours[0] = 2
    assert clock.tick_sec() >= 0 and clock.total_sec() >= 0
    clock.pause()
    hours[0] = 4
    clock.go_on(counters)
    assert counters.maintenance_sec >= 0


def stats_of(counters, options, tick_sec, warm_up):
    schedule = training_schedule(counters.cur_nimg, options.resolution, **options.schedule_options())
    return tick_stats(counters, schedule, options, tick_sec, tick_sec, warm_up)


def test_the_steps_in_which_tensorflow_sets_itself_up_are_no_part_of_the_eta():
    options = resolve_options('demo', {'data': 'x'}, 32)
    counters = new_counters('')
    counters.update(tick=1, cur_nimg=2048)
    steady = stats_of(counters, options, 4.0, (0, 0.0))
    counters.update(cur_nimg=2048 + 64)
    with_warm_up = stats_of(counters, options, 14.0, (64, 10.0))
    assert with_warm_up['eta_sec'] == pytest.approx(steady['eta_sec'], rel=0.01)
    assert with_warm_up['sec_per_kimg'] == pytest.approx(14 / 2.112)


def test_no_eta_is_told_while_all_steps_were_the_first_ones():
    options = resolve_options('demo', {'data': 'x'}, 32)
    counters = new_counters('')
    counters.update(tick=1, cur_nimg=64)
    stats = stats_of(counters, options, 10.0, (64, 10.0))
    assert 'ETA' not in format_tick(stats)
    counters.update(cur_nimg=56000, tick_begin_nimg=56000 - 64)
    assert format_tick(stats_of(counters, options, 10.0, (64, 10.0))).endswith('ETA 0s')


def test_only_the_first_iteration_of_a_process_is_its_warm_up():
    with bookkeeping_runs() as make_run:
        run = make_run(gpus=1)
        told = []
        run.log.report = lambda stats: told.append(stats['eta_sec'])
        run.train_iteration()
        images, seconds = run.warm_up
        assert images == 4 * 128 and seconds > 0
        run.train_iteration()
        assert run.warm_up == (images, seconds)
        run.end_tick()
        run.train_iteration()
        assert run.warm_up == (0, 0.0) and told[0] > 0


@pytest.fixture
def toy(tmp_path):
    run_dir = tmp_path / 'run'
    run_dir.mkdir()
    data = make_dataset(str(tmp_path / 'toy'))
    log = types.SimpleNamespace(say=lambda text: None)
    options = resolve_options('paper', {'data': data, 'gpus': 1, 'device': 'cpu'}, 8)
    with TrainingSet(data) as training_set, StopRequest() as stop:
        yield lambda: loop.train(options, training_set, str(run_dir), log, None, stop), str(run_dir)


def test_another_dataset_is_found_before_the_graph_is_built(toy, monkeypatch):
    train, run_dir = toy
    Checkpoints(run_dir).save({}, {'cur_nimg': 8, 'dataset': 'another'})
    monkeypatch.setattr(loop, 'TrainingStep', lambda *args: pytest.fail('the graph was built'))
    with pytest.raises(UserError, match='does not hold the images'):
        train()


def test_the_thread_that_reads_ahead_ends_with_the_training(toy, monkeypatch):
    train, _ = toy
    threads = set(threading.enumerate())

    def fail(*args):
        assert set(threading.enumerate()) > threads
        raise UserError('no')

    monkeypatch.setattr(loop, 'TrainingStep', fail)
    with pytest.raises(UserError, match='no'):
        train()
    assert set(threading.enumerate()) == threads


def test_no_snapshot_and_no_grid_replaces_another_within_the_same_kimg(monkeypatch):
    names, grids = [], []
    monkeypatch.setattr(loop.tflib, 'save_networks', lambda path, networks: names.append(os.path.basename(path)))
    with bookkeeping_runs() as make_run:
        run = make_run(gpus=1)
        run.grids = types.SimpleNamespace(save_fakes=lambda Gs, name, minibatch_size: grids.append(name))
        run.snapshots = types.SimpleNamespace(measure=lambda *args: None)
        for nimg in (0, 64, 128, 64, 1024, 1088):  # 64 again: the run went back to a state before that snapshot
            run.counters.cur_nimg = nimg
            run.networks = None
            run.schedule = run._schedule_now()
            loop._Run._write(run, loop.NETWORKS)
    kimgs = ['000000', '000000.064', '000000.128', '000000.064', '000001', '000001.088']
    assert names == [f'network-snapshot-{kimg}.pkl' for kimg in kimgs]
    assert grids == [f'fakes{kimg}.png' for kimg in kimgs]


def test_a_run_of_version_05_replaces_none_of_its_snapshots_and_grids(tmp_path):
    for kimg in (1, 2):
        (tmp_path / f'network-snapshot-{kimg:06d}.pkl').touch()
        (tmp_path / f'fakes{kimg - 1:06d}.png').touch()
    with bookkeeping_runs() as make_run:
        run = make_run(gpus=1)
        run.run_dir = str(tmp_path)
        run.step.set_state = lambda variables: None
        run.snapshots = types.SimpleNamespace(forget_from=lambda kimg: None)
        run.log.go_back = lambda *args: None
        names, grids = [], []
        for nimg in (64, 1064, 2064, 3064):
            counters = dict(new_counters(''), cur_nimg=nimg)
            del counters['named_nimg'], counters['grid_nimg']  # that version did not count them
            run._set_state({}, counters)
            names.append(run._snapshot_name())
            grids.append(fakes_name(nimg, run.counters.grid_nimg))
    assert names == [f'network-snapshot-{kimg}.pkl' for kimg in ('000000', '000001.064', '000002.064', '000003')]
    assert grids == [f'fakes{kimg}.png' for kimg in ('000000.064', '000001.064', '000002', '000003')]


def test_final_networks_of_a_run_that_goes_on_stay_as_a_snapshot(tmp_path):
    retire_final(str(tmp_path), 'network-snapshot-000010.pkl')  # there is none
    (tmp_path / 'network-snapshot-000009.pkl').write_bytes(b'nine')
    (tmp_path / 'network-final.pkl').write_bytes(b'ten')
    retire_final(str(tmp_path), 'network-snapshot-000010.pkl')
    assert (tmp_path / 'network-snapshot-000010.pkl').read_bytes() == b'ten'
    (tmp_path / 'network-final.pkl').write_bytes(b'ten')
    retire_final(str(tmp_path), 'network-snapshot-000010.064.pkl')
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        'network-snapshot-000009.pkl',
        'network-snapshot-000010.pkl',
    ]


def test_a_final_network_does_not_replace_a_snapshot(tmp_path):
    (tmp_path / 'network-final.pkl').write_bytes(b'final')
    (tmp_path / 'network-snapshot-000010.pkl').write_bytes(b'another')
    retire_final(str(tmp_path), 'network-snapshot-000010.pkl')
    assert (tmp_path / 'network-final.pkl').read_bytes() == b'final'
    assert (tmp_path / 'network-snapshot-000010.pkl').read_bytes() == b'another'
