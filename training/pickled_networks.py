"""Networks of a pickle from which a run starts: which options they decide, and where in the schedule they go on."""

import math
import os
from typing import NamedTuple

import click

from dnnlib import network_file
from dnnlib.errors import UserError
from dnnlib.run_dir import SNAPSHOT_PATTERN
from training.options import PROGAN, REGRESSOR, as_stored, minibatch_at, resolutions_of
from training.readable_labels import check_auxiliary
from training.schedule import training_schedule

# Options that a pickled network decides: (network, argument of its build function, option, default of the argument).
_NETWORK_OPTIONS = (
    ('G', 'resolution', 'resolution', 1024),
    ('G', 'latent_size', 'latent_size', 512),
    ('G', 'mapping_layers', 'mapping_layers', 8),
    ('G', 'fmap_base', 'fmap_base', 8192),
    ('G', 'fmap_max', 'fmap_max', 512),
    ('G', 'style_mixing_prob', 'style_mixing_prob', 0.9),
)

# Arguments of the networks that this program makes: `training.step.network_arguments`.
_USUAL_ARGUMENTS = {
    'num_channels',
    'resolution',
    'label_size',
    'fmap_base',
    'fmap_max',
    'latent_size',
    'dlatent_size',
    'mapping_fmaps',
    'mapping_layers',
    'style_mixing_prob',
}


class PickledNetworks(NamedTuple):
    """What training takes from a network pickle."""

    architecture: str  # as in `TrainingOptions`
    static_kwargs: dict  # 'G', 'D' and 'Gs' -> dict of the arguments of the build function that have an effect
    values: dict  # 'G', 'D' and 'Gs' -> dict of variable name to array
    lod: float  # level of detail of the networks


def read_pickle(path):
    """Reads the networks (G, D, Gs) of a pickle. The default graph stays as it is.

    Returns:
        `PickledNetworks`.

    Raises:
        UserError: The file does not hold (G, D, Gs) of StyleGAN, or of ProGAN in StyleGAN's form.
    """
    import tensorflow.compat.v1 as tf  # here: a command line is checked before TensorFlow starts

    from dnnlib import tflib
    from dnnlib.tflib.arguments import with_effect
    from training.step import BUILD_FUNCTIONS_OF

    with tf.Graph().as_default(), tf.Session(config=tf.ConfigProto(device_count={'GPU': 0})):
        networks = tflib.load_networks(path)
        if not isinstance(networks, tuple) or len(networks) != 3:
            raise UserError(f'{path} holds no (G, D, Gs): training cannot start from it.')
        named = dict(zip(('G', 'D', 'Gs'), networks))
        values = {name: tflib.run(net.vars) for name, net in named.items()}
        made_by = [net.build_func_name for net in networks]
        architecture = {G.__name__: name for name, (G, _) in BUILD_FUNCTIONS_OF.items()}.get(made_by[0])
        G, D = BUILD_FUNCTIONS_OF.get(architecture, (None, None))
        if G is None or made_by != [G.__name__, D.__name__, G.__name__] or 'lod' not in values['D']:
            raise UserError(f'{path} holds no networks of StyleGAN: training cannot start from it.')
        if any(net.program != network_file.STYLEGAN for net in networks):
            raise UserError(
                f"{path} is of ProGAN's own program, whose D has no input for labels: training cannot start from it; "
                'figures and metrics can be made of it.'
            )
        _check_trains(path, named['G'], named['D'])
        functions = {'G': G, 'D': D, 'Gs': G}
        static_kwargs = {name: with_effect(functions[name], net.static_kwargs) for name, net in named.items()}
        for name in 'G', 'Gs':  # what G_paper takes by default, StyleGAN does not
            if architecture == PROGAN:
                sizes = {'resolution': named[name].output_shape[2], 'latent_size': named[name].input_shape[1]}
                static_kwargs[name] = {**sizes, **static_kwargs[name]}
        return PickledNetworks(architecture, static_kwargs, values, float(values['G']['lod']))


def _check_trains(path, G, D):
    """Refuses, with a UserError, networks of which no training step can be built, by arguments that ours never have."""
    import tensorflow.compat.v1 as tf  # see `read_pickle`

    arguments = [*G.static_kwargs.items(), *D.static_kwargs.items()]
    if all(name in _USUAL_ARGUMENTS and isinstance(value, (int, float)) for name, value in arguments):
        return
    from training.step import active_arguments

    latents, labels = (tf.zeros([4, *shape[1:]]) for shape in G.input_shapes)
    seed = tf.constant([0, 0])
    try:
        images = G.get_output_for(latents, labels, is_training=True, random_seed=seed, **active_arguments(G, G))
        D.get_output_for(images, labels, **active_arguments(D, D))
    except Exception as error:  # bad arguments in the file can make the build function raise anything
        raise UserError(
            f'{path}: training cannot start from its networks, whose arguments are {_unusual(G)} and {_unusual(D)} '
            f'({error}): choose another pickle.'
        ) from error


def _unusual(net):
    found = {
        name: value
        for name, value in net.static_kwargs.items()
        if name not in _USUAL_ARGUMENTS or not isinstance(value, (int, float))
    }
    return ', '.join(f'{name} = {value!r}' for name, value in found.items()) or 'usual ones'


def options_of_pickle(path, pickled, given, flags):
    """The options that a pickle's networks decide.

    Args:
        path: The pickle, for messages.
        pickled: `PickledNetworks` of the pickle.
        given: Dict of fields set by the user.
        flags: Dict of field to the flag that sets it, for messages.

    Returns:
        Dict of fields of `TrainingOptions`.

    Raises:
        click.UsageError: The user gave another value; the message names the flag and both values.
    """
    found = {
        option: pickled.static_kwargs[net].get(argument, default) for net, argument, option, default in _NETWORK_OPTIONS
    }
    found['architecture'] = pickled.architecture
    for option in ('latent_size', 'mapping_layers', 'fmap_base', 'fmap_max'):
        found[option] = int(found[option])  # some pickles hold 8192.0
    if pickled.architecture == PROGAN:
        del found['mapping_layers'], found['style_mixing_prob']
    found['use_labels'] = pickled.static_kwargs['G'].get('label_size', 0) > 0
    clashes = [
        f'{flags.get(name, name)} {given[name]}: the networks in {path} have {value}'
        for name, value in found.items()
        if given.get(name, value) != value
    ]
    if clashes:
        raise click.UsageError('; '.join(clashes) + '. Leave these flags out.')
    # In the form in which options.json gives it back, so that the same command finds the run.
    return dict(found, networks=as_stored({name: pickled.static_kwargs[name] for name in ('G', 'D')}))


def check_resolution(path, resolution, dataset):
    """Refuses, with a UserError, networks of a pickle whose images are larger than the images of the dataset."""
    if resolution > dataset.resolution:
        raise UserError(
            f'The networks in {path} make {resolution}x{resolution} images, the dataset {dataset.folder} has '
            f'{dataset.resolution}x{dataset.resolution}: choose another dataset or pickle.'
        )


def check_dataset(options, dataset):
    """Refuses a dataset that a run cannot train on.

    Args:
        options: `TrainingOptions` of the run.
        dataset: The open dataset.

    Raises:
        UserError: The dataset does not fit the networks from which the run starts, or went on before.
        click.UsageError: The run trains on labels, and the dataset has none, or none that --auxiliary can learn.
    """
    labels = 0 if dataset.labels is None else dataset.labels.size
    if options.networks is not None:
        theirs = {name: options.networks['D'].get(name, default) for name, default in _D_DEFAULTS.items()}
        for what, wanted, found in (
            ('{}-channel images', theirs['num_channels'], dataset.shape[0]),
            ('labels of {} numbers', theirs['label_size'], labels if options.use_labels else 0),
        ):
            if wanted != found:
                raise UserError(
                    f'The networks in {options.resume} take {what.format(wanted)}, the dataset {options.data} has '
                    f'{what.format(found) if found else "none"}: choose another dataset or pickle.'
                )
    elif options.use_labels and not labels:
        kind = 'numbers' if options.auxiliary == REGRESSOR else 'identity'
        raise click.UsageError(
            f'--labels: {options.data} has no label file; make a dataset with labels with python -m prefilter '
            f'PHOTOGRAPHS --labels {kind} --out DATASET.'
        )
    if options.use_labels:
        check_auxiliary(options, dataset.labels)


_D_DEFAULTS = {'num_channels': 1, 'label_size': 0}  # of the build function of D


def begin_kimg(path, lod, options, given=None):
    """Where in the schedule the networks of a pickle go on.

    Args:
        path: The pickle; network-snapshot-KKKKKK.pkl has the kimg in its name.
        lod: Level of detail of the networks.
        options: `TrainingOptions`.
        given: The kimg that the user says, or None.

    Returns:
        (kimg, how that is known, as part of a sentence).

    Raises:
        click.UsageError: The schedule has no such level of detail.
    """
    if given is not None:
        lowest, there = _lods_at(given, options)
        if _is_near(lod, lowest, there):
            return given, 'as you say'
        return given, f'as you say, where the lod is {there:g}; the lod of its networks is {lod:g}'
    match = SNAPSHOT_PATTERN.search(os.path.basename(path))
    if match is None:
        return _begin_by_lod(path, lod, options)
    named = float(match.group(1))
    lowest, highest = _lods_at(named, options)
    if _is_near(lod, lowest, highest):
        return named, 'as its name says'
    kimg, reason = _begin_by_lod(path, lod, options)
    return kimg, f'{reason}. Its name says kimg {named:g}, where the lod would be {highest:g}'


def _lods_at(kimg, options):
    """The lowest and the highest lod that networks can have whose name says `kimg`.

    A name is rounded down to whole kimg. Networks have the lod of the last iteration, which began some steps before.
    """
    steps = options.minibatch_repeats * max(minibatch_at(options, side) for side in resolutions_of(options)) / 1000
    return [
        training_schedule(int(at * 1000), options.resolution, **options.schedule_options()).lod
        for at in (kimg + 1, max(kimg - steps, 0))
    ]


def _is_near(lod, lowest, highest):
    return lowest - 1e-4 <= lod <= highest + 1e-4  # networks hold it as float32


def _begin_by_lod(path, lod, options):
    levels = math.log2(options.resolution / options.initial_resolution) - lod
    if levels < 0:
        raise click.UsageError(
            f'The networks in {path} are at lod {lod:g}, before the schedule begins: give a lower '
            '--initial-resolution, or --resume-kimg.'
        )
    if levels == 0:
        return 0.0, f'where the schedule begins, at the lod {lod:g} of its networks'
    whole = math.ceil(levels) - 1  # levels that had faded in completely
    fading = options.fade_kimg * (levels - whole)
    kimg = whole * (options.phase_kimg + options.fade_kimg) + options.phase_kimg + fading
    return kimg, f'where the schedule reaches the lod {lod:g} of its networks; --resume-kimg sets another kimg'


LOST = (
    "The pickle does not carry Adam's moments, the position in the stream of images, the count of ticks and the time "
    'that training took: all of this starts anew.'
)
