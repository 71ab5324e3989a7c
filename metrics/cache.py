"""Stages of measurements on disk, by what they were made of: features, statistics and values.

A file is the SHA-256 of what follows, and then arrays in numpy's own format without pickles. A file that is damaged, or
of other things than its name says, counts as missing. Each appears whole, and another process that makes the same stage
at the same time writes the same, so the folder can be shared, and deleted at any time.
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

ARITHMETIC = 1  # goes up when a stage comes to compute other numbers from the same things
FOLDER = 'measurements'  # in config.CACHE_DIR
_KEY, _DIGEST_BYTES = '__key__', 32


def digest(what):
    """32 hexadecimal digits that tell what JSON can say apart."""
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode('utf-8')).hexdigest()[:32]


class StageCache:
    """Arrays by key.

    Args:
        folder: Where they are; made when something is saved. None keeps nothing and finds nothing.
    """

    def __init__(self, folder):
        self.folder = folder

    def load(self, place, key):
        """What was saved.

        Args:
            place: Folders within the folder, a tuple of str.
            key: What it was made of, as JSON can say it.

        Returns:
            Dict of arrays; None when there is nothing, or nothing whole, or it cannot be read.
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
        """Keeps arrays; where the disk refuses them, a warning says so, and nothing is kept."""
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
        """Deletes what is in a place."""
        if self.folder is not None:
            path = os.path.join(self.folder, *place)
            shutil.rmtree(path, ignore_errors=True)
            for _ in place[1:]:  # what has become empty above it
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
    """The `StageCache` in the folder of all that is cached."""
    return StageCache(os.path.join(config.CACHE_DIR, FOLDER))
