"""The options of a training run. The defaults are the paper's; a preset changes some of them."""

import dataclasses
import json
from typing import Dict, List, Optional

import click

from dnnlib.records.levels import is_resolution
from training.precision import FLOAT32
from training.schedule import LRATE_BY_RESOLUTION, MINIBATCHES_BY_GPUS, PROGAN_LRATES_BY_GPUS

STYLEGAN, PROGAN = 'stylegan', 'progan'  # architectures
WEIGHTED_LOSSES = 'logistic-r1', 'logistic-r2'  # with a penalty of the weight `r1_gamma`
LOSSES = (*WEIGHTED_LOSSES, 'logistic-saturating', 'wgan', 'wgan-gp', 'hinge', 'hinge-gp')
CLASSIFIER, REGRESSOR = 'vac', 'var'  # networks beside D that read the label from an image: VAC+GAN, VAR+GAN
AUXILIARY_WEIGHT = 0.5  # by default


@dataclasses.dataclass
class TrainingOptions:
    """Everything a training run depends on. The defaults are configuration F of StyleGAN, as the paper used it."""

    data: str  # folder of a TFRecord dataset
    resolution: Optional[int] = None  # px; None: the dataset's
    use_labels: bool = False  # train a conditional network on the dataset's labels
    mirror: bool = True  # mirror half of the reals
    total_kimg: float = 25000  # length of the run, thousands of reals
    seed: int = 1000
    gpus: int = 1  # replicas
    device: str = 'auto'  # auto, gpu or cpu

    # What changed when the run went on: {'kimg', 'option', 'before', 'after'} for each option in RECORDED_OPTIONS
    changes: List[Dict[str, object]] = dataclasses.field(default_factory=list)

    # Start from a network pickle
    resume: Optional[str] = None  # the pickle
    resume_kimg: float = 0.0  # where in the schedule the networks of the pickle go on
    networks: Optional[Dict[str, dict]] = None  # arguments of the build functions of the pickle's G and D

    # Networks
    architecture: str = 'stylegan'  # or 'progan'
    latent_size: int = 512  # of z and w
    mapping_layers: int = 8
    fmap_base: int = 8192  # feature maps: at most fmap_base / (side / 2) ...
    fmap_max: int = 512  # ... and at most this many
    style_mixing_prob: Optional[float] = 0.9  # None: off, as in some pickles

    # Loss and optimisation
    loss: str = 'logistic-r1'  # one of LOSSES
    r1_gamma: float = 10.0  # weight of the R1 or R2 gradient penalty; other losses do not use it
    auxiliary: Optional[str] = None  # train a network that reads the label from an image: CLASSIFIER or REGRESSOR
    auxiliary_weight: Optional[float] = None  # share of its loss in the loss of G; None without such a network
    lrate: float = 0.001  # learning rate of G and D at resolutions that are not in lrate_by_resolution
    lrate_by_resolution: Dict[int, float] = dataclasses.field(default_factory=lambda: dict(LRATE_BY_RESOLUTION))
    minibatch: Optional[int] = None  # at resolutions not in minibatch_by_resolution; None: by the number of GPUs
    minibatch_by_resolution: Optional[Dict[int, int]] = None  # None: by the number of GPUs
    G_smoothing_kimg: float = 10.0  # half-life of the moving average of G's weights, thousands of reals
    precision: str = FLOAT32  # one of `training.precision.PRECISIONS`
    half_levels: int = 4  # highest resolutions that are in half precision, if any is
    minibatch_repeats: int = 4  # steps of D and G between two updates of lod, minibatch and learning rates
    max_nonfinite: int = 100  # steps in a row without finite losses that end the run

    # Growing
    initial_resolution: int = 8  # px
    phase_kimg: float = 600  # training of each resolution, thousands of reals
    fade_kimg: float = 600  # fading in of each resolution, thousands of reals

    # Reports
    tick_kimg: Optional[float] = None  # thousands of reals between two log lines; None: by the resolution
    image_ticks: int = 1  # log lines between two image grids
    snapshot_ticks: int = 10  # log lines between two network pickles, each measured
    keep_snapshots: Optional[int] = None  # newest measured network pickles to keep, beside the best; None: all
    metrics: List[str] = dataclasses.field(default_factory=lambda: ['fid50k'])
    grid: Optional[List[int]] = None  # columns, rows of the image grids; None: what fits a 4k screen

    def schedule_options(self):
        """Keyword arguments for `training_schedule`."""
        options = {
            'num_gpus': self.gpus,
            'lod_initial_resolution': self.initial_resolution,
            'lod_training_kimg': self.phase_kimg,
            'lod_transition_kimg': self.fade_kimg,
            'minibatch_base': self.minibatch,
            'minibatch_dict': self.minibatch_by_resolution,
        }
        for network in 'GD':
            options[network + '_lrate_base'] = self.lrate
            options[network + '_lrate_dict'] = self.lrate_by_resolution
        if self.tick_kimg is not None:
            options.update(tick_kimg_base=self.tick_kimg, tick_kimg_dict={})
        return options


# Options that change what a training step computes, and that may change all the same when a run goes on: another
# machine may have other GPUs, with less memory.
RECORDED_OPTIONS = ('gpus', 'minibatch', 'minibatch_by_resolution', 'lrate', 'lrate_by_resolution')
RECORDED_OPTIONS += ('precision', 'half_levels')

# What each preset changes. `paper` changes nothing. `demo` shows faces after ten minutes on two CPU cores. It has a
# small 32 px network, short phases, a weak gradient penalty so that it learns fast, and a metric without a download.
# `progan` is the recipe of ProGAN (Karras et al. 2018) in StyleGAN's code; its learning rates depend on the GPUs too.
PRESETS = {
    'paper': {},
    'progan': {'architecture': PROGAN, 'loss': 'wgan-gp', 'total_kimg': 12000, 'initial_resolution': 4},
    'demo': {
        'total_kimg': 56,
        'latent_size': 64,
        'mapping_layers': 4,
        'fmap_base': 512,
        'fmap_max': 32,
        'r1_gamma': 0.3,
        'lrate': 0.002,
        'lrate_by_resolution': {},
        'minibatch': 16,
        'minibatch_by_resolution': {},
        'G_smoothing_kimg': 2.0,
        'phase_kimg': 10,
        'fade_kimg': 5,
        'tick_kimg': 2,
        'snapshot_ticks': 5,
        'metrics': ['fd_onet5k'],
        'grid': [12, 8],
    },
}


def resolve_options(preset, given, resolution):
    """The options of a new run, from a preset, the user's flags and the dataset.

    Args:
        preset: Name in PRESETS.
        given: Dict of fields set by the user; they win over the preset.
        resolution: Side of the dataset's images, px.

    Returns:
        `TrainingOptions` in which resolution and minibatches are chosen.

    Raises:
        click.UsageError: An option does not fit the others; the message names the flag and says what to do.
    """
    options = TrainingOptions(**{**PRESETS[preset], **given})
    if preset == PROGAN != options.architecture:
        raise click.UsageError(
            "--preset progan: the networks that the run starts from are StyleGAN's; leave --preset out, or start from "
            'networks of ProGAN.'
        )
    _check_losses(options, given)
    check_precision(options, given)
    _check_auxiliary(options)
    if preset == 'progan' and 'lrate' not in given:
        options.lrate_by_resolution = dict(PROGAN_LRATES_BY_GPUS.get(options.gpus, LRATE_BY_RESOLUTION))
    if options.resolution is None:
        options.resolution = resolution
    _check_resolution('--resolution', options.resolution)
    _check_resolution('--initial-resolution', options.initial_resolution)
    if options.resolution > resolution:
        raise click.UsageError(
            f'--resolution {options.resolution}: the dataset has {resolution}x{resolution} images; '
            f'use {resolution} or less.'
        )
    if options.fmap_base < options.resolution // 2:
        raise click.UsageError(
            f'--fmap-base {options.fmap_base}: leaves no feature maps at {options.resolution}x'
            f'{options.resolution}; use at least {options.resolution // 2}.'
        )
    if options.initial_resolution > options.resolution:
        if 'initial_resolution' in given:
            raise click.UsageError(
                f'--initial-resolution {options.initial_resolution}: training ends at '
                f'{options.resolution}x{options.resolution}; use {options.resolution} or less.'
            )
        options.initial_resolution = options.resolution
    if options.phase_kimg + options.fade_kimg == 0 and options.initial_resolution < options.resolution:
        raise click.UsageError(
            '--phase-kimg 0 and --fade-kimg 0 leave no time to grow; to train at full resolution '
            f'from the start, give --initial-resolution {options.resolution}.'
        )
    if 'minibatch' in given and 'minibatch_by_resolution' not in given:
        options.minibatch_by_resolution = {}
    _fill_in_minibatches(options)
    check_step_options(options, given)
    return options


def check_step_options(options, given):
    """Refuses minibatches and learning rates that do not fit the resolutions and the GPUs of a run.

    Args:
        options: `TrainingOptions` of the run.
        given: Dict of fields set by the user.

    Raises:
        click.UsageError: The message names the flag and says what to do.
    """
    sides = resolutions_of(options)
    for flag, name in (('--minibatch', 'minibatch_by_resolution'), ('--lrate', 'lrate_by_resolution')):
        missing = set(sides) - set(given.get(name) or sides)
        if missing:
            raise click.UsageError(
                f'{flag}: the value for {min(missing)}x{min(missing)} is missing; name every resolution from '
                f'{options.initial_resolution} to {options.resolution}, or give one number.'
            )
    for side in sides:
        _check_minibatch(options, side)


def _check_losses(options, given):
    if 'r1_gamma' in given and options.loss not in WEIGHTED_LOSSES:
        raise click.UsageError(
            f'--gamma: is the weight of the penalty of {" and ".join(WEIGHTED_LOSSES)}, and the loss is '
            f'{options.loss}; leave --gamma out, or give --loss {WEIGHTED_LOSSES[0]}.'
        )
    if options.architecture != PROGAN:
        return
    if options.use_labels:
        raise click.UsageError(
            '--labels: the discriminator of ProGAN does not look at labels; leave --labels out, or train StyleGAN with '
            '--preset paper.'
        )
    for flag, name in (('--style-mixing', 'style_mixing_prob'), ('--mapping-layers', 'mapping_layers')):
        if name in given:
            raise click.UsageError(f'{flag}: ProGAN has no w; leave {flag} out.')


def check_precision(options, given):
    """Refuses a precision that the networks of a run do not have.

    Args:
        options: `TrainingOptions` of the run.
        given: Dict of fields set by the user.

    Raises:
        click.UsageError: The message names the flag and says what to do.
    """
    if options.precision == FLOAT32:
        if 'half_levels' in given:
            raise click.UsageError('--half-levels: float32 has no half precision; give --precision mixed too.')
    elif options.architecture == PROGAN:
        raise click.UsageError(
            f"--precision {options.precision}: ProGAN's networks train in float32 only; leave --precision out, or "
            'train StyleGAN with --preset paper.'
        )


def _check_auxiliary(options):
    if options.auxiliary is None:
        if options.auxiliary_weight is not None:
            raise click.UsageError('--auxiliary-weight: give --auxiliary too, or leave --auxiliary-weight out.')
        return
    if not options.use_labels:
        raise click.UsageError(f'--auxiliary {options.auxiliary}: reads labels from images; give --labels too.')
    if options.auxiliary_weight is None:
        options.auxiliary_weight = AUXILIARY_WEIGHT


def _check_resolution(flag, value):
    if not is_resolution(value):
        raise click.UsageError(f'{flag} {value}: must be a power of two from 4 on (4, 8, 16, 32, ...).')


def _fill_in_minibatches(options):
    if options.minibatch is None:
        if options.gpus not in MINIBATCHES_BY_GPUS:
            raise click.UsageError(
                f'--gpus {options.gpus}: the official minibatches are for 1, 2, 4 or 8 GPUs; give --minibatch too.'
            )
        options.minibatch, by_resolution = MINIBATCHES_BY_GPUS[options.gpus]
        if options.minibatch_by_resolution is None:
            options.minibatch_by_resolution = dict(by_resolution)
    elif options.minibatch_by_resolution is None:
        options.minibatch_by_resolution = {}


def _check_minibatch(options, side):
    minibatch = minibatch_at(options, side)
    share = minibatch // options.gpus
    what = f'--minibatch {minibatch} (at {side}x{side})'
    if minibatch < 1:
        raise click.UsageError(f'{what}: must be at least 1.')
    if minibatch % options.gpus:
        raise click.UsageError(f'{what} cannot be divided among {options.gpus} GPUs; use a multiple of {options.gpus}.')
    if share > 4 and share % 4:
        raise click.UsageError(
            f'{what} gives each GPU {share} images, which do not form groups of 4 for the '
            f'minibatch stddev layer; use a multiple of {4 * options.gpus}.'
        )


def minibatch_at(options, side):
    """The minibatch of a resolution, over all GPUs."""
    return (options.minibatch_by_resolution or {}).get(side, options.minibatch)


def smaller_minibatches(options, side):
    """A value for --minibatch with which each GPU gets at most half of its images, at `side` px and above.

    Args:
        options: `TrainingOptions`.
        side: Resolution whose minibatch is too large for the memory, px.

    Returns:
        Text, as --minibatch takes it; None if each GPU gets one image already.
    """
    share = minibatch_at(options, side) // options.gpus // 2
    if share < 1:
        return None
    most = (share - share % 4 if share > 4 else share) * options.gpus
    sides = resolutions_of(options)
    minibatches = [
        minibatch_at(options, each) if each < side else min(minibatch_at(options, each), most) for each in sides
    ]
    if len(set(minibatches)) == 1:
        return str(most)
    return ','.join(f'{each}:{minibatch}' for each, minibatch in zip(sides, minibatches))


def resolutions_of(options):
    """Sides in px that the run trains, smallest first."""
    side, sides = options.initial_resolution, []
    while side <= options.resolution:
        sides.append(side)
        side *= 2
    return sides


def as_stored(value):
    """A value in the form in which options.json gives it back, where all keys are text."""
    return json.loads(json.dumps(value))
