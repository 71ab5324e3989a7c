"""Faults of the machine: the disk with the photographs goes away or fails. They say nothing about an image."""

import errno
import os

from dnnlib.errors import UserError

OF_THE_MACHINE = frozenset(
    [
        errno.EIO,
        errno.ENOTCONN,
        errno.ESTALE,
        errno.ENODEV,
        errno.ENXIO,
        errno.ENOMEDIUM,
        errno.EREMOTEIO,
        errno.ESHUTDOWN,
        errno.ETIMEDOUT,
        errno.ECONNABORTED,
        errno.ECONNRESET,
        errno.EHOSTDOWN,
        errno.EHOSTUNREACH,
        errno.ENETDOWN,
        errno.ENETUNREACH,
        errno.EMFILE,
        errno.ENFILE,
    ]
)
WORDS = frozenset(os.strerror(number) for number in OF_THE_MACHINE)  # of a refusal that the machine may have caused
MOST_IN_A_ROW = 8  # images that fail so, one after another, end the run; a single one may be a bad place on the disk


def gone(path, error):
    """The `UserError` for a source that cannot be read any more, because of an OSError."""
    reason = error.strerror or error
    return UserError(
        f'{path} cannot be read any more ({reason}): connect its disk again, or check that. What is finished is kept; '
        'the same command goes on from there.'
    )


class Watched:
    """A reader that ends the run when the disk fails for many images in a row.

    Args:
        reader: Has `read(entry)`: the bytes of an image; raises OSError or `Refusal`.
    """

    def __init__(self, reader):
        self._reader, self._failed = reader, 0

    def read(self, entry):
        """The image's bytes. Raises `UserError` for the last failure of too many."""
        try:
            data = self._reader.read(entry)
        except OSError as error:
            self._failed = self._failed + 1 if error.errno in OF_THE_MACHINE else 0
            if self._failed == MOST_IN_A_ROW:
                raise gone('SOURCE', error) from error
            raise
        self._failed = 0
        return data
