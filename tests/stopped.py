"""Processes that stand still for a while."""

import contextlib
import signal
import time

import psutil


@contextlib.contextmanager
def stopped(process):
    """A block in which a process stands still, by SIGSTOP."""
    process.send_signal(signal.SIGSTOP)
    while process.poll() is None and psutil.Process(process.pid).status() != psutil.STATUS_STOPPED:
        time.sleep(0.0001)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)
