"""Sets of images for tests of exports, and what was written of them."""

import hashlib

import numpy as np

from dnnlib.exports.images import Images, count_within


class Faces(Images):
    """Random images of some identities.

    Args:
        identities: Who is in each image; None for unknown.
        side: px.
        channels: 1 or 3.
        labels: As in `Images`.
    """

    def __init__(self, identities=(7, 3, 7, 3, 5, 7), side=8, channels=3, labels=None, count=None):
        self.count = len(identities) if count is None else count
        self.shape, self.labels = (channels, side, side), labels
        self._identities = None if count is not None else np.array(identities)
        self._numbers = None if count is not None else count_within(self._identities)

    def read(self, place):
        random = np.random.RandomState([7, place])
        return random.randint(0, 256, self.shape).astype(np.uint8)

    def identity(self, place):
        return None if self._identities is None else int(self._identities[place])

    def number(self, place):
        return None if self._numbers is None else int(self._numbers[place])


def files_below(folder):
    """{path below the folder: SHA-256} of all files in it."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob('*')
        if path.is_file()
    }
