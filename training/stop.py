"""Stopping by Ctrl-C and SIGTERM: the training loop ends at the next place where nothing is lost."""

import contextlib
import os
import signal


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

    def __enter__(self):
        self._previous = {number: signal.signal(number, self._on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *_exc):
        for number, handler in self._previous.items():
            # After a request the process is ending. Another signal would only cut off its last message.
            signal.signal(number, signal.SIG_IGN if self.requested else handler)

    @contextlib.contextmanager
    def at_once(self):
        """A block that a signal ends at once, with `Stopped`. Everything in the block can be done again."""
        try:
            self._raises = True
            if self.requested:
                raise Stopped
            yield
        finally:
            self._raises = False

    def _on_signal(self, _number, _frame):
        first, self.requested = not self.requested, True
        if self._raises:
            self._raises = False  # a second signal must not raise again while the first `Stopped` is handled
            raise Stopped
        if first:
            with contextlib.suppress(OSError):
                # Not through the log: the signal may have come while the log is being written.
                os.write(2, b'Stopping after the current step ...\n')
