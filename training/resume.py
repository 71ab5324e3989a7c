"""Going on with a run whose options may change a little, and starting one from the networks in a pickle."""

import dataclasses
import json
import math
from typing import NamedTuple

import click

from dnnlib.errors import UserError
from dnnlib.run_dir import SNAPSHOT_PATTERN
from training.options import TrainingOptions

# What may change when a run goes on: nothing here alters what a step of training computes.
CHANGEABLE = (
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

# What the arguments of a pickled network say about the options: (network, argument, option, its value if not given).
_NETWORK_OPTIONS = (
    ('G', 'resolution', 'resolution', 1024),
    ('G', 'latent_size', 'latent_size', 512),
    ('G', 'mapping_layers', 'mapping_layers', 8),
    ('G', 'fmap_base', 'fmap_base', 8192),
    ('G', 'fmap_max', 'fmap_max', 512),
    ('G', 'style_mixing_prob', 'style_mixing_prob', 0.9),
)


def stored_options(run_dir, stored):
    """`TrainingOptions` from the dict of a run's options.json, where all keys are text.

    Raises:
        UserError: They are of no version of this program that can go on with the run.
    """
    unknown = sorted(set(stored) - {field.name for field in dataclasses.fields(TrainingOptions)})
    if unknown or 'data' not in stored:
        raise UserError(
            f'The options of {run_dir} are of another program ({", ".join(unknown) or "no data"}): start '
            'a new run from one of its network pickles instead.'
        )
    options = TrainingOptions(**stored)
    for name in ('lrate_by_resolution', 'minibatch_by_resolution'):
        setattr(options, name, {int(side): value for side, value in (getattr(options, name) or {}).items()})
    return options


def changed_options(options, given, flags):
    """The options a run goes on with.

    Args:
        options: `TrainingOptions` it was started with.
        given: Dict of fields set by the user now.
        flags: Dict of field to the flag that sets it, for messages.

    Raises:
        click.UsageError: Something was set that cannot change; the message names flag and both values.
    """
    changes = {name: value for name, value in given.items() if value != getattr(options, name)}
    fixed = {name: value for name, value in changes.items() if name not in CHANGEABLE and name in flags}
    fixed.update(
        {name[: -len('_by_resolution')]: value for name, value in changes.items() if name.endswith('_by_resolution')}
    )
    if fixed:
        raise click.UsageError(
            '; '.join(
                f'{flags[name]}: the run was started with {_shown(options, name)}, not {_shown_value(given, name)}'
                for name in fixed
            )
            + f'. Only {", ".join(flags[name] for name in CHANGEABLE)} may change.'
        )
    return dataclasses.replace(options, **changes)


def _shown(options, name):
    return _shown_value(dataclasses.asdict(options), name)


def _shown_value(values, name):
    by_resolution = values.get(name + '_by_resolution')
    return f'{values[name]}' + (f' and {json.dumps(by_resolution)} by resolution' if by_resolution else '')


# ----------------------------------------------------------------------------------------------------------------------


class PickledNetworks(NamedTuple):
    """What training takes from a network pickle; by name, G, D and Gs."""

    static_kwargs: dict  # dicts of the arguments of the build functions
    values: dict  # dicts of variable name to array
    lod: float  # level of detail the networks were at


def read_pickle(path):
    """Reads (G, D, Gs) in a graph of its own, which ends with the call.

    Raises:
        UserError: Not such a pickle.
    """
    import tensorflow.compat.v1 as tf  # here: a command line is checked before TensorFlow starts

    from dnnlib import tflib

    with tf.Graph().as_default(), tf.Session(config=tf.ConfigProto(device_count={'GPU': 0})):
        networks = tflib.load_networks(path)
        if not isinstance(networks, tuple) or len(networks) != 3:
            raise UserError(f'{path} holds no (G, D, Gs): training cannot start from it.')
        named = dict(zip(('G', 'D', 'Gs'), networks))
        values = {name: tflib.run(net.vars) for name, net in named.items()}
        if any('lod' not in values[name] for name in named) or 'synthesis' not in named['G'].components:
            raise UserError(f'{path} holds other networks than those of StyleGAN: training cannot start from it.')
        return PickledNetworks(
            {name: dict(net.static_kwargs) for name, net in named.items()}, values, float(values['G']['lod'])
        )


def options_of_pickle(path, pickled, given, flags):
    """The fields of `TrainingOptions` that a pickle's networks decide.

    Args:
        path: The pickle, for messages.
        pickled: As from `read_pickle`.
        given: Dict of fields set by the user.
        flags: Dict of field to the flag that sets it.

    Raises:
        click.UsageError: The user set one of them otherwise; the message names flag and both values.
    """
    found = {
        option: pickled.static_kwargs[net].get(argument, default) for net, argument, option, default in _NETWORK_OPTIONS
    }
    found['use_labels'] = pickled.static_kwargs['G'].get('label_size', 0) > 0
    clashes = [
        f'{flags[name]} {given[name]}: the networks in {path} have {value}'
        for name, value in found.items()
        if given.get(name, value) != value
    ]
    if clashes:
        raise click.UsageError('; '.join(clashes) + '. Leave these flags out.')
    # As it comes back from options.json, so that the same command finds the run.
    return dict(found, networks=json.loads(json.dumps({name: pickled.static_kwargs[name] for name in ('G', 'D')})))


def check_networks_fit(options, training_set):
    """Refuses a dataset whose images or labels the networks that a run starts from do not take."""
    if options.networks is not None:
        for name, ours, default in (
            ('num_channels', training_set.shape[0], 1),
            ('label_size', training_set.label_size, 0),
        ):
            theirs = options.networks['D'].get(name, default)
            if theirs != ours:
                raise UserError(
                    f'The networks in {options.resume} have {name} {theirs}, the dataset {options.data} '
                    f'has {ours}: choose another --data or another pickle.'
                )


def begin_kimg(path, lod, options):
    """Where in the schedule networks from a pickle go on, and how that is known: (kimg, sentence).

    Args:
        path: The pickle; the name of network-snapshot-KKKKKK.pkl gives it.
        lod: Level of detail the networks were at.
        options: `TrainingOptions`.

    Raises:
        click.UsageError: The schedule has no such level of detail.
    """
    match = SNAPSHOT_PATTERN.search(path)
    if match:
        return float(match.group(1)), 'as its name says'
    levels = math.log2(options.resolution / options.initial_resolution) - lod
    if levels < 0:
        raise click.UsageError(
            f'The networks in {path} are at lod {lod:g}, before the schedule begins: give a lower '
            '--initial-resolution, or --resume-kimg.'
        )
    if levels == 0:
        return 0.0, f'where the schedule begins, at the lod {lod:g} of its networks'
    whole = math.ceil(levels) - 1  # levels that were complete before the one that fades in
    fading = options.fade_kimg * (levels - whole)
    kimg = whole * (options.phase_kimg + options.fade_kimg) + options.phase_kimg + fading
    return kimg, f'where the schedule reaches the lod {lod:g} of its networks; --resume-kimg sets another place'


LOST = (
    "The pickle does not carry Adam's moments, the place in the order of the images, the numbers of log lines and "
    'the time it took: these start anew.'
)
