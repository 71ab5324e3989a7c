"""Writes tests/golden/audit/published.json: what published implementations say of vectors that a seed makes.

It needs an environment of its own: Python 3.11 with prdc==0.2 vendi-score==0.0.3 scikit-learn==1.7.2 numpy==1.26.4
scipy==1.15.3. From the root of the project: python tests/goldens/published_audit.py
"""

import json
import os

import numpy as np

PATH = os.path.join(os.path.dirname(__file__), os.pardir, 'golden', 'audit', 'published.json')
SEEDS = 1, 2, 3
NEIGHBOURS = 5
THRESHOLDS = 0.2, 0.5, 0.8


def vectors(seed):
    """(synthetic, training): float32 [300, 24] and [250, 24], rows of length 1; some of the synthetic ones are copies.

    Training images come in groups that look alike; the synthetic ones cover some of the groups.
    """
    random = np.random.RandomState(seed)
    groups = random.randn(40, 24)
    training = groups[random.randint(40, size=250)] + random.randn(250, 24) * 0.6
    synthetic = groups[random.randint(5 + 10 * seed, size=300)] + random.randn(300, 24) * 0.5
    synthetic[::60] = training[:5]
    return tuple(
        (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32) for rows in (synthetic, training)
    )


def main():
    import prdc
    from sklearn.neighbors import NearestNeighbors
    from vendi_score import vendi

    found = {}
    for seed in SEEDS:
        synthetic, training = (rows.astype(np.float64) for rows in vectors(seed))
        nearest = NearestNeighbors(metric='cosine', algorithm='brute').fit(training)
        distances, places = nearest.kneighbors(synthetic, 1)
        counts = [
            [len(near) for near in nearest.radius_neighbors(synthetic, 1 - threshold, return_distance=False)]
            for threshold in THRESHOLDS
        ]
        found[str(seed)] = {
            'prdc': prdc.compute_prdc(training, synthetic, nearest_k=NEIGHBOURS),
            'vendi-score': [float(vendi.score_dual(rows)) for rows in (synthetic, training)],
            'vendi-score of the matrix': [float(vendi.score_K(rows @ rows.T)) for rows in (synthetic, training)],
            'scikit-learn nearest': places[:, 0].tolist(),
            'scikit-learn scores': np.round(1 - distances[:, 0], 9).tolist(),
            'scikit-learn counts': counts,
        }
        found[str(seed)]['prdc'] = {name: float(value) for name, value in found[str(seed)]['prdc'].items()}
    with open(PATH, 'w') as file:
        json.dump(found, file)
        file.write('\n')


if __name__ == '__main__':
    main()
