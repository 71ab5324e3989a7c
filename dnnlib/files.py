"""Files, and lines in them, that appear whole or not at all; and locks that end with the process that holds them."""

import contextlib
import hashlib
import os
import secrets
from typing import IO, Callable, Iterator, Optional, Union

try:
    import fcntl
except ImportError:  # Windows, where nothing is locked
    fcntl = None

Path = Union[str, os.PathLike]

_PART = '.part'  # ends the names of files that are not whole yet


@contextlib.contextmanager
def atomic_write(path: Path, mode: str = 'wb') -> Iterator[IO]:
    """Opens a temporary file beside `path` that takes its name only once it is complete and on disk.

    Args:
        path: Target file; its folder must exist. An existing file is replaced in one step.
        mode: 'wb' or 'w' (UTF-8).

    Yields:
        The open file object. When the block raises, the temporary file is removed and `path` is left as it was.
    """
    folder, name = os.path.split(os.path.abspath(path))
    # Not by `tempfile`: it makes private files, and wider permissions need the umask, which Python can
    # only read by setting it, for all threads.
    temporary = os.path.join(folder, f'.{name}.{secrets.token_hex(8)}{_PART}')
    try:
        with open(temporary, mode.replace('w', 'x'), encoding=None if 'b' in mode else 'utf-8') as file:
            try_lock(file)  # tells `remove_leftovers` that somebody is still at it
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        fsync_folder(folder)
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.remove(temporary)
        if isinstance(error, OSError) and error.filename in (None, temporary) and error.filename2 is None:
            error.filename = os.fspath(path)  # the name that a user knows
        raise


def remove_leftovers(folder: Path) -> None:
    """Deletes the temporary files that killed processes left in a folder; those still being written stay."""
    for name in os.listdir(folder):
        if name.startswith('.') and name.endswith(_PART):
            path = os.path.join(folder, name)
            with contextlib.suppress(FileNotFoundError), open(path, 'r+b') as file:  # NFS locks what can be written
                if try_lock(file):
                    os.remove(path)


def try_lock(file: IO) -> bool:
    """Locks an open file until it is closed or the process ends. Returns False if another process has locked it.

    Where the file system knows no locks, every call returns True.
    """
    try:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        pass
    return True


def still_has_name(file: IO, path: Path) -> bool:
    """Whether `path` still leads to an open file: another process may have renamed or removed it."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(path))
    except FileNotFoundError:
        return False


def wait_for_lock(file: Union[IO, int]) -> None:
    """Waits until no other process has locked an open file, and locks it. No wait where a file system has no locks."""
    if fcntl is not None:
        with contextlib.suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX)


@contextlib.contextmanager
def folder_locked(folder: Path) -> Iterator[None]:
    """Runs the block while no other process runs such a block for the folder; waits until that is so."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        wait_for_lock(descriptor)
        yield
    finally:
        os.close(descriptor)


def append_line(path: Path, line: bytes) -> None:
    """Adds a line to a file, made if missing; durably, or not at all.

    Args:
        path: The file.
        line: Bytes without the end of line.

    Raises:
        OSError: The line could not be written. The file is then as before, also if a signal raises an exception.
    """
    with open(path, 'ab', buffering=0) as file:
        end = file.seek(0, os.SEEK_END)
        try:
            rest = line + b'\n'
            while rest:
                rest = rest[file.write(rest) :]
            os.fsync(file.fileno())
        except BaseException:  # a signal, too, may come while the disk writes
            file.truncate(end)
            raise


def keep_lines(path: Path, is_wanted: Callable[[bytes], bool] = lambda line: True) -> None:
    """Drops lines from a file in one step, also an unfinished last line. A missing file stays missing.

    Args:
        path: The file.
        is_wanted: Function from a line, bytes without its end, to whether it stays.
    """
    change_lines(path, lambda line: line if is_wanted(line) else None)


def change_lines(path: Path, change: Callable[[bytes], Optional[bytes]]) -> None:
    """Changes lines of a file in one step, and drops an unfinished last line. A missing file stays missing.

    Args:
        path: The file.
        change: Function from a line, bytes without its end, to what takes its place; None drops it.
    """
    if not os.path.exists(path):
        return
    with open(path, 'rb') as file:
        before = file.read()
    lines = map(change, before.split(b'\n')[:-1])
    after = b''.join(line + b'\n' for line in lines if line is not None)
    if after != before:
        with atomic_write(path) as file:
            file.write(after)


def fsync_folder(folder: Path) -> None:
    """Makes renames inside `folder` survive a power cut. A no-op where folders cannot be opened (Windows)."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256_of_file(path: Path) -> str:
    """SHA-256 of a file's content, as 64 lower-case hexadecimal digits."""
    digest = hashlib.sha256()
    with open(path, 'rb') as file:
        for chunk in iter(lambda: file.read(1 << 20), b''):
            digest.update(chunk)
    return digest.hexdigest()
