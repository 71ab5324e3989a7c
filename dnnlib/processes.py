"""The processes that train one run together. There is one, unless a launcher has started several.

This module does not start TensorFlow. The engines that connect several processes are in `dnnlib.tflib`.
"""

import contextlib
import json
import os
import socket
import time
from typing import Any, Callable, List, NamedTuple, Optional

import click

from dnnlib.errors import UserError

CHIEF = 0  # the rank that writes, logs and decides
CHIEF_FIRST_SEC = 10  # a launcher ends all processes when one has failed, so the chief gets time to say why
HOROVOD, COLLECTIVES = 'horovod', 'collectives'
# Variables of the launchers that Horovod works with: how many processes there are, and which one this is.
_OF_LAUNCHERS = (
    ('HOROVOD_SIZE', 'HOROVOD_RANK'),  # horovodrun
    ('OMPI_COMM_WORLD_SIZE', 'OMPI_COMM_WORLD_RANK'),  # mpirun
    ('SLURM_STEP_NUM_TASKS', 'PMIX_RANK'),  # srun --mpi=pmix
)


class Launch(NamedTuple):
    """What the environment says about the processes of this run."""

    engine: str  # HOROVOD or COLLECTIVES
    rank: int
    size: int
    workers: List[str]  # of COLLECTIVES: HOST:PORT of each process
    one_command: bool  # whether a launcher has given all processes the same command line


def launched(environment: Optional[dict] = None) -> Optional[Launch]:
    """What a launcher or the user has put into the environment; None if this process trains alone.

    Raises:
        UserError: TF_CONFIG cannot be used.
    """
    environment = os.environ if environment is None else environment
    for size, rank in _OF_LAUNCHERS:
        if environment.get(size, '').isdigit() and environment.get(rank, '').isdigit() and int(environment[size]) > 1:
            return Launch(HOROVOD, int(environment[rank]), int(environment[size]), [], True)
    text = environment.get('TF_CONFIG', '')
    if not text:
        return None
    try:
        config = json.loads(text)
        workers, task = config['cluster']['worker'], config['task']
        rank = int(task['index'])
        right = list(config['cluster']) == ['worker'] and task['type'] == 'worker' and 0 <= rank < len(workers)
        right = right and all(worker.rpartition(':')[0] and worker.rpartition(':')[2].isdigit() for worker in workers)
    except (ValueError, KeyError, TypeError, AttributeError):
        right = False
    if not right or len(set(workers)) != len(workers):
        raise UserError(
            'TF_CONFIG does not name the processes of a run: set it to {"cluster": {"worker": ["HOST:PORT", ...]}, '
            '"task": {"type": "worker", "index": N}} with a different N from 0 on in each process, or unset it.'
        )
    of_slurm = environment.get('SLURM_STEP_NUM_TASKS') == str(len(workers))
    return Launch(COLLECTIVES, rank, len(workers), workers, of_slurm) if len(workers) > 1 else None


LOST = (
    'Another process of this run has ended, or its machine cannot be reached; what it printed says why. Give the same '
    'command again on all machines: training goes on from the newest state.'
)


class Failed(click.exceptions.Exit):
    """Ends another rank without a word, because the chief has raised the error and prints it."""


@contextlib.contextmanager
def usage_errors_told_once():
    """A block before the processes are joined, in which each of them finds the same errors of the command line.

    The chief tells them. Processes that have been started by hand have a command line each, and tell their own.
    """
    try:
        yield
    except click.UsageError as error:
        launch = launched()
        if launch is None or launch.rank == CHIEF or not launch.one_command:
            raise
        time.sleep(CHIEF_FIRST_SEC)
        raise Failed(error.exit_code) from error


class Processes:
    """The processes of a run, and how they agree. This class itself is the usual case: one process.

    All processes call the same verbs in the same order. With one process each verb returns what it is given. An engine
    overrides what needs other processes.

    Attributes:
        rank: Number of this process; the chief's is 0.
        size: How many processes there are.
        local_rank, local_size: The same among the processes of this machine.
        keep: Function that adds a line to the log of the run, if this process has one.
    """

    rank, size, local_rank, local_size = CHIEF, 1, 0, 1

    def __init__(self):
        self.keep = lambda text: None

    def gather(self, value: Any) -> List[Any]:
        """The values of all processes, in the order of their ranks. Values are what pickle takes.

        Raises:
            UserError: Another process has ended.
        """
        return [value]

    def broadcast(self, value: Any) -> Any:
        """The value of the chief."""
        return self.gather(value if self.rank == CHIEF else None)[CHIEF]

    def any(self, value: bool) -> bool:
        """Whether the value is true in any process."""
        return any(self.gather(bool(value)))

    def on_chief(self, action: Callable[[], Any], answer: Callable[[Any], Any] = None) -> Any:
        """Calls a function on the chief alone. All processes return what it returns, and end with what it raises.

        In the function, the chief may `ask` the others. With each question, they call `answer`.

        The chief raises the error itself. The others raise `Failed`, so that the error is printed once. What does not
        derive from `Exception`, as `training.stop.Stopped`, is raised in all of them.
        """
        if self.rank != CHIEF:
            is_question, error, result = self.broadcast(None)
            while is_question:
                self.gather(self._answered(answer, result))
                is_question, error, result = self.broadcast(None)
            if error is not None:
                if isinstance(error, Failed):  # after others, as a stop, the processes still have to agree
                    self.leave()
                raise error
            return result
        try:
            result = action()
        except Exception as error:
            self.leave()
            with contextlib.suppress(UserError):  # that another process has ended; this error may be the reason
                self.broadcast((False, Failed(getattr(error, 'exit_code', 1)), None))
            raise
        except BaseException as error:
            self.broadcast((False, type(error)(), None))
            raise
        self.broadcast((False, None, result))
        return result

    def ask(self, question: Any, own_answer: Callable[[], Any]) -> List[Any]:
        """The answers of all processes, in the order of their ranks. The chief calls it in an action of `on_chief`.

        Args:
            question: What the others pass on to the `answer` of `on_chief`.
            own_answer: Function that gives the answer of the chief.

        Raises:
            UserError: Another process has none.
        """
        self.broadcast((True, None, question))
        try:
            answer = own_answer()
        except BaseException:
            self.gather(None)
            raise
        answers = self.gather(answer)
        for other in answers:
            if isinstance(other, UserError):
                raise other
        return answers

    def _answered(self, answer, question):
        try:
            return answer(question)
        except Exception as error:  # the chief raises it, whatever it is
            return UserError(f'Rank {self.rank} on {socket.gethostname()}: {error}')

    def sums(self, tensors: List[Any]) -> List[Any]:
        """In the graph: each float32 tensor, summed over the processes."""
        return tensors

    def open_session(self, config: Any) -> Any:
        """A `tf.Session` in which `sums` can run, with a `tf.ConfigProto`."""
        import tensorflow.compat.v1 as tf  # here: a command line is checked before TensorFlow starts

        return tf.Session(config=config)

    def explain(self, error: Any) -> Optional[UserError]:
        """The sentence for a `tf.errors.OpError` if another process has caused it, else None."""
        return None

    def leave(self) -> None:
        """From now on it does not matter if other processes end. A process calls it when the run is over."""

    def share(self, gpus: int) -> int:
        """How many of the replicas of a run are in this process.

        Args:
            gpus: Replicas of all processes.

        Raises:
            click.UsageError: They cannot be divided among the processes.
        """
        if gpus % self.size:
            raise click.UsageError(
                f'--gpus {gpus} cannot be divided among {self.size} processes: --gpus counts the replicas of all '
                f'processes, so give a multiple of {self.size}.'
            )
        return gpus // self.size

    def check_alike(self, find_facts: Callable[[], dict]) -> None:
        """Refuses processes that differ.

        Args:
            find_facts: Function that returns a dict of what has to be alike, as '--minibatch', to its value. It is not
                called if there is one process.

        Raises:
            UserError: A value differs from the chief's; the message names both machines. `Failed` in other ranks.
        """
        if self.size == 1:
            return
        found = self.gather((socket.gethostname(), find_facts()))

        def check():
            (host, expected), *others = found
            for rank, (other, values) in enumerate(others, 1):
                for name in {**expected, **values}:
                    if expected.get(name) != values.get(name):
                        raise UserError(
                            f'{name} is {expected.get(name)} on {host} (rank {CHIEF}), but {values.get(name)} on '
                            f'{other} (rank {rank}): give the same command, dataset and versions to all processes.'
                        )

        self.on_chief(check)


ALONE = Processes()


def planned_processes(size: int) -> Processes:
    """Stands for so many processes in a plan. It can only say how replicas are shared out."""
    processes = Processes()
    processes.size = size
    return processes
