"""The verb `python -m synthesis directions`: finds directions in W that have names, such as 'smile'."""

from dnnlib.verb import Verb  # noqa: I001  first: Ctrl-C shows no traceback, and TensorFlow keeps quiet

import os

import click
from tabulate import tabulate

from dnnlib.download.published import NetworkSource, offline_option
from dnnlib.errors import UserError
from dnnlib.flags import DEVICE_CHOICES, FiniteRange, LayerRange
from dnnlib.folders import check_writable
from metrics.cache import StageCache, open_cache
from metrics.features.embeddings import open_embedding
from metrics.named_directions import read_directions, write_directions
from metrics.sources import LARGEST_SEED, check_device
from synthesis.attributes import PUBLISHED, open_scorer
from synthesis.embedding_flags import embedding_flags
from synthesis.flags import Names
from synthesis.source import find_network

EPILOG = """\b
Examples:
  python -m synthesis directions results/00000-demo --attributes datasets/celeba --names Smiling,Male --out smile.json
  python -m synthesis directions celeba-256x256 --attributes ls --out attributes.json --orthogonal
  python -m synthesis generate results/00000-demo --out datasets/smiles --per-identity 10 \\
      --vary directions --directions smile.json:Smiling
  python generate_figures.py results/00000-demo --figures directions --directions smile.json

If a run was ended before its end, the same command goes on with it: cache/measurements keeps what was read.
"""


@click.command(cls=Verb, epilog=EPILOG)
@click.argument('network', type=NetworkSource())
@click.option(
    '--attributes',
    required=True,
    metavar=f'DATASET|FILE.onnx|{PUBLISHED}',
    help='What scores the images: a dataset whose labels are attributes; a classifier FILE.onnx with its settings in '
    f'FILE.json; or {PUBLISHED}, the published classifiers of the metric ls.',
)
@click.option('--out', required=True, type=click.Path(dir_okay=False), help='File to write, such as directions.json.')
@click.option('--names', type=Names(), help='Attributes, with commas.  [default: all]')
@click.option(
    '--images', type=click.IntRange(100, 10**7), default=10000, show_default=True, help='Images that are scored.'
)
@click.option(
    '--share',
    type=FiniteRange(0, 0.5, min_open=True),
    default=0.1,
    show_default=True,
    help='Share of the images that counts as having an attribute, and as lacking it.',
)
@click.option('--orthogonal', is_flag=True, help='Take from each direction what it shares with the others.')
@click.option('--layers', type=LayerRange(), help='Layers that the directions move.  [default: all]')
@click.option(
    '--distance',
    type=FiniteRange(0, 1000, min_open=True),
    default=3.0,
    show_default=True,
    help='How far samples are moved, in W, to measure what changes.',
)
@click.option('--samples', type=click.IntRange(1, 10000), default=32, show_default=True, help='Samples to move.')
@click.option('--psi', type=FiniteRange(-10, 10), default=0.7, show_default=True, help='Truncation of the samples.')
@click.option('--seed', type=click.IntRange(0, LARGEST_SEED), default=0, show_default=True, help='Seed of all draws.')
@embedding_flags
@click.option('--minibatch', type=click.IntRange(min=1), help='Images at a time.  [default: by resolution]')
@click.option(
    '--device', type=click.Choice(DEVICE_CHOICES), default='auto', show_default=True, help='Where to compute.'
)
@click.option('--force', is_flag=True, help='Replace a file of directions.')
@click.option('--no-cache', is_flag=True, help='Do not use cache/measurements, and write nothing to it.')
@offline_option
def directions(network, attributes, out, names, embedding, embedding_settings, force, no_cache, offline, **flags):
    """Find directions in W that change named attributes of NETWORK's images, such as a smile.

    Many images are made and scored. A plane is fitted in W between the images that have an attribute most and those
    that have it least (a linear support vector machine). The direction is the normal of the plane.
    """
    _check_out(out, force)
    scorer = open_scorer(attributes, names, flags['seed'])
    faces = open_embedding(embedding, embedding_settings)
    facts = find_network(network, offline)
    check_device(flags['device'], 1)
    from synthesis.directions import DirectionOptions, find_directions  # here: it brings TensorFlow

    options = DirectionOptions(**flags)
    cache = StageCache(None) if no_cache else open_cache()
    found, remarks = find_directions(facts, scorer, options, cache, faces, offline)
    for sentence in remarks:
        click.echo(sentence, err=True)
    kept = {name: list(value) if isinstance(value, range) else value for name, value in flags.items()}
    write_directions(
        out, found._replace(made_by={'network': network, 'attributes': attributes, 'embedding': faces.title, **kept})
    )
    click.echo(table_of(found))
    click.echo(f'{out}: directions of {", ".join(found.names)}.')
    click.echo(f'Look at them: python generate_figures.py {network} --figures directions --directions {out}')


def _check_out(out, force):
    check_writable(out)
    if not os.path.lexists(out):
        return
    if not force:
        raise UserError(f'--out {out} exists already: choose another name, or replace it with --force.')
    try:
        read_directions(out)
    except UserError as error:
        raise UserError(
            f'--out {out} is no file of directions, so --force does not replace it: choose another name.'
        ) from error


def table_of(found):
    """What a file of directions says about them, as a table of text: a row for each direction.

    Args:
        found: `metrics.named_directions.NamedDirections`.
    """
    has_classifiers = any('accuracy of its classifier' in record for record in found.records)
    has_identity = any('identity' in record for record in found.records)
    ends = [f'at {found.records[0]["distances"][place]:+g}' for place in (0, -1)]
    head = ['direction', *['classifier'] * has_classifiers, 'plane', 'order', *(f'change {end}' for end in ends)]
    rows = [[*head, *(f'identity {end}' for end in ends if has_identity), 'changes most beside it']]
    for name, record in zip(found.names, found.records):
        classifier = record.get('accuracy of its classifier')
        changes = record['changes of scores']
        row = [name, *[_share(classifier)] * has_classifiers, _share(record['accuracy'])]
        row += [f'{record["correlation"]:.2f}', *(f'{changes[name][place]:+.2f}' for place in (0, -1))]
        row += [f'{record["identity"][place]:.2f}' for place in (0, -1) if has_identity]
        rows.append([*row, _most_changed(name, changes)])
    return tabulate(rows, tablefmt='plain', disable_numparse=True)


def _share(value):
    return '-' if value is None else f'{100 * value:.1f} %'


def _most_changed(name, changes):
    """The other attribute that changes most between both ends."""
    others = {other: values[-1] - values[0] for other, values in changes.items() if other != name}
    if not others:
        return ''
    most = max(others, key=lambda other: abs(others[other]))
    return f'{most} {others[most]:+.2f}'
