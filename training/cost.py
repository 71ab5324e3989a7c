"""The work of a run, phase by phase. The estimate of the time left is computed from it."""

from training.networks_stylegan import feature_maps
from training.schedule import phases

# A step of D and G starts some thousand small operations. That takes as long as this many multiplications, on an idle
# machine and on a busy one alike. Measured on CPU cores with the demo's networks. With the paper's networks the
# convolutions take so much longer that it does not matter.
STEP_OVERHEAD = 26e6


def flops_per_image(resolution, fmap_base, fmap_max):
    """Multiplications in the 3x3 convolutions of G for one image, a relative measure of work. D has as many.

    Args:
        resolution: Side in px that is trained.
        fmap_base, fmap_max: Sizes of the networks, see `TrainingOptions`.
    """
    fmaps = feature_maps(fmap_base, 1.0, fmap_max)
    total, level = 0, 2
    while 2**level <= resolution:
        in_maps, out_maps = fmaps(level - 2), fmaps(level - 1)
        total += 9 * 4**level * out_maps * (in_maps + out_maps)
        level += 1
    return total


def flops_between(begin_kimg, end_kimg, options):
    """The work of a part of a run; the unit is `flops_per_image` for a thousand images.

    Args:
        begin_kimg, end_kimg: Thousands of reals shown at the begin and the end of the part.
        options: `TrainingOptions`.
    """
    return sum(
        kimg * flops_per_image(row.resolution, options.fmap_base, options.fmap_max)
        for row, kimg in _rows_between(begin_kimg, end_kimg, options)
    )


def eta_sec(tick, tick_begin_kimg, kimg, tick_sec, maintenance_sec, options):
    """The time left of a run, s.

    The training that remains is estimated from its work and from the speed of the last tick. Writing and measuring the
    networks is estimated from the time that it has taken so far.

    Args:
        tick: Number of the tick that ends now, from 1.
        tick_begin_kimg: Thousands of reals shown when the tick began.
        kimg: Thousands of reals shown now.
        tick_sec: Seconds of training in the tick.
        maintenance_sec: Seconds between ticks, whole run so far.
        options: `TrainingOptions`.
    """
    end = options.total_kimg
    training = tick_sec * _work_between(kimg, end, options) / _work_between(tick_begin_kimg, kimg, options)
    # Networks are written, and measured, at the start, after the first tick, and every so many ticks.
    written = 1 + (tick > 1) + (tick - 1) // options.snapshot_ticks
    ticks_left = sum(length / row.tick_kimg for row, length in _rows_between(kimg, end, options))
    return training + maintenance_sec / written * ticks_left / options.snapshot_ticks


def _work_between(begin_kimg, end_kimg, options):
    """As `flops_between`, with the overhead of the steps."""
    steps = sum(kimg * 1000 / row.minibatch for row, kimg in _rows_between(begin_kimg, end_kimg, options))
    return (
        flops_between(begin_kimg, end_kimg, options) + steps * STEP_OVERHEAD / 1000
    )  # flops count thousands of images


def _rows_between(begin_kimg, end_kimg, options):
    """The phases of a part of a run: list of (phase, thousands of reals of the phase that are in the part)."""
    rows = phases(max(end_kimg, options.total_kimg), options.resolution, **options.schedule_options())
    inside = [(row, min(row.end_kimg, end_kimg) - max(row.begin_kimg, begin_kimg)) for row in rows]
    return [(row, kimg) for row, kimg in inside if kimg > 0]
