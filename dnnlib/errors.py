"""The errors a user can act on, and the sentence for a disk that refuses a file."""

import contextlib
import errno
import os
from typing import Iterator, Optional, Union

import click

_HINTS = {  # what to do, by the number of the error
    errno.ENOSPC: 'free space',
    errno.EDQUOT: 'free space',
    errno.EFBIG: 'free space',
    errno.EACCES: 'change its permissions',
    errno.EPERM: 'change its permissions',
    errno.EROFS: 'choose a folder that can be written',
    errno.ENOENT: 'check the path',
    errno.ENOTDIR: 'check the path',
    errno.EISDIR: 'check the path',
    errno.ENOTEMPTY: 'check what is in it',
    errno.EEXIST: 'check the path',
}


class UserError(click.ClickException):
    """Something outside the program is wrong: a file, a folder, a download.

    The message is one sentence that names the file or flag and says what to do. Command lines print it without a
    traceback and exit with status 1. A wrongly used flag is a `click.UsageError` instead: exit status 2.
    """


class DiskError(UserError):
    """The disk refuses to read or write a file or folder, and a later try may succeed; `__cause__` is the `OSError`."""


@contextlib.contextmanager
def disk_errors(
    verb: str, path: Optional[Union[str, os.PathLike]] = None, hint: Optional[str] = None
) -> Iterator[None]:
    """Turns every `OSError` of the block into a `DiskError`: 'PATH cannot be VERB (reason): what to do.'

    Args:
        verb: What was tried, as 'read', 'written', or 'read or written'.
        path: The file or folder that the sentence names if the error itself names none.
        hint: What else the user can do, as 'or name another folder with --out'. What helps against the reason, such
            as freeing space, stands before it.

    Raises:
        DiskError: Instead of the `OSError`, which is its cause.
    """
    try:
        yield
    except OSError as error:
        raise disk_error(error, verb, path, hint) from error


def disk_error(
    error: OSError, verb: str, path: Optional[Union[str, os.PathLike]] = None, hint: Optional[str] = None
) -> DiskError:
    """The `DiskError` for an error that was caught; raise it `from` that one. See `disk_errors`."""
    names = (error.filename2, error.filename, path)  # of a rename, the new name is what is in the way
    name = next(name for name in names if isinstance(name, (str, bytes, os.PathLike)))  # an open file is a number
    hints = ', '.join(filter(None, [_HINTS.get(error.errno, 'check the disk'), hint]))
    return DiskError(f'{os.fsdecode(name)} cannot be {verb} ({error.strerror or error}): {hints}.')
