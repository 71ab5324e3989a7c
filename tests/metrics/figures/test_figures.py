"""The figures against the original code's, on its toy generator."""

import numpy as np
import pytest

from dnnlib import tflib
from dnnlib.errors import UserError
from metrics.figures import paper_figures as figures
from tests.goldens.files import Golden
from tests.goldens.kinds import assert_agreement, golden_cases
from tests.toy_run import SMALL, SMALL_G


@golden_cases('figures*')
def test_figures_equal_the_original(open_session, kind, path, case):
    assert_agreement(kind, path, case, open_session)


@pytest.fixture
def golden(session):
    return Golden('figures')


def small_network(**kwargs):
    return tflib.Network('Gs', 'training.networks_stylegan.G_style', **dict(SMALL, **SMALL_G, **kwargs))


def test_noise_buffers_are_put_back(session):
    Gs = small_network()
    before = tflib.run(Gs.vars)
    figures.draw_noise_components(Gs, seeds=[1])
    for name, value in tflib.run(Gs.vars).items():
        np.testing.assert_array_equal(value, before[name])
    assert any(name.split('/')[-1].startswith('noise') and value.any() for name, value in before.items())


def test_uncurated_truncates_the_layers_of_4_to_32_pixels_with_psi_07(session):
    calls = []

    class Recorder:
        input_shape, output_shape = [None, 4], [None, 3, 256, 256]

        def run(self, latents, labels, **kwargs):
            calls.append(kwargs)
            return np.zeros([len(latents), 256, 256, 3], np.uint8)

    canvas = figures.draw_uncurated(Recorder())
    assert canvas.shape == (768, 256 + 128 + 2 * 64 + 2 * 32, 3)
    assert (calls[0]['truncation_psi'], calls[0]['truncation_cutoff']) == (0.7, 8)
    assert 'randomize_noise' not in calls[0] and 'is_validation' not in calls[0]


@pytest.mark.parametrize(
    'resolution, rows, lods',
    [(1024, 3, [0, 1, 2, 2, 3, 3]), (256, 3, [0, 1, 2, 2, 3, 3]), (128, 3, [0] * 6), (32, 8, [0] * 12)],
)
def test_uncurated_layouts(resolution, rows, lods):
    assert figures.uncurated_layout(resolution) == (rows, lods)


def test_the_uncurated_canvas_is_white_where_no_image_stands():
    canvas = figures.uncurated(
        lambda latents: np.zeros([len(latents), 6, 6, 1], np.uint8), 2, (0, 0, 6, 6), rows=1, lods=[0, 2], seed=0
    )
    assert canvas.shape == (6, 7, 1) and (canvas[:4] == 0).all()  # four images of 1x1 fill 4 of the 6 rows
    assert (canvas[4:, :6] == 0).all() and (canvas[4:, 6] == 255).all()


def test_truncation_goes_from_the_sample_over_the_mean_to_its_opposite():
    dlatents, average = np.float32([[[4.0]], [[8.0]]]), np.float32([2.0])
    canvas = figures.truncation_trick(
        lambda w: w.reshape(-1, 1, 1, 1).astype(np.uint8), dlatents, average, psis=[1, 0.5, 0, -1]
    )
    np.testing.assert_array_equal(canvas[:, :, 0], np.uint8([[4, 3, 2, 0], [8, 5, 2, 252]]))


def test_a_network_without_noise_has_no_noise_components(session):
    with pytest.raises(UserError, match='no noise inputs'):
        figures.draw_noise_components(small_network(use_noise=False))


@pytest.mark.thorough
def test_uncurated_is_the_same_whatever_was_drawn_before(golden):
    Gs = golden.network('Gs', 'G_style', randomize_noise=True)
    first, other_psi, again = (figures.draw_uncurated(Gs, psi=psi) for psi in (0.7, 0.5, 0.7))
    np.testing.assert_array_equal(again, first)
    assert other_psi.shape == first.shape and (other_psi != first).any()


def test_the_layers_that_keep_their_noise_are_those_of_the_paper():
    assert figures.kept_noise(14) == (range(14), (), range(8, 14), range(8))
