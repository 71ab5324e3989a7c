"""Estimates of work."""

import pytest

from training.cost import flops_per_image, remaining_flops
from training.options import resolve_options


def test_ratios_are_those_of_the_256_pixel_network():
    # GFLOP per real image counted for the original's graph at 8, 16, ..., 256 px.
    counted = [12, 53, 217, 464, 619, 774]
    ours = [flops_per_image(8 * 2 ** i, 8192, 512) for i in range(6)]
    for mine, reference in zip(ours, counted):
        assert mine / ours[-1] == pytest.approx(reference / counted[-1], rel=0.35)


def test_remaining_work_shrinks_to_nothing():
    options = resolve_options('paper', {'data': 'x', 'gpus': 2}, 256)
    work = [remaining_flops(kimg, options) for kimg in (0, 600, 900, 6000, 24999, 25000)]
    assert work == sorted(work, reverse=True)
    assert work[-1] == 0
    assert work[-2] == pytest.approx(flops_per_image(256, 8192, 512))
