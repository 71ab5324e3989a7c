"""LFW's `pairs.txt`: pairs of images of one person, and of two, in folds, to test a face recogniser.

The first line is `folds<TAB>N`. Each fold has N lines `name<TAB>number<TAB>number`, two images of one identity, then N
lines `name<TAB>number<TAB>name<TAB>number`, images of two identities. Folds have no identity in common. Names and
numbers are those of the images' paths in the identity folders.
"""

from typing import Collection, Iterator, List, NamedTuple, Tuple

import numpy as np

from dnnlib.errors import UserError
from dnnlib.exports.identity_folders import identity_name
from dnnlib.exports.images import Images, identities_of
from dnnlib.files import Path, atomic_write
from dnnlib.random_streams import EXPORT_PAIRS

FOLDS = 10
PAIRS_FILE = 'pairs.txt'


class Fold(NamedTuple):
    """Pairs of places of images: those of one identity, and those of two."""

    mated: List[Tuple[int, int]]
    non_mated: List[Tuple[int, int]]


def check_pairs(pairs: int, images_of: Collection[int]) -> None:
    """Refuses pairs, `pairs` of each kind in a fold, for which a set will certainly have too little.

    Args:
        pairs: As for `write_pairs`.
        images_of: The number of images that each identity will have at most.

    Raises:
        UserError: Says what to do.
    """
    if len(images_of) < 2 * FOLDS:
        raise UserError(
            f'--pairs needs {2 * FOLDS} identities, two for each of {FOLDS} folds, and the set has {len(images_of)}: '
            'leave it out.'
        )
    mated = sum(count * (count - 1) // 2 for count in images_of)
    if mated < FOLDS * pairs:
        raise UserError(
            f'--pairs {pairs} needs {FOLDS * pairs:,} pairs of one identity, and the set has {mated:,} at most: '
            'take fewer pairs, or more images of an identity.'
        )


def write_pairs(path: Path, images: Images, places: np.ndarray, pairs: int) -> None:
    """Writes `pairs.txt`, whole or not at all. The same set gives the same pairs.

    Args:
        path: The file.
        images: The set, whose identities are known.
        places: int64, the images that the pairs are taken from.
        pairs: Of each kind in each of the 10 folds; LFW has 300.

    Raises:
        UserError: There are too few images or identities.
    """
    folds = draw_folds(identities_of(images, places), pairs)  # before the file is opened
    with atomic_write(path, 'w') as file:
        file.write(f'{FOLDS}\t{pairs}\n')
        for fold in folds:
            for first, second in fold.mated:
                file.write(f'{_named(images, places[first])}\t{images.number(int(places[second]))}\n')
            for first, second in fold.non_mated:
                file.write(f'{_named(images, places[first])}\t{_named(images, places[second])}\n')


def _named(images, place):
    return f'{identity_name(images.identity(int(place)))}\t{images.number(int(place))}'


def draw_folds(identities: np.ndarray, pairs: int) -> List[Fold]:
    """Draws different pairs for all folds.

    Args:
        identities: int64 [number of images].
        pairs: Of each kind in a fold.

    Returns:
        `FOLDS` folds; a pair is two numbers of images, the smaller one first.

    Raises:
        UserError: There are too few images or identities.
    """
    random = np.random.RandomState([EXPORT_PAIRS])
    order = np.argsort(identities, kind='stable')
    distinct, starts = np.unique(identities[order], return_index=True)
    sizes = np.diff(np.append(starts, len(order)))
    folds = []
    for chosen in np.array_split(random.permutation(len(distinct)), FOLDS):
        groups = _Groups(starts[chosen], sizes[chosen])
        for what, possible in (('of one identity', groups.num_mated), ('of two identities', groups.num_non_mated)):
            if possible < pairs:
                raise UserError(
                    f'--pairs {pairs}: of {len(order):,} images of {len(distinct):,} identities, one of the {FOLDS} '
                    f'folds has only {possible:,} pairs {what}: take fewer pairs, or more images.'
                )
        drawn = groups.mated(random, pairs), groups.non_mated(random, pairs)
        folds.append(Fold(*([tuple(sorted((int(order[a]), int(order[b])))) for a, b in kind] for kind in drawn)))
    return folds


class _Groups:
    """The identities of a fold: where their images begin in the sorted list, and how many there are.

    Both kinds of pairs are numbered, group by group, so that a random number is a pair.
    """

    def __init__(self, starts: np.ndarray, sizes: np.ndarray) -> None:
        self._starts = starts
        self._images = np.append(0, np.cumsum(sizes))  # images before each group
        self._mated = np.append(0, np.cumsum(sizes * (sizes - 1) // 2))  # pairs before each group
        self._non_mated = np.append(0, np.cumsum(sizes * self._images[:-1]))
        self.num_mated, self.num_non_mated = int(self._mated[-1]), int(self._non_mated[-1])

    def mated(self, random, pairs):
        """Different pairs of images of one identity; all are equally likely."""
        for drawn in _distinct(random, self.num_mated, pairs):
            group, rest = _group_of(self._mated, drawn)
            # The pairs of a group are (0, 1), (0, 2), (1, 2), (0, 3), ...
            second = int((1 + (1 + 8 * rest) ** 0.5) / 2)
            start = int(self._starts[group])
            yield start + rest - second * (second - 1) // 2, start + second

    def non_mated(self, random, pairs):
        """Different pairs of images of two identities; all are equally likely."""
        for drawn in _distinct(random, self.num_non_mated, pairs):
            # Each image of a group, with each image of the groups before it.
            group, rest = _group_of(self._non_mated, drawn)
            number, earlier = divmod(rest, int(self._images[group]))
            other, rest = _group_of(self._images, earlier)
            yield int(self._starts[other]) + rest, int(self._starts[group]) + number


def _group_of(before, number):
    """(group that a thing is in, its number in it), with the number of things before each group."""
    group = int(np.searchsorted(before, number, side='right')) - 1
    return group, number - int(before[group])


def _distinct(random, total, count) -> Iterator[int]:
    found = {}  # keeps the order
    while len(found) < count:
        found[int(random.randint(total))] = None
    return iter(found)
