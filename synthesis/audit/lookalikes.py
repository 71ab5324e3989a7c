"""How many people a set shows, beside as many real people: comparisons and curves."""

import sys

import numpy as np

from dnnlib.progress import Progress
from metrics.arithmetic.pairs import NOBODY
from metrics.arithmetic.products import rows_by_rows
from metrics.arithmetic.pruning import prune
from metrics.arithmetic.row_sampling import pair_rate, share_with_neighbour
from metrics.arithmetic.uniqueness import (
    accidental_doubles,
    excess_doubles,
    extrapolate,
    fit_rate,
    keep_in_order,
    kept_counts,
    unique_interval,
    unique_shares,
)

MOST_PAIRS = 20 << 20  # that are listed: 24 bytes each, in memory and on the disk
GUESS_ROWS, GUESS_COLUMNS = 512, 4096  # from which the number of pairs is foretold
POINTS = 40  # of a curve
FURTHER = 10, 100  # times the size of the set, to which K(n) is extrapolated


def listed_from(selected, thresholds):
    """The lowest of some thresholds with at most about `MOST_PAIRS` pairs in a set; infinity if there is none."""
    count = selected.count
    places = [_evenly(count, most) for most in (GUESS_ROWS, GUESS_COLUMNS)]
    rows, columns = (selected.vectors[each if selected.places is None else selected.places[each]] for each in places)
    scores = rows_by_rows(rows, columns)[places[0][:, np.newaxis] != places[1]]  # no image beside itself
    share = count * (count - 1) / 2 / max(len(scores), 1)
    fits = [each for each in thresholds if np.count_nonzero(scores >= each) * share <= MOST_PAIRS]
    return min(fits, default=np.inf)


def _evenly(count, most):
    return np.unique(np.linspace(0, max(count - 1, 0), min(count, most)).round().astype(np.int64))[:count]


class Crowd:
    """A set of people, one image each, and what all pairs of it tell.

    Args:
        selected: `synthesis.audit.comparisons.Selected`.
        thresholds: Scores.
        compare: Function as `synthesis.audit.comparisons.compare`, without processes and cluster.
        doing: What the progress bar says.

    Attributes:
        found: `metrics.arithmetic.pairs.AllPairs`.
        kept: bool [N, T]: which images are kept in order at each threshold.
    """

    def __init__(self, selected, thresholds, compare, doing):
        least = listed_from(selected, thresholds)
        self.count = selected.count
        self.found = compare(selected, None, thresholds, least, doing=doing)
        self.kept = np.ones((self.count, len(thresholds)), bool)
        for place, threshold in enumerate(thresholds):
            if threshold >= least:
                pairs = self.found.pairs[self.found.pair_scores >= threshold]
                self.kept[:, place] = prune(self.count, pairs).kept
            else:
                with_bar = _bar(f'Keeping from {threshold:.3f} on')
                self.kept[:, place] = keep_in_order(selected.read(), threshold, with_bar)

    def pairs_above(self):
        """Number of pairs at each threshold, int64 [T]."""
        return self.found.rows.counts.sum(axis=0) // 2

    def unique(self, sizes):
        """U(n), float64 [S, T]."""
        return unique_shares(self.found.rows.first, sizes)

    def kept_at(self, sizes):
        """K(n), int64 [S, T]."""
        return np.stack([kept_counts(self.kept[:, place], sizes) for place in range(self.kept.shape[1])], axis=1)


def _bar(doing):
    return lambda starts: Progress(starts, desc=doing, unit=' blocks', leave=False, delay=2, file=sys.stderr)


def describe_crowd(crowd, levels, real=None):
    """What a report says of the people of a set, JSON values.

    Args:
        crowd: `Crowd` of the set.
        levels: Dicts with `far` and `cosine`, in the order of the thresholds.
        real: `Crowd` of real people, or None.
    """
    count = crowd.count
    shared = min(count, real.count) if real else 0
    sizes = np.unique([*curve_sizes(count), *([shared] if shared else [])])
    unique, kept = crowd.unique(sizes), crowd.kept_at(sizes)
    real_sizes = sizes[sizes <= shared]
    real_unique, real_kept = (real.unique(real_sizes), real.kept_at(real_sizes)) if shared else (None, None)
    at = int(np.searchsorted(sizes, shared)) if shared else None
    described = []
    for place, level in enumerate(levels):
        share = float(unique[-1, place])
        low, high = unique_interval(share, count)
        pairs = int(crowd.pairs_above()[place])
        told = {
            'far': level['far'],
            'cosine': level['cosine'],
            'pairs': pairs,
            'pair rate': pairs / max(count * (count - 1) / 2, 1),
            'with a look-alike': 1 - share,
            'interval': [1 - float(high), 1 - float(low)],
            'by accident': float(accidental_doubles(count, level['far'])),
            'kept': int(kept[-1, place]),
            'at least': _further(int(kept[-1, place]), count),
            'beside real people': None,
        }
        if shared:
            told['beside real people'] = _beside(
                shared, unique[at, place], real_unique[-1, place], kept[at, place], real_kept[-1, place]
            )
        described.append(told)
    curves = {'sizes': sizes.tolist(), 'unique': unique.T.tolist(), 'kept': kept.T.tolist()}
    if shared:
        curves['real sizes'] = real_sizes.tolist()
        curves['real unique'], curves['real kept'] = real_unique.T.tolist(), real_kept.T.tolist()
    return {
        'people': count,
        'real people': shared or None,
        'levels': described,
        'curves': curves,
        'scores': crowd.found.histogram.tolist(),
        'real scores': real.found.histogram.tolist() if real else None,
    }


def _beside(size, unique, real_unique, kept, real_kept):
    excess, low, high = excess_doubles(unique, size, real_unique, size)
    return {
        'people': size,
        'with a look-alike': 1 - float(unique),
        'real with a look-alike': 1 - float(real_unique),
        'excess': float(excess),
        'interval': [float(low), float(high)],
        'kept': int(kept),
        'real kept': int(real_kept),
    }


def _further(kept, count):
    sizes = [count * times for times in FURTHER]
    if count < 2:
        return []
    numbers, low, high = extrapolate(fit_rate(kept, count), sizes)
    return [
        {'images': size, 'people': float(number), 'interval': [float(least), float(most)]}
        for size, number, least, most in zip(sizes, numbers, low, high)
    ]


def curve_sizes(count):
    """The n of a curve: at most `POINTS`, close to each other at the beginning, ending with `count`."""
    return np.unique(np.geomspace(1, max(count, 1), POINTS).round().astype(np.int64))


def nearest_pairs(neighbours, most, within):
    """The nearest pairs, each once: (row numbers, column numbers, scores), nearest first.

    Args:
        neighbours: `metrics.arithmetic.pairs.Neighbours` of the rows.
        most: Number of pairs, at most.
        within: Whether rows and columns are one set; then each pair is counted once.
    """
    places = np.flatnonzero(neighbours.nearest != NOBODY)
    others, scores = neighbours.nearest[places], neighbours.scores[places]
    if within:
        order = np.lexsort((np.maximum(places, others), np.minimum(places, others)))
        both = np.stack([np.minimum(places, others), np.maximum(places, others)], axis=1)[order]
        is_first = np.ones(len(both), bool)
        is_first[1:] = (both[1:] != both[:-1]).any(axis=1)
        places, others, scores = both[is_first, 0], both[is_first, 1], scores[order][is_first]
    order = np.lexsort((places, -scores))[:most]
    return places[order], others[order], scores[order]


class Sample:
    """Some people of a set, each compared with all others of it.

    Args:
        selected: `synthesis.audit.comparisons.Selected` of the whole set.
        places: int64, ascending: the sample.
        thresholds: Scores.
        compare: As for `Crowd`.

    Attributes:
        found: `metrics.arithmetic.pairs.AllPairs`; its rows are the sample.
    """

    def __init__(self, selected, places, thresholds, compare):
        self.count, self.total = len(places), selected.count
        self.found = compare(selected, None, thresholds, np.inf, sampled=places, doing='Sample and set')


def describe_sample(sample, levels):
    """What a report says of a sample, JSON values; None without one.

    Args:
        sample: `Sample`, or None.
        levels: Dicts with `far` and `cosine`.
    """
    if sample is None:
        return None
    counts = sample.found.rows.counts
    rate, share = pair_rate(counts, sample.total), share_with_neighbour(counts, sample.total)
    return {
        'images': sample.count,
        'of': sample.total,
        'levels': [
            {
                'far': level['far'],
                'cosine': level['cosine'],
                'pair rate': float(rate.value[place]),
                'pair rate interval': [float(rate.low[place]), float(rate.high[place])],
                'with a look-alike': float(share.value[place]),
                'interval': [float(share.low[place]), float(share.high[place])],
                'by accident': float(accidental_doubles(sample.total, level['far'])),
            }
            for place, level in enumerate(levels)
        ],
    }
