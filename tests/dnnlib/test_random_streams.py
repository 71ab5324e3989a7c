"""Seeds of the random streams."""

from dnnlib import random_streams
from dnnlib.random_streams import noise_seed, seed_from

TRAINING = ['ORDER', 'MIRROR', 'D_LATENTS', 'D_DRAWS', 'G_LATENTS', 'G_DRAWS', 'G_LABELS']
TRAINING += ['GRID_LATENTS', 'GRID_REALS', 'GRID_NOISE']
METRICS = ['REALS_FLIPS', 'FAKES_NOISE', 'PATH_LATENTS', 'PATH_POSITIONS', 'PATH_NOISE', 'SEPARABILITY_FITS']
METRICS += ['FAKES_LABELS', 'KERNEL_SUBSETS', 'INFINITY_SUBSETS']
SYNTHESIS = ['LATENTS', 'FINE', 'NEAR', 'DIRECTIONS', 'CLASSES', 'SPREAD']


def test_seeds_depend_on_every_number_and_its_place():
    seeds = [seed_from(*numbers) for numbers in [(0,), (1,), (1, 2), (2, 1), (1, 2, 3), (2**40,)]]
    assert len(set(seeds)) == len(seeds) and all(0 <= seed < 2**32 for seed in seeds)
    assert seed_from(1, 2) == seeds[2]


def test_noise_seeds_stay_below_two_to_the_thirtieth():
    seeds = [seed for position in range(50) for seed in noise_seed(2**32 - 1, position)]
    assert len(set(seeds)) == 100 and all(0 <= seed < 2**30 for seed in seeds)


def test_streams_keep_the_numbers_that_runs_values_and_datasets_were_made_with():
    named = {name: number for name, number in vars(random_streams).items() if name.isupper()}
    assert [named.pop(name) for name in TRAINING] == [0, 1, *range(10, 15), *range(20, 23)]
    assert [named.pop(name) for name in METRICS] == list(range(1, 10))
    assert [named.pop('SYNTHESIS_' + name) for name in SYNTHESIS] == list(range(30, 36))
    assert [named.pop(name) for name in ('EXPORT_PAIRS', 'PREFILTER_SUBSET')] == [40, 45]
    assert [named.pop('AUDIT_' + name) for name in ('ROWS', 'BOOTSTRAP', 'CELLS')] == [60, 61, 62]
    assert [named.pop('DIRECTION_' + name) for name in ('FITS', 'SAMPLES')] == [50, 51]
    assert not named  # a new stream needs a number of its own here
