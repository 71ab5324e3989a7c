"""How much work a run is, phase by phase: the basis of an honest estimate of the time left."""

from training.networks_stylegan import feature_maps
from training.schedule import phases

# What a step of D and G takes besides arithmetic, s: the time of starting some thousand small operations. Measured on
# CPU cores with the demo's networks; with the paper's, it disappears beside the convolutions.
STEP_OVERHEAD_SEC = 0.009


def flops_per_image(resolution, fmap_base, fmap_max):
    """Multiplications in the 3x3 convolutions of G, and again of D, for one image at a resolution; a relative measure.

    Args:
        resolution: Side in px that is trained.
        fmap_base, fmap_max: Of the networks.
    """
    fmaps = feature_maps(fmap_base, 1.0, fmap_max)
    total, level = 0, 2
    while 2**level <= resolution:
        in_maps, out_maps = fmaps(level - 2), fmaps(level - 1)
        total += 9 * 4**level * out_maps * (in_maps + out_maps)
        level += 1
    return total


def flops_between(begin_kimg, end_kimg, options):
    """Work of a part of a run, in the unit of `flops_per_image` times a thousand images.

    Args:
        begin_kimg, end_kimg: Thousands of reals shown at its begin and end.
        options: `TrainingOptions`.
    """
    return sum(
        kimg * flops_per_image(row.resolution, options.fmap_base, options.fmap_max)
        for row, kimg in _rows_between(begin_kimg, end_kimg, options)
    )


def eta_sec(tick, tick_begin_kimg, kimg, tick_sec, maintenance_sec, options):
    """Time left of a run: training by the work that remains, and writing and measuring the networks as so far.

    Args:
        tick: Number of the tick that ends now, from 1.
        tick_begin_kimg: Thousands of reals shown when it began.
        kimg: Thousands of reals shown now.
        tick_sec: Seconds of training in the tick.
        maintenance_sec: Seconds between ticks, whole run so far.
        options: `TrainingOptions`.
    """
    overhead = min(STEP_OVERHEAD_SEC, 0.7 * tick_sec / _steps_between(tick_begin_kimg, kimg, options))
    sec_per_flops = (tick_sec - overhead * _steps_between(tick_begin_kimg, kimg, options)) / flops_between(
        tick_begin_kimg, kimg, options
    )
    end = options.total_kimg
    training = overhead * _steps_between(kimg, end, options) + sec_per_flops * flops_between(kimg, end, options)
    # Networks are written, and measured, at the start, after the first tick, and every so many ticks.
    written = 1 + (tick > 1) + (tick - 1) // options.snapshot_ticks
    ticks_left = sum(length / row.tick_kimg for row, length in _rows_between(kimg, end, options))
    return training + maintenance_sec / written * ticks_left / options.snapshot_ticks


def _steps_between(begin_kimg, end_kimg, options):
    return sum(kimg * 1000 / row.minibatch for row, kimg in _rows_between(begin_kimg, end_kimg, options))


def _rows_between(begin_kimg, end_kimg, options):
    """The phases of a part of a run, each with how much of it is inside, thousands of reals."""
    rows = phases(max(end_kimg, options.total_kimg), options.resolution, **options.schedule_options())
    inside = [(row, min(row.end_kimg, end_kimg) - max(row.begin_kimg, begin_kimg)) for row in rows]
    return [(row, kimg) for row, kimg in inside if kimg > 0]
