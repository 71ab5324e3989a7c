import dataclasses
import os
import signal
import subprocess
import sys
import time

import click
import pytest

from dnnlib.errors import UserError
from dnnlib.jobs.workers import Workers

KILL, RAISE, REFUSE, USAGE, DISK, END = 'kill', 'raise', 'refuse', 'usage', 'disk', 'end'


@dataclasses.dataclass(frozen=True)
class Task:
    number: int
    action: str = None

    def run(self, state, report):
        report(('at', self.number))
        if self.action == KILL:
            os.kill(os.getpid(), signal.SIGKILL)
        elif self.action == RAISE:
            raise ZeroDivisionError('not expected')
        elif self.action == REFUSE:
            raise UserError('Mend that.')
        elif self.action == USAGE:
            raise click.UsageError('--classes: there is no class 3.')
        elif self.action == DISK:
            raise OSError(28, 'No space left on device')
        elif self.action == END:
            raise EOFError('a file ends')
        return state, 10 * self.number, os.getpid()

    def after_death(self, report):
        return Task(self.number) if report == ('at', self.number) else self


@dataclasses.dataclass(frozen=True)
class Environment(Task):
    def run(self, state, report):
        return os.environ['CUDA_VISIBLE_DEVICES'], 'tensorflow' in sys.modules


def prepare():
    return 'ready'


def die():
    os._exit(3)


def idle():
    print(os.getpid(), flush=True)
    time.sleep(60)


def test_tasks_are_done_by_several_processes_and_survive_their_death():
    tasks = [Task(number, KILL if number in (1, 4) else None) for number in range(8)]
    reports = []
    with Workers(2, prepare) as workers:
        for _ in range(2):  # the processes stay
            done = {task.number: result for task, result in workers.run(tasks, lambda *args: reports.append(args))}
            assert {number: result[:2] for number, result in done.items()} == {n: ('ready', 10 * n) for n in range(8)}
            assert os.getpid() not in {result[2] for result in done.values()}
    assert len(reports) == 2 * 10 and {report for _, report in reports} == {('at', number) for number in range(8)}


@pytest.mark.parametrize(
    'action, kind, sentence',
    [
        (RAISE, RuntimeError, 'ZeroDivisionError: not expected'),
        (REFUSE, UserError, 'Mend that.'),
        (USAGE, click.UsageError, '--classes: there is no class 3.'),
        (DISK, OSError, 'No space left on device'),
        (END, RuntimeError, 'EOFError: a file ends'),
    ],
)
def test_what_a_task_raises_is_raised_here(action, kind, sentence):
    with Workers(1, prepare) as workers, pytest.raises(kind, match=sentence):
        list(workers.run([Task(0), Task(1, action)]))


@dataclasses.dataclass(frozen=True)
class Held(Task):
    """Ends once a file is there, and may be done only once."""

    path: str = None

    def run(self, state, report):
        while not os.path.exists(self.path):
            time.sleep(0.01)
        return self.number

    def after_death(self, report):
        raise AssertionError(f'task {self.number} was done already')


def test_a_task_that_is_done_is_not_done_again_when_its_process_dies_before_anyone_looked(tmp_path):
    here, later = tmp_path / 'here', tmp_path / 'later'
    here.touch()

    def tasks():
        yield Held(0, path=str(here))
        yield Held(1, path=str(later))
        (worker,) = workers._workers  # it has task 1
        later.touch()
        worker.connection.poll(None)  # task 1 is done
        worker._process.kill()
        worker._process.join()
        yield Held(2, path=str(here))

    with Workers(1, prepare) as workers:
        assert [result for _, result in workers.run(tasks())] == [0, 1, 2]


def test_processes_that_cannot_start_are_a_sentence():
    with Workers(1, die) as workers, pytest.raises(UserError, match=r'die at their start \(exit code 3\)'):
        list(workers.run([Task(0)]))


def test_each_process_has_its_environment_and_no_tensorflow():
    environments = [{'CUDA_VISIBLE_DEVICES': name} for name in 'ab']
    with Workers(2, prepare, environments) as workers:
        found = {result for _, result in workers.run([Environment(number) for number in range(40)])}
    assert found <= {('a', False), ('b', False)}


def test_tasks_are_asked_for_no_more_than_needed():
    asked = []

    def tasks():
        for number in range(20):
            asked.append(number)
            yield Task(number)

    with Workers(2, prepare) as workers:
        for done, _ in enumerate(workers.run(tasks()), 1):
            assert len(asked) <= done + 2 * 2


def test_processes_end_with_the_one_that_started_them():
    code = 'from test_workers import *\nwith Workers(1, idle) as workers:\n    list(workers.run([Task(0)]))'
    tests = os.path.dirname(__file__)
    path = os.pathsep.join([tests, os.path.dirname(os.path.dirname(tests))])
    process = subprocess.Popen(
        [sys.executable, '-c', code], env={**os.environ, 'PYTHONPATH': path}, stdout=subprocess.PIPE
    )
    worker = int(process.stdout.readline())
    process.kill()
    # The pipe ends when the last process that can write into it has ended.
    assert process.stdout.read() == b'' and process.wait() == -signal.SIGKILL
    with pytest.raises(ProcessLookupError):
        for _ in range(1000):
            os.kill(worker, 0)
            time.sleep(0.01)
