"""The command that trains: what it leaves, and what signals do to its process."""

import shutil
import signal
import time

import pytest

from tests.toy_run import make_dataset
from tests.train_command import NAME, TINY, read_lines, run_here, start_process


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    return make_dataset(str(tmp_path_factory.mktemp('data') / 'toy'))


@pytest.fixture
def run(built_steps):
    """Runs the command in this process."""
    return lambda *args: run_here(built_steps, args)


def allow_interrupts():
    """For a child process: shells start what runs in the background deaf to Ctrl-C."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def without_times(records):
    timed = ('_sec', 'per_kimg', '_gb')
    return [{name: value for name, value in record.items() if not name.endswith(timed)} for record in records]


def check_what_a_run_leaves(run_dir, output):
    assert [path.name for path in run_dir.parent.iterdir()] == [NAME]
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


def test_run_leaves_everything_it_promises(trained):
    check_what_a_run_leaves(*trained)


@pytest.mark.slow
def test_stopped_run_goes_on_and_ends_like_an_undisturbed_one(data, tmp_path):
    whole, parts = tmp_path / 'whole', tmp_path / 'parts'
    process = start_process('--data', data, '--results', whole, *TINY)
    output = process.communicate()[0]
    assert process.returncode == 0, output
    check_what_a_run_leaves(whole / NAME, output)
    process = start_process('--data', data, '--results', parts, *TINY)
    while not list(parts.glob('*/stats.jsonl')):  # the first tick is over
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    output = process.communicate()[0]
    assert process.returncode == 0, output
    resumed = start_process('--data', data, '--results', parts, *TINY)
    resumed_output = resumed.communicate()[0]
    assert resumed.returncode == 0, resumed_output
    if 'Stopped at kimg' in output:  # else it was through before the signal came
        assert 'the same command goes on from there' in output
        assert 'Going on at kimg' in resumed_output
    first, second = whole / NAME, parts / NAME
    assert without_times(read_lines(first / 'stats.jsonl')) == without_times(read_lines(second / 'stats.jsonl'))
    for name in ('network-final.pkl', 'fakes000000.png', 'reals.png'):
        assert (first / name).read_bytes() == (second / name).read_bytes(), name


@pytest.mark.parametrize('number', [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_signal_while_the_graph_is_built_leaves_a_run_that_the_same_command_takes_up(run, data, tmp_path, number):
    flags = ['--data', data, '--results', tmp_path / 'results', *TINY]
    process = start_process(*flags, preexec_fn=allow_interrupts)
    lines = [process.stdout.readline() for _ in range(2)]
    assert 'Building the networks' in lines[1]
    check_refused(run(*flags), process)
    process.send_signal(number)
    time.sleep(0.05)
    process.send_signal(number)
    output = process.communicate()[0]
    assert process.returncode == 0, output
    assert 'the same command goes on from there' in output
    assert 'Traceback' not in output and 'WARNING' not in output
    assert 'Trained 0.3 kimg' in run(*flags).output
    assert [path.name for path in (tmp_path / 'results').iterdir()] == [NAME]


def check_refused(result, process):
    assert result.exit_code == 1
    assert f'00000-toy-8-paper-1gpu is being trained by process {process.pid}' in result.output


@pytest.mark.slow
def test_second_command_on_a_run_is_refused_while_the_first_one_trains(run, data, tmp_path):
    flags = ['--data', data, '--results', tmp_path / 'results', *TINY, '--kimg', '100000']
    process = start_process(*flags)
    try:
        while 'Training for' not in process.stdout.readline():
            assert process.poll() is None
        result = run(*flags)
    finally:
        process.kill()
        process.communicate()
    check_refused(result, process)


def test_damaged_states_are_named_and_not_passed_over(run, trained, tmp_path):
    results = tmp_path / 'results'
    shutil.copytree(str(trained[0]), str(results / NAME))
    for path in (results / NAME).glob('training-state-*.npz'):
        path.write_bytes(b'PK')
    result = run('--data', trained[0].parents[1] / 'toy', '--results', results, *TINY)
    assert result.exit_code == 1
    assert 'training-state-000000256.npz is damaged' in result.output
    assert 'training-state-000000192.npz is damaged' in result.output and '--new-run' in result.output
