"""The command that trains, from the outside."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest
import tensorflow.compat.v1 as tf
from click.testing import CliRunner

from dnnlib.errors import UserError
from metrics.measures import MEASURES
from metrics.registry import METRICS, PathLength
from metrics.run_report import RunReport
from tests.toy_run import make_dataset
from train import main

ROOT = pathlib.Path(__file__).parents[1]
TINY = [
    '--latent-size',
    '8',
    '--mapping-layers',
    '2',
    '--fmap-base',
    '32',
    '--fmap-max',
    '8',
    '--minibatch',
    '8',
    '--initial-resolution',
    '4',
    '--phase-kimg',
    '0.064',
    '--fade-kimg',
    '0.064',
    '--kimg',
    '0.256',
    '--tick-kimg',
    '0.064',
    '--snapshot-ticks',
    '2',
    '--metrics',
    'none',
    '--grid',
    '3x2',
    '--device',
    'cpu',
]


@pytest.fixture
def data(tmp_path):
    return make_dataset(str(tmp_path / 'toy'))


def run(*args):
    return CliRunner().invoke(main, [str(arg) for arg in args], catch_exceptions=False)


def run_process(*args, **kwargs):
    return subprocess.Popen(
        [sys.executable, 'train.py', *map(str, args)],
        cwd=str(ROOT),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
        **kwargs,
    )


def allow_interrupts():
    """For a child process: shells start what runs in the background deaf to Ctrl-C."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def read_lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def without_times(records):
    timed = ('_sec', 'per_kimg', '_gb')
    return [{name: value for name, value in record.items() if not name.endswith(timed)} for record in records]


def test_run_leaves_everything_it_promises(data, tmp_path):
    results = tmp_path / 'results'
    process = run_process('--data', data, '--results', results, *TINY)
    output = process.communicate()[0]
    assert process.returncode == 0, output
    (run_dir,) = results.iterdir()
    assert run_dir.name == '00000-toy-8-paper-1gpu'
    names = {path.name for path in run_dir.iterdir()}
    assert {
        'options.json',
        'log.txt',
        'stats.jsonl',
        'report.html',
        'reals.png',
        'fakes000000.png',
        'network-snapshot-000000.pkl',
        'network-final.pkl',
        'training-state-000000192.npz',
        'training-state-000000256.npz',
    } <= names
    assert any(name.startswith('events.out.tfevents') for name in names)
    assert not any(name.endswith('.part') for name in names)
    stats = read_lines(run_dir / 'stats.jsonl')
    assert [record['tick'] for record in stats] == [1, 2, 3, 4]
    assert [record['resolution'] for record in stats] == [4, 8, 8, 8]
    assert stats[-1]['kimg'] == 0.256
    assert stats[-1]['eta_sec'] == 0
    log = (run_dir / 'log.txt').read_text()
    assert 'MTCNN finds a face in 0 of 6 fakes' in log
    assert all(line.split('  ', 1)[1] in output for line in log.splitlines())
    assert 'Traceback' not in output and 'WARNING' not in output


def test_stopped_run_goes_on_and_ends_like_an_undisturbed_one(data, tmp_path):
    whole, parts = tmp_path / 'whole', tmp_path / 'parts'
    assert run_process('--data', data, '--results', whole, *TINY).wait() == 0
    process = run_process('--data', data, '--results', parts, *TINY)
    while not list(parts.glob('*/stats.jsonl')):  # the first tick is over
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    output = process.communicate()[0]
    assert process.returncode == 0, output
    resumed = run_process('--data', data, '--results', parts, *TINY)
    resumed_output = resumed.communicate()[0]
    assert resumed.returncode == 0, resumed_output
    if 'Stopped at kimg' in output:  # else it was through before the signal came
        assert 'the same command goes on from there' in output
        assert 'Going on at kimg' in resumed_output
    first, second = next(whole.iterdir()), parts / '00000-toy-8-paper-1gpu'
    assert without_times(read_lines(first / 'stats.jsonl')) == without_times(read_lines(second / 'stats.jsonl'))
    for name in ('network-final.pkl', 'fakes000000.png', 'reals.png'):
        assert (first / name).read_bytes() == (second / name).read_bytes(), name


def test_path_lengths_at_snapshots_are_kept_and_leave_training_as_it_was(data, tmp_path, monkeypatch):
    metric = METRICS['pl_onet5k_wend']._replace(num_samples=20)
    monkeypatch.setitem(METRICS, metric.name, metric)
    finals = []
    for names in ('none', metric.name):
        with tf.Graph().as_default():
            run('--data', data, '--results', tmp_path / names, *TINY, '--metrics', names)
        while tf.get_default_session() is not None:  # the process's, for the next run to have one of its own
            tf.get_default_session().__exit__(None, None, None)
        finals.append((tmp_path / names / '00000-toy-8-paper-1gpu' / 'network-final.pkl').read_bytes())
    assert finals[0] == finals[1]
    run_dir = tmp_path / metric.name / '00000-toy-8-paper-1gpu'
    records = read_lines(run_dir / 'metrics.jsonl')
    assert {record['metric'] for record in records} == {metric.name} and len(records) >= 2
    assert all(record['value'] > 0 for record in records)
    best = min(records, key=lambda record: record['value'])['snapshot']
    assert (run_dir / 'network-best.pkl').read_bytes() == (run_dir / best).read_bytes()


def test_a_metric_that_fails_ends_the_run_but_loses_nothing_of_the_others(data, tmp_path, monkeypatch):
    first, second = (METRICS[name]._replace(num_samples=20) for name in ('pl_onet5k_wend', 'pl_onet5k_wfull'))
    measure = MEASURES[PathLength]

    def fail_at_first(metric, *args):
        if metric == first:
            raise UserError('no such thing')
        return measure(metric, *args)

    for metric in (first, second):
        monkeypatch.setitem(METRICS, metric.name, metric)
    monkeypatch.setitem(MEASURES, PathLength, fail_at_first)
    with tf.Graph().as_default():
        result = run(
            '--data', data, '--results', tmp_path / 'results', *TINY, '--metrics', f'{first.name},{second.name}'
        )
    assert result.exit_code == 1 and result.output.endswith('Error: no such thing\n')
    run_dir = tmp_path / 'results' / '00000-toy-8-paper-1gpu'
    assert [record['metric'] for record in read_lines(run_dir / 'metrics.jsonl')] == [second.name]
    assert 'MTCNN finds' in (run_dir / 'log.txt').read_text() and (run_dir / 'report.html').exists()


def test_the_page_is_written_anew_at_each_snapshot_and_its_failure_ends_no_run(data, tmp_path, monkeypatch):
    write, pages = RunReport.write, []

    def write_but_once(report):
        pages.append(pathlib.Path(write(report)).read_text(encoding='utf-8') if len(pages) != 1 else None)
        if pages[-1] is None:
            raise OSError(28, 'No space left on device')

    monkeypatch.setattr(RunReport, 'write', write_but_once)
    assert run('--data', data, '--results', tmp_path / 'results', *TINY).exit_code == 0
    run_dir = tmp_path / 'results' / '00000-toy-8-paper-1gpu'
    first, _, third, last = pages  # at the start, after the first tick, at the second one, at the end
    assert 'no log line yet' in first and 'At kimg 0.1 of 0.256' in third and 'Trained to its end, kimg 0.3' in last
    assert (run_dir / 'report.html').read_text(encoding='utf-8') == last
    assert (run_dir / 'network-final.pkl').exists()
    log = (run_dir / 'log.txt').read_text()
    assert log.count('report.html is not written (No space left on device)') == 1


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_signal_while_the_graph_is_built_leaves_a_run_that_the_same_command_takes_up(data, tmp_path, number):
    process = run_process('--data', data, '--results', tmp_path / 'results', *TINY, preexec_fn=allow_interrupts)
    lines = [process.stdout.readline() for _ in range(2)]
    assert 'Building the networks' in lines[1]
    process.send_signal(number)
    time.sleep(0.05)
    process.send_signal(number)
    output = process.communicate()[0]
    assert process.returncode == 0, output
    assert 'the same command goes on from there' in output and 'Traceback' not in output
    process = run_process('--data', data, '--results', tmp_path / 'results', *TINY)
    assert 'Trained 0.3 kimg' in process.communicate()[0]
    assert [path.name for path in (tmp_path / 'results').iterdir()] == ['00000-toy-8-paper-1gpu']


def test_a_run_on_a_cpu_that_was_not_asked_for_says_so(data, tmp_path, monkeypatch):
    monkeypatch.setattr('dnnlib.tflib.devices.list_gpus', list)
    monkeypatch.setattr('train.train', lambda *args: None)  # all that comes after is the same
    told = 'TensorFlow sees no GPU: this trains on the CPU. If the machine has one, check the driver'
    assert told not in run('--data', data, '--results', tmp_path / 'asked', *TINY).output
    assert told in run('--data', data, '--results', tmp_path / 'results', *TINY, '--device', 'auto').output


def test_second_command_on_a_run_is_refused_while_the_first_one_trains(data, tmp_path):
    flags = ['--data', data, '--results', tmp_path / 'results', *TINY, '--kimg', '100000']
    process = run_process(*flags)
    try:
        while 'Training for' not in process.stdout.readline():
            assert process.poll() is None
        result = run(*flags)
    finally:
        process.kill()
        process.communicate()
    assert result.exit_code == 1
    assert f'00000-toy-8-paper-1gpu is being trained by process {process.pid}' in result.output


def test_run_goes_on_in_place_with_what_may_change_and_refuses_the_rest(data, tmp_path):
    results = tmp_path / 'results'
    assert run_process('--data', data, '--results', results, *TINY, '--kimg', '0.1').wait() == 0
    run_dir = results / '00000-toy-8-paper-1gpu'
    for flags, sentence in [
        (['--gamma', '5', '--kimg', '1'], '--gamma: the run was started with 10.0, not 5.0. Only --data, --kimg'),
        (['--kimg', '0.09'], f'--kimg 0.09: the run in {run_dir} is at kimg 0.128 already'),
        (['--results', 'x'], '--results is for new runs: leave it out'),
    ]:
        result = run('--resume', run_dir, *flags)
        assert result.exit_code == 2 and sentence in result.output
    # It ended with the first whole minibatch past its --kimg, which nobody changes here.
    assert run('--resume', run_dir, '--keep-snapshots', '3', '--dry-run').exit_code == 0
    process = run_process('--resume', run_dir, '--kimg', '0.256', '--keep-snapshots', '2', '--gamma', '10')
    output = process.communicate()[0]
    assert process.returncode == 0 and 'Going on at kimg 0.1' in output and 'Trained 0.3 kimg' in output
    assert [record['tick'] for record in read_lines(run_dir / 'stats.jsonl')] == [1, 2, 3, 4]
    options = json.loads((run_dir / 'options.json').read_text())
    assert (options['total_kimg'], options['keep_snapshots'], options['seed']) == (0.256, 2, 1000)


def test_new_run_starts_from_a_published_network_by_its_name(data, published_toy):
    flags = ['--data', data, '--initial-resolution', '4', '--phase-kimg', '0.1', '--fade-kimg', '0.1', '--dry-run']
    result = run(*flags, '--offline', '--resume', published_toy)
    assert result.exit_code == 0 and '_toy.pkl go on at kimg 0.2' in result.output
    result = run(*flags, '--resume', 'toy')
    assert result.exit_code == 0  # by the name of its file
    assert 'no published network of that name' in run(*flags, '--resume', 'nobody').output


def test_new_run_starts_from_a_pickle_and_the_same_command_goes_on_with_it(data, run_dir, tmp_path):
    flags = [
        '--data',
        data,
        '--results',
        tmp_path / 'results',
        '--device',
        'cpu',
        '--minibatch',
        '8',
        '--resume',
        os.path.join(run_dir, 'network-final.pkl'),
        '--initial-resolution',
        '4',
        '--phase-kimg',
        '0.1',
        '--fade-kimg',
        '0.1',
        '--kimg',
        '0.264',
        '--tick-kimg',
        '0.032',
        '--metrics',
        'none',
        '--grid',
        '3x2',
    ]
    assert 'fmap-max 16: the networks in' in run(*flags, '--fmap-max', '16').output
    process = run_process(*flags)
    for line in process.stdout:
        if line.startswith('tick 1 '):
            process.send_signal(signal.SIGTERM)
            break
    process.communicate()
    assert process.returncode == 0
    output = run_process(*flags).communicate()[0]
    assert 'go on at kimg 0.2: where the schedule reaches the lod 0' in output
    assert 'Going on at kimg 0.2' in output and 'Trained 0.3 kimg' in output
    assert len(list((tmp_path / 'results').iterdir())) == 1


def test_dry_run_prints_the_papers_schedule_and_makes_nothing(tmp_path):
    data = make_dataset(str(tmp_path / 'celeba'), resolution=256, count=2)
    result = run('--data', data, '--gpus', 2, '--results', tmp_path / 'results', '--dry-run')
    assert result.exit_code == 0
    rows = [line.split() for line in result.output.split('Schedule:')[1].split('\n\n')[0].splitlines()[2:]]
    assert [row[-5:] for row in rows] == [
        ['8x8', '0', '600', '256', '0.001'],
        ['16x16', '600', '1200', '128', '0.001'],
        ['16x16', '1200', '1800', '128', '0.001'],
        ['32x32', '1800', '2400', '64', '0.001'],
        ['32x32', '2400', '3000', '64', '0.001'],
        ['64x64', '3000', '3600', '32', '0.001'],
        ['64x64', '3600', '4200', '32', '0.001'],
        ['128x128', '4200', '4800', '16', '0.0015'],
        ['128x128', '4800', '5400', '16', '0.0015'],
        ['256x256', '5400', '6000', '8', '0.002'],
        ['256x256', '6000', '25000', '8', '0.002'],
    ]
    assert [' '.join(row[:-5]) for row in rows] == ['train'] + ['fade in', 'train'] * 5
    assert not (tmp_path / 'results').exists()


def damage(data, kind):
    files = sorted(name for name in os.listdir(data) if name.endswith('.tfrecords'))
    path = os.path.join(data, files[-1])
    content = pathlib.Path(path).read_bytes()
    if kind == 'missing':
        os.remove(os.path.join(data, files[0]))
    elif kind == 'truncated':
        pathlib.Path(path).write_bytes(content[:-7])
    elif kind == 'unequal':
        pathlib.Path(path).write_bytes(content[: len(content) // 12 * 11])
    elif kind == 'empty':
        for name in files:
            os.remove(os.path.join(data, name))


@pytest.mark.parametrize('kind', ['missing', 'truncated', 'unequal', 'empty'])
def test_damaged_dataset_is_refused_before_any_work(data, tmp_path, kind):
    damage(data, kind)
    result = run('--data', data, '--results', tmp_path / 'results', *TINY)
    assert result.exit_code == 1
    assert result.output.startswith('Error: ') and data in result.output
    assert len(result.output.splitlines()) == 1
    assert not (tmp_path / 'results').exists()


@pytest.mark.parametrize(
    'flags, sentence',
    [
        (['--gpus', '3', '--device', 'cpu'], '--gpus 3: the official minibatches are for 1, 2, 4 or 8 GPUs'),
        (['--gpus', '2', '--device', 'cpu', '--minibatch', '9'], 'cannot be divided among 2 GPUs; use a multiple of 2'),
        (['--device', 'gpu'], '--device gpu: TensorFlow sees no GPU'),
        (['--resolution', '16'], '--resolution 16: the dataset has 8x8 images'),
        (['--resolution', '6'], '--resolution 6: must be a power of two'),
        (['--minibatch', 'many'], "'many' is neither a number nor pairs"),
        (['--grid', '4'], "'4' is not like 15x8"),
        (['--metrics', 'fid'], 'fid'),
        (['--kimg', '0'], '--kimg'),
        (['--lrate', 'nan'], 'not a finite number'),
        (['--labels'], '--labels: '),
        (['--desc', 'a/b'], "'a/b' is to be one part of a path"),
        (['--seed', str(2**32)], '--seed'),
        (['--metrics', 'none,fid50k'], 'none stands alone'),
        (['--resume-kimg', '5'], '--resume-kimg: give --resume with a network pickle too'),
    ],
)
def test_wrong_usage_names_the_flag_and_the_mend(data, tmp_path, flags, sentence):
    result = run('--data', data, '--results', tmp_path / 'results', '--device', 'cpu', *flags)
    assert result.exit_code == 2
    assert sentence in result.output.replace('\n', ' ')
    assert not (tmp_path / 'results').exists()


def test_more_gpus_than_there_are_is_refused(data, tmp_path, monkeypatch):
    monkeypatch.setattr('dnnlib.tflib.devices.list_gpus', lambda: ['/gpu:0'])
    result = run('--data', data, '--results', tmp_path / 'results', '--gpus', '2')
    assert result.exit_code == 2
    assert '--gpus 2: this machine has 1 GPU; use --gpus 1 or fewer, or --device cpu.' in result.output


def test_missing_data_folder_is_wrong_usage(tmp_path):
    result = run('--data', tmp_path / 'nowhere')
    assert result.exit_code == 2
    assert '--data' in result.output


def test_unwritable_results_folder_is_refused(data, tmp_path):
    (tmp_path / 'results').write_text('a file')
    result = run('--data', data, '--results', tmp_path / 'results', *TINY)
    assert result.exit_code == 1
    assert '--results' in result.output


def test_what_ends_a_run_stands_in_its_log(data, tmp_path):
    results = tmp_path / 'results'
    output = run_process(
        '--data', data, '--results', results, *TINY, '--lrate', '1e30', '--max-nonfinite', '4'
    ).communicate()[0]
    sentence = output.splitlines()[-1]
    assert sentence.startswith('Error: The losses of 4 steps in a row were not finite')
    assert (results / '00000-toy-8-paper-1gpu' / 'log.txt').read_text().endswith(f'  {sentence}\n')


def test_damaged_states_are_named_and_not_passed_over(data, tmp_path):
    results = tmp_path / 'results'
    assert run_process('--data', data, '--results', results, *TINY).wait() == 0
    for path in (results / '00000-toy-8-paper-1gpu').glob('training-state-*.npz'):
        path.write_bytes(b'PK')
    result = run('--data', data, '--results', results, *TINY)
    assert result.exit_code == 1
    assert 'training-state-000000256.npz is damaged' in result.output
    assert 'training-state-000000192.npz is damaged' in result.output and '--new-run' in result.output
