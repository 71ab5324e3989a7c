"""The random streams of a seed, numbered in one place, so that no two uses of a seed draw the same numbers.

Each number below names one stream. Training and separability derive a seed with `seed_from(seed, STREAM, ...)`; the
other metrics and the synthesis of datasets pass `[seed, STREAM, ...]` to `numpy.random.RandomState`. The two ways give
unrelated numbers, so training and metrics may use the same stream number. A changed number would change every run,
every measured value and every synthetic dataset.
"""

from typing import List

import numpy as np

# Training, the order of the reals and how they are shown.
ORDER = 0
MIRROR = 1

# Training, one step.
D_LATENTS = 10
D_DRAWS = 11
G_LATENTS = 12
G_DRAWS = 13
G_LABELS = 14

# Training, the image grid.
GRID_LATENTS = 20
GRID_REALS = 21
GRID_NOISE = 22

# Metrics. The latents of fakes come from the seed alone.
REALS_FLIPS = 1
FAKES_NOISE = 2
PATH_LATENTS = 3
PATH_POSITIONS = 4
PATH_NOISE = 5
SEPARABILITY_FITS = 6
FAKES_LABELS = 7
KERNEL_SUBSETS = 8
INFINITY_SUBSETS = 9

# Synthesis of datasets.
SYNTHESIS_LATENTS = 30
SYNTHESIS_FINE = 31
SYNTHESIS_NEAR = 32
SYNTHESIS_DIRECTIONS = 33
SYNTHESIS_CLASSES = 34
SYNTHESIS_SPREAD = 35

# Exports.
EXPORT_PAIRS = 40

# Subsets of the filter.
PREFILTER_SUBSET = 45

# Named directions.
DIRECTION_FITS = 50
DIRECTION_SAMPLES = 51

# Audits.
AUDIT_ROWS = 60
AUDIT_BOOTSTRAP = 61
AUDIT_CELLS = 62


def seed_from(*numbers: int) -> int:
    """One 32-bit seed from several non-negative integers; other numbers give an independent seed."""
    return int(np.random.SeedSequence(numbers).generate_state(1)[0])


def noise_seed(*numbers: int) -> List[int]:
    """Two seeds, a list of int below 2^30, for the stateless noise inside a graph.

    Networks count further streams up from these seeds; the limit keeps those within int32.
    """
    return [seed_from(*numbers, half) >> 2 for half in range(2)]
