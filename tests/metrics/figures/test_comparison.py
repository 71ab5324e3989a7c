"""Reals and fakes side by side."""

import numpy as np
import pytest

from dnnlib import tflib
from dnnlib.errors import UserError
from dnnlib.records.tfrecords import MultiResolutionDataset
from metrics.figures.comparison import comparison_grid, draw_comparison
from tests.sessions import KeptSession
from tests.toy_run import SMALL, SMALL_G, make_dataset


def network(**kwargs):
    return tflib.Network('Gs', 'training.networks_stylegan.G_style', **dict(SMALL, **SMALL_G, **kwargs))


@pytest.fixture(scope='module')
def built():
    """A network, and the session that it stays in."""
    kept = KeptSession()
    with kept.as_default():
        net = network()
    yield kept, net
    kept.close()


@pytest.fixture
def Gs(built):
    """That network, in the default session; tests leave it as it is."""
    kept, net = built
    with kept.as_default():
        yield net


def cells(half, side=8):
    rows, columns = half.shape[0] // side, half.shape[1] // side
    return half.reshape(rows, side, columns, side, -1).transpose(0, 2, 1, 3, 4).reshape(rows * columns, side, side, -1)


@pytest.mark.parametrize('resolution, side', [(1024, 2), (256, 4), (128, 8), (8, 10)])
def test_grids_fill_the_same_square(resolution, side):
    assert comparison_grid(resolution) == (side, side)


def test_reals_are_records_of_the_dataset_each_once_and_fakes_are_as_many(Gs, finished):
    data = finished[1]
    canvas = draw_comparison(Gs, data, seed=3, grid=(5, 3))  # 15 cells for 12 images
    assert canvas.shape == (24, 2 * 40 + 4, 3)
    with MultiResolutionDataset(data) as dataset:
        records = np.stack([dataset.read(index).transpose(1, 2, 0) for index in range(12)])
    reals, fakes = cells(canvas[:, :40]), cells(canvas[:, 44:])
    assert sorted(image.tobytes() for image in reals[:12]) == sorted(image.tobytes() for image in records)
    assert (canvas[:, 40:44] == 255).all() and (reals[12:] == 255).all() and (fakes[12:] == 255).all()
    latents = np.random.RandomState(3).randn(12, 8)
    expected = Gs.run(
        latents,
        None,
        truncation_psi=0.7,
        truncation_cutoff=8,
        output_transform={'func': tflib.convert_images_to_uint8, 'nchw_to_nhwc': True},
    )
    assert np.abs(fakes[:12].astype(int) - expected).max() <= 1  # an untrained network has no noise


def test_the_same_seed_gives_the_same_picture_and_another_one_another(Gs, finished):
    first, again, other = (draw_comparison(Gs, finished[1], seed, (3, 2)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(again, first)
    assert (other[:, :24] != first[:, :24]).any() and (other[:, 28:] != first[:, 28:]).any()


def test_reals_have_the_side_of_the_networks_images(Gs, tmp_path):
    larger, smaller = (make_dataset(str(tmp_path / str(side)), resolution=side) for side in (16, 4))
    assert draw_comparison(Gs, larger, grid=(1, 1)).shape == (8, 20, 3)
    with pytest.raises(UserError, match='no resolution 8'):
        draw_comparison(Gs, smaller)


def test_a_dataset_of_other_channels_is_refused(session, finished):
    with pytest.raises(UserError, match='images of 1 channels.*of 3.*--data'):
        draw_comparison(network(num_channels=1), finished[1])
