"""The set from which images are taken out: what its manifest says, as arrays."""

import array
import hashlib
import json
import os
from typing import Any, Dict, Iterator, List

import numpy as np

from dnnlib.errors import UserError, disk_errors
from dnnlib.records.names import MANIFEST_FILE
from synthesis.record import read_record
from synthesis.whole import check_whole


class SourceSet:
    """A finished synthetic set. It takes 20 bytes of memory an image.

    Args:
        folder: Of the set.

    Attributes:
        folder: As given.
        record: As from `synthesis.record.read_record`.
        identities, variations: int64 [number of images]: who is in each image, and its number within the identity.
        scores: float32 [number of images]: score of the face; not a number where the manifest has none.
        sha256: Of the manifest, which has the SHA-256 of each image.

    Raises:
        UserError: It is no such set, or is not whole.
    """

    def __init__(self, folder: str) -> None:
        self.folder, self.record = folder, read_record(folder)
        check_whole(folder, self.record)
        identities, variations, scores = array.array('q'), array.array('q'), array.array('f')
        digest = hashlib.sha256()
        for line in self._texts():
            digest.update(line)
            found = json.loads(line)
            score = found.get('score')
            identities.append(found['identity'])
            variations.append(found['variation'])
            scores.append(np.nan if score is None else score)
        self.identities = np.frombuffer(identities, np.int64)
        self.variations = np.frombuffer(variations, np.int64)
        self.scores = np.frombuffer(scores, np.float32)
        self.sha256 = digest.hexdigest()
        if (np.diff(self.identities) < 0).any():
            raise UserError(
                f'{self.manifest} is damaged (the identities are not in their order): restore it from a copy.'
            )

    @property
    def manifest(self) -> str:
        """Path of the manifest."""
        return os.path.join(self.folder, MANIFEST_FILE)

    @property
    def count(self) -> int:
        """Number of images."""
        return len(self.identities)

    @property
    def images_of_one(self) -> int:
        """The most images that an identity has."""
        return int(np.unique(self.identities, return_counts=True)[1].max())

    def lines(self) -> Iterator[Dict[str, Any]]:
        """Yields the lines of the manifest."""
        return map(json.loads, self._texts())

    def _texts(self) -> Iterator[bytes]:
        with disk_errors('read', self.manifest), open(self.manifest, 'rb') as file:
            yield from file


def read_drop_list(path: str, source: SourceSet) -> List[int]:
    """The identities that a list names.

    Args:
        path: Text file: a line for each identity, its number, or the path of one of its images in the manifest, such as
            '00012/img00012345.png'. Blank lines, and what follows a #, are left out.
        source: The set.

    Returns:
        Numbers of identities, ascending, each once.

    Raises:
        UserError: The file cannot be read, or a line names nobody of the set.
    """
    with disk_errors('read', path):
        try:
            with open(path, encoding='utf-8-sig') as file:
                lines = [line.partition('#')[0].strip() for line in file]
        except ValueError as error:
            raise UserError(f'--drop {path} is no text in UTF-8 ({error}): write an identity on each line.') from error
    known, wanted, by_path = set(np.unique(source.identities).tolist()), set(), {}
    for number, line in enumerate(lines, 1):
        if not line:
            continue
        if line.isdecimal() and int(line) in known:
            wanted.add(int(line))
        elif line.endswith('.png'):
            by_path[line] = number
        else:
            raise _nobody(path, number, line, source)
    if by_path:
        for line in source.lines():
            if by_path.pop(line['path'], None) is not None:
                wanted.add(line['identity'])
    for line, number in by_path.items():
        raise _nobody(path, number, line, source)
    if not wanted:
        raise UserError(f'--drop {path} names nobody: write the number of an identity on each line.')
    return sorted(wanted)


def _nobody(path, number, line, source):
    return UserError(
        f'--drop {path}, line {number}: {line!r} names nobody in {source.folder}: write the number of an identity, or '
        f'the path of one of its images, as in {MANIFEST_FILE}.'
    )
