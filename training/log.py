"""What a run tells while it trains: a line for people, the same as JSON, and TensorBoard events."""

import json
import math
import os
import subprocess
import sys
import time

import tensorflow.compat.v1 as tf

from dnnlib.util import format_duration

LOG_FILE = 'log.txt'
STATS_FILE = 'stats.jsonl'


class RunLog:
    """Writes to the terminal and to the files of a run directory, appending to what is there.

    Args:
        run_dir: Folder of the run.
    """

    def __init__(self, run_dir):
        self._log = open(os.path.join(run_dir, LOG_FILE), 'a', encoding='utf-8')  # noqa: SIM115, open as long as self
        self._stats_path = os.path.join(run_dir, STATS_FILE)
        self._events = tf.summary.FileWriter(run_dir)

    def say(self, text):
        """Prints a line and keeps it in log.txt, with the time of day."""
        print(text, flush=True)
        self._log.write(f'{time.strftime("%Y-%m-%d %H:%M:%S")}  {text}\n')
        self._log.flush()

    def report(self, stats):
        """One tick: prints a line, appends the same figures to stats.jsonl and to TensorBoard's events.

        Args:
            stats: Dict of the fields that the README describes.
        """
        self.say(format_tick(stats))
        with open(self._stats_path, 'a', encoding='utf-8') as file:
            file.write(json.dumps({name: _finite(value) for name, value in stats.items()}) + '\n')
        self.add_scalars(stats, stats['kimg'])

    def add_scalars(self, values, kimg):
        """Adds numbers to TensorBoard's events; its steps are images shown."""
        summary = tf.Summary(value=[tf.Summary.Value(tag=name, simple_value=value) for name, value in values.items()
                                    if isinstance(value, (int, float))])
        self._events.add_summary(summary, int(round(kimg * 1000)))
        self._events.flush()

    def close(self):
        """Closes the files."""
        self._log.close()
        self._events.close()


def _finite(value):
    """The value, or None, JSON's null, for what JSON has no number for."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def format_tick(stats):
    """The figures of a tick as one line."""
    memory = f'memory {stats["memory_gb"]:.1f} GB'
    if stats['gpu_memory_gb'] is not None:
        memory += f'  gpu {stats["gpu_memory_gb"]:.1f} GB'
    return (f'tick {stats["tick"]:<4d} kimg {stats["kimg"]:<8.1f} lod {stats["lod"]:<5.2f} '
            f'{stats["resolution"]}x{stats["resolution"]}  minibatch {stats["minibatch"]:<4d} '
            f'time {format_duration(stats["total_sec"]):<9s} sec/tick {stats["tick_sec"]:<7.1f} '
            f'sec/kimg {stats["sec_per_kimg"]:<8.3f} img/s {stats["images_per_sec"]:<7.1f} '
            f'maintenance {stats["maintenance_sec"]:<6.1f} {memory}  '
            f'loss G {stats["G_loss"]:.3f} D {stats["D_loss"]:.3f}  '
            f'ETA {format_duration(stats["eta_sec"])}')


def peak_memory_gb():
    """Most main memory this process has held so far, GB; 0 where the system does not tell."""
    try:
        import resource  # not on Windows
    except ImportError:
        return 0.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if sys.platform == 'darwin' else 1024) / 1e9  # bytes there, KiB elsewhere


def gpu_memory_gb():
    """Memory in use on the fullest GPU, GB, as nvidia-smi says; None without it."""
    try:
        output = subprocess.run(['nvidia-smi', '--query-gpu=memory.used', '--format=csv,noheader,nounits'],
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True, timeout=10).stdout
        return max(float(line) for line in output.decode().split()) * 2 ** 20 / 1e9
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
