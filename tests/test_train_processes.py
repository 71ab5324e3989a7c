"""The command that trains: what it leaves, and what signals do to its process."""

import contextlib
import os
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


@contextlib.contextmanager
def stopped(process):
    """A block in which a child process stands still, by SIGSTOP."""
    process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)  # its end is left for `process.wait`
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)


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
@pytest.mark.parametrize('number', [pytest.param(signal.SIGINT, marks=pytest.mark.thorough), signal.SIGTERM])
def test_signal_while_the_graph_is_built_leaves_a_run_that_the_same_command_takes_up(run, data, tmp_path, number):
    flags = ['--data', data, '--results', tmp_path / 'results', *TINY]
    process = start_process(*flags, preexec_fn=allow_interrupts)
    lines = [process.stdout.readline() for _ in range(3)]
    assert 'Building the networks' in lines[-1]
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
def test_a_process_leaves_everything_too_and_a_second_command_is_refused_while_it_trains(run, data, tmp_path):
    flags = ['--data', data, '--results', tmp_path / 'results', *TINY]
    process = start_process(*flags)
    lines = []
    while not lines or 'Training for' not in lines[-1]:
        lines.append(process.stdout.readline())
        assert process.poll() is None, lines
    with stopped(process):  # so that it has not ended yet
        result = run(*flags)
    output = ''.join(lines) + process.communicate()[0]
    assert process.returncode == 0, output
    check_refused(result, process)
    check_what_a_run_leaves(tmp_path / 'results' / NAME, output)


def test_damaged_states_are_named_and_not_passed_over(run, trained, tmp_path):
    results = tmp_path / 'results'
    shutil.copytree(str(trained[0]), str(results / NAME))
    for path in (results / NAME).glob('training-state-*.npz'):
        path.write_bytes(b'PK')
    result = run('--data', trained[0].parents[1] / 'toy', '--results', results, *TINY)
    assert result.exit_code == 1
    assert 'training-state-000000256.npz is damaged' in result.output
    assert 'training-state-000000192.npz is damaged' in result.output and '--new-run' in result.output
