"""Processes that stand still for a while."""

import contextlib
import os
import signal


@contextlib.contextmanager
def stopped(process):
    """A block in which a child process stands still, by SIGSTOP."""
    process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)  # its end is left for `process.wait`
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)
