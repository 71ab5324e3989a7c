"""Non-maximum suppression, for many groups of boxes in one go."""

import numpy as np

PAIRS_AT_ONCE = 1 << 20  # that are compared; bounds the memory


def suppress(boxes, scores, groups, threshold, relative_to='union'):
    """Keeps of boxes that overlap the one with the highest score, group by group.

    The same as to take the best box of a group, to drop all that overlap it too much, and to begin again with the
    rest. Of equal scores the one comes first that is last in the order of numpy's default argsort.

    Args:
        boxes: float64 [N, 4 or more]: left, top, right, bottom in px, the last pixels included.
        scores: float64 [N].
        groups: int [N], ascending; boxes of different groups do not touch each other.
        threshold: Share of the area above which an overlap is too much.
        relative_to: 'union' or 'smaller', the area that the overlap is divided by.

    Returns:
        int64 [K], places of the boxes that are kept: by group, best score first.
    """
    order = best_first(scores, groups)
    boxes, groups = boxes[order, :4], groups[order]
    kept = np.ones(len(boxes), bool)
    winner, loser = _overlapping(boxes, groups, threshold, relative_to)
    while len(winner):
        outranked = np.zeros(len(boxes), bool)
        outranked[loser] = True
        kept[loser[~outranked[winner]]] = False
        open_pairs = kept[winner] & kept[loser]
        winner, loser = winner[open_pairs], loser[open_pairs]
    return order[kept]


def best_first(scores, groups):
    """Places by group, and by score within each, in the order in which `suppress` takes them: int64 [N]."""
    # One argsort a group, since its order among equals depends on all the numbers that are sorted.
    starts = np.flatnonzero(np.diff(groups, prepend=-1)) if len(groups) else []
    ends = [*starts[1:], len(groups)]
    parts = [start + np.argsort(scores[start:end])[::-1] for start, end in zip(starts, ends)]
    return np.concatenate([np.empty(0, np.int64), *parts])


def _overlapping(boxes, groups, threshold, relative_to):
    """Pairs (winner, loser) of places in `boxes`, which are ranked within their groups, that overlap too much."""
    if len(boxes) < 2:
        return np.empty([2, 0], np.int64)
    sides = left, top, right, bottom = boxes.T.copy()
    areas = (right - left + 1) * (bottom - top + 1)
    # Groups side by side, so that one sweep from left to right meets all boxes that can overlap, and only those.
    shift = groups * (right.max() - left.min() + 3)
    sweep = np.argsort(left + shift)
    reach = np.searchsorted((left + shift)[sweep], (right + shift)[sweep] + 1, 'right')
    counts = np.maximum(reach - np.arange(1, len(boxes) + 1), 0)
    ends = np.cumsum(counts)
    found, row = [], 0
    while row < len(boxes):
        done = ends[row] - counts[row]
        stop = max(int(np.searchsorted(ends, done + PAIRS_AT_ONCE, 'right')), row + 1)
        first = np.repeat(np.arange(row, stop), counts[row:stop])
        second = first + 1 + np.arange(len(first)) - (ends - counts - done)[first]
        first, second = sweep[first], sweep[second]
        share = _overlap(sides, areas, first, second, relative_to)
        far = ~(share <= threshold)
        # The better one, whose place is the lower one, first.
        found.append(np.stack([np.minimum(first, second)[far], np.maximum(first, second)[far]]))
        row = stop
    return np.concatenate(found, axis=1)


def _overlap(sides, areas, one, other, relative_to):
    """Overlapping share of the area, of pairs of places."""
    left, top, right, bottom = sides
    width = np.minimum(right[one], right[other]) - np.maximum(left[one], left[other]) + 1
    height = np.minimum(bottom[one], bottom[other]) - np.maximum(top[one], top[other]) + 1
    common = np.maximum(0.0, width) * np.maximum(0.0, height)
    if relative_to == 'smaller':
        return common / np.minimum(areas[one], areas[other])
    return common / (areas[one] + areas[other] - common)
