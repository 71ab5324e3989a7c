"""Style mixing: which styles go where. That it equals the original's figure is in `test_figures`."""

import numpy as np
import pytest

from dnnlib import tflib
from dnnlib.errors import UserError
from metrics.figures.style_mixing import draw_style_mixing, layers_by_row, style_mixing
from tests.toy_run import SMALL, SMALL_G


@pytest.mark.parametrize(
    'num_layers, levels',
    [
        (18, ((0, 4), (4, 8), (8, 18))),
        (14, ((0, 4), (4, 8), (8, 14))),
        (10, ((0, 4), (4, 8), (8, 10))),
        (8, ((0, 2), (2, 4), (4, 8))),
        (6, ((0, 1), (1, 3), (3, 6))),
        (4, ((0, 1), (1, 2), (2, 4))),
    ],
)
def test_six_rows_take_coarse_middle_and_fine_layers_as_in_the_original(num_layers, levels):
    coarse, middle, fine = (range(*level) for level in levels)
    assert layers_by_row(num_layers, 6) == [coarse] * 3 + [middle] * 2 + [fine]
    assert layers_by_row(num_layers, 3) == [coarse, middle, fine]


@pytest.mark.parametrize('num_layers', [1, 2])
def test_a_network_with_too_few_styles_is_refused(num_layers):
    with pytest.raises(UserError, match='has 1 styles' if num_layers == 1 else '8x8'):
        layers_by_row(num_layers, 6)


def test_each_row_takes_its_layers_from_the_sources_and_the_others_from_its_destination():
    sources, destinations = (
        np.float32(rows).reshape(-1, 3, 1) for rows in ([[1, 2, 3], [4, 5, 6]], [[10, 20, 30], [40, 50, 60]])
    )
    canvas = style_mixing(  # an image is a row of three pixels, its styles
        lambda dlatents: dlatents.reshape(-1, 1, 3, 1).astype(np.uint8), sources, destinations, [[0], [1, 2]]
    )
    np.testing.assert_array_equal(
        canvas[:, :, 0],
        [[255, 255, 255, 1, 2, 3, 4, 5, 6], [10, 20, 30, 1, 20, 30, 4, 20, 30], [40, 50, 60, 40, 2, 3, 40, 5, 6]],
    )


@pytest.mark.parametrize('layers, message', [([range(2)], 'for 1 rows, but there are 2'), ([[0], [4]], 'no layer 4')])
def test_layers_that_do_not_fit_are_refused(session, layers, message):
    Gs = tflib.Network('Gs', 'training.networks_stylegan.G_style', **SMALL, **SMALL_G)
    with pytest.raises(UserError, match=message):
        draw_style_mixing(Gs, [1], [2, 3], layers)


def test_a_network_with_one_style_for_all_layers_has_none_to_mix(session):
    Gs = tflib.Network(
        'Gs',
        'training.networks_stylegan.G_style',
        **SMALL,
        **SMALL_G,
        use_styles=False,
        const_input_layer=False,
        style_mixing_prob=None,
    )
    with pytest.raises(UserError, match='has 1 styles'):
        draw_style_mixing(Gs)
