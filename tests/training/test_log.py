"""The files a run writes as it goes."""

import json
import os
import shutil

import pytest
import tensorflow.compat.v1 as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from dnnlib.errors import DiskError, UserError
from training.log import RunLog

STATS = {
    'lod': 1.0,
    'resolution': 8,
    'minibatch': 8,
    'total_sec': 1.0,
    'tick_sec': 1.0,
    'sec_per_kimg': 1.0,
    'images_per_sec': 1.0,
    'maintenance_sec': 0.0,
    'eta_sec': 0.0,
    'memory_gb': 1.0,
    'gpu_memory_gb': None,
    'G_loss': 0.5,
    'D_loss': 1.5,
    'nonfinite_steps': 0,
}


def report(log, *ticks):
    for tick in ticks:
        log.report(dict(STATS, tick=tick, kimg=tick / 2))


def ticks_of(run_dir):
    with open(os.path.join(str(run_dir), 'stats.jsonl')) as file:
        return [json.loads(line)['tick'] for line in file]


def steps_in_tensorboard(run_dir, tag):
    accumulator = EventAccumulator(str(run_dir))
    accumulator.Reload()
    return [event.step for event in accumulator.Scalars(tag)]


def test_going_back_forgets_later_ticks_and_half_lines_everywhere(tmp_path):
    log = RunLog(str(tmp_path))
    report(log, 1, 2, 3, 4)
    log.close()
    for name in ('stats.jsonl', 'log.txt'):
        with open(str(tmp_path / name), 'a') as file:
            file.write('{"tick": 1, "ki')
    log = RunLog(str(tmp_path))
    log.say('Once more')
    log.go_back(2, 1000)
    report(log, 3)
    log.close()
    assert ticks_of(tmp_path) == [1, 2, 3]
    assert steps_in_tensorboard(tmp_path, 'D_loss') == [500, 1000, 1500]
    text = (tmp_path / 'log.txt').read_text()
    assert 'Once more' in text and '{' not in text


def test_steps_that_are_not_finite_are_shown_when_there_are_some(tmp_path, capsys):
    log = RunLog(str(tmp_path))
    log.report(dict(STATS, tick=1, kimg=1))
    assert 'not finite' not in capsys.readouterr().out
    log.report(dict(STATS, tick=2, kimg=2, nonfinite_steps=3, G_loss=float('nan')))
    assert '3 steps not finite' in capsys.readouterr().out
    assert json.loads((tmp_path / 'stats.jsonl').read_text().splitlines()[1])['G_loss'] is None


def test_refused_file_is_told_with_a_hint_and_other_errors_pass(tmp_path, capsys):
    log = RunLog(str(tmp_path))

    def fail(error, cause=None):
        raise error from cause

    full = OSError(28, 'No space left on device')
    assert log.write_or_warn(lambda: None)
    assert not log.write_or_warn(lambda: fail(full))
    assert f'{tmp_path} cannot be written (No space left on device): free space' in capsys.readouterr().out
    assert not log.write_or_warn(lambda: fail(DiskError('There is no copy.'), full))
    assert capsys.readouterr().out.startswith('There is no copy. Training goes on')
    with pytest.raises(UserError, match='another'):
        log.write_or_warn(lambda: fail(UserError('another')))


def test_run_ends_when_its_directory_is_gone(tmp_path):
    run_dir = tmp_path / 'run'
    run_dir.mkdir()
    log = RunLog(str(run_dir))
    shutil.rmtree(str(run_dir))
    with pytest.raises(UserError, match='is gone, .* start anew'):
        log.write_or_warn((run_dir / 'state').touch)
    log.close()


def test_events_begin_with_the_version_that_lets_tensorboard_forget(tmp_path):
    log = RunLog(str(tmp_path))
    log.add_scalars({'a': 1.0}, 1)
    log.close()
    (path,) = tmp_path.glob('events.out.tfevents.*')
    first = tf.Event.FromString(next(tf.python_io.tf_record_iterator(str(path))))
    assert first.file_version == 'brain.Event:2'


def test_names_that_are_not_utf_8_are_logged(tmp_path):
    run_dir = str(tmp_path / 'photos-\udcff')
    os.mkdir(run_dir)
    log = RunLog(run_dir)
    log.keep(f'Run directory {run_dir}')
    report(log, 1)
    log.close()
    with open(os.path.join(run_dir, 'log.txt')) as file:
        assert 'photos-\\udcff' in file.readline()
    assert ticks_of(run_dir) == [1]
    assert any(name.startswith('events.') for name in os.listdir(run_dir))
