"""Whether several images of an identity stay the same person: scores of mated pairs. Pure arithmetic."""

import numpy as np

from metrics.arithmetic.intervals import CONFIDENCE, wilson_interval
from metrics.arithmetic.row_sampling import Estimate

_MOST_WEIGHTS = 1 << 22  # of identities that are drawn at a time


def mated_pairs(identities, most_images=None):
    """All pairs of images of one identity.

    Args:
        identities: int [N], which identity each image shows.
        most_images: Of an identity; further ones, in order, are left out. None: all count.

    Returns:
        int64 [P, 2], the lower number first, sorted.
    """
    identities = np.asarray(identities)
    order = np.argsort(identities, kind='stable')
    starts = np.flatnonzero(np.diff(identities[order], prepend=np.nan))
    pairs = [np.empty((0, 2), np.int64)]
    for start, stop in zip(starts, [*starts[1:], len(order)]):
        images = order[start:stop][:most_images]
        one, other = np.triu_indices(len(images), 1)
        pairs.append(np.stack([images[one], images[other]], axis=1))
    pairs = np.concatenate(pairs)
    return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]


def pairs_by_kind(pairs, kinds, base):
    """Groups mated pairs by what was varied.

    Args:
        pairs: int [P, 2].
        kinds: N str, a list or an array: what was varied in each image.
        base: The kind of an identity's unvaried image.

    Returns:
        Dict from a kind to the places of its pairs, int64. A pair with an unvaried image is of the other image's kind;
        a pair of two varied ones is of the kind 'A / B', or 'A / A', in alphabetical order.
    """
    names, codes = np.unique(kinds, return_inverse=True)  # in alphabetical order
    codes, names = np.where(names == base, -1, np.arange(len(names)))[codes], names.tolist()
    both = np.sort(codes[np.asarray(pairs)], axis=1)
    # One number for each pair of kinds, so that millions of pairs are grouped quickly.
    numbers, group = np.unique((both[:, 0] + 1) * (len(names) + 1) + both[:, 1] + 1, return_inverse=True)
    groups = {}
    for place, number in enumerate(numbers.tolist()):
        varied = [names[code - 1] for code in divmod(number, len(names) + 1) if code]
        groups[' / '.join(varied) or base] = np.flatnonzero(group == place)
    return {kind: groups[kind] for kind in sorted(groups)}


def genuine_accept_rates(scores, identities, thresholds, random, repeats=1000, confidence=CONFIDENCE):
    """The share of mated pairs with a score of at least each threshold.

    Pairs of one identity depend on each other, so the interval is a bootstrap over identities. A rate of 0 or 1 has
    Wilson's interval for as many images as there are identities, because resampling would give it no width.

    Args:
        scores: float [P], P at least 1.
        identities: int [P], the identity of each pair.
        thresholds: float [T].
        random: `numpy.random.RandomState`.
        repeats: Times that the identities are drawn anew.

    Returns:
        `metrics.arithmetic.row_sampling.Estimate` of shape [T].
    """
    accepted = np.asarray(scores)[:, np.newaxis] >= np.asarray(thresholds, np.float64)
    _, identities = np.unique(identities, return_inverse=True)
    pairs = np.bincount(identities)
    count = len(pairs)
    of_identity = np.stack([np.bincount(identities, column, count) for column in accepted.T], axis=1)
    rates, step = [], max(_MOST_WEIGHTS // count, 1)
    for start in range(0, repeats, step):
        weights = random.multinomial(count, np.full(count, 1 / count), size=min(step, repeats - start))
        rates.append((weights @ of_identity) / (weights @ pairs)[:, np.newaxis])
    value = accepted.mean(axis=0)
    low, high = np.quantile(np.concatenate(rates), [0.5 - confidence / 2, 0.5 + confidence / 2], axis=0)
    wilson = wilson_interval(value, count, confidence)
    certain = (value == 0) | (value == 1)
    return Estimate(value, np.where(certain, wilson[0], low), np.where(certain, wilson[1], high))
