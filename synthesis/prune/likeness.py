"""Who in a set is like a person of the training set, and who of its people are alike: decided by face embeddings.

Two people count as alike if a picture of one is at least as near to a picture of the other as a threshold says. All
pictures that stay are compared, not only the first one of each identity.
"""

from typing import Callable, Tuple

import numpy as np

from dnnlib.errors import UserError
from metrics.arithmetic.pairs import NOBODY
from metrics.arithmetic.pruning import MOST_CONNECTED, prune
from metrics.arithmetic.uniqueness import keep_in_order
from synthesis.audit.comparisons import Selected
from synthesis.audit.lookalikes import listed_from
from synthesis.prune.choice import LIKE_TRAINING, LOOK_ALIKE, Choice

NOTHING_LISTED = np.inf


class Likeness:
    """The embeddings of a set, and how they are compared.

    Args:
        identity: Text that changes with the set and the embedding.
        vectors: float32 [number of images, F], rows of length 1.
        compare: Function as `synthesis.audit.comparisons.compare`, without processes and cluster.
    """

    def __init__(self, identity: str, vectors: np.ndarray, compare: Callable) -> None:
        self._identity, self._vectors, self._compare = identity, vectors, compare

    def drop_like_training(self, choice: Choice, identity: str, training: np.ndarray, cosine: float) -> None:
        """Takes out whom of a set a training image is like.

        Args:
            choice: The images that stay so far.
            identity: Text that changes with the training set and the embedding.
            training: float32 [number of training images, F], rows of length 1.
            cosine: From this score on, two images count as of one person.
        """
        places = np.flatnonzero(choice.stays)
        found = self._compare(
            Selected(self._identity, self._vectors, places),
            Selected(identity, training),
            [cosine],
            NOTHING_LISTED,
            doing='Comparing with the training set',
        ).rows
        persons = choice.persons[places]
        # The nearest training image of each person: sorted by person, then the nearest first, then the lowest number.
        order = np.lexsort((found.nearest, -found.scores, persons))
        firsts = order[np.flatnonzero(np.diff(persons[order], prepend=-1))]
        alike = firsts[found.scores[firsts] >= cosine]
        choice.drop_persons(persons[alike], LIKE_TRAINING, found.nearest[alike], found.scores[alike])

    def drop_look_alikes(self, choice: Choice, cosine: float, order: str) -> None:
        """Takes out look-alikes until no two people that stay are alike, and nobody more.

        Args:
            choice: The images that stay so far.
            cosine: From this score on, two images count as of one person.
            order: 'seed' or 'most-connected', as for `metrics.arithmetic.pruning.prune`.

        Raises:
            UserError: There are too many pairs for the order.
        """
        places = np.flatnonzero(choice.stays)
        selected = Selected(self._identity, self._vectors, places)
        persons, count = choice.persons[places], len(choice.names)
        if listed_from(selected, [cosine]) == NOTHING_LISTED:
            if order == MOST_CONNECTED:
                raise UserError(
                    '--order most-connected: too many pairs of this set are alike to be listed: give --order seed.'
                )
            self._drop_in_order(choice, selected, cosine)
            return
        found = self._compare(selected, None, [cosine], cosine, doing='Comparing with each other')
        pairs, scores = pairs_of_persons(persons[found.pairs], found.pair_scores)
        barred = np.ones(count, bool)
        barred[choice.staying_persons] = False
        pruned = prune(count, pairs, order, barred)
        gone = np.flatnonzero(pruned.because != NOBODY)
        others = pruned.because[gone]
        key = pairs[:, 0] * count + pairs[:, 1]
        rows = np.searchsorted(key, np.minimum(gone, others) * count + np.maximum(gone, others))
        choice.drop_persons(gone, LOOK_ALIKE, choice.names[others], scores[rows])

    def _drop_in_order(self, choice, selected, cosine):
        """As with the order 'seed', without a list of pairs."""
        persons = choice.persons[selected.places]
        kept = keep_in_order(selected.read(), cosine, people=persons)
        if kept.all():
            return
        found = self._compare(
            Selected(self._identity, self._vectors, selected.places[~kept]),
            Selected(self._identity, self._vectors, selected.places[kept]),
            [cosine],
            NOTHING_LISTED,
            doing='Comparing with those that stay',
        ).rows
        out, inside = persons[~kept], persons[kept]
        # The nearest kept person of each one that goes.
        order = np.lexsort((found.nearest, -found.scores, out))
        chosen = order[np.flatnonzero(np.diff(out[order], prepend=-1))]
        others = inside[found.nearest[chosen]]
        choice.drop_persons(out[chosen], LOOK_ALIKE, choice.names[others], found.scores[chosen])


def pairs_of_persons(persons: np.ndarray, scores: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """From pairs of images to pairs of their people, with the largest score of each.

    Args:
        persons: int [P, 2]: who is in both images of each pair.
        scores: float [P].

    Returns:
        (int64 [Q, 2], sorted, each pair of two people once, the lower number first; float64 [Q]).
    """
    differ = persons[:, 0] != persons[:, 1]
    both, scores = np.sort(persons[differ].astype(np.int64), axis=1), scores[differ]
    order = np.lexsort((-scores, both[:, 1], both[:, 0]))
    both, scores = both[order], scores[order]
    first = np.ones(len(both), bool)
    first[1:] = (both[1:] != both[:-1]).any(axis=1)
    return both[first], scores[first]
