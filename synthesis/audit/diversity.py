"""Diversity and fidelity of a set beside the training set, and how its images look."""

import numpy as np

from metrics.arithmetic.density_coverage import NEIGHBOURS, density_coverage
from metrics.arithmetic.neighbourhoods import squared_radii, within
from metrics.arithmetic.vendi import vendi_score
from synthesis.audit.looks import BALANCE, BRIGHTNESS, CONTRAST, FACES, SCORE, SHARPNESS

MOST_IMAGES = 10_000  # of each set
PRECISION_NEIGHBOURS = 3  # k of precision and recall, as `run_metrics.py` has it
QUANTILES = 0.05, 0.5, 0.95
LOW_SCORE = 0.95  # of the detector
TITLES = {
    SCORE: "detector's score",
    SHARPNESS: 'sharpness (variance of the Laplacian)',
    BRIGHTNESS: 'brightness of the middle',
    CONTRAST: 'contrast of the middle',
    BALANCE: 'left less right brightness',
}


def evenly(count, most=MOST_IMAGES):
    """Places of at most `most` of `count` images, evenly spaced: int64, ascending."""
    return np.linspace(0, count - 1, min(count, most)).round().astype(np.int64)


def describe_diversity(source, training, held_out):
    """Precision, recall, density, coverage and Vendi score of vectors: JSON values.

    All sets are cut to one size, because these numbers depend on it.

    Args:
        source, training, held_out: float32 [N, F], `held_out` may be None.

    Returns:
        Dict; None if the sets are too small.
    """
    sets = [each for each in (source, training, held_out) if each is not None]
    count = min(MOST_IMAGES, *map(len, sets))
    if count <= NEIGHBOURS:
        return None
    chosen = [np.ascontiguousarray(each[evenly(len(each), count)], np.float32) for each in sets]
    reals = chosen[1]
    radii = squared_radii(reals, NEIGHBOURS), squared_radii(reals, PRECISION_NEIGHBOURS)
    told = {'images': count, 'set': _beside(chosen[0], reals, radii)}
    told['held-out'] = _beside(chosen[2], reals, radii) if len(chosen) == 3 else None
    told['training'] = {'vendi': vendi_score(_unit(reals))}
    return told


def _beside(vectors, reals, radii):
    density, coverage = density_coverage(vectors, reals, radii=radii[0])
    own = squared_radii(vectors, PRECISION_NEIGHBOURS)
    return {
        'precision': float((within(vectors, reals, radii[1], strict=False)[0] > 0).mean()),
        'recall': float((within(reals, vectors, own, strict=False)[0] > 0).mean()),
        'density': density,
        'coverage': coverage,
        'vendi': vendi_score(_unit(vectors)),
    }


def _unit(vectors):
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(lengths > 0, lengths, 1)


def describe_looks(columns):
    """Quantiles of how the images of a dataset look, JSON values.

    Args:
        columns: {name: array [N]} as `synthesis.audit.looks.Looks` measures them.
    """
    scores, faces = columns[SCORE], columns[FACES]
    return {
        'quantiles': {
            title: [float(np.quantile(columns[name], share)) for share in QUANTILES] for name, title in TITLES.items()
        },
        'without a face': float((faces == 0).mean()),
        'several faces': float((faces > 1).mean()),
        'low score': float((scores < LOW_SCORE).mean()),
    }
