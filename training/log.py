"""The log of a run: lines for people, the same figures as JSON lines, and TensorBoard events."""

import contextlib
import json
import math
import os
import socket
import time

import tensorflow.compat.v1 as tf

from dnnlib.errors import DiskError, UserError, disk_error
from dnnlib.files import append_line, keep_lines
from dnnlib.run_dir import LOG_FILE, STATS_FILE
from training.ticks import format_tick


class RunLog:
    """Writes to the terminal, and appends to the log files of a run directory.

    Lines that a full disk refuses are kept in memory and written later.

    Args:
        run_dir: Folder of the run.
    """

    def __init__(self, run_dir):
        self._run_dir = run_dir
        self._text = _Appended(os.path.join(run_dir, LOG_FILE))
        self._stats = _Appended(os.path.join(run_dir, STATS_FILE))
        self._events = _Events(run_dir)
        keep_lines(self._text.path)  # drops half a line, left by a power cut

    def go_back(self, tick, nimg):
        """Drops the figures of later ticks, when a run goes on from an earlier state.

        Args:
            tick: Number of the last tick that stays.
            nimg: Images shown so far.
        """
        keep_lines(self._stats.path, lambda line: _tick_of(line) <= tick)
        self._events.add(session_log=tf.SessionLog(status=tf.SessionLog.START), step=nimg + 1)

    def say(self, text):
        """Prints a line and adds it to log.txt, with the time of day."""
        with contextlib.suppress(OSError):  # a terminal that is gone, or a file on a full disk
            print(text, flush=True)
        self.keep(text)

    def keep(self, text):
        """Adds a line to log.txt, with the time of day, and does not print it."""
        self._text.add(f'{time.strftime("%Y-%m-%d %H:%M:%S")}  {text}')

    def report(self, stats):
        """Prints the line of a tick, and adds its figures to stats.jsonl and to TensorBoard's events.

        Args:
            stats: Dict of the figures; docs/training.md explains the fields.
        """
        self.say(format_tick(stats))
        self._stats.add(json.dumps({name: _finite(value) for name, value in stats.items()}))
        self.add_scalars(stats, stats['kimg'])

    def add_scalars(self, values, kimg):
        """Adds the numbers in a dict to TensorBoard's events. TensorBoard's step is the number of images shown."""
        summary = tf.Summary(
            value=[
                tf.Summary.Value(tag=name, simple_value=value)
                for name, value in values.items()
                if isinstance(value, (int, float))
            ]
        )
        self._events.add(summary=summary, step=int(round(kimg * 1000)))

    def flush(self):
        """Writes the lines of stats.jsonl that the disk refused before.

        Raises:
            OSError: The disk refuses them again.
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


class Silence:
    """Stands for `RunLog` in the processes that leave all writing to the chief."""

    def go_back(self, tick, nimg):
        pass

    def say(self, text):
        pass

    def keep(self, text):
        pass

    def report(self, stats):
        pass

    def close(self):
        pass


class _Appended:
    """Appends lines to a file. A line that the disk refuses is written together with the next line."""

    def __init__(self, path):
        self.path = path
        self._waiting = []

    def add(self, line):
        self._waiting.append(line)
        with contextlib.suppress(OSError):  # saving the state, which needs more space, reports the full disk
            self.flush()

    def flush(self):
        while self._waiting:
            append_line(self.path, self._waiting[0].encode('utf-8', 'backslashreplace'))
            self._waiting.pop(0)


class _Events:
    """Writes TensorBoard's events at once, and to a new file after each failure.

    TensorFlow's own `FileWriter` writes in a thread. A full disk ends the thread, and then `flush` never returns.
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
                with contextlib.suppress(OSError):  # the file was not made
                    os.remove(self._path)

    def _open(self):
        # TensorBoard reads the files in the order of their names.
        name = f'events.out.tfevents.{time.time():.6f}.{socket.gethostname()}'
        self._path = os.path.join(self._run_dir, name)
        self._writer = tf.io.TFRecordWriter(os.fsencode(self._path))  # it takes text only if that is UTF-8
        self._write(tf.Event(wall_time=time.time(), file_version='brain.Event:2'))

    def _write(self, event):
        self._writer.write(event.SerializeToString())

    def close(self):
        if self._writer is not None:
            with contextlib.suppress(tf.errors.OpError):
                self._writer.close()
            self._writer = None


def _tick_of(line):
    """The tick of a line of stats.jsonl; infinity if the line is damaged."""
    try:
        return json.loads(line.decode('utf-8'))['tick']
    except (ValueError, KeyError, TypeError, RecursionError):
        return math.inf


def _finite(value):
    """The value; None, JSON's null, for infinities and NaN."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
