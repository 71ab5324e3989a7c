"""The figures of a tick, and the log line that shows them."""

import math
import shutil
import subprocess
import sys

from dnnlib.util import format_duration
from training.cost import eta_sec
from training.precision import half_dtype


def tick_stats(counters, schedule, options, total_sec, tick_sec, warm_up=(0, 0.0), loss_scales=None):
    """The figures of the tick that ends now, a dict. docs/training.md explains the fields.

    Args:
        counters: Counters of the run.
        schedule: As from `training_schedule`.
        options: `TrainingOptions`.
        total_sec: Seconds of the whole run.
        tick_sec: Seconds of training in the tick.
        warm_up: Images and seconds of the steps in which TensorFlow was still setting itself up. The ETA leaves these
            steps out, because later steps are faster.
        loss_scales: Dict from `TrainingStep.loss_scales`.
    """
    kimg = counters.cur_nimg / 1000
    tick_kimg = (counters.cur_nimg - counters.tick_begin_nimg) / 1000
    stats = {
        'tick': counters.tick,
        'kimg': kimg,
        'lod': schedule.lod,
        'resolution': schedule.resolution,
        'minibatch': schedule.minibatch,
        'total_sec': total_sec,
        'tick_sec': tick_sec,
        'sec_per_kimg': tick_sec / tick_kimg,
        'images_per_sec': tick_kimg * 1000 / tick_sec,
        'maintenance_sec': counters.last_maintenance_sec,
        'eta_sec': math.nan,
        'memory_gb': peak_memory_gb(),
        'gpu_memory_gb': gpu_memory_gb(),
        'G_lrate': schedule.G_lrate,
        'D_lrate': schedule.D_lrate,
        'nonfinite_steps': counters.nonfinite_steps,
        'G_loss': math.nan,
        'D_loss': math.nan,
    }
    if half_dtype(options) is not None:
        stats.update(skipped_steps=counters.skipped_steps, **(loss_scales or {}))
    begin_kimg = kimg - tick_kimg + warm_up[0] / 1000
    if kimg >= options.total_kimg:
        stats['eta_sec'] = 0.0
    elif begin_kimg < kimg:
        stats['eta_sec'] = eta_sec(
            counters.tick, begin_kimg, kimg, tick_sec - warm_up[1], counters.maintenance_sec, options
        )
    stats.update({name: total / counters.stats_count for name, total in counters.stats_sums.items()})
    return stats


def format_tick(stats):
    """The log line of a tick.

    Args:
        stats: Dict from `tick_stats`.
    """
    memory = f'memory {stats["memory_gb"]:.1f} GB'
    if stats['gpu_memory_gb'] is not None:
        memory += f'  gpu {stats["gpu_memory_gb"]:.1f} GB'
    label = f' label {stats["C_fake_loss"]:.3f}' if 'C_fake_loss' in stats else ''
    nonfinite = f'  {stats["nonfinite_steps"]} steps not finite' if stats['nonfinite_steps'] else ''
    skipped = f'  {stats["skipped_steps"]} updates skipped' if stats.get('skipped_steps') else ''
    eta = f'  ETA {format_duration(stats["eta_sec"])}' if math.isfinite(stats['eta_sec']) else ''
    return (
        f'tick {stats["tick"]:<4d} kimg {stats["kimg"]:<8.1f} lod {stats["lod"]:<5.2f} '
        f'{stats["resolution"]}x{stats["resolution"]}  minibatch {stats["minibatch"]:<4d} '
        f'time {format_duration(stats["total_sec"]):<9s} sec/tick {stats["tick_sec"]:<7.1f} '
        f'sec/kimg {stats["sec_per_kimg"]:<8.3f} img/s {stats["images_per_sec"]:<7.1f} '
        f'maintenance {stats["maintenance_sec"]:<6.1f} {memory}  '
        f'loss G {stats["G_loss"]:.3f} D {stats["D_loss"]:.3f}{label}{nonfinite}{skipped}{eta}'
    )


def peak_memory_gb():
    """The peak of this process's main memory so far, GB; 0 where the system does not say."""
    try:
        import resource  # not on Windows
    except ImportError:
        return 0.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if sys.platform == 'darwin' else 1024) / 1e9  # macOS counts in bytes, Linux in KiB


def gpu_memory_gb():
    """Memory in use on the fullest GPU, GB, as nvidia-smi says; None without it."""
    if shutil.which('nvidia-smi') is None:  # else a large process would be forked for nothing
        return None
    try:
        output = subprocess.run(
            ['nvidia-smi', '--query-gpu=memory.used', '--format=csv,noheader,nounits'],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=True,
            timeout=10,
        ).stdout
        return max(float(line) for line in output.decode().split()) * 2**20 / 1e9
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
