"""The flags of `python -m synthesis generate`, and the checks of them that need no network."""

import dataclasses
import json
import math
import os
from typing import Any, Dict, Optional, Tuple, Union

import click

from dnnlib.errors import UserError, disk_errors
from dnnlib.records.levels import SMALLEST_RESOLUTION
from dnnlib.records.names import OPTIONS_FILE
from dnnlib.records.options import PLAN, RECORD, flag_of, option
from metrics.styles import DIRECTION_LAYERS
from synthesis.draws import LARGEST_SEED, LIKE_REALS, MOST_DRAWS, MOST_IDENTITIES, MOST_IMAGES
from synthesis.set_options import SetOptions
from synthesis.variations import DIRECTIONS, FINE, NEAR, VARY

LARGEST_PSI = 10

# The flags that need a word of --vary.
_STRENGTHS = {
    'fine': FINE,
    'near': NEAR,
    'directions': DIRECTIONS,
    'direction_layers': DIRECTIONS,
    'direction_distance': DIRECTIONS,
}


@dataclasses.dataclass(frozen=True)
class GenerateOptions(SetOptions):
    """The options of one synthetic dataset: the flags of the command, by the names of the command's parameters.

    Each field says where its value is kept. An option that is kept nowhere does not change the dataset. Where None
    stands for a value that depends on the network, `synthesis.network.resolve` puts in the value.

    The identity of the network belongs to the plan too; its path does not. `identities` is no part of it, because a
    dataset with more identities begins with the same images; nor is `draws`, because more of them change no image that
    is accepted already.
    """

    network: str = option(flag='network')
    out: str = option()
    identities: int = option(RECORD, default=1000)
    per_identity: int = option(PLAN, RECORD, default=1)  # images
    vary: Optional[Tuple[str, ...]] = option(PLAN, RECORD)  # of VARY; None: noise and fine, if there are variations
    fine: float = option(PLAN, RECORD, default=1.0)  # share of the other styles in the fine layers
    near: float = option(PLAN, RECORD, default=0.1)  # length of the step, in standard deviations of w
    directions: Tuple[Union[int, str], ...] = option(
        PLAN, RECORD, default=(0, 1, 2)
    )  # SeFa's numbers, or names; sorted
    direction_layers: range = option(PLAN, RECORD, default=DIRECTION_LAYERS)
    direction_distance: float = option(PLAN, RECORD, default=3.0)  # the farthest along a direction, in W
    psi: float = option(PLAN, RECORD, default=0.7)
    psi_layers: Optional[int] = option(PLAN, RECORD)  # truncated layers; None: 8, or all if there are fewer
    seed: int = option(PLAN, RECORD, default=0)
    classes: Optional[Union[str, Tuple[int, ...]]] = option(PLAN, RECORD)  # None: balanced, if there are labels
    data: Optional[str] = option()  # dataset of the training, for LIKE_REALS; None: the run's
    size: Optional[int] = option(PLAN, RECORD)  # px; None: as the network makes them
    grey: bool = option(PLAN, RECORD, default=False)
    reject: bool = option(PLAN, RECORD, default=False)  # images without a face
    keep_refused: bool = option(PLAN, RECORD, default=False)
    draws: int = option(RECORD, default=100)  # at most so many of an image
    minibatch: Optional[int] = option(PLAN, RECORD)  # None: by the side of the images
    keep_w: bool = option(PLAN, RECORD, default=False)
    device: Optional[str] = option(PLAN, default='auto')  # 'cpu' or 'gpu', once it is resolved
    dry_run: bool = option(default=False)

    @property
    def count(self) -> int:
        """Number of images of the dataset."""
        return self.identities * self.per_identity


def check_options(options: GenerateOptions) -> None:
    """Refuses what makes no sense for any network.

    Raises:
        click.UsageError: Names the flag and says what to do.
    """
    _check_numbers(options)
    if options.vary is not None and options.per_identity == 1:
        raise click.UsageError(
            '--vary is about the further images of an identity: give --per-identity 2 or more, or leave --vary out.'
        )
    unknown = [word for word in options.vary or () if word not in VARY]
    if unknown or options.vary == ():
        raise click.UsageError(f'--vary {"".join(unknown[:1])}: choose from {", ".join(VARY)}.')
    if options.classes == ():
        raise click.UsageError('--classes: name at least one class.')
    if options.keep_refused and not options.reject:
        raise click.UsageError('--keep-refused is for --reject, which refuses images: give that too, or leave it out.')
    if options.data is not None and options.classes != LIKE_REALS:
        raise click.UsageError(f'--data is for --classes {LIKE_REALS}: give that too, or leave --data out.')
    for name, word in _STRENGTHS.items():
        if getattr(options, name) != getattr(GenerateOptions, name) and word not in (options.vary or VARY[:2]):
            flag = '--' + name.replace('_', '-')
            raise click.UsageError(f'{flag} is for --vary {word}: add {word} there, or leave {flag} out.')


def _check_numbers(options):
    for flag, value, least, most in (
        ('--identities', options.identities, 1, MOST_IDENTITIES),
        ('--per-identity', options.per_identity, 1, MOST_IMAGES),
        ('--draws', options.draws, 1, MOST_DRAWS),
        ('--seed', options.seed, 0, LARGEST_SEED),
        ('--psi', options.psi, -LARGEST_PSI, LARGEST_PSI),
        ('--psi-layers', options.psi_layers, 0, math.inf),
        ('--fine', options.fine, 0, 1),
        ('--near', options.near, 0, 10),
        ('--direction-distance', options.direction_distance, 0, 1000),
        ('--size', options.size, SMALLEST_RESOLUTION, math.inf),
        ('--minibatch', options.minibatch, 1, math.inf),
    ):
        if value is None:
            continue
        if not math.isfinite(value) or not least <= value <= most:
            limits = f'from {least} to {most}' if most < math.inf else f'of {least} or more'
            raise click.UsageError(f'{flag} {value}: give a number {limits}.')
        if value == 0 and flag in ('--fine', '--near', '--direction-distance'):
            raise click.UsageError(f'{flag} 0 changes nothing: give a larger number.')


# ---------------------------------------------------------------------------------------------------------------------
# Read again


def read_generate_options(folder: str) -> GenerateOptions:
    """The options that `dnnlib.records.options.save_options` wrote into the folder of a synthetic dataset.

    Raises:
        UserError: The file is missing or damaged, or is of a dataset that was not generated.
    """
    path = os.path.join(folder, OPTIONS_FILE)
    with disk_errors('read', path):
        try:
            with open(path, encoding='utf-8') as file:
                record = json.load(file)
        except (ValueError, RecursionError) as error:
            raise UserError(f'{path} is damaged ({error}): restore it.') from error
    if not isinstance(record, dict) or 'per-identity' not in record:
        raise UserError(f'{path} is not of a dataset that python -m synthesis generate made: name such a dataset.')
    try:
        options = GenerateOptions(**_values(record))
        check_options(options)
    except (TypeError, ValueError, LookupError, click.UsageError) as error:
        raise UserError(f'{path} is damaged ({getattr(error, "message", error)}): restore it.') from error
    return options


def _values(record: Dict[str, Any]) -> Dict[str, Any]:
    values = {}
    for field in dataclasses.fields(GenerateOptions):
        flag = flag_of(field).lstrip('-')
        if RECORD in field.metadata['kept_in'] and flag in record:
            value = record[flag]
            values[field.name] = tuple(value) if isinstance(value, list) else value
    if 'direction_layers' in values:
        first, last = values['direction_layers'][0], values['direction_layers'][-1]
        values['direction_layers'] = range(first, last + 1)
    return values
