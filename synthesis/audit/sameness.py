"""Whether several images of an identity stay the same person, beside several photographs of real people."""

import numpy as np

from dnnlib.random_streams import AUDIT_BOOTSTRAP
from metrics.arithmetic.identity_scores import genuine_accept_rates, mated_pairs, pairs_by_kind
from metrics.arithmetic.pairs import exact_scores, histogram_of

MOST_IMAGES = 20  # of an identity; their pairs grow with the square
FIRST, LATER = 'first image', 'variation'


def describe_sameness(subjects, levels):
    """What a report says of the pairs of images of one identity, JSON values; None if no identity has two images.

    Args:
        subjects: `synthesis.audit.subjects.Subjects`.
        levels: Dicts with `far` and `cosine`.
    """
    if subjects is None or not subjects.are_labelled or subjects.count == subjects.people:
        return None
    identities, vectors = subjects.identities, subjects.embeddings.vectors
    pairs = mated_pairs(identities, MOST_IMAGES)
    scores = exact_scores(vectors, vectors, pairs[:, 0], pairs[:, 1])
    is_first = np.zeros(subjects.count, bool)
    is_first[subjects.firsts] = True
    return {
        'identities': len(np.unique(identities[pairs[:, 0]])),
        'all': _rates(scores, identities[pairs[:, 0]], levels),
        'by kind': {
            _title(kind): _rates(scores[places], identities[pairs[places, 0]], levels)
            for kind, places in pairs_by_kind(pairs, np.where(is_first, FIRST, LATER), FIRST).items()
        },
        'scores': histogram_of(scores).tolist(),
    }


def _title(kind):
    return {LATER: 'first image and a variation', f'{LATER} / {LATER}': 'two variations'}[kind]


def _rates(scores, identities, levels):
    random = np.random.RandomState([AUDIT_BOOTSTRAP])
    found = genuine_accept_rates(scores, identities, [level['cosine'] for level in levels], random)
    return {
        'pairs': len(scores),
        'mean': float(scores.mean()),
        'quantiles': {f'{share:g}': float(np.quantile(scores, share)) for share in (0.05, 0.5, 0.95)},
        'levels': [
            {
                'far': level['far'],
                'cosine': level['cosine'],
                'accepted': float(value),
                'interval': [float(low), float(high)],
            }
            for level, value, low, high in zip(levels, *found)
        ],
    }
