"""Readers of bytes from files. Each process opens the files at its first read."""

import os
import stat
import threading

from dnnlib.errors import disk_errors
from prefilter.reasons import Refusal
from prefilter.sources.faults import gone

LARGEST_FILE = 1 << 30  # bytes of one encoded image; a 16-bit TIFF of 120 megapixels has 0.7 GB


class PerProcess:
    """Something that each process opens for itself. It pickles as the function that opens it, and its arguments."""

    def __init__(self, opener, *args):
        self._opener, self._args = opener, args
        self._process = self._opened = None
        self.lock = threading.RLock()

    def __getstate__(self):
        return self._opener, self._args

    def __setstate__(self, state):
        self.__init__(state[0], *state[1])

    def get(self):
        """The open thing. Raises what the opener raises."""
        with self.lock:
            if self._process != os.getpid():  # after a fork, both processes would move a shared file position
                self._opened = self._opener(*self._args)
                self._process = os.getpid()
            return self._opened


class RandomAccess:
    """Spans of files. Entries are (offset, size), or (number of the file, offset, size)."""

    def __init__(self, *paths):
        self._files = [PerProcess(open_again, path) for path in paths]

    def read(self, entry):
        """The bytes of a span."""
        *file, offset, size = entry
        return self.span(offset, size, *file)

    def span(self, offset, size, file=0):
        """`size` bytes from `offset` on, from any thread."""
        check_bytes(size)
        try:
            data = os.pread(self._files[file].get().fileno(), size, offset)
        except OverflowError:
            data = b''
        if len(data) < size:
            raise OSError(f'the file ends before byte {offset + size:,}')
        return data


class FolderReader:
    """Files of a folder; entries are their relative paths.

    Args:
        folder: Path of the folder.
        witnesses: Relative paths of a few things in it. If none of them is there any more, the folder is gone.
    """

    def __init__(self, folder, witnesses=()):
        self.folder = str(folder)
        self._witnesses = list(witnesses)
        self._read_last = None

    def read(self, path):
        """The file's bytes. Raises `UserError` if the whole folder is gone."""
        try:
            data = self._read(os.path.join(self.folder, path))
        except OSError as error:
            if self._is_gone():
                raise gone(self.folder, error) from error
            raise
        self._read_last = path
        return data

    def _read(self, path):
        # Non-blocking: opening a pipe would wait until somebody writes into it.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        with open(descriptor, 'rb') as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise OSError('it is no file but a folder, pipe or device')
            check_bytes(status.st_size)
            return file.read()

    def _is_gone(self):
        # A disk that is taken off may leave an empty folder, where it was mounted.
        known = self._witnesses + [self._read_last] * (self._read_last is not None)
        return bool(known) and not any(os.path.lexists(os.path.join(self.folder, path)) for path in known)


def open_again(path, opener=None):
    """Opens a file that could be opened when it was listed. Raises `UserError` if that is no longer so."""
    try:
        return (opener or open_unbuffered)(path)
    except OSError as error:
        raise gone(path, error) from error


def open_unbuffered(path):
    """Opens a file for reading spans of it."""
    return open(path, 'rb', buffering=0)


def check_can_open(path):
    """Raises `DiskError` if a file cannot be opened; libraries do not tell that from a damaged file."""
    with disk_errors('read', path):
        open_unbuffered(path).close()


def check_bytes(size):
    """Refuses an image with more bytes than a photograph has, before memory is allocated for it."""
    if size > LARGEST_FILE:
        raise Refusal('too-large', f'it has {size:,} bytes, more than {LARGEST_FILE:,}')
