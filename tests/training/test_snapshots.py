"""Image grids."""

import json

import numpy as np
import pytest

from tests.goldens.files import FOLDER
from training.snapshots import grid_size_for

with np.load(str(FOLDER / 'image_utils.npz')) as file:
    SIZES = json.loads(str(file['meta_json']))['snapshot_grid_sizes']


@pytest.mark.parametrize('name', sorted(SIZES))
def test_grid_fills_the_screen(name):
    screen, side = name.split('_')
    width_height = {'4k': (3840, 2160), '1080p': (1920, 1080)}[screen]
    assert list(grid_size_for([3, int(side), int(side)], width_height)) == SIZES[name]
