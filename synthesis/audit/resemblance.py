"""How near the people of a set are to the people of the training set, beside how near other real people are."""

import sys

import numpy as np

from dnnlib.progress import Progress
from dnnlib.random_streams import AUDIT_BOOTSTRAP, AUDIT_CELLS
from metrics.arithmetic.leakage import (
    authenticity,
    cells_of,
    copying_statistic,
    leakage_beside,
    nearest_pictures,
    quantiles_beside,
    quantiles_of,
    shares_above,
)
from metrics.arithmetic.pairs import histogram_of
from metrics.arithmetic.uniqueness import accidental_doubles

QUANTILES = 0.5, 0.9, 0.99
CELLS = 5  # of C_T
CELL_IMAGES = 50  # training images for each cell, at least
LEAST_SHARE = 0.01  # of the synthetic images in a cell of C_T
COPY_IMAGES = 10_000  # of the set, those nearest by their embeddings, that are compared by pixels
TRAINING_AT_ONCE = 20_000  # small pictures
COPY_RMS = 8.0  # levels of 255: about what a JPEG file of medium quality changes at 32x32
SAME_IMAGE = 0.9999  # cosine of a held-out image with a training image from which on they are one photograph


def describe_leakage(source, held_out, training, levels):
    """What a report says of leakage, JSON values.

    Args:
        source: `metrics.arithmetic.pairs.Neighbours` of images of the set, one for each identity: training images.
        held_out: The same of other real people, or None.
        training: Neighbours of the training images: other training images.
        levels: Dicts with `far` and `cosine`.
    """
    cosines = [level['cosine'] for level in levels]
    ours = shares_above(source.scores, cosines)
    theirs = held_out and shares_above(held_out.scores, cosines)
    beside = held_out and leakage_beside(source.scores, held_out.scores, cosines)
    described = []
    for place, level in enumerate(levels):
        told = {
            'far': level['far'],
            'cosine': level['cosine'],
            'images': int((source.scores >= level['cosine']).sum()),
            'share': float(ours.shares[place]),
            'interval': [float(ours.low[place]), float(ours.high[place])],
            'by accident': float(accidental_doubles(len(training.scores) + 1, level['far'])),
            'held-out share': None,
        }
        if held_out:
            difference, low, high = (float(value[place]) for value in beside)
            told['held-out share'] = float(theirs.shares[place])
            told['held-out interval'] = [float(theirs.low[place]), float(theirs.high[place])]
            told['difference'], told['difference interval'] = difference, [low, high]
        described.append(told)
    return {
        'people': len(source.scores),
        'held-out people': len(held_out.scores) if held_out else None,
        'training images': len(training.scores),
        'levels': described,
        'quantiles': _quantiles(source, held_out),
        'scores': histogram_of(source.scores).tolist(),
        'held-out scores': histogram_of(held_out.scores).tolist() if held_out else None,
        'authenticity': authenticity(source.scores, source.nearest, training.scores),
        'held-out authenticity': held_out and authenticity(held_out.scores, held_out.nearest, training.scores),
    }


def _quantiles(source, held_out):
    """[{probability, cosine, ...}] of the nearest training image."""
    if held_out is None:
        values = quantiles_of(source.scores, QUANTILES)
        return [{'probability': share, 'cosine': float(value)} for share, value in zip(QUANTILES, values)]
    random = np.random.RandomState([AUDIT_BOOTSTRAP])
    found = quantiles_beside(source.scores, held_out.scores, QUANTILES, random)
    names = 'cosine', 'held-out', 'difference', 'low', 'high'
    return [
        {'probability': share, **{name: float(value[place]) for name, value in zip(names, found)}}
        for place, share in enumerate(QUANTILES)
    ]


def copying_of(source, held_out, vectors, held_out_vectors, training_vectors):
    """C_T, a float; None where the training set is too small for it, or no cell has enough images.

    Args:
        source, held_out: `Neighbours` as above.
        vectors, held_out_vectors, training_vectors: float32 [N, size], embeddings in the same order.
    """
    cells = min(CELLS, len(training_vectors) // CELL_IMAGES)
    if cells < 1:
        return None
    ours, theirs = cells_of(training_vectors, [vectors, held_out_vectors], cells, AUDIT_CELLS)
    found = copying_statistic(-source.scores, -held_out.scores, ours, theirs, LEAST_SHARE)
    return float(found) if np.isfinite(found) else None


def describe_copies(scores, images, pictures, training_pictures):
    """Which images look like a training image pixel by pixel, also mirrored: JSON values.

    Args:
        scores: float [N], the cosine of each image with its nearest training image.
        images: int64 [N], the numbers of these images in the set.
        pictures, training_pictures: uint8 [images, C, S, S], small copies of all images of the set, and of the training
            set; may be memory maps.
    """
    places = np.sort(np.argsort(-scores, kind='stable')[:COPY_IMAGES])
    nearest, rms, flipped = _nearest_pictures(np.asarray(pictures[images[places]]), training_pictures)
    order = np.lexsort((places, rms))
    copies = order[rms[order] <= COPY_RMS]
    return {
        'compared': len(places),
        'rms limit': COPY_RMS,
        'count': len(copies),
        'rms quantiles': {f'{share:g}': float(np.quantile(rms, share)) for share in (0.01, 0.5)},
        'found': [
            {
                'image': int(images[places[each]]),
                'training': int(nearest[each]),
                'rms': float(rms[each]),
                'mirrored': bool(flipped[each]),
            }
            for each in copies
        ],
    }


def _nearest_pictures(pictures, training):
    """As `nearest_pictures`, in parts of the training set."""
    best = None
    starts = range(0, len(training), TRAINING_AT_ONCE)
    for start in Progress(starts, desc='Looking for copies', unit=' parts', leave=False, delay=2, file=sys.stderr):
        found = nearest_pictures(pictures, np.asarray(training[start : start + TRAINING_AT_ONCE]))
        found = [found.nearest + start, found.rms, found.flipped]
        if best is None:
            best = found
            continue
        is_nearer = found[1] < best[1]
        best = [np.where(is_nearer, new, old) for new, old in zip(found, best)]
    return best


def shared_photographs(held_out):
    """Number of held-out images that are training images too."""
    return int((held_out.scores >= SAME_IMAGE).sum())
