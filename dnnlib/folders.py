"""Folders that appear whole or not at all."""

import contextlib
import os
import shutil
import uuid

from dnnlib.errors import UserError
from dnnlib.files import fsync_folder


@contextlib.contextmanager
def atomic_folder(target, replace=False):
    """Makes a temporary folder beside `target` that takes its name only once everything in it is on disk.

    Args:
        target: Folder to make. Missing parents are made too.
        replace: Whether an existing `target` is replaced; that happens in the last moment.

    Yields:
        Path of the temporary folder. When the block raises (Ctrl-C included), the folder and the parents made for it
        are removed and an existing `target` is left as it was.

    Raises:
        UserError: The target exists and may not be replaced, or cannot be made there, or the disk refuses the data.
    """
    target = os.path.realpath(target)  # a link to a folder on a larger disk stays a link
    if os.path.lexists(target) and not replace:
        raise UserError(f'{target} exists already: choose another name.')
    parent, name = os.path.split(target)
    with _errors_as_sentence(target), _parents_of(target):
        temporary = os.path.join(parent, f'.{name}.{uuid.uuid4().hex[:8]}.part')
        os.mkdir(temporary)  # with the permissions of any new folder; tempfile would make it private
        try:
            yield temporary
            _fsync_files(temporary)
            _move(temporary, target, replace)
        finally:
            if os.path.isdir(temporary):
                shutil.rmtree(temporary)


@contextlib.contextmanager
def _parents_of(target):
    missing = []
    folder = os.path.dirname(target)
    while not os.path.lexists(folder):
        missing.append(folder)
        folder = os.path.dirname(folder)
    try:
        if missing:
            os.makedirs(os.path.dirname(target), exist_ok=True)
        yield
    except BaseException:
        for folder in missing:
            with contextlib.suppress(OSError):  # someone else has put something there meanwhile
                os.rmdir(folder)
        raise


@contextlib.contextmanager
def _errors_as_sentence(target):
    try:
        yield
    except OSError as error:
        raise UserError(
            f'{target} cannot be written ({error.strerror or error}): mend that or choose another folder.'
        ) from error


def _fsync_files(folder):
    for path, _, names in os.walk(folder):
        for name in names:
            descriptor = os.open(os.path.join(path, name), os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        fsync_folder(path)


def _move(temporary, target, replace):
    """Renames `temporary` to `target`; what is replaced steps aside first and is removed last."""
    aside = temporary + '.old'
    replaced = replace and os.path.lexists(target)
    if replaced:
        os.rename(target, aside)
    try:
        os.rename(temporary, target)
    except BaseException:
        if replaced:
            os.rename(aside, target)
        raise
    fsync_folder(os.path.dirname(target))
    if replaced:
        shutil.rmtree(aside)
