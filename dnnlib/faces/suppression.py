"""Non-maximum suppression, for many groups of boxes in one go."""

import numpy as np

PAIRS_AT_ONCE = 1 << 20  # pairs of boxes that are compared at once; bounds the memory


def suppress(
    boxes: np.ndarray, scores: np.ndarray, groups: np.ndarray, threshold: float, relative_to: str = 'union'
) -> np.ndarray:
    """Keeps the best of overlapping boxes, group by group.

    The result is the same as from this loop: take the best box of a group, drop all boxes that overlap it too much, and
    go on with the rest. Of equal scores, the one that numpy's default argsort puts last counts as the best.

    Args:
        boxes: float64 [N, 4 or more]: left, top, right, bottom in px, the last pixels included.
        scores: float64 [N].
        groups: int [N], ascending; boxes of different groups do not affect each other.
        threshold: A box is dropped if the overlap is a larger share of the area than this.
        relative_to: The area that the overlap is divided by: 'union' of both boxes, or the 'smaller' box.

    Returns:
        int64 [K], indices of the kept boxes: by group, best score first.
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


def best_first(scores: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """The order in which `suppress` takes boxes: int64 [N], their indices, by group, best score first."""
    # One argsort for each group: its order of equal numbers depends on all the numbers that it sorts.
    starts = np.flatnonzero(np.diff(groups, prepend=-1)) if len(groups) else []
    ends = [*starts[1:], len(groups)]
    parts = [start + np.argsort(scores[start:end])[::-1] for start, end in zip(starts, ends)]
    return np.concatenate([np.empty(0, np.int64), *parts])


def _overlapping(boxes, groups, threshold, relative_to):
    """The pairs that overlap too much, as indices (winner, loser) of `boxes`, which stand best first in each group."""
    if len(boxes) < 2:
        return np.empty([2, 0], np.int64)
    sides = left, top, right, bottom = boxes.T.copy()
    areas = (right - left + 1) * (bottom - top + 1)
    # Groups are put side by side: one sweep from left to right then meets only boxes of one group.
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
        # The better box, which has the lower index, comes first.
        found.append(np.stack([np.minimum(first, second)[far], np.maximum(first, second)[far]]))
        row = stop
    return np.concatenate(found, axis=1)


def _overlap(sides, areas, one, other, relative_to):
    """The overlap of each pair of boxes, as a share of the area."""
    left, top, right, bottom = sides
    width = np.minimum(right[one], right[other]) - np.maximum(left[one], left[other]) + 1
    height = np.minimum(bottom[one], bottom[other]) - np.maximum(top[one], top[other]) + 1
    common = np.maximum(0.0, width) * np.maximum(0.0, height)
    if relative_to == 'smaller':
        return common / np.minimum(areas[one], areas[other])
    return common / (areas[one] + areas[other] - common)
