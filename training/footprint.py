"""The GPU memory that a training step holds at its peak: a closed form over the levels of the networks.

The form counts the tensors that TensorFlow keeps for the backward passes. Which ones it keeps was read from traces of
real steps on a CPU; `python -m benchmarks.step_memory` compares the form with a real step. The memory of cuDNN's
workspaces and of the driver is not counted. No GPU has been measured, so `least_and_most_bytes` gives an interval.
"""

import collections
import math

from training.networks_stylegan import RESIZING_SIDES, feature_maps
from training.precision import half_dtype

FLOAT_BYTES, HALF_BYTES = 4, 2

# How many tensors are kept at the peak of a step of D, for each block. FULL: of the size of the block's input, HALF: of
# the size of its output. The reals keep 4 FULL and 4 HALF (before and after the activation, after the blur, gradients
# for R1), the fakes 2 FULL and 3 HALF.
D_FULL, D_HALF = 4 + 2, 4 + 3
D_UNFUSED = 4  # HALF, in addition: R1's gradient before the downscaling, one tensor of twice the side
D_TOP = 6  # FULL, highest block: features from RGB of reals (3) and fakes (2), and what is being computed
D_FADE = 5  # HALF, highest block while it fades in: features of the halved images
D_LAST = 12  # tensors of the block at 4x4
# The same for a step of G. A block of G keeps 6 tensors of its own size, and the input of the upscaling convolution.
# A block of D keeps only what its activations and the change of level need, because D's weights get no gradients.
G_FULL, G_D_FULL, G_D_HALF, G_TOP = 6, 1, 2, 3
G_FLOAT32 = 2  # of G_FULL, the normalised features of each layer: float32 also in a block of half precision
WEIGHTS = {'D': 5, 'G': 4}  # copies of a network's weights: scaled for use, gradients, partial sums of gradients

# How far a step may be from the form, up and down: as far as a step on a CPU is, at most. The form leaves out CUDA's
# context and libraries, cuDNN's workspaces, and gaps between the tensors: a guess.
STEP_ERROR, UNCOUNTED_BYTES = 0.3, 1.5e9

NETWORKS_FIELDS = 'G D G_trainable D_trainable label_size G_labels D_labels'
Networks = collections.namedtuple('Networks', NETWORKS_FIELDS, defaults=[0] * 3)
Networks.__doc__ = """Numbers of values in G's and D's variables: in all, in the trained ones, and in those for labels.

`label_size` is the number of label columns. `G_labels` and `D_labels` are counted in the other numbers too.
"""


def variables_bytes(networks):
    """Bytes of the variables on the first GPU: G, D, Gs, and Adam's two moments of each trained value."""
    return FLOAT_BYTES * (2 * networks.G + networks.D + 2 * (networks.G_trainable + networks.D_trainable))


def step_bytes(which, networks, options, resolution, minibatch, fading, data_format='NCHW'):
    """Bytes that the tensors of a step hold at its peak, without the variables.

    Args:
        which: 'D' for a step of D, with R1; 'G' for a step of G.
        networks: `Networks`.
        options: `TrainingOptions`.
        resolution: Side in px that trains or fades in.
        minibatch: Images on this GPU.
        fading: Whether the resolution fades in.
        data_format: 'NCHW' on a GPU, 'NHWC' on a CPU. A CPU keeps less, because more layers resize in the kernel.
    """
    levels = _levels(options, resolution, RESIZING_SIDES[data_format])
    top = levels[-1]
    if which == 'D':
        image_bytes = sum(
            level.bytes * (D_FULL * level.full + (D_HALF + (0 if level.fused else D_UNFUSED)) * level.half)
            for level in levels
        )
        image_bytes += top.bytes * (D_TOP * top.full + (D_FADE * top.half if fading else 0))
    else:
        image_bytes = sum(
            level.bytes * (G_FULL - G_FLOAT32 + G_D_FULL) * level.full
            + FLOAT_BYTES * G_FLOAT32 * level.full
            + level.bytes * (G_D_HALF + (1 if level.fused else 4)) * level.half
            for level in levels
        )
        image_bytes += top.bytes * G_TOP * top.full
    image_bytes += FLOAT_BYTES * D_LAST * 16 * feature_maps(options.fmap_base, 1.0, options.fmap_max)(1)
    image_bytes += FLOAT_BYTES * networks.label_size  # D's scores
    means = options.gpus > 1  # a copy of the gradients, for their mean over the GPUs
    if which == 'D':
        weights = (WEIGHTS[which] + means) * networks.D_trainable
    else:  # G's label embedding is not scaled for use, D's weights for labels are
        weights = (WEIGHTS[which] + means) * (networks.G_trainable - networks.G_labels)
        weights += (1 + means) * networks.G_labels + networks.D_labels
    return minibatch * image_bytes + FLOAT_BYTES * weights


def least_and_most_bytes(networks, options, resolution, minibatch, fading):
    """The least and the most that a GPU may hold at the peak of its steps; arguments as of `step_bytes`."""
    step = max(step_bytes(which, networks, options, resolution, minibatch, fading) for which in 'DG')
    variables = variables_bytes(networks)
    return variables + (1 - STEP_ERROR) * step, variables + (1 + STEP_ERROR) * step + UNCOUNTED_BYTES


# Values of an image, at the block's side and at half of it, and the bytes of a value.
_Level = collections.namedtuple('_Level', 'full half fused bytes')


def _levels(options, resolution, fused_side):
    fmaps = feature_maps(options.fmap_base, 1.0, options.fmap_max)
    lowest_half_side = options.resolution // 2 ** (options.half_levels - 1) if half_dtype(options) else math.inf
    levels = [_Level(16 * fmaps(1), 0, False, FLOAT_BYTES)] if resolution == 4 else []
    side, stage = 8, 2
    while side <= resolution:
        full, half = side**2 * fmaps(stage), (side // 2) ** 2 * fmaps(stage - 1)
        levels.append(_Level(full, half, side >= fused_side, HALF_BYTES if side >= lowest_half_side else FLOAT_BYTES))
        side, stage = side * 2, stage + 1
    return levels
