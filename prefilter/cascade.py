"""MTCNN's cascade: P-Net proposes candidates at all scales, R-Net and O-Net refuse most and refine the rest.

It decides as facenet's and the `mtcnn` package's do, to the candidate: their quirks (pixels counted from 1, a mirrored
regression where a level has a single candidate, squares truncated to whole pixels) are kept. R-Net and O-Net get the
candidates of several images at once, and large images take little more memory than their pixels.
"""

import numpy as np

from dnnlib.mtcnn_weights import SIDES, STRIDE
from prefilter.patches import Pyramid, cut_patches, normalise
from prefilter.suppression import suppress

MIN_FACE_SIZE = 20  # px
SCALE_FACTOR = 0.709  # from one level of the image pyramid to the next
# Score a stage asks for, and share of overlap at which the better one of two candidates stays alone.
PNET_THRESHOLD, RNET_THRESHOLD, ONET_THRESHOLD = (np.float32(value) for value in (0.6, 0.7, 0.7))
LEVEL_OVERLAP, IMAGE_OVERLAP, RNET_OVERLAP, ONET_OVERLAP = 0.5, 0.7, 0.7, 0.7

CELL = SIDES['pnet']  # px of a level that one output of P-Net sees
TILE = 96  # outputs of P-Net, in both directions, that are computed at once


def detect_faces(images, engine):
    """Finds the faces of several images.

    Args:
        images: List of uint8 [H, W, 3], RGB, dynamic range [0, 255]; sizes may differ.
        engine: As from `prefilter.engines.open_engine`.

    Returns:
        List of float64 [N, 5], as `prefilter.detector.FaceDetector.detect` says.
    """
    faces, owners = _propose(images, engine)
    faces, owners = _refine(images, faces, owners, engine)
    faces, owners = _settle(images, faces, owners, engine)
    return [faces[owners == owner] for owner in range(len(images))]


def pyramid_scales(height, width):
    """Scales at which faces of P-Net's 12 px are looked for: list of floats, largest first, maybe empty."""
    first = CELL / MIN_FACE_SIZE
    shorter, scales = min(height, width) * first, []
    while shorter >= CELL:
        scales.append(first * np.power(SCALE_FACTOR, len(scales)))
        shorter *= SCALE_FACTOR
    return scales


# ----------------------------------------------------------------------------------------------------------------------
# The three stages. `faces` is float64 [N, 5], boxes and scores; `owners` int [N], ascending, the images they are in.


def _propose(images, engine):
    """P-Net: squares in whole pixels."""
    found, owners, scales = [], [], []
    for owner, image in enumerate(images):
        pyramid = Pyramid(image)
        for scale in pyramid_scales(*image.shape[:2]):
            found.append(level_candidates(pyramid.level(scale), engine))
            owners.append(owner)
            scales.append(scale)
    if not found:
        return np.empty([0, 5]), np.empty(0, np.int64)
    levels = np.repeat(np.arange(len(found)), [len(candidates) for candidates in found])
    found, owners, scales = np.concatenate(found), np.array(owners)[levels], np.array(scales)[levels, np.newaxis]
    cells = found[:, :2].astype(np.float64)
    faces = np.column_stack([
        np.fix((STRIDE * cells + 1) / scales), np.fix((STRIDE * cells + CELL) / scales), face_scores(found[:, 2:4])])
    regression = found[:, 4:]
    kept = suppress(faces, faces[:, 4], levels, LEVEL_OVERLAP)
    kept = kept[suppress(faces[kept], faces[kept, 4], owners[kept], IMAGE_OVERLAP)]
    faces, regression, owners = faces[kept], regression[kept], owners[kept]
    width, height = faces[:, 2] - faces[:, 0], faces[:, 3] - faces[:, 1]  # without the + 1 of the other stages
    faces[:, :4] += regression * np.stack([width, height, width, height], axis=1)
    faces = _squares(faces)
    faces[:, :4] = np.fix(faces[:, :4])
    return faces, owners


def _refine(images, faces, owners, engine):
    """R-Net: squares."""
    faces, owners, regression = _judge('rnet', images, faces, owners, RNET_THRESHOLD, engine)
    kept = suppress(faces, faces[:, 4], owners, RNET_OVERLAP)
    return _squares(_regress(faces[kept], regression[kept])), owners[kept]


def _settle(images, faces, owners, engine):
    """O-Net: boxes of any proportions."""
    faces[:, :4] = np.fix(faces[:, :4])
    faces, owners, regression = _judge('onet', images, faces, owners, ONET_THRESHOLD, engine)
    faces = _regress(faces, regression)
    kept = suppress(faces, faces[:, 4], owners, ONET_OVERLAP, relative_to='smaller')
    return faces[kept], owners[kept]


def _judge(network, images, faces, owners, threshold, engine):
    """Has a network look at the candidates. Returns those above the threshold, their owners and their regression."""
    # A regression can turn a box inside out, though none has been seen to. The references give such an image up.
    empty = (faces[:, 2:4] < faces[:, :2]).any(axis=1)
    hopeless = np.isin(owners, owners[empty])
    faces, owners = faces[~hopeless], owners[~hopeless]
    heads, batch = np.empty([len(faces), 6], np.float32), engine.batch[network]
    boxes = faces[:, :4].astype(np.int64)
    for start in range(0, len(faces), batch):
        part = slice(start, start + batch)
        heads[part] = engine.run(network, cut_patches(images, owners[part], boxes[part], SIDES[network]))
    scores = face_scores(heads[:, :2])
    above = scores > threshold
    return np.column_stack([faces[above, :4], scores[above]]), owners[above], heads[above, 2:]


# ----------------------------------------------------------------------------------------------------------------------
# P-Net on a level of the pyramid.


def level_candidates(level, engine):
    """Candidates of one level before suppression, from left to right, and downwards among these.

    Args:
        level: Whole numbers [H, W, 3], from `prefilter.patches.Pyramid`.
        engine: As for `detect_faces`.

    Returns:
        float32 [N, 8]: x and y of P-Net's output, and its heads there.
    """
    tiles = [(x, y) for y in range(0, _outputs(level.shape[0]), TILE) for x in range(0, _outputs(level.shape[1]), TILE)]
    found = np.concatenate([_tile_candidates(level, x, y, engine) for x, y in tiles])
    if len(tiles) > 1:
        found = found[np.lexsort([found[:, 1], found[:, 0]])]
    if len(found) == 1:
        # Both references turn a level's regression from left to right when it has exactly one candidate.
        mirrored = _outputs(level.shape[1]) - 1 - int(found[0, 0])
        found[:, 4:] = _see(level, mirrored, int(found[0, 1]), 1, engine)[0, :, 2:]
    return found


def face_scores(logits):
    """Float32 [N] in [0, 1], the second of the softmax of float32 [N, 2], computed as the references do."""
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    return odds[:, 1] / odds.sum(axis=1)


def _log_odds(threshold):
    """The least difference of two float32 logits whose score is not below a float32 threshold."""
    nearby = np.float32(np.log(threshold / (1 - threshold))).view(np.int32) + np.arange(-99, 100, dtype=np.int32)
    differences = nearby.view(np.float32)
    scores = face_scores(np.stack([np.zeros_like(differences), differences], axis=1))
    return differences[np.argmax(scores >= threshold)]


PNET_LOG_ODDS = _log_odds(PNET_THRESHOLD)  # as good as to compare scores, which need not be computed everywhere then


def _outputs(side):
    """Number of P-Net's outputs along a side of that many px."""
    return (side - CELL + 1) // STRIDE + 1


def _see(level, x, y, size, engine):
    """P-Net's heads [h, w, 6] at up to `size` outputs from (x, y) on in both directions, computed from these alone."""
    extent = STRIDE * (size - 1) + CELL
    # Where a side is odd, the last output sees only 11 px, as in the whole level.
    pixels = level[STRIDE * y:STRIDE * y + extent, STRIDE * x:STRIDE * x + extent]
    return engine.run('pnet', normalise(pixels))[0]


def _tile_candidates(level, x, y, engine):
    heads = _see(level, x, y, TILE, engine)
    columns, rows = np.nonzero((heads[:, :, 1] - heads[:, :, 0] >= PNET_LOG_ODDS).T)
    found = np.empty([len(rows), 8], np.float32)
    found[:, 0], found[:, 1], found[:, 2:] = columns + x, rows + y, heads[rows, columns]
    return found


# ----------------------------------------------------------------------------------------------------------------------
# Boxes.


def _regress(faces, regression):
    """Moves the edges by shares of width and height, the last pixels included."""
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
