"""What a run tells while it trains: a line for people, the same as JSON, and TensorBoard events."""

import contextlib
import json
import math
import os
import socket
import time

import tensorflow.compat.v1 as tf

from dnnlib.errors import DiskError, UserError, disk_error
from dnnlib.files import append_line, keep_lines
from dnnlib.run_dir import STATS_FILE
from training.ticks import format_tick

LOG_FILE = 'log.txt'


class RunLog:
    """Writes to the terminal and to the files of a run directory, appending to what is there.

    What a full disk refuses is kept in memory and written once it can be.

    Args:
        run_dir: Folder of the run.
    """

    def __init__(self, run_dir):
        self._run_dir = run_dir
        self._text = _Appended(os.path.join(run_dir, LOG_FILE))
        self._stats = _Appended(os.path.join(run_dir, STATS_FILE))
        self._events = _Events(run_dir)
        keep_lines(self._text.path)  # half a line, left by a power cut, must not run into the next one

    def go_back(self, tick, nimg):
        """Forgets the figures after a tick, for a run that goes on from there.

        Args:
            tick: Number of the last tick that stays.
            nimg: Images shown so far.
        """
        keep_lines(self._stats.path, lambda line: _tick_of(line) <= tick)
        self._events.add(session_log=tf.SessionLog(status=tf.SessionLog.START), step=nimg + 1)

    def say(self, text):
        """Prints a line and keeps it in log.txt, with the time of day."""
        with contextlib.suppress(OSError):  # a terminal that is gone, or a file on a full disk
            print(text, flush=True)
        self.keep(text)

    def keep(self, text):
        """Keeps a line in log.txt, with the time of day, that the terminal shows by other means."""
        self._text.add(f'{time.strftime("%Y-%m-%d %H:%M:%S")}  {text}')

    def report(self, stats):
        """One tick: prints a line, appends the same figures to stats.jsonl and to TensorBoard's events.

        Args:
            stats: Dict of the fields that docs/training.md explains.
        """
        self.say(format_tick(stats))
        self._stats.add(json.dumps({name: _finite(value) for name, value in stats.items()}))
        self.add_scalars(stats, stats['kimg'])

    def add_scalars(self, values, kimg):
        """Adds numbers to TensorBoard's events; its steps are images shown."""
        summary = tf.Summary(
            value=[
                tf.Summary.Value(tag=name, simple_value=value)
                for name, value in values.items()
                if isinstance(value, (int, float))
            ]
        )
        self._events.add(summary=summary, step=int(round(kimg * 1000)))

    def flush(self):
        """Writes what is still to be written to stats.jsonl.

        Raises:
            OSError: The disk refuses it.
        """
        self._stats.flush()

    def write_or_warn(self, write):
        """Calls a function that writes files. If the disk refuses them, a log line says so and what helps.

        Args:
            write: Function without arguments.

        Returns:
            Whether everything was written.

        Raises:
            UserError: The run directory is gone, so that no later try can succeed.
        """
        try:
            write()
        except (OSError, DiskError) as error:
            if not os.path.isdir(self._run_dir):
                raise UserError(
                    f'{self._run_dir} is gone, with all that was saved in it: bring it back and give the '
                    'same command, or start anew.'
                ) from error
            refusal = error if isinstance(error, DiskError) else disk_error(error, 'written', self._run_dir)
            self.say(f'{refusal.message} Training goes on and tries again at the next log line; what is saved stays.')
            return False
        return True

    def close(self):
        """Closes the files."""
        self._events.close()


class _Appended:
    """A file of lines that grows; lines that the disk refuses wait for the next one."""

    def __init__(self, path):
        self.path = path
        self._waiting = []

    def add(self, line):
        self._waiting.append(line)
        with contextlib.suppress(OSError):  # saving the state, which needs more room, meets and tells the same
            self.flush()

    def flush(self):
        while self._waiting:
            append_line(self.path, self._waiting[0].encode('utf-8'))
            self._waiting.pop(0)


class _Events:
    """TensorBoard's events, written at once, to a new file after each failure.

    TensorFlow's own `FileWriter` writes in a thread, which a full disk ends; from then on its `flush` never returns.
    """

    def __init__(self, run_dir):
        self._run_dir = run_dir
        self._writer = self._path = None
        self._waiting = []

    def add(self, **fields):
        self._waiting.append(tf.Event(wall_time=time.time(), **fields))
        is_new = self._writer is None
        try:
            if is_new:
                self._open()
            for event in self._waiting:
                self._write(event)
            self._writer.flush()
            self._waiting = []
        except tf.errors.OpError:
            self.close()
            if is_new:
                with contextlib.suppress(OSError):  # it was not even made
                    os.remove(self._path)

    def _open(self):
        # TensorBoard reads the files in the order of their names.
        name = f'events.out.tfevents.{time.time():.6f}.{socket.gethostname()}'
        self._path = os.path.join(self._run_dir, name)
        self._writer = tf.io.TFRecordWriter(self._path)
        self._write(tf.Event(wall_time=time.time(), file_version='brain.Event:2'))

    def _write(self, event):
        self._writer.write(event.SerializeToString())

    def close(self):
        if self._writer is not None:
            with contextlib.suppress(tf.errors.OpError):
                self._writer.close()
            self._writer = None


def _tick_of(line):
    """The tick of a line of stats.jsonl; infinity where it is damaged."""
    try:
        return json.loads(line.decode('utf-8'))['tick']
    except (ValueError, KeyError, TypeError):
        return math.inf


def _finite(value):
    """The value, or None, JSON's null, for what JSON has no number for."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
