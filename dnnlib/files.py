"""Files that appear whole or not at all."""

import contextlib
import hashlib
import os
import tempfile


@contextlib.contextmanager
def atomic_write(path, mode='wb'):
    """Opens a temporary file beside `path` that takes its name only once it is complete and on disk.

    Args:
        path: Target file; its folder must exist. An existing file is replaced in one step.
        mode: 'wb' or 'w' (UTF-8).

    Yields:
        The open file object. When the block raises, the temporary file is removed and `path` is left as it was.
    """
    folder, name = os.path.split(os.path.abspath(path))
    descriptor, temporary = tempfile.mkstemp(prefix='.' + name + '.', suffix='.part', dir=folder)
    try:
        with os.fdopen(descriptor, mode, encoding=None if 'b' in mode else 'utf-8') as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
        fsync_folder(folder)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.remove(temporary)
        raise


def fsync_folder(folder):
    """Makes renames inside `folder` survive a power cut. A no-op where folders cannot be opened (Windows)."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256_of_file(path):
    """SHA-256 of a file's content, as 64 lower-case hexadecimal digits."""
    digest = hashlib.sha256()
    with open(path, 'rb') as file:
        for chunk in iter(lambda: file.read(1 << 20), b''):
            digest.update(chunk)
    return digest.hexdigest()


def _umask():
    # The only way to read the mask is to set it; mkstemp made the file private, a normal file is not.
    mask = os.umask(0)
    os.umask(mask)
    return mask
