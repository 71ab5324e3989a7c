"""Several processes of one run, on this machine."""

import json
import os
import socket
import subprocess
import sys

from tests.train_command import ROOT

ENGINES = ('collectives', 'horovod')
LAUNCHER = 'launcher'  # of Horovod


def free_ports(count):
    """Ports of this machine that nothing listens on."""
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(('', 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


class Joined:
    """Processes `python ARGUMENTS` that an engine joins.

    Args:
        engine: In `ENGINES`. TensorFlow's collective operations have no launcher, so each process is started here.
        *argument_lists: The arguments of each process. A launcher gives all the same, the first ones.
    """

    def __init__(self, engine, *argument_lists):
        self._engine, count = engine, len(argument_lists)
        commands = [[sys.executable, *map(str, arguments)] for arguments in argument_lists]
        if engine == 'horovod':
            launcher = [sys.executable, '-m', 'horovod.runner.launch', '--gloo', '-np', str(count)]
            commands, environments = [launcher + ['-H', f'localhost:{count}'] + commands[0]], [dict(os.environ)]
        else:
            cluster = {'worker': [f'localhost:{port}' for port in free_ports(count)]}
            tasks = [{'type': 'worker', 'index': rank} for rank in range(count)]
            configs = [json.dumps({'cluster': cluster, 'task': task}) for task in tasks]
            environments = [{**os.environ, 'TF_CONFIG': config} for config in configs]
        self._started = [
            subprocess.Popen(
                command,
                cwd=str(ROOT),
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                universal_newlines=True,
            )
            for command, environment in zip(commands, environments)
        ]

    def send_signal(self, rank, number):
        """Sends a signal to a process; to the launcher, if `rank` is `LAUNCHER`."""
        if rank == LAUNCHER:
            self._started[0].send_signal(number)
        elif self._engine == 'horovod':
            os.kill(_pid_of_rank(self._started[0].pid, rank), number)
        else:
            self._started[rank].send_signal(number)

    def is_alive(self):
        """Whether any of them has not ended."""
        return any(process.poll() is None for process in self._started)

    def end(self):
        """Waits for the end; returns what they print, and their exit statuses. A launcher stands for all."""
        texts = [process.communicate()[0] for process in self._started]
        return texts, [process.returncode for process in self._started]


def _pid_of_rank(launcher, rank):
    import psutil  # here: it comes with Horovod

    for process in psutil.Process(launcher).children(recursive=True):
        if process.name().startswith('python') and process.environ().get('HOROVOD_RANK') == str(rank):
            return process.pid
    raise ProcessLookupError(f'no process of rank {rank}')
