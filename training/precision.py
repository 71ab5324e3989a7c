"""In which precision a run trains: the arguments that say so to networks and optimizers, and what is refused.

`mixed` and `mixed-bfloat16` compute the blocks of the highest resolutions in half precision. The weights stay float32,
so networks, pickles and states are the same as those of a run in float32.
"""

import click

PRECISIONS = FLOAT32, MIXED, MIXED_BFLOAT16 = 'float32', 'mixed', 'mixed-bfloat16'
_HALF_DTYPES = {MIXED: 'float16', MIXED_BFLOAT16: 'bfloat16'}

# Layout of networks in half precision on a GPU. Tensor cores take NHWC, and cuDNN transposes NCHW for them; which form
# is faster here has not been measured on a card. The layers in NCHW are those that float32 has on a GPU.
LAYOUT_ON_GPU = 'NCHW'

# The first loss scale is 2^12: with 2^0, second derivatives of R1 vanish in float16; with 2^64, no step is finite.
FIRST_LOSS_SCALING_LOG2 = 12.0


def half_dtype(options):
    """'float16' or 'bfloat16' for a run with blocks in half precision; None for a run in float32."""
    return _HALF_DTYPES.get(options.precision)


def precision_arguments(options, device):
    """The arguments of `get_output_for` with which networks compute in the precision of a run.

    Args:
        options: `TrainingOptions`.
        device: Name of the device that computes, such as '/gpu:0'.
    """
    if half_dtype(options) is None:
        return {}
    layout = {'data_format': LAYOUT_ON_GPU} if 'gpu' in device.lower() else {}
    return {'half_levels': options.half_levels, 'half_dtype': half_dtype(options), **layout}


def optimizer_arguments(options):
    """The arguments of `tflib.Optimizer` for a run. bfloat16 has the range of float32, so it needs no loss scaling."""
    if options.precision != MIXED:
        return {}
    return {'use_loss_scaling': True, 'loss_scaling_init': FIRST_LOSS_SCALING_LOG2}


def check_kernels(options):
    """Refuses, with a click.UsageError, a precision for which this TensorFlow has no kernels."""
    from dnnlib.tflib.versions import IS_TF2  # here: a command line is checked before TensorFlow starts

    if options.precision == MIXED_BFLOAT16 and not IS_TF2:
        raise click.UsageError(
            '--precision mixed-bfloat16: TensorFlow 1.15 has no convolutions in bfloat16; give --precision mixed, or '
            'install the packages with make TF=2.'
        )


def sentence_about_precision(options, tf32):
    """Says in which precision a run trains, for its log.

    Args:
        options: `TrainingOptions`.
        tf32: Whether float32 may be rounded to TF32 on a GPU; None: this TensorFlow has no TF32.
    """
    dtype = half_dtype(options)
    blocks = 'everything in float32'
    if dtype is not None:
        count = options.half_levels
        levels = f'blocks of the {count} highest resolutions' if count > 1 else 'block of the highest resolution'
        blocks = f'the {levels} in {dtype}, the rest in float32'
    rounding = {None: 'this TensorFlow has no TF32', True: 'TF32 on', False: 'TF32 off'}[tf32]
    return f'Precision {options.precision}: {blocks}; {rounding}.'
