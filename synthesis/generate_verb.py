"""The verb `python -m synthesis generate`: a network in, a labelled set of images out."""

from dnnlib.verb import Verb  # noqa: I001  first: Ctrl-C shows no traceback, and TensorFlow keeps quiet

import dataclasses
import os

import click
import numpy as np

from dnnlib.download.published import NetworkSource
from dnnlib.download.published import offline_option
from dnnlib.exports.card import CARD_FILES
from dnnlib.exports.flags import export_flags
from dnnlib.exports.forms import check_exports, check_parts, names_written
from dnnlib.flags import LayerRange
from dnnlib.jobs.command import (
    check_runner,
    choose_cluster,
    exit_on_signals,
    plan_processes,
    processing_flags,
    saying_how_to_go_on,
)
from dnnlib.records.names import MANIFEST_FILE, REPORT_FILE
from dnnlib.util import format_duration
from metrics.named_directions import read_directions, split_choice
from metrics.styles import DIRECTION_LAYERS
from synthesis.draws import LIKE_REALS
from synthesis.generate import SET_FORM, Processes, make_set, try_network
from synthesis.given import Given
from synthesis.job import room_of_exports, room_of_image
from synthesis.flags import ClassChoice, DirectionChoice, Words
from synthesis.network import frequencies_of
from synthesis.options import GenerateOptions, check_options
from synthesis.source import default_minibatch, find_network

EPILOG = """\b
Examples:
  python -m synthesis generate results/00000-demo --out datasets/synthetic --identities 1000
  python -m synthesis generate celeba-256x256 --out datasets/celebs --identities 100000 --reject
  python -m synthesis generate results/00000-demo --out datasets/people --identities 500 --per-identity 20

If a run was ended before its end, the same command goes on with it. A larger --identities enlarges a finished set; its
first images stay as they are.
"""


@click.command(cls=Verb, epilog=EPILOG)
@click.argument('network', type=NetworkSource())
@click.option('--out', required=True, type=click.Path(), help='Folder of the set to make, such as datasets/NAME.')
@click.option('--identities', type=int, default=1000, show_default=True, help='Number of synthetic people.')
@click.option('--per-identity', type=int, default=1, show_default=True, help='Images of each.')
@click.option(
    '--vary',
    type=Words(),
    help='How the images of an identity differ: noise (hair, pores), fine (colours, texture), near (the face a '
    'little), directions (as pose); several with commas.  [default: noise,fine]',
)
@click.option('--fine', type=float, default=1.0, show_default=True, help='Share of other fine styles, 0 to 1.')
@click.option('--near', type=float, default=0.1, show_default=True, help='Step in W, in standard deviations.')
@click.option(
    '--directions',
    type=DirectionChoice(),
    default='0,1,2',
    show_default=True,
    help='Numbers of the directions that change an image most; or a file of python -m synthesis directions, with names '
    'of some directions in it.',
)
@click.option(
    '--direction-layers',
    type=LayerRange(),
    help='Layers that the directions move.  [default: 0-1, or as the file says]',
)
@click.option(
    '--direction-distance', type=float, default=3.0, show_default=True, help='The farthest along a direction, in W.'
)
@click.option(
    '--psi', type=float, default=0.7, show_default=True, help='Truncation: 1 for the most varied faces, 0 for one face.'
)
@click.option('--psi-layers', type=int, help='Layers that are truncated, from the coarsest on.  [default: 8]')
@click.option('--seed', type=int, default=0, show_default=True, help='Seed of all draws.')
@click.option(
    '--classes',
    type=ClassChoice(),
    help='Classes of a conditional network: numbers as 3,7 in turns, balanced, or like-reals, as often as in the '
    'training set.  [default: balanced]',
)
@click.option('--data', type=click.Path(), help='Dataset of the training, for like-reals.  [default: of the run]')
@click.option('--size', type=int, metavar='PX', help='Shrink the images by area.  [default: as the network makes them]')
@click.option('--grey', is_flag=True, help='Grey images, of one channel.')
@click.option('--reject', is_flag=True, help='Refuse images without a face; another draw takes the place of each.')
@click.option('--keep-refused', is_flag=True, help='Keep refused images, in the folder refused.')
@click.option('--draws', type=int, default=100, show_default=True, help='Draws of an image before the run gives up.')
@click.option('--minibatch', type=int, help='Images at a time in each process.  [default: by resolution, 4 to 16]')
@click.option('--keep-w', is_flag=True, help='Keep w of each image, in the folder w.')
@click.option('--licence', help='Licence of the set, for its card; it is never assumed.')
@click.option('--dry-run', is_flag=True, help='Try the network, and print numbers, disk and time; make nothing.')
@export_flags
@processing_flags(
    device_help='Where the network is computed; auto takes a GPU if there is one.',
    staging_help="Folder or gs://, hdfs://, ... that this machine and Beam's workers reach. Results go through it. "
    'Give it if the workers do not reach --out.',
)
@offline_option
def generate(offline, **flags):
    """Make a large, labelled set of synthetic faces with NETWORK.

    NETWORK is a training run (its best network is taken, else the newest), a network pickle, a URL, or the name of a
    published network (python -m dnnlib.download --list).

    The set is a folder of .zip files with 10,000 PNG files each, as the later StyleGANs and train.py read them. The
    labels are the identities. manifest.jsonl has a line for each image, report.html shows the set.
    """
    named = _named_directions(flags)
    options = GenerateOptions(**flags)
    check_options(options)
    check_runner(options, 'images are made')
    facts = find_network(options.network, offline)
    if named:
        named.check_network(facts.sha256)
    side = options.size or facts.resolution
    if side > facts.resolution:
        raise click.UsageError(f'--size {side}: the network makes {facts.resolution} px, so take that at most.')
    check_exports(options.export, side, True, there=[SET_FORM])
    if options.test_share is not None or options.pairs is not None:  # else the numbers would only take memory
        check_parts(options.export, np.arange(options.count) // options.per_identity)
    cluster = choose_cluster(options)
    given = Given(_frequencies(options, facts), named and tuple(map(tuple, named.vectors.tolist())))
    device = 'cpu' if cluster else _resolve_device(options.device)
    options = dataclasses.replace(
        options, device=device, minibatch=options.minibatch or default_minibatch(facts.resolution)
    )
    processes = Processes.planned(*plan_processes(options, device), given)
    if options.dry_run:
        _say_what_would_be(facts, options, processes, cluster)
        return
    exit_on_signals()
    with saying_how_to_go_on(options.out):
        result = make_set(facts, options, processes, cluster)
    _report(result, options)


def _named_directions(flags):
    """The `NamedDirections` that --directions names; None if it has numbers. Puts names and layers into the flags."""
    if isinstance(flags['directions'], tuple):
        flags['direction_layers'] = flags['direction_layers'] or DIRECTION_LAYERS
        return None
    path, names = split_choice(flags['directions'])
    found = read_directions(path)
    found = found.choose(sorted(found.names if names is None else names))
    flags['directions'] = found.names
    flags['direction_layers'] = flags['direction_layers'] or found.layers
    return found


def _frequencies(options, facts):
    if options.classes != LIKE_REALS:
        return None
    return tuple(frequencies_of(options.data or facts.data, facts.label_size).tolist())


def _resolve_device(device):
    from dnnlib.faces.runtimes import resolve_device  # here: it may start TensorFlow

    return resolve_device(device)


def _say_what_would_be(facts, options, processes, cluster):
    trial = try_network(facts, options, processes)
    images = options.count
    image_bytes = images * room_of_image(trial, options)
    exports = sum(size for _, size in room_of_exports(trial, options))
    channels, side, _ = trial.shape
    what = 'grey' if channels == 1 else 'RGB'
    click.echo(
        f'{images:,} images of {options.identities:,} identities, {side}x{side} px, {what}, by {facts.name} '
        f'({facts.sha256[:12]}).'
    )
    click.echo(f'Disk: about {image_bytes / 1e9:.2f} GB for the images and {exports / 1e9:.2f} GB for the exports.')
    if cluster is None:
        seconds = images * trial.seconds / processes.count
        click.echo(
            f'Time: about {format_duration(seconds)} with {processes.count} processes '
            f'({trial.seconds:.3g} s an image in one that works alone).'
        )
    click.echo('Nothing is made: leave out --dry-run to begin.')


def _report(result, options):
    speed = f'; {result["made"] / result["seconds"]:.1f} images/s' if result['made'] else '; no image was missing'
    refused = f'{result["refused"]:,} draws refused, ' if options.reject else ''
    click.echo(f'{options.count:,} images of {options.identities:,} identities; {refused}seed {options.seed}{speed}.')
    name = os.path.basename(os.path.abspath(options.out))
    written = [MANIFEST_FILE, *CARD_FILES, *names_written(options.export, name, [SET_FORM])]
    click.echo(f'{options.out}: {", ".join(written)}.')
    click.echo(f'Look at {os.path.join(options.out, REPORT_FILE)}.')
