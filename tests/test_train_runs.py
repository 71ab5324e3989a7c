"""The command that trains, to the end of small runs in this process."""

import dataclasses
import filecmp
import functools
import json
import os
import pathlib
import re
import shlex
import signal

import pytest

from dnnlib.errors import UserError
from dnnlib.network_file import read_network_file
from metrics.kinds import PathLength
from metrics.registry import METRICS
from metrics.run_report import RunReport
from tests import earlier
from tests.faults.toy_training import read_records
from tests.odd_networks import ODD_D, ODD_G, save_odd
from tests.toy_run import SMALL, SMALL_G, make_dataset
from tests.train_command import NAME, TINY, read_lines, run_here
from training.checkpoint import load_counters
from training.log import RunLog

slow_param = functools.partial(pytest.param, marks=pytest.mark.slow)


@pytest.fixture
def data(tmp_path):
    return make_dataset(str(tmp_path / 'toy'))


@pytest.fixture
def run(built_steps):
    """Runs the command in this process."""
    return lambda *args: run_here(built_steps, args)


@pytest.mark.slow
def test_path_lengths_at_snapshots_are_kept_and_leave_training_as_it_was(run, trained, data, tmp_path, monkeypatch):
    metric = dataclasses.replace(METRICS['pl_onet5k_wend'], num_samples=20)
    monkeypatch.setitem(METRICS, metric.name, metric)
    run('--data', data, '--results', tmp_path / 'results', *TINY, '--metrics', metric.name)
    run_dir = tmp_path / 'results' / NAME
    assert (run_dir / 'network-final.pkl').read_bytes() == (trained[0] / 'network-final.pkl').read_bytes()
    records = read_lines(run_dir / 'metrics.jsonl')
    assert {record['metric'] for record in records} == {metric.name} and len(records) >= 2
    assert all(record['value'] > 0 for record in records)
    best = min(records, key=lambda record: record['value'])['snapshot']
    assert (run_dir / 'network-best.pkl').read_bytes() == (run_dir / best).read_bytes()


ODD_FLAGS = shlex.split(
    '--minibatch 8 --initial-resolution 8 --phase-kimg 0.016 --fade-kimg 0 --kimg 0.016 --tick-kimg 0.016 --metrics '
    'none --grid 3x2 --device cpu'
)


@pytest.mark.thorough
def test_networks_with_odd_arguments_train(run, data, tmp_path):
    path = save_odd(str(tmp_path / 'odd.pkl'), ODD_G, ODD_D, unknown={'resolution_log2': 3})
    result = run('--data', data, '--results', tmp_path / 'results', '--resume', path, *ODD_FLAGS)
    assert result.exit_code == 0 and 'Trained 0.0 kimg' in result.output, result.output
    (run_dir,) = (tmp_path / 'results').iterdir()
    (tick,) = read_lines(run_dir / 'stats.jsonl')
    assert tick['nonfinite_steps'] == 0 and tick['G_loss'] > 0
    written = read_network_file(run_dir / 'network-final.pkl').networks
    for net, arguments in zip(written, ({**SMALL, **SMALL_G, **ODD_G}, {**SMALL, **ODD_D})):
        assert net['static_kwargs'] == arguments


@pytest.mark.parametrize(
    'G, D, unknown, sentence',
    [
        ({'structure': 'fixed'}, {}, {}, "whose arguments are structure = 'fixed' and usual ones"),
        slow_param({}, {'structure': 'fixed'}, {}, "whose arguments are usual ones and structure = 'fixed'"),
        slow_param({}, {'mbstd_group_size': 3}, {}, 'whose arguments are usual ones and mbstd_group_size = 3'),
        slow_param({'style_mixing_prob': 'x'}, {}, {}, "whose arguments are style_mixing_prob = 'x' and usual ones"),
        ({}, {}, {'nonlinearity': 'swish'}, "its networks cannot be built .KeyError: 'swish'"),
        slow_param({}, {}, {'structure': None}, 'its networks cannot be built .KeyError: None'),
    ],
)
@pytest.mark.slow
def test_networks_that_do_not_train_are_refused_before_there_is_a_run(run, data, tmp_path, G, D, unknown, sentence):
    path = save_odd(str(tmp_path / 'odd.pkl'), G, D, unknown)
    result = run('--data', data, '--results', tmp_path / 'results', '--resume', path, *ODD_FLAGS)
    assert result.exit_code == 1 and re.search(f'^Error: {path}: .*{sentence}', result.output), result.output
    assert result.output.count('\n') == 1 and not (tmp_path / 'results').exists()


def test_a_metric_that_fails_ends_the_run_but_loses_nothing_of_the_others(run, data, tmp_path, monkeypatch):
    first, second = (
        dataclasses.replace(METRICS[name], num_samples=20) for name in ('pl_onet5k_wend', 'pl_onet5k_wfull')
    )
    values = PathLength.values

    def fail_at_first(metric, *arrays, **options):
        if metric == first:
            raise UserError('no such thing')
        return values(metric, *arrays, **options)

    for metric in (first, second):
        monkeypatch.setitem(METRICS, metric.name, metric)
    monkeypatch.setattr(PathLength, 'values', fail_at_first)
    result = run('--data', data, '--results', tmp_path / 'results', *TINY, '--metrics', f'{first.name},{second.name}')
    assert result.exit_code == 1 and result.output.endswith('Error: no such thing\n')
    run_dir = tmp_path / 'results' / NAME
    assert [record['metric'] for record in read_lines(run_dir / 'metrics.jsonl')] == [second.name]
    assert 'MTCNN finds' in (run_dir / 'log.txt').read_text() and (run_dir / 'report.html').exists()


def test_the_page_is_written_anew_at_each_snapshot_and_its_failure_ends_no_run(run, data, tmp_path, monkeypatch):
    write, pages = RunReport.write, []

    def write_but_once(report):
        pages.append(pathlib.Path(write(report)).read_text(encoding='utf-8') if len(pages) != 1 else None)
        if pages[-1] is None:
            raise OSError(28, 'No space left on device')

    monkeypatch.setattr(RunReport, 'write', write_but_once)
    result = run('--data', data, '--results', tmp_path / 'results', *TINY)
    run_dir = tmp_path / 'results' / NAME
    assert result.exit_code == 0 and result.output.endswith(f'\nLook at {run_dir / "report.html"}.\n'), result.output
    first, _, third, last = pages  # at the start, after the first tick, at the second one, at the end
    assert 'no log line yet' in first and 'At kimg 0.1 of 0.256' in third and 'Trained to its end, kimg 0.3' in last
    assert (run_dir / 'report.html').read_text(encoding='utf-8') == last
    assert (run_dir / 'network-final.pkl').exists()
    log = (run_dir / 'log.txt').read_text()
    assert log.count('report.html is not written (No space left on device)') == 1


def test_a_run_on_a_cpu_that_was_not_asked_for_says_so(run, data, tmp_path, monkeypatch):
    monkeypatch.setattr('dnnlib.tflib.devices.list_gpus', list)
    monkeypatch.setattr('training.loop.train', lambda *args: None)  # all that comes after is the same
    told = 'TensorFlow sees no GPU, so training runs on the CPU. If the machine has one, check the driver'
    assert told not in run('--data', data, '--results', tmp_path / 'asked', *TINY).output
    assert told in run('--data', data, '--results', tmp_path / 'results', *TINY, '--device', 'auto').output


def test_run_goes_on_in_place_with_what_may_change_and_refuses_the_rest(run, data, tmp_path):
    results = tmp_path / 'results'
    assert run('--data', data, '--results', results, *TINY, '--kimg', '0.1').exit_code == 0
    run_dir = results / NAME
    for flags, sentence in [
        (['--gamma', '5', '--kimg', '1'], '--gamma: the run was started with 10.0, not 5.0. Only --data, --kimg'),
        (['--kimg', '0.09'], f'--kimg 0.09: the run in {run_dir} is at kimg 0.128 already'),
        (['--results', 'x'], '--results is for new runs: leave it out'),
    ]:
        result = run('--resume', run_dir, *flags)
        assert result.exit_code == 2 and sentence in result.output
    # It ended with the first whole minibatch past its --kimg, which nobody changes here.
    assert run('--resume', run_dir, '--keep-snapshots', '3', '--dry-run').exit_code == 0
    result = run('--resume', run_dir, '--kimg', '0.256', '--keep-snapshots', '2', '--gamma', '10')
    assert result.exit_code == 0
    assert 'Going on at kimg 0.1' in result.output and 'Trained 0.3 kimg' in result.output
    assert [record['tick'] for record in read_lines(run_dir / 'stats.jsonl')] == [1, 2, 3, 4]
    options = json.loads((run_dir / 'options.json').read_text())
    assert (options['total_kimg'], options['keep_snapshots'], options['seed']) == (0.256, 2, 1000)


@pytest.mark.slow
def test_new_run_starts_from_a_pickle_and_the_same_command_goes_on_with_it(
    run, trained, read_pickle_once, data, tmp_path, monkeypatch
):
    pickle = trained[0] / 'network-final.pkl'
    flags = ['--data', data, '--results', tmp_path / 'results', '--resume', pickle]
    flags += shlex.split(
        '--device cpu --minibatch 8 --initial-resolution 4 --phase-kimg 0.1 --fade-kimg 0.1 --kimg 0.264 '
        '--tick-kimg 0.032 --metrics none --grid 3x2'
    )
    assert 'fmap-max 16: the networks in' in run(*flags, '--fmap-max', '16').output
    report = RunLog.report

    def report_and_signal(log, stats):
        report(log, stats)
        os.kill(os.getpid(), signal.SIGTERM)

    with monkeypatch.context() as patch:
        patch.setattr(RunLog, 'report', report_and_signal)
        result = run(*flags)
    assert result.exit_code == 0 and 'tick 1 ' in result.output and 'tick 2 ' not in result.output
    result = run(*flags)
    assert 'go on at kimg 0.2: where the schedule reaches the lod 0' in result.output
    assert 'Going on at kimg 0.2' in result.output and 'Trained 0.3 kimg' in result.output
    assert len(list((tmp_path / 'results').iterdir())) == 1


def test_the_same_command_goes_on_with_a_run_of_an_earlier_version(run, tmp_path, monkeypatch):
    monkeypatch.setitem(METRICS, 'fd_onet5k', earlier.METRIC)
    monkeypatch.chdir(tmp_path)
    run_dir = earlier.earlier_run(tmp_path)
    result = run('--data', 'toy', '--results', 'results', *earlier.FLAGS)
    assert result.exit_code == 0 and os.listdir('results') == [NAME]
    assert 'Going on at kimg 3.1' in result.output and 'Trained 4.1 kimg' in result.output
    sha256 = earlier.new_fingerprint()
    assert load_counters(str(run_dir))['dataset'] == sha256
    for name in ('stats.jsonl', 'metrics.jsonl'):
        found, expected = map(read_records, (run_dir / name, earlier.EARLIER / 'trained_to_its_end' / name))
        for settings in (record['settings'] for record in expected if 'settings' in record):
            settings['dataset_sha256'] = sha256  # that version's, of the old kind, was replaced
        assert len(found) == len(expected)
        for ours, theirs in zip(found, expected):
            assert ours.keys() - {'network_sha256'} == theirs.keys()  # which that version did not know
            # The rounding of another TensorFlow grows from step to step.
            near = functools.partial(pytest.approx, rel=1e-3 if theirs['kimg'] < 3.5 else 0.1)
            for field, value in theirs.items():
                assert ours[field] == (near(value) if isinstance(value, float) else value), (name, theirs, field)
    assert read_lines(run_dir / 'stats.jsonl')[-1]['total_sec'] > 36.3  # seconds; 36.3 before the stop
    assert filecmp.cmp(str(run_dir / 'network-final.pkl'), str(run_dir / 'network-snapshot-000004.pkl'), False)
    assert filecmp.cmp(str(run_dir / 'network-best.pkl'), str(run_dir / 'network-snapshot-000000.pkl'), False)


def test_what_ends_a_run_stands_in_its_log(run, data, tmp_path):
    results = tmp_path / 'results'
    output = run('--data', data, '--results', results, *TINY, '--lrate', '1e30', '--max-nonfinite', '4').output
    sentence = output.splitlines()[-1]
    assert sentence.startswith('Error: The losses of 4 steps in a row were not finite')
    assert (results / NAME / 'log.txt').read_text().endswith(f'  {sentence}\n')
