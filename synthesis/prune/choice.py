"""Which images of a set stay, and why the others go. Pure bookkeeping over numbers of images and identities."""

from typing import Dict, NamedTuple, Optional, Sequence

import numpy as np

from dnnlib.errors import UserError

ASKED, LOW_SCORE, LIKE_TRAINING, LOOK_ALIKE = REASONS = ('asked', 'low-score', 'like-training', 'look-alike')
MEANINGS = {
    ASKED: 'the list of --drop names its identity',
    LOW_SCORE: 'the score of its face is lower than --min-score',
    LIKE_TRAINING: 'an image of its identity is as near to a training image as --leak-far allows for one person',
    LOOK_ALIKE: 'an image of its identity is as near to a kept identity as --unique-far allows for one person',
}
STAYS = 0  # code of an image that stays; 1 and more are the reasons, in their order
NOBODY = -1
REMOVED_FILE = 'removed.jsonl'  # of a pruned set: a line for each image that went


class Removed(NamedTuple):
    """Why an image goes.

    Attributes:
        reason: Of `REASONS`.
        other: With `LIKE_TRAINING` the number of the nearest training image, with `LOOK_ALIKE` the number of a kept
            identity; else None.
        cosine: How near that is; else None.
    """

    reason: str
    other: Optional[int] = None
    cosine: Optional[float] = None


class Choice:
    """The images of a set that stay. At first, all do. It takes 14 bytes of memory an image and 16 an identity.

    Args:
        identities: int64 [number of images]: who is in each image.

    Attributes:
        names: int64 [number of identities], ascending: their numbers.
        persons: int64 [number of images]: for each image the place of its identity in `names`.
    """

    def __init__(self, identities: np.ndarray) -> None:
        self.names, self.persons = np.unique(identities, return_inverse=True)
        self._codes = np.full(len(identities), STAYS, np.uint8)
        self._others = np.full(len(self.names), NOBODY, np.int64)
        self._cosines = np.full(len(self.names), np.nan, np.float32)

    @property
    def stays(self) -> np.ndarray:
        """bool [number of images]."""
        return self._codes == STAYS

    @property
    def staying_persons(self) -> np.ndarray:
        """int64, ascending: the places in `names` of the identities of which an image stays."""
        return np.unique(self.persons[self.stays])

    def drop(self, identities: Sequence[int]) -> None:
        """Takes out identities by their numbers, which are all of the set."""
        self._take_out(np.isin(self.names, np.asarray(identities, np.int64))[self.persons], ASKED)

    def drop_low_scores(self, scores: np.ndarray, least: float) -> None:
        """Takes out images by the score of their face, float32 [number of images]."""
        self._take_out(scores < np.float32(least), LOW_SCORE)

    def drop_persons(self, persons: np.ndarray, reason: str, others: np.ndarray, cosines: np.ndarray) -> None:
        """Takes out identities with a reason.

        Args:
            persons: int64: places in `names`, each once.
            reason: `LIKE_TRAINING` or `LOOK_ALIKE`.
            others, cosines: For each, as in `Removed`.
        """
        self._others[persons], self._cosines[persons] = others, cosines
        is_out = np.zeros(len(self.names), bool)
        is_out[persons] = True
        self._take_out(is_out[self.persons], reason)

    def _take_out(self, images, reason):
        self._codes[images & self.stays] = 1 + REASONS.index(reason)

    def check_some_stay(self) -> None:
        """Raises UserError if no image stays."""
        if not self.stays.any():
            raise UserError(f'No image would be left ({self.in_words()}): ask for less.')

    def removed(self, place: int) -> Optional[Removed]:
        """Why an image goes; None if it stays."""
        code = int(self._codes[place])
        if code == STAYS:
            return None
        reason, person = REASONS[code - 1], self.persons[place]
        if reason in (ASKED, LOW_SCORE):
            return Removed(reason)
        return Removed(reason, int(self._others[person]), round(float(self._cosines[person]), 6))

    def counts(self) -> Dict[str, int]:
        """{reason: number of images}, in the order of `REASONS`, without zeros."""
        counts = np.bincount(self._codes, minlength=1 + len(REASONS))[1:].tolist()
        return {reason: count for reason, count in zip(REASONS, counts) if count}

    def identities_gone(self) -> Dict[str, int]:
        """{reason: number of identities of which no image stays}, by the reason of their last image, without zeros."""
        gone = np.ones(len(self.names), bool)
        gone[self.staying_persons] = False
        last = np.zeros(len(self.names), np.uint8)
        np.maximum.at(last, self.persons, self._codes)
        counts = np.bincount(last[gone], minlength=1 + len(REASONS))[1:].tolist()
        return {reason: count for reason, count in zip(REASONS, counts) if count}

    def in_words(self) -> str:
        """Counts of images by reason: '7 asked, 12 look-alike'."""
        return ', '.join(f'{count:,} {reason}' for reason, count in self.counts().items()) or 'none'
