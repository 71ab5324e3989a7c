"""The growing schedule: a pure function of the number of real images shown so far (Karras et al. 2018, section 2)."""

import math

import numpy as np

import dnnlib

LRATE_BY_RESOLUTION = {128: 0.0015, 256: 0.002, 512: 0.003, 1024: 0.003}  # G and D alike; 0.001 below
TICK_KIMG_BY_RESOLUTION = {4: 160, 8: 140, 16: 120, 32: 100, 64: 80, 128: 60, 256: 40, 512: 30, 1024: 20}

# The same for ProGAN: number of GPUs -> learning rate by resolution, 0.001 at others.
PROGAN_LRATES_BY_GPUS = {
    1: {1024: 0.0015},
    2: {512: 0.0015, 1024: 0.002},
    4: {256: 0.0015, 512: 0.002, 1024: 0.003},
    8: {128: 0.0015, 256: 0.002, 512: 0.003, 1024: 0.003},
}

MOST_PHASES = 64  # more than any resolution has

# What fits in 11 GB on each card: number of GPUs -> (minibatch for resolutions not listed, minibatch by resolution).
MINIBATCHES_BY_GPUS = {
    1: (4, {4: 128, 8: 128, 16: 128, 32: 64, 64: 32, 128: 16, 256: 8, 512: 4}),
    2: (8, {4: 256, 8: 256, 16: 128, 32: 64, 64: 32, 128: 16, 256: 8}),
    4: (16, {4: 512, 8: 256, 16: 128, 32: 64, 64: 32, 128: 16}),
    8: (32, {4: 512, 8: 256, 16: 128, 32: 64, 64: 32}),
}


def training_schedule(
    cur_nimg,
    max_resolution,
    num_gpus=1,
    lod_initial_resolution=4,  # px; where growing starts
    lod_training_kimg=600,  # real images shown between two transitions, thousands
    lod_transition_kimg=600,  # real images shown while a resolution fades in, thousands
    minibatch_base=16,  # for resolutions that are not in minibatch_dict
    minibatch_dict=None,  # by resolution
    max_minibatch_per_gpu=None,  # by resolution
    G_lrate_base=0.001,
    G_lrate_dict=None,  # by resolution
    D_lrate_base=0.001,
    D_lrate_dict=None,
    lrate_rampup_kimg=0,  # learning rates rise linearly from 0 over this many thousand images
    tick_kimg_base=160,  # for resolutions that are not in tick_kimg_dict
    tick_kimg_dict=None,  # by resolution; None: TICK_KIMG_BY_RESOLUTION
):
    """The settings of the next training iteration.

    Args:
        cur_nimg: Number of real images shown so far.
        max_resolution: Side of the full-resolution images, px; a power of two.
        num_gpus: Number of replicas; the minibatch is rounded down to a multiple of it.

    Returns:
        EasyDict of
            kimg,
            lod: level of detail, 0 at full resolution; its fraction is the share that has still to fade in,
            resolution: px; during a transition that of the higher level,
            minibatch: over all replicas,
            G_lrate, D_lrate,
            tick_kimg.
    """
    kimg = cur_nimg / 1000.0
    phase_kimg = lod_training_kimg + lod_transition_kimg
    # The number of phases matters only up to full resolution, and may be infinite for a very short phase.
    phase = int(min(kimg / phase_kimg, MOST_PHASES)) if phase_kimg > 0 else 0
    kimg_in_phase = kimg - phase * phase_kimg

    lod = math.log2(max_resolution) - math.log2(lod_initial_resolution) - phase
    if lod_transition_kimg > 0:
        lod -= max(kimg_in_phase - lod_training_kimg, 0.0) / lod_transition_kimg
    lod = max(lod, 0.0)
    if np.float32(lod) == round(lod):
        # The networks hold the lod as float32. If rounding makes it whole there, it must be whole for the reals too.
        lod = float(round(lod))
    resolution = max_resolution // 2 ** int(math.floor(lod))

    minibatch = (minibatch_dict or {}).get(resolution, minibatch_base)
    minibatch -= minibatch % num_gpus
    if resolution in (max_minibatch_per_gpu or {}):
        minibatch = min(minibatch, max_minibatch_per_gpu[resolution] * num_gpus)

    rampup = min(kimg / lrate_rampup_kimg, 1.0) if lrate_rampup_kimg > 0 else 1.0
    ticks = TICK_KIMG_BY_RESOLUTION if tick_kimg_dict is None else tick_kimg_dict
    return dnnlib.EasyDict(
        kimg=kimg,
        lod=lod,
        resolution=resolution,
        minibatch=minibatch,
        G_lrate=(G_lrate_dict or {}).get(resolution, G_lrate_base) * rampup,
        D_lrate=(D_lrate_dict or {}).get(resolution, D_lrate_base) * rampup,
        tick_kimg=ticks.get(resolution, tick_kimg_base),
    )


def phases(total_kimg, max_resolution, **schedule_options):
    """The schedule as a table, with a row for each phase: a resolution trains, or it fades in.

    Args:
        total_kimg: Length of the run, thousands of real images.
        max_resolution: Side of the full-resolution images, px.
        **schedule_options: As for `training_schedule`.

    Returns:
        List of EasyDicts of what ('train' or 'fade in'), resolution, begin_kimg, end_kimg, minibatch, G_lrate, D_lrate,
        tick_kimg.
    """
    training_kimg = schedule_options.get('lod_training_kimg', 600)
    transition_kimg = schedule_options.get('lod_transition_kimg', 600)
    resolution = schedule_options.get('lod_initial_resolution', 4)
    stretches = []
    while resolution < max_resolution and training_kimg + transition_kimg > 0:
        stretches += [('train', resolution, training_kimg), ('fade in', resolution * 2, transition_kimg)]
        resolution *= 2
    stretches.append(('train', resolution, total_kimg))  # the full resolution trains to the end

    rows, begin = [], 0
    for what, resolution, length in stretches:
        end = min(begin + length, total_kimg)
        if end > begin:
            inside = training_schedule((begin + end) * 500, max_resolution, **schedule_options)
            rows.append(
                dnnlib.EasyDict(
                    what=what,
                    resolution=resolution,
                    begin_kimg=begin,
                    end_kimg=end,
                    minibatch=inside.minibatch,
                    G_lrate=inside.G_lrate,
                    D_lrate=inside.D_lrate,
                    tick_kimg=inside.tick_kimg,
                )
            )
        begin = end
    return rows
