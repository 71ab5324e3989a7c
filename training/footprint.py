"""How much GPU memory a training step holds at its peak: a closed form over the levels of the networks.

It counts the tensors that TensorFlow keeps for the backward passes, as traces of the real step show them
(`python -m benchmarks.step_memory` compares the two). What cuDNN takes for its workspaces and the driver for itself is
not in it.
"""

import collections

from training.networks_stylegan import RESIZING_SIDES, feature_maps

FLOAT_BYTES = 4

# Tensors kept at the peak, by their size. Of D: of the input's side of a block and of its output's. The reals keep four
# and four (before and after the activation, after the blur, and their gradients for R1), the fakes two and three.
D_FULL, D_HALF = 4 + 2, 4 + 3
D_UNFUSED = 4  # more of the output's size: R1's gradient before the downscaling, at twice the side
D_TOP = 6  # at the highest level: features from RGB of reals (3) and fakes (2), and what is being computed
D_FADE = 5  # of the output's size of the highest block while it fades in: features of the halved images
D_LAST = 12  # at 4x4
# In the step of G, its blocks keep six of their own size, and what the upscaling convolution takes in; D only what its
# activations and the change of level need, since its weights get no gradients.
G_FULL, G_D_FULL, G_D_HALF, G_TOP = 6, 1, 2, 3
WEIGHTS = {'D': 5, 'G': 4}  # copies of a network's weights: scaled for use, their gradients and partial sums of these

Networks = collections.namedtuple('Networks', 'G D G_trainable D_trainable')
Networks.__doc__ = """Numbers of values in the variables of G and D: of all, and of those that are trained."""


def variables_bytes(networks):
    """Of the variables on the first GPU: G, D, Gs, and Adam's two moments of what is trained."""
    return FLOAT_BYTES * (2 * networks.G + networks.D + 2 * (networks.G_trainable + networks.D_trainable))


def step_bytes(which, networks, options, resolution, minibatch, fading, data_format='NCHW'):
    """Most memory that the tensors of a step hold at once, besides the variables.

    Args:
        which: 'D', a step of D with R1, or 'G'.
        networks: `Networks`.
        options: `TrainingOptions`.
        resolution: Side in px that trains or fades in.
        minibatch: Images on this GPU.
        fading: Whether it fades in.
        data_format: 'NCHW' on a GPU; on a CPU 'NHWC', where less is kept because more layers resize in the kernel.
    """
    levels = _levels(options, resolution, RESIZING_SIDES[data_format])
    top = levels[-1].full
    if which == 'D':
        per_image = sum(
            D_FULL * level.full + (D_HALF + (0 if level.fused else D_UNFUSED)) * level.half for level in levels
        )
        per_image += D_TOP * top + (D_FADE * levels[-1].half if fading else 0)
    else:
        per_image = sum(
            (G_FULL + G_D_FULL) * level.full + G_D_HALF * level.half + (1 if level.fused else 4) * level.half
            for level in levels
        )
        per_image += G_TOP * top
    per_image += D_LAST * 16 * feature_maps(options.fmap_base, 1.0, options.fmap_max)(1)
    trained = networks.D_trainable if which == 'D' else networks.G_trainable
    copies = WEIGHTS[which] + (options.gpus > 1)  # the mean over the GPUs
    return FLOAT_BYTES * (minibatch * per_image + copies * trained)


_Level = collections.namedtuple('_Level', 'full half fused')  # values of an image at a block's side, at half of it


def _levels(options, resolution, fused_side):
    fmaps = feature_maps(options.fmap_base, 1.0, options.fmap_max)
    levels, side, stage = [_Level(16 * fmaps(1), 0, False)] if resolution == 4 else [], 8, 2
    while side <= resolution:
        levels.append(_Level(side**2 * fmaps(stage), (side // 2) ** 2 * fmaps(stage - 1), side >= fused_side))
        side, stage = side * 2, stage + 1
    return levels
