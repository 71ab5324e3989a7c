"""MTCNN's cascade: P-Net proposes candidates at all scales, R-Net and O-Net refuse most and refine the rest.

It gives the same candidates as facenet and the `mtcnn` package, because it keeps their quirks. Pixels are counted from
1, the regression is mirrored where a level has a single candidate, and squares are truncated to whole pixels. R-Net and
O-Net get the candidates of several images at once. A large image takes little more memory than its pixels.
"""

import collections
import itertools
from typing import Iterable, List, Sequence, Tuple

import numpy as np

from dnnlib.faces.mtcnn_weights import SIDES, STRIDE
from dnnlib.faces.patches import Pyramid, cut_patches, stack
from dnnlib.faces.runtimes import Runtime
from dnnlib.faces.suppression import best_first, suppress

MIN_FACE_SIZE = 20  # px
SCALE_FACTOR = 0.709  # from one level of the image pyramid to the next
# The lowest score that a stage accepts, and the share of overlap above which the worse of two candidates is dropped.
PNET_THRESHOLD, RNET_THRESHOLD, ONET_THRESHOLD = (np.float32(value) for value in (0.6, 0.7, 0.7))
LEVEL_OVERLAP, RNET_OVERLAP, ONET_OVERLAP = 0.5, 0.7, 0.7

CELL = SIDES['pnet']  # px of a level that one output of P-Net sees
TILE = 96  # outputs of P-Net, in both directions, that are computed at once
LEVEL_PIXELS = 1 << 14  # P-Net gets levels of one size together until they have this many pixels


def detect_faces(images: Sequence[np.ndarray], runtime: Runtime) -> List[np.ndarray]:
    """Finds the faces of several images.

    Args:
        images: List of uint8 [H, W, 3], RGB, dynamic range [0, 255]; sizes may differ.
        runtime: As from `dnnlib.faces.runtimes.open_runtime`.

    Returns:
        List of float64 [N, 5], as `dnnlib.faces.detector.FaceDetector.detect` says.
    """
    images = [np.ascontiguousarray(image) for image in images]
    faces, owners = _propose(images, runtime)
    faces, owners = _refine(images, faces, owners, runtime)
    faces, owners = _decide(images, faces, owners, runtime)
    return [faces[owners == owner] for owner in range(len(images))]


def pyramid_scales(height: int, width: int) -> List[float]:
    """Scales at which faces of P-Net's 12 px are looked for: list of floats, largest first, maybe empty."""
    first = CELL / MIN_FACE_SIZE
    shorter, scales = min(height, width) * first, []
    while shorter >= CELL:
        scales.append(first * np.power(SCALE_FACTOR, len(scales)))
        shorter *= SCALE_FACTOR
    return scales


# ----------------------------------------------------------------------------------------------------------------------
# The three stages. `faces` is float64 [N, 5], boxes and scores; `owners` is int [N], ascending: the image of each face.


def _propose(images, runtime):
    """P-Net: squares in whole pixels."""
    scales = [pyramid_scales(*image.shape[:2]) for image in images]
    owners = np.repeat(np.arange(len(images)), [len(each) for each in scales])
    scales = np.concatenate([np.empty(0), *scales])
    levels, found = find_candidates(_levels(images, owners, scales), runtime)
    owners, scales = owners[levels], scales[levels, np.newaxis]
    faces = np.column_stack([cell_boxes(found[:, :2].astype(np.float64), scales), face_scores(found[:, 2:4])])
    regression = found[:, 4:]
    kept = suppress(faces, faces[:, 4], levels, LEVEL_OVERLAP)
    # Here the references also drop boxes that overlap by more than 0.7 across levels. No two boxes of different levels
    # can overlap so much: the larger one is too large.
    kept = kept[best_first(faces[kept, 4], owners[kept])]
    faces, regression, owners = faces[kept], regression[kept], owners[kept]
    width, height = faces[:, 2] - faces[:, 0], faces[:, 3] - faces[:, 1]  # without the + 1 of the other stages
    faces[:, :4] += regression * np.stack([width, height, width, height], axis=1)
    faces = _squares(faces)
    faces[:, :4] = np.fix(faces[:, :4])
    return faces, owners


def cell_boxes(cells: np.ndarray, scales: np.ndarray) -> np.ndarray:
    """The part of the image that each output of P-Net sees.

    Args:
        cells: float64 [N, 2], x and y of the outputs.
        scales: float64 [N, 1], scales of their levels.

    Returns:
        float64 [N, 4]: left, top, right, bottom in px.
    """
    return np.concatenate([np.fix((STRIDE * cells + 1) / scales), np.fix((STRIDE * cells + CELL) / scales)], axis=1)


def _refine(images, faces, owners, runtime):
    """R-Net: squares."""
    faces, owners, regression = _score('rnet', images, faces, owners, RNET_THRESHOLD, runtime)
    kept = suppress(faces, faces[:, 4], owners, RNET_OVERLAP)
    return _squares(_regress(faces[kept], regression[kept])), owners[kept]


def _decide(images, faces, owners, runtime):
    """O-Net: boxes of any proportions."""
    faces[:, :4] = np.fix(faces[:, :4])
    faces, owners, regression = _score('onet', images, faces, owners, ONET_THRESHOLD, runtime)
    faces = _regress(faces, regression)
    kept = suppress(faces, faces[:, 4], owners, ONET_OVERLAP, relative_to='smaller')
    return faces[kept], owners[kept]


def _score(network, images, faces, owners, threshold, runtime):
    """Runs a network on the candidates. Returns those above the threshold, their owners and their regression."""
    # A regression could turn a box inside out (this was never seen). The references give up such an image.
    empty = (faces[:, 2:4] < faces[:, :2]).any(axis=1)
    hopeless = np.isin(owners, owners[empty])
    faces, owners = faces[~hopeless], owners[~hopeless]
    heads, batch = np.empty([len(faces), 6], np.float32), runtime.batch[network]
    boxes = faces[:, :4].astype(np.int64)
    for start in range(0, len(faces), batch):
        part = slice(start, start + batch)
        heads[part] = runtime.run(network, cut_patches(images, owners[part], boxes[part], SIDES[network]))
    scores = face_scores(heads[:, :2])
    above = scores > threshold
    return np.column_stack([faces[above, :4], scores[above]]), owners[above], heads[above, 2:]


# ----------------------------------------------------------------------------------------------------------------------
# P-Net on levels of the pyramid.


def find_candidates(levels: Iterable[np.ndarray], runtime: Runtime) -> Tuple[np.ndarray, np.ndarray]:
    """Finds the candidates of all levels, before suppression: by level, then from left to right, then downwards.

    P-Net gets small levels of one size together, which is faster as long as its activations stay in the processor's
    cache.

    Args:
        levels: Arrays [H, W, 3] from `dnnlib.faces.patches.Pyramid`; few of them are held at once.
        runtime: As for `detect_faces`.

    Returns:
        int [N], ascending: the number of each candidate's level. float32 [N, 8]: x and y of P-Net's output, and its six
        heads there.
    """
    parts, waiting = [(np.empty(0, np.int64), np.empty([0, 8], np.float32))], collections.defaultdict(dict)
    numbers = itertools.count()
    for level in levels:
        shape = level.shape
        waiting[shape][next(numbers)] = level
        del level  # it may be large: free it before the next one is made
        if len(waiting[shape]) * shape[0] * shape[1] >= LEVEL_PIXELS:
            parts.append(_candidates_of_alike(waiting.pop(shape), runtime))
    parts += [_candidates_of_alike(alike, runtime) for alike in waiting.values()]
    owners, found = (np.concatenate(arrays) for arrays in zip(*parts))
    order = np.lexsort([found[:, 1], found[:, 0], owners])
    return owners[order], found[order]


def _levels(images, owners, scales):
    pyramid, pyramid_owner = None, None
    for owner, scale in zip(owners.tolist(), scales.tolist()):
        if owner != pyramid_owner:
            pyramid, pyramid_owner = Pyramid(images[owner]), owner
        yield pyramid.level(scale)


def _candidates_of_alike(alike, runtime):
    """The candidates of levels of one size, {number: level}; returns as `find_candidates`, but in no order."""
    numbers, levels = np.array(list(alike)), list(alike.values())
    height, width = (_outputs(side) for side in levels[0].shape[:2])
    by_tile = [_tile_candidates(levels, x, y, runtime) for y in range(0, height, TILE) for x in range(0, width, TILE)]
    owners, found = (np.concatenate(arrays) for arrays in zip(*by_tile))
    for owner in np.flatnonzero(np.bincount(owners) == 1):
        # Both references mirror a level, left to right, when it has exactly one candidate.
        (place,) = np.flatnonzero(owners == owner)
        x, y = found[place, :2].astype(int)
        found[place, 4:] = _pnet_heads([levels[owner]], width - 1 - x, y, 1, runtime)[0, 0, 0, 2:]
    return numbers[owners], found


def face_scores(logits: np.ndarray) -> np.ndarray:
    """Scores, float32 [N] in [0, 1], from logits, float32 [N, 2]: the second value of the softmax."""
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    return odds[:, 1] / odds.sum(axis=1)


def _log_odds(threshold):
    """The smallest difference of two float32 logits whose score reaches a float32 threshold."""
    nearby = np.float32(np.log(threshold / (1 - threshold))).view(np.int32) + np.arange(-99, 100, dtype=np.int32)
    differences = nearby.view(np.float32)
    scores = face_scores(np.stack([np.zeros_like(differences), differences], axis=1))
    return differences[np.argmax(scores >= threshold)]


PNET_LOG_ODDS = _log_odds(PNET_THRESHOLD)  # comparing logits saves computing the scores of all outputs


def _outputs(side):
    """How many outputs P-Net has along a side, px."""
    return (side - CELL + 1) // STRIDE + 1


def _pnet_heads(levels, x, y, size, runtime):
    """P-Net's heads [N, h, w, 6] at outputs from (x, y) on, at most `size` in each direction; uses no other pixels."""
    extent = STRIDE * (size - 1) + CELL
    # Where a side is odd, the last output sees only 11 px, as in the whole level.
    rows, columns = slice(STRIDE * y, STRIDE * y + extent), slice(STRIDE * x, STRIDE * x + extent)
    return runtime.run('pnet', stack([level[rows, columns] for level in levels]))


def _tile_candidates(levels, x, y, runtime):
    """The candidates of a tile: the level of each, int [N], and float32 [N, 8] as from `find_candidates`."""
    heads = _pnet_heads(levels, x, y, TILE, runtime)
    places = np.flatnonzero(heads[..., 1] - heads[..., 0] >= PNET_LOG_ODDS)
    owners, rows, columns = np.unravel_index(places, heads.shape[:3])
    found = np.empty([len(rows), 8], np.float32)
    found[:, 0], found[:, 1], found[:, 2:] = columns + x, rows + y, heads[owners, rows, columns]
    return owners, found


# ----------------------------------------------------------------------------------------------------------------------
# Boxes.


def _regress(faces, regression):
    """Moves each edge by a share of the box's width or height, which include the last pixel."""
    width, height = faces[:, 2] - faces[:, 0] + 1, faces[:, 3] - faces[:, 1] + 1
    moved = faces.copy()
    moved[:, :4] += regression * np.stack([width, height, width, height], axis=1)
    return moved


def _squares(faces):
    """Widens the shorter side about the middle."""
    width, height = faces[:, 2] - faces[:, 0], faces[:, 3] - faces[:, 1]
    side = np.maximum(width, height)
    square = faces.copy()
    square[:, 0] = faces[:, 0] + width * 0.5 - side * 0.5
    square[:, 1] = faces[:, 1] + height * 0.5 - side * 0.5
    square[:, 2:4] = square[:, :2] + side[:, np.newaxis]
    return square
