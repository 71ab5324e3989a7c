"""A cache of measurements on disk: features, statistics and values, by a key of everything that they depend on.

A file begins with the SHA-256 of the rest. The rest is arrays in numpy's format, without pickles. A file that is
damaged, or does not fit its name, counts as missing. Files appear whole, and two processes that compute the same thing
write the same bytes. So several processes can share the folder, and it can be deleted at any time.
"""

import contextlib
import hashlib
import io
import json
import os
import shutil
import warnings
import zipfile

import numpy as np

import config
from dnnlib.errors import disk_error
from dnnlib.files import atomic_write, remove_leftovers

ARITHMETIC = 2  # increased when the same key comes to give other numbers
FOLDER = 'measurements'  # in config.CACHE_DIR
_KEY, _DIGEST_BYTES = '__key__', 32


def digest(what):
    """32 hexadecimal digits, different for different values.

    Args:
        what: A value that fits JSON.
    """
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode('utf-8')).hexdigest()[:32]


class StageCache:
    """Arrays by key.

    Args:
        folder: Folder of the files, made when something is saved. None: nothing is kept or found.
    """

    def __init__(self, folder):
        self.folder = folder

    def load(self, place, key):
        """Finds what was saved.

        Args:
            place: Names of nested folders, a tuple of str.
            key: What the arrays depend on, fit for JSON.

        Returns:
            Dict of arrays; None when there is no file, or it is damaged or cannot be read.
        """
        if self.folder is None:
            return None
        try:
            with open(self._path(place, key), 'rb') as file:
                content = file.read()
            if hashlib.sha256(content[_DIGEST_BYTES:]).digest() != content[:_DIGEST_BYTES]:
                return None
            with np.load(io.BytesIO(content[_DIGEST_BYTES:]), allow_pickle=False) as stored:
                arrays = dict(stored)
            return arrays if arrays.pop(_KEY).tobytes() == _as_bytes(key) else None
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return None

    def save(self, place, key, **arrays):
        """Keeps arrays, by place and key as in `load`. If the disk refuses them, a warning says so."""
        if self.folder is None:
            return
        buffer = io.BytesIO()
        np.savez(buffer, **{_KEY: np.frombuffer(_as_bytes(key), np.uint8)}, **arrays)
        content, path = buffer.getbuffer(), self._path(place, key)
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            remove_leftovers(os.path.dirname(path))
            with atomic_write(path) as file:
                file.write(hashlib.sha256(content).digest())
                file.write(content)
        except FileNotFoundError:
            pass  # another process has dropped the place meanwhile
        except OSError as error:
            hint = 'or measure with --no-cache; until then measurements are not kept'
            warnings.warn(disk_error(error, 'written', self.folder, hint).message, stacklevel=2)

    def drop(self, place):
        """Deletes all files of a place."""
        if self.folder is not None:
            path = os.path.join(self.folder, *place)
            shutil.rmtree(path, ignore_errors=True)
            for _ in place[1:]:  # its parent folders, if they are empty now
                path = os.path.dirname(path)
                with contextlib.suppress(OSError):
                    os.rmdir(path)

    def size(self):
        """Bytes of all files."""
        total = 0
        for folder, _, names in os.walk(self.folder or ''):
            for name in names:
                with contextlib.suppress(OSError):  # another process may have dropped it
                    total += os.path.getsize(os.path.join(folder, name))
        return total

    def _path(self, place, key):
        return os.path.join(self.folder, *place, digest([ARITHMETIC, key]) + '.stage')


def _as_bytes(key):
    return json.dumps([ARITHMETIC, key], sort_keys=True).encode('utf-8')


def open_cache():
    """The `StageCache` in `config.CACHE_DIR`."""
    return StageCache(os.path.join(config.CACHE_DIR, FOLDER))
