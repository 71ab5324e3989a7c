"""The closed form for a step's memory, against what TensorFlow's allocator holds."""

import pytest

from tests.step_memory import compare
from training.footprint import Networks, step_bytes, variables_bytes
from training.options import resolve_options


@pytest.mark.slow
@pytest.mark.optimized
def test_estimate_is_what_tensorflow_holds_at_the_peak(session):
    # Narrow mapping and many images, so that features weigh more than weights, as on a GPU.
    options = resolve_options(
        'paper',
        {
            'data': '',
            'gpus': 1,
            'fmap_base': 512,
            'fmap_max': 32,
            'latent_size': 32,
            'mapping_layers': 2,
            'minibatch': 32,
            'device': 'cpu',
        },
        32,
    )
    rows = 0
    for row, which, measured, estimated in compare(options):
        assert measured == pytest.approx(estimated, rel=0.3), (row.what, row.resolution, which)
        rows += 1
    assert rows == 2 * 5


@pytest.mark.thorough
def test_estimate_counts_what_classes_take(session):
    given = {'data': '', 'fmap_max': 32, 'latent_size': 32, 'mapping_layers': 2, 'minibatch': 8, 'device': 'cpu'}
    options = resolve_options('paper', dict(given, total_kimg=100, minibatch_by_resolution={}), 8)
    found = list(compare(options, 20000))
    assert len(found) == 2
    for _, which, measured, estimated in found:
        assert 0.5 < measured / estimated < 1.2, which  # which sums are added up at the same time is up to TensorFlow


def test_memory_of_the_papers_phases_is_that_of_their_trace():
    # MB of default networks at 256x256 and the minibatch of one GPU, as benchmarks.step_memory measured them on a CPU.
    networks = Networks(26261495, 23052354, 26086229, 23052353)
    options = resolve_options('paper', {'data': ''}, 256)
    measured = {32: (2562, 2275), 64: (3209, 2730), 128: (3525, 2968)}
    for resolution, sizes in measured.items():
        minibatch = options.minibatch_by_resolution[resolution]
        for which, size in zip('DG', sizes):
            assert step_bytes(which, networks, options, resolution, minibatch, False, 'NHWC') / 1e6 == pytest.approx(
                size, rel=0.05
            )


def test_variables_are_the_networks_their_average_and_adams_moments():
    assert variables_bytes(Networks(G=10, D=7, G_trainable=8, D_trainable=6)) == 4 * (10 + 10 + 7 + 2 * 8 + 2 * 6)
