"""Linear separability against golden files."""

import numpy as np

from metrics.arithmetic.separability import conditional_entropies, separability
from tests.goldens.files import ROUNDING_TOLERANCE, Comparison


def entropies_and_scores(golden, _case, _open_session):
    """Tables of predictions, the entropies that come of them, and the scores."""
    meta = golden.meta
    tables = meta.get('entropy_table', [])
    for kind, rows, key in (
        ('entropies', tables, 'conditional_entropy'),
        ('entropies', meta.get('joint_p', []), 'conditional_entropy_bits'),
    ):
        for row in rows:
            yield Comparison(kind, str(row['p']), abs(conditional_entropies(row['p']) - row[key]), ROUNDING_TOLERANCE)
    attributes = meta.get('attrib_indices', range(meta['attrib']) if 'attrib' in meta else ())
    dlatents = 'in/dlatents_last_layer' if 'in/dlatents_last_layer' in golden else 'in/dlatents'
    points = [golden[key][: meta['num_samples']] for key in ('in/latents', dlatents)]
    predictions = [golden[f'in/predictions/{attribute}'][: meta['num_samples']] for attribute in attributes]
    expected = [
        (seed, about.get('results', about), about.get('calls', meta.get('joint_p')))
        for seed, about in meta.get('by_numpy_seed', meta.get('repeat_results_by_numpy_seed')).items()
    ]
    for seed, scores, calls in expected[:2]:
        results = separability(points, predictions, meta['num_keep'], int(seed))
        for position, space in enumerate('zw'):
            result = results[position]
            yield Comparison(
                'score', f'{space}, seed {seed}', abs(result.score / scores['_' + space] - 1), ROUNDING_TOLERANCE
            )
            bits = [call['conditional_entropy_bits'] for call in calls if call['space'] == space]
            yield Comparison(
                'entropies',
                f'{space}, seed {seed}',
                np.abs(np.subtract(result.entropies, bits)).max(),
                ROUNDING_TOLERANCE,
            )
