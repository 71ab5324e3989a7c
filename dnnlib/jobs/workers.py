"""Processes that execute tasks. A process that dies is replaced; all end with the process that started them.

They are spawned, not forked: a fork would begin with all that the starting process has loaded.
"""

import collections
import contextlib
import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
import traceback

import click

from dnnlib.errors import UserError

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
STARTS = 3  # this many starts of a process in a row may fail


def nothing():
    """The state of processes whose tasks need none."""


class Workers:
    """A fixed number of processes; use it in a `with` block, which ends them.

    A task is a picklable object with two methods. `run(state, report)` is executed in one of the processes. If that
    process dies before the end, `after_death(report)` is called in this process, with the last report of the dead
    process or None. It returns the task to try next, or raises.

    Args:
        count: Number of processes.
        prepare: Picklable function that makes `state` in each process at its start.
        environments: For each process, variables of the environment to set first; or None.
    """

    def __init__(self, count, prepare=nothing, environments=None):
        self._count = count
        self._prepare = prepare
        self._environments = environments or [{}] * count
        self._workers = []

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        for worker in self._workers:
            worker.end()

    def run(self, tasks, on_report=lambda task, report: None):
        """Executes tasks, each as soon as a process is free.

        Args:
            tasks: Iterable of tasks; at most one for each process is taken ahead of time.
            on_report: Called with the task and its report, for each report.

        Yields:
            Tuples of a task and what its `run` returned, as they end.

        Raises:
            UserError: As raised by a task, or no process can be started.
            click.UsageError, OSError: As raised by a task.
            RuntimeError: A task raised anything else; the text has its traceback.
        """
        tasks, ahead, exhausted = iter(tasks), collections.deque(), False
        while len(self._workers) < self._count:
            self._workers.append(_Worker(self._prepare, self._environments[len(self._workers)]))
        while True:
            for worker in self._workers:
                if worker.task is None and ahead:
                    worker.give(ahead.popleft())
            if exhausted and not ahead and all(worker.task is None for worker in self._workers):
                return
            wants = not exhausted and len(ahead) < self._count
            for worker in self._ready(0 if wants else None):
                for kind, task, value in worker.messages():
                    if kind == 'died':
                        ahead.extendleft([] if task is None else [task.after_death(worker.reported)])
                        self._replace(worker)
                    elif kind == 'report':
                        on_report(task, value)
                    elif kind == 'done':
                        yield task, value
                    elif kind == 'failed':
                        raise value
            if wants:
                task = next(tasks, None)
                exhausted = task is None
                ahead.extend([] if exhausted else [task])

    def _ready(self, timeout):
        by_connection = {worker.connection: worker for worker in self._workers}
        return [by_connection[each] for each in multiprocessing.connection.wait(list(by_connection), timeout)]

    def _replace(self, worker):
        place = self._workers.index(worker)
        worker.end()
        failures = 0 if worker.started else worker.failures + 1
        if failures == STARTS:
            raise UserError(
                f'The processes that examine images die at their start (exit code {worker.exit_code}): '
                'make room in memory, or give a smaller --workers.'
            )
        self._workers[place] = _Worker(self._prepare, self._environments[place], failures)


class _Worker:
    def __init__(self, prepare, environment, failures=0):
        context = multiprocessing.get_context('spawn')
        self.connection, theirs = context.Pipe()
        # Nothing is ever written to this pipe: it closes when this process ends, even by SIGKILL.
        their_lifeline, self._lifeline = context.Pipe(duplex=False)
        self.task = self.reported = None
        self.started, self.failures = False, failures
        self._process = context.Process(target=_work, args=(theirs, their_lifeline, prepare, environment), daemon=True)
        with _signals_blocked():
            self._process.start()
        theirs.close()
        their_lifeline.close()

    @property
    def exit_code(self):
        return self._process.exitcode

    def give(self, task):
        self.task, self.reported = task, None
        with contextlib.suppress(OSError):  # the process has died; `messages` will say so
            self.connection.send(task)

    def messages(self):
        """Yields the messages that have come: (kind, its task or None, value)."""
        while True:
            try:
                if not self.connection.poll():
                    return
                kind, value = self.connection.recv()
            except (EOFError, OSError):
                yield 'died', self.task, None
                return
            if kind == 'started':
                self.started = True
                continue
            task = self.task
            if kind == 'report':
                self.reported = value
            else:
                self.task = None
            yield kind, task, value

    def end(self):
        self._process.kill()
        self._process.join()
        self.connection.close()
        self._lifeline.close()


@contextlib.contextmanager
def _signals_blocked():
    """Processes started in this block ignore Ctrl-C and the like; the process that started them ends them."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _work(connection, lifeline, prepare, environment):
    threading.Thread(target=_end_with, args=(lifeline,), daemon=True).start()
    os.environ.update(environment)
    try:
        state = prepare()
        connection.send(('started', None))
        while True:
            try:
                task = connection.recv()
            except EOFError:  # the process that leads has ended
                return
            connection.send(('done', task.run(state, lambda report: connection.send(('report', report)))))
    except (click.ClickException, OSError) as error:
        connection.send(('failed', error))
    except Exception:
        connection.send(('failed', RuntimeError(traceback.format_exc())))
    connection.recv()  # waits: the leading process raises this error and ends this process


def _end_with(lifeline):
    with contextlib.suppress(EOFError, OSError):
        lifeline.recv()
    os._exit(1)
