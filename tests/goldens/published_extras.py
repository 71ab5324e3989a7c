"""Writes tests/golden/metric_extras.json: what published implementations say of features that a seed makes.

It needs an environment of its own: Python 3.10 with torch==1.12.1 torchvision==0.13.1 torch-fidelity==0.4.0 prdc==0.2
numpy==1.26.4 scipy==1.15.3 scikit-learn==1.7.2. From the root of the project: python tests/goldens/published_extras.py
"""

import json
import os

import numpy as np

PATH = os.path.join(os.path.dirname(__file__), os.pardir, 'golden', 'metric_extras.json')
SEEDS = 1, 2, 3


def features(seed):
    """(fakes, reals): float32 [300, 32] and [250, 32], of distributions that overlap in part."""
    random = np.random.RandomState(seed)
    fakes = np.abs(random.randn(300, 32) * 0.9 + 0.15)
    reals = np.abs(random.randn(250, 32))
    reals[:, :4] += seed  # some of them lie apart
    fakes[:, :4] += seed * (random.rand(300, 1) < 0.7)
    return fakes.astype(np.float32), reals.astype(np.float32)


def logits(seed):
    """float32 [103, 20], a number that does not divide by the splits."""
    return (np.random.RandomState(seed).randn(103, 20) * 3).astype(np.float32)


def main():
    import prdc
    import torch
    from torch_fidelity.metric_isc import isc_features_to_metric
    from torch_fidelity.metric_kid import kid_features_to_metric
    from torch_fidelity.metric_prc import prc_features_to_metric

    found = {}
    for seed in SEEDS:
        fakes, reals = features(seed)
        tensors = torch.from_numpy(fakes), torch.from_numpy(reals)
        kid = kid_features_to_metric(*tensors, kid_subsets=7, kid_subset_size=60, rng_seed=seed, verbose=False)
        prc = prc_features_to_metric(*tensors, prc_neighborhood=3, verbose=False)
        isc = isc_features_to_metric(torch.from_numpy(logits(seed)), splits=10, shuffle=False)
        other = prdc.compute_prdc(reals, fakes, nearest_k=3)
        found[str(seed)] = {
            'torch-fidelity kid': [kid['kernel_inception_distance_mean'], kid['kernel_inception_distance_std']],
            'torch-fidelity precision and recall': [prc['precision'], prc['recall']],
            'torch-fidelity inception score': [isc['inception_score_mean'], isc['inception_score_std']],
            'prdc precision and recall': [other['precision'], other['recall']],
        }
    with open(PATH, 'w') as file:
        json.dump(found, file, indent=1)
        file.write('\n')


if __name__ == '__main__':
    main()
