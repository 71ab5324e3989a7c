"""Estimates of work."""

import pytest

from training.cost import STEP_OVERHEAD, eta_sec, flops_between, flops_per_image
from training.options import resolve_options

PAPER = resolve_options('paper', {'data': 'x', 'gpus': 2}, 256)
DEMO = resolve_options('demo', {'data': 'x'}, 32)


def test_ratios_are_those_of_the_256_pixel_network():
    # GFLOP per real image counted for the original's graph at 8, 16, ..., 256 px.
    counted = [12, 53, 217, 464, 619, 774]
    ours = [flops_per_image(8 * 2**i, 8192, 512) for i in range(6)]
    for mine, reference in zip(ours, counted):
        assert mine / ours[-1] == pytest.approx(reference / counted[-1], rel=0.35)


def test_work_between_adds_up_and_ends_at_nothing():
    cuts = [0, 600, 900, 6000, 24999, 25000]
    parts = [flops_between(begin, end, PAPER) for begin, end in zip(cuts, cuts[1:])]
    assert sum(parts) == pytest.approx(flops_between(0, 25000, PAPER))
    assert parts[-1] == pytest.approx(flops_per_image(256, 8192, 512))
    assert flops_between(25000, 25000, PAPER) == 0


def duration(begin, end, sec_per_flops):
    """Of a run on an imagined machine, computed in small pieces."""
    total, kimg = 0, begin
    while kimg < end - 1e-9:
        middle = kimg + 0.05
        resolution = 8 if middle < 10 else 16 if middle < 25 else 32
        total += 0.1 * sec_per_flops * (flops_per_image(resolution, 512, 32) + STEP_OVERHEAD / 16)
        kimg += 0.1
    return total


@pytest.mark.parametrize('begin, end', [(0, 2), (9, 11), (12, 14), (50, 52)])  # the second tick is of two resolutions
def test_eta_holds_for_a_machine_with_that_overhead_whatever_tick_it_is_made_from(begin, end):
    tick_sec = duration(begin, end, 2e-7)
    assert eta_sec(3, begin, end, tick_sec, 0, DEMO) == pytest.approx(duration(end, 56, 2e-7), rel=0.01)


@pytest.mark.parametrize(
    'begin, end, tick_sec, left',
    [(2.048, 4.096, 12.8, 1808), (10.24, 12.288, 35.0, 1732), (18.432, 20.48, 30.5, 1601), (28.672, 30.72, 99.4, 1195)],
)
def test_eta_holds_on_a_busy_machine(begin, end, tick_sec, left):
    # Seconds of a demo that shared two cores with other programs.
    assert eta_sec(3, begin, end, tick_sec, 0, DEMO) == pytest.approx(left, rel=0.2)


def test_eta_holds_for_the_work_alone_where_that_is_long():
    tick_sec = 140 * flops_per_image(8, 8192, 512) * 1e-6
    assert eta_sec(3, 140, 280, tick_sec, 0, PAPER) == pytest.approx(1e-6 * flops_between(280, 25000, PAPER), rel=0.1)


def test_eta_of_a_fast_machine_is_still_more_than_nothing():
    assert 0 < eta_sec(3, 4, 6, 0.5, 0, DEMO) < 56 * 250


def test_eta_counts_the_snapshots_to_come():
    options = resolve_options('demo', {'data': 'x', 'total_kimg': 42}, 32)  # ticks of 2, snapshots every 5: 4 to come
    without = eta_sec(1, 0, 2, 5, 0, options)
    assert eta_sec(1, 0, 2, 5, 30, options) - without == pytest.approx(4 * 30)  # one so far, at the start
    assert eta_sec(2, 0, 2, 5, 30, options) - without == pytest.approx(4 * 15)  # and one after the first tick
    assert eta_sec(21, 40, 42, 5, 30, options) == 0
