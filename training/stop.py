"""Stopping by Ctrl-C and SIGTERM: the training loop ends at the next place where nothing is lost."""

import _thread
import contextlib
import os
import signal
import threading

LOOK_AGAIN = 0.02  # s
_OF_MESSAGES = ('dnnlib.processes', 'dnnlib.tflib.collective_processes', 'dnnlib.tflib.horovod_processes')


class Stopped(BaseException):
    """Raised by a signal in a block of `StopRequest.at_once`."""


class StopRequest:
    """A context in which Ctrl-C and SIGTERM set `requested`. A second signal changes nothing.

    Attributes:
        requested: Whether a signal has come.
    """

    def __init__(self):
        self.requested = False
        self._raises = False
        self._timer = None

    def __enter__(self):
        self._previous = {number: signal.signal(number, self._on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *_exc):
        for number, handler in self._previous.items():
            # After a request the process is ending. Another signal would only cut off its last message.
            signal.signal(number, signal.SIG_IGN if self.requested else handler)

    @contextlib.contextmanager
    def at_once(self):
        """A block that a signal ends with `Stopped`. Everything in the block can be done again.

        It ends at once, or as soon as TensorFlow returns: an error that is raised anywhere in TensorFlow leaves locks
        of its graph held, for which the process would then wait for ever. Likewise it ends after a message between
        processes: half of one would be taken for the next one.
        """
        try:
            self._raises = True
            if self.requested:
                raise Stopped
            yield
            if self.requested:
                raise Stopped
        finally:
            self._raises = False
            self._cancel_timer()

    def _on_signal(self, _number, frame):
        first, self.requested = not self.requested, True
        if self._raises and _must_return_first(frame):
            self._cancel_timer()
            self._timer = threading.Timer(LOOK_AGAIN, _thread.interrupt_main)  # which calls this again
            self._timer.daemon = True
            self._timer.start()
        elif self._raises:
            self._raises = False  # a second signal must not raise again while the first `Stopped` is handled
            raise Stopped
        elif first:
            with contextlib.suppress(OSError):
                # Not through the log: the signal may have come while the log is being written.
                os.write(2, b'Stopping after the current step ...\n')

    def _cancel_timer(self):
        if self._timer is not None:
            self._timer.cancel()


def _must_return_first(frame):
    """Whether the innermost function of this project has called TensorFlow, or sends or receives a message."""
    while frame is not None:
        name = frame.f_globals.get('__name__', '')
        package = name.partition('.')[0]
        if name in _OF_MESSAGES:
            return True
        if package in ('dnnlib', 'metrics', 'training'):
            return False
        if package.startswith(('tensorflow', 'keras')):
            return True
        frame = frame.f_back
    return False
