"""Ctrl-C and SIGTERM as wishes that the training loop grants when nothing is lost by it."""

import contextlib
import os
import signal


class Stopped(BaseException):
    """Raised by a signal where stopping at once loses nothing."""


class StopRequest:
    """While active, Ctrl-C and SIGTERM ask for a stop; asking again changes nothing.

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
            # A process that was asked to stop is ending; asked again, it ends no sooner, but without its sentence.
            signal.signal(number, signal.SIG_IGN if self.requested else handler)

    @contextlib.contextmanager
    def at_once(self):
        """A block that a signal leaves where it is, with `Stopped`: what it does can be done again."""
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
            self._raises = False  # not a second time, while the first one is on its way
            raise Stopped
        if first:
            with contextlib.suppress(OSError):
                # Not through the log: the signal may have come while that is being written to.
                os.write(2, b'Stopping after the current step ...\n')
