"""Options of a run that goes on: read from its file, and checked against what the user gives now."""

import dataclasses
import os
import sys
from typing import Union

import click

from dnnlib.errors import UserError
from dnnlib.records.levels import is_resolution
from dnnlib.run_dir import OPTIONS_FILE
from training.options import (
    CLASSIFIER,
    LOSSES,
    PROGAN,
    RECORDED_OPTIONS,
    REGRESSOR,
    STYLEGAN,
    TrainingOptions,
    as_stored,
    check_precision,
    check_step_options,
    resolutions_of,
)
from training.precision import PRECISIONS

# Options that may change when a run goes on, and that do not change what a training step computes.
UNRECORDED = (
    'data',
    'total_kimg',
    'device',
    'metrics',
    'tick_kimg',
    'image_ticks',
    'snapshot_ticks',
    'keep_snapshots',
    'max_nonfinite',
    'grid',
)
CHANGEABLE = UNRECORDED + RECORDED_OPTIONS


def stored_options(run_dir, stored):
    """`TrainingOptions` of a run.

    Args:
        run_dir: Folder of the run, for messages.
        stored: Dict from its options.json, where all keys are text.

    Raises:
        UserError: The file has other fields, so another version of this program wrote it; or a value cannot be right.
    """
    unknown = sorted(set(stored) - {field.name for field in dataclasses.fields(TrainingOptions)})
    if unknown or 'data' not in stored:
        raise UserError(
            f'Another program wrote the options of {run_dir} ({", ".join(unknown) or "no data"}): start '
            'a new run from one of its network pickles instead.'
        )
    options = TrainingOptions(**stored)
    for field in dataclasses.fields(options):
        if not _has_type(getattr(options, field.name), field.type):
            raise _damaged(run_dir, field.name, stored)
    for name in ('lrate_by_resolution', 'minibatch_by_resolution'):
        by_resolution = getattr(options, name) or {}
        if not all(str(side).isdigit() for side in by_resolution):
            raise _damaged(run_dir, name, stored)
        setattr(options, name, {int(side): value for side, value in by_resolution.items()})
    if not 0 <= options.seed < 2**32:
        raise _damaged(run_dir, 'seed', stored)
    for name, known in (
        ('loss', LOSSES),
        ('architecture', (STYLEGAN, PROGAN)),
        ('precision', PRECISIONS),
        ('auxiliary', (None, CLASSIFIER, REGRESSOR)),
    ):
        if getattr(options, name) not in known:
            raise _damaged(run_dir, name, stored)
    for name in ('resolution', 'initial_resolution', 'gpus', 'minibatch', 'total_kimg', 'half_levels'):
        value = getattr(options, name)
        if value is None or value <= 0 or (name.endswith('resolution') and not is_resolution(value)):
            raise _damaged(run_dir, name, stored)
    return options


def _has_type(value, kind=object):
    """Whether a value from JSON has the type of a field of `TrainingOptions`. Keys of dicts are text there."""
    origin, arguments = getattr(kind, '__origin__', kind), getattr(kind, '__args__', ())
    if origin is Union:
        return any(_has_type(value, each) for each in arguments)
    if origin is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= sys.float_info.max
    if origin is dict:
        return isinstance(value, dict) and all(_has_type(entry, *arguments[1:]) for entry in value.values())
    if origin is list:
        return isinstance(value, list) and all(_has_type(entry, arguments[0]) for entry in value)
    if origin is str:
        return isinstance(value, str) and '\0' not in value  # no path has a NUL
    return isinstance(value, origin) and (origin is not int or not isinstance(value, bool))


def _damaged(run_dir, name, stored):
    path = os.path.join(run_dir, OPTIONS_FILE)
    return UserError(
        f'{path}: is damaged ({name} is {stored.get(name)!r}); restore it, or start anew with train.py --new-run.'
    )


def changed_options(options, given, flags, kimg):
    """The options with which a run goes on.

    Args:
        options: `TrainingOptions` with which the run was started.
        given: Dict of fields set by the user now.
        flags: Dict of field to the flag that sets it, for messages.
        kimg: Where the run goes on, thousands of reals; recorded with the options in RECORDED_OPTIONS.

    Raises:
        click.UsageError: The user changed an option that cannot change; the message names the flag and both values. Or
            the values do not fit the resolutions and the GPUs of the run.
    """
    changes = {name: value for name, value in given.items() if value != getattr(options, name)}
    fixed = [name for name in changes if name not in CHANGEABLE]
    if fixed:
        raise click.UsageError(
            '; '.join(
                f'{flags[name]}: the run was started '
                + ('without it' if getattr(options, name) is None else f'with {getattr(options, name)}')
                + f', not {given[name]}'
                for name in fixed
            )
            + f'. Only {", ".join(flags[name] for name in CHANGEABLE if name in flags)} may change.'
        )
    changed = dataclasses.replace(options, **changes)
    if not changes.keys().isdisjoint(RECORDED_OPTIONS):
        check_step_options(changed, given)
        check_precision(changed, given)
    records = [
        {'kimg': kimg, 'option': name, 'before': by_side(options, name), 'after': by_side(changed, name)}
        for name in ('gpus', 'minibatch', 'lrate', 'precision', 'half_levels')
        if by_side(options, name) != by_side(changed, name)
    ]
    return dataclasses.replace(changed, changes=options.changes + as_stored(records))


def by_side(options, name):
    """The value of an option at each resolution of a run: a dict of side in px to value; or one value for all."""
    by_resolution = getattr(options, name + '_by_resolution', None)
    if not by_resolution:
        return getattr(options, name)
    values = {side: by_resolution.get(side, getattr(options, name)) for side in resolutions_of(options)}
    return values if len(set(values.values())) > 1 else min(values.values())


def sentence_of_change(change, flags):
    """Says what an entry of `TrainingOptions.changes` is about, for the log."""
    before, after = (as_flag_value(change[when]) for when in ('before', 'after'))
    return f'From kimg {change["kimg"]:g} on, {flags[change["option"]]} is {after}; before, it was {before}.'


def as_flag_value(value):
    """A value from `by_side`, as text that its flag takes."""
    return ','.join(f'{side}:{each}' for side, each in value.items()) if isinstance(value, dict) else f'{value}'
