"""Progress of long work: a bar on a terminal; in files and pipes, a line every few seconds."""

import sys
import threading
import time

from tqdm import tqdm

# tqdm's own lock is shared with child processes, by a semaphore that a killed process leaves behind. Bars of different
# processes never share a terminal here.
tqdm.set_lock(threading.RLock())

LINE_SECONDS = 5  # between two lines where there is no terminal


class Progress(tqdm):
    """A bar of tqdm, with its arguments. Where `file` is no terminal, it prints lines.

    A line is printed no earlier than `LINE_SECONDS` after the one before or after the beginning. The last state gets a
    line too, unless `leave` is False.
    """

    def __init__(self, *args, file=None, **kwargs):
        file = file or sys.stderr
        self._in_lines = not file.isatty()
        self._printed, self._printed_n = time.monotonic(), None
        if self._in_lines:
            kwargs['ncols'] = 0  # the numbers without a bar
        super().__init__(*args, file=file, **kwargs)

    def display(self, msg=None, pos=None):
        """Shows the state; called by tqdm."""
        if not self._in_lines:
            return super().display(msg, pos)
        now = time.monotonic()
        if now - self._printed >= LINE_SECONDS:
            self._printed = now
            self._print_line(str(self) if msg is None else msg)
        return True

    def clear(self, nolock=False):
        """Makes room for other output; called by tqdm."""
        if not self._in_lines:
            super().clear(nolock)

    def close(self):
        """Ends the bar."""
        if not self._in_lines or self.disable:
            super().close()
            return
        self._ema_dt = lambda: None  # the last state has the speed of the whole work, as tqdm's own
        is_short = time.time() < self.start_t + self.delay
        state = str(self) if self.leave and not is_short and self.n != self._printed_n else ''
        self.disable = True
        self._decr_instances(self)
        self._print_line(state)

    def _print_line(self, text):
        if text:
            self._printed_n = self.n
            self.fp.write(text.strip() + '\n')
            self.fp.flush()
