"""How fast do the networks train on one GPU, and how much memory does a step take?"""

import dataclasses
import functools
import math
import time

from benchmarks.data import published_rate
from benchmarks.gpu_check.goldens import layout_for
from benchmarks.gpu_check.report import Row, judged
from benchmarks.iteration import RESOLUTION, Iteration
from tests.step_memory import traced_peak
from training.footprint import step_bytes
from training.options import resolve_options
from training.plan import PAPER_DAYS, V100_DAYS, WORK_OPTIONS, count_parameters

PART = 'training'
WARM_UP, TIMED = 3, 5  # iterations; the first ones choose kernels
# At most this share more or less than the estimate; less memory than this is not judged.
TOLERANCE, SMALL_BYTES = 0.25, 300e6
# Of the published runs: the card, how many of them there were, and how long they took.
PUBLISHED = ('RTX 2080 Ti', 2, PAPER_DAYS), ('V100', 1, V100_DAYS)


def open_training(device, options, sides, stack):
    """The items: a side each.

    Args:
        device: 'gpu' or 'cpu'.
        options: `TrainingOptions` of a run; one of its GPUs is measured.
        sides: Resolutions that train, px, in rising order.
        stack: Closes the session.
    """
    networks = count_parameters(options, 3, 0)
    iteration = Iteration(stack, options, device)
    return [(f'{side} px', functools.partial(check_side, iteration, networks, device, side)) for side in sides]


def check_side(iteration, networks, device, side):
    """The rows of a side: seconds for a kimg, the losses, and the memory of a step of D and of G."""
    size = iteration.minibatch(side)
    for _ in range(WARM_UP):
        iteration.seconds(side)
    begin = time.monotonic()
    for _ in range(TIMED):
        iteration.seconds(side)
    speed = f'{(time.monotonic() - begin) / TIMED / size * 1000:.4g} s/kimg'
    rows = [Row(PART, f'{side} px, minibatch {size}', speed, published_speed(iteration.options, side))]
    losses = {}
    with iteration.as_default():
        for which, step in zip('DG', iteration.steps(side)):
            peak = traced_peak(lambda step=step: losses.update(step()), 'GPU' if device == 'gpu' else '')
            rows.append(_row_about_memory(f'{side} px, step of {which}', peak, iteration, networks, device, side))
    text = ', '.join(f'{name} {value:.4g}' for name, value in losses.items())
    rows.append(judged(PART, f'{side} px, losses', text, 'finite', all(map(math.isfinite, losses.values()))))
    return rows


def published_speed(options, side):
    """What one card of a published run took for a kimg, as text: by this side's share of the work; '' for others."""
    paper = resolve_options('paper', {'data': '', 'gpus': options.gpus}, RESOLUTION)
    if any(getattr(options, name) != getattr(paper, name) for name in ('resolution', *WORK_OPTIONS)):
        return ''
    speeds = [(1000 * gpus / published_rate(side, gpus, days), card) for card, gpus, days in PUBLISHED]
    return ', '.join(f'{speed:.4g} on {card}' for speed, card in speeds)


def _row_about_memory(what, peak, iteration, networks, device, side):
    """The peak of a step without the variables, beside the dry run's estimate."""
    alone = dataclasses.replace(iteration.options, gpus=1)
    estimate = step_bytes(what[-1], networks, alone, side, iteration.minibatch(side), False, layout_for(device))
    beside = f'estimated {estimate / 1e9:.3g} GB'
    row = Row(PART, what, f'{peak / 1e9:.3g} GB', beside)
    if max(peak, estimate) < SMALL_BYTES:  # what has a constant size counts too much
        return row
    return judged(*row[:4], abs(peak / estimate - 1) <= TOLERANCE)
