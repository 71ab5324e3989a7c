"""Processes that train together by TensorFlow's own collective operations, as TF_CONFIG names them.

Gradients are summed by TensorFlow. Everything else goes through a connection of each process to the chief, which also
shows that the other end is alive.
"""

import contextlib
import hashlib
import os
import pickle
import queue
import socket
import struct
import threading
import time

import click
import tensorflow.compat.v1 as tf
from tensorflow.python.ops import collective_ops

from dnnlib.errors import UserError
from dnnlib.processes import CHIEF, LOST, Processes
from dnnlib.tflib.joining import give_gpus

JOIN_SEC = 600  # how long a process waits for the others to start
SAID_SEC = 15  # after so long it says whom it waits for
BEAT_SEC = 5  # between two signs of life
SILENCE_SEC = 60  # after so long without one, a machine counts as gone
GRACE_SEC = 1  # a process whose partner has ended may itself be about to end, for the same reason
_PIECE = 1 << 20  # bytes that are sent at a time
_GROUP = 1  # all processes are in one group
# What the chief answers to the greeting of a process.
_WELCOME, _OTHER_RUN, _TWICE = b'W', b'O', b'T'


class CollectiveProcesses(Processes):
    """The processes of a TF_CONFIG.

    If a process ends before the run is over, the others print why they end too and exit with status 1: a step that
    waits for the gradients of a process that is gone would never return.

    Args:
        rank: Number of this process.
        workers: HOST:PORT of each process. The chief listens on its port; the other ports are not used.

    Raises:
        UserError: The port is taken, or the others do not come.
    """

    def __init__(self, rank, workers):
        super().__init__()
        hosts = [worker.rpartition(':')[0] for worker in workers]
        self.rank, self.size = rank, len(workers)
        self.local_rank, self.local_size = hosts[:rank].count(hosts[rank]), hosts.count(hosts[rank])
        self._host, self._is_over, self._sums = hosts[rank], False, 0
        token = hashlib.sha256(' '.join(workers).encode()).digest()
        self._others = {}  # `_Connection`s by rank
        connect = self._wait_for_others if rank == CHIEF else self._call_chief
        self._awaited = workers[CHIEF]
        reminder = threading.Timer(SAID_SEC, self._say_who_is_awaited)
        reminder.daemon = True
        reminder.start()
        try:
            connect(workers, token)
        finally:
            reminder.cancel()

    def gather(self, value):
        content = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)  # see docs/cluster.md: the network is trusted
        if self.rank == CHIEF:
            contents = [content, *(self._others[number].get() for number in range(1, self.size))]
            together = pickle.dumps(contents, pickle.HIGHEST_PROTOCOL)
            for connection in self._others.values():
                self._send(connection, together)
        else:
            self._send(self._others[CHIEF], content)
            contents = pickle.loads(self._others[CHIEF].get())
        return [pickle.loads(each) for each in contents]

    def sums(self, tensors):
        self._sums += 1  # the processes build the same graph, and tell sums apart by number
        flat = tf.concat([tf.reshape(tensor, [-1]) for tensor in tensors], 0)  # one message, since each takes long
        total = collective_ops.all_reduce(flat, self.size, _GROUP, self._sums, 'Add', 'Id')
        parts = tf.split(total, [tensor.shape.num_elements() for tensor in tensors])
        return [tf.reshape(part, tensor.shape) for part, tensor in zip(parts, tensors)]

    def open_session(self, config):
        give_gpus(config, self)
        with socket.socket() as free:
            free.bind(('', 0))
            port = free.getsockname()[1]
        servers = self.gather(f'{self._host}:{port}')
        config.experimental.collective_group_leader = f'/job:worker/replica:0/task:{CHIEF}'
        config.device_filters.append(f'/job:worker/task:{self.rank}')
        self._server = tf.train.Server({'worker': servers}, 'worker', self.rank, config=config)
        return tf.Session(self._server.target, config=config)

    def explain(self, error):
        """TensorFlow may notice before the heartbeat that a process is gone."""
        if not isinstance(error, (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError)):
            return None
        self.leave()  # the sentence is not told twice
        return UserError(LOST)

    def leave(self):
        self._is_over = True

    # ----------------------------------------------------------------------------------------------------------------

    def _take_in(self, number, connection):
        self._others[number] = connection = _Connection(connection)
        # Two threads for each connection, because a sign of life waits for the end of a long message.
        for work in (self._listen, self._beat):
            threading.Thread(target=work, args=[connection], daemon=True).start()

    def _say_who_is_awaited(self):
        click.echo(f'Waiting for {self._awaited}, as TF_CONFIG says, for up to {JOIN_SEC // 60} minutes.', err=True)

    def _wait_for_others(self, workers, token):
        port = int(workers[CHIEF].rpartition(':')[2])
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind(('', port))
            except OSError as error:
                raise UserError(
                    f'TF_CONFIG: port {port} of this machine cannot be used ({error.strerror}): name another one for '
                    'worker 0.'
                ) from error
            listener.listen(len(workers))
            end = time.monotonic() + JOIN_SEC
            while len(self._others) < len(workers) - 1:
                missing = [workers[number] for number in range(1, len(workers)) if number not in self._others]
                self._awaited = ', '.join(missing)
                listener.settimeout(max(end - time.monotonic(), 0.001))
                try:
                    connection = listener.accept()[0]
                except socket.timeout:
                    raise UserError(
                        f'{self._awaited} did not come within {JOIN_SEC // 60} minutes: start the same command '
                        'there, with its own index in TF_CONFIG.'
                    ) from None
                number = _greeted(connection, token)
                if number is None:
                    _close(connection, _OTHER_RUN)
                elif number in self._others:
                    _close(connection, _TWICE)
                else:
                    with contextlib.suppress(OSError):  # it is gone again; it may be started anew
                        connection.sendall(_WELCOME)
                        self._take_in(number, connection)

    def _call_chief(self, workers, token):
        host, _, port = workers[CHIEF].rpartition(':')
        end = time.monotonic() + JOIN_SEC
        while True:
            try:
                connection = socket.create_connection((host, int(port)), timeout=BEAT_SEC)
                connection.settimeout(SILENCE_SEC)
                connection.sendall(token + struct.pack('>I', self.rank))
                answer = connection.recv(1)
                if answer == _WELCOME:
                    self._take_in(CHIEF, connection)
                    return
                if answer:
                    raise UserError(self._refusal(workers, answer))
                raise ConnectionError('closed')
            except OSError as error:
                self._awaited = f'{workers[CHIEF]} ({error})'
                if time.monotonic() > end:
                    raise UserError(
                        f'{workers[CHIEF]}, worker 0 of TF_CONFIG, cannot be reached ({error}): start the same '
                        'command there, or correct TF_CONFIG.'
                    ) from error
                time.sleep(0.2)

    def _refusal(self, workers, answer):
        if answer == _TWICE:
            return f'TF_CONFIG: another process has index {self.rank} already: give each process its own index.'
        return (
            f'{workers[CHIEF]}, worker 0 of TF_CONFIG, is no process of this run: give all processes the same list of '
            'workers in TF_CONFIG, with a port for worker 0 that no other program has.'
        )

    def _listen(self, connection):
        try:
            connection.receive_all()
        except OSError:
            self._end_with_others()
            connection.end()

    def _beat(self, connection):
        while True:
            time.sleep(BEAT_SEC)
            self._send(connection, b'')

    def _send(self, connection, content):
        try:
            connection.send(content)
        except OSError:
            self._end_with_others()

    def _end_with_others(self):
        """Another process has ended. Ends this one, unless it is ending by itself."""
        time.sleep(GRACE_SEC)
        if not self._is_over:
            self._is_over = True
            self.keep(f'Error: {LOST}')
            click.echo(f'Error: {LOST}', err=True)
            os._exit(1)  # not an exception: the main thread may wait for gradients that never come


class _Connection:
    """Sends and receives whole messages. An empty message is a sign of life."""

    def __init__(self, connection):
        connection.settimeout(SILENCE_SEC)
        self._socket, self._lock, self._messages = connection, threading.Lock(), queue.Queue()

    def send(self, content):
        with self._lock:
            self._socket.sendall(struct.pack('>Q', len(content)))
            for begin in range(0, len(content), _PIECE):
                self._socket.sendall(content[begin : begin + _PIECE])

    def get(self):
        """The next message, in the main thread. Raises UserError if none can come any more."""
        message = self._messages.get()
        if message is None:
            self.end()  # also for the next call
            raise UserError(LOST)
        return message

    def end(self):
        """Says that no more messages come."""
        self._messages.put(None)

    def receive_all(self):
        """Puts messages into the queue until the connection ends, with an OSError."""
        while True:
            (length,) = struct.unpack('>Q', self._receive(8))
            if length:
                self._messages.put(bytes(self._receive(length)))

    def _receive(self, length):
        content = memoryview(bytearray(length))
        done = 0
        while done < length:
            count = self._socket.recv_into(content[done:])
            if not count:
                raise ConnectionError('closed')
            done += count
        return content


def _close(connection, answer):
    """Turns a process away."""
    with contextlib.suppress(OSError), connection:
        connection.sendall(answer)


def _greeted(connection, token):
    """The rank of the process at the other end; None for one that is not of this run."""
    try:
        connection.settimeout(BEAT_SEC)
        greeting = b''
        while len(greeting) < len(token) + 4:
            more = connection.recv(len(token) + 4 - len(greeting))
            if not more:
                return None
            greeting += more
    except OSError:
        return None
    return struct.unpack('>I', greeting[-4:])[0] if greeting.startswith(token) else None
