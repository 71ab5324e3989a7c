"""The verbs `python -m synthesis study variation` and `python -m synthesis study size`."""

from dnnlib.verb import Verb  # noqa: I001  first: Ctrl-C shows no traceback, and TensorFlow keeps quiet

import dataclasses
import os

import click

from dnnlib.download.published import NetworkSource, offline_option
from dnnlib.errors import UserError, disk_errors
from dnnlib.faces.runtimes import resolve_device
from dnnlib.flags import DEVICE_CHOICES
from dnnlib.folders import check_writable
from dnnlib.jobs.command import exit_on_signals, plan_processes
from dnnlib.util import EasyDict
from metrics.features.embeddings import open_embedding
from metrics.features.known_thresholds import remark_on_grey, thresholds_for
from synthesis.audit.embeddings import embeddings_of
from synthesis.embedding_flags import embedding_flags
from synthesis.generate import Processes
from synthesis.options import GenerateOptions, check_options
from synthesis.source import default_minibatch, find_network
from synthesis.study.size import read_rows
from synthesis.study.size_table import FIGURE_FILE, text_of, write_size
from synthesis.study.variation import mated_scores, study_variation
from synthesis.study.variation_page import PAGE_FILE, levels_of, table_of, write_variation

VARIATION = '\b\nExample:\n  python -m synthesis study variation results/00000-demo --out results/variation'
SIZE = '\b\nExample:\n  python -m synthesis study size results/0000* datasets/synthetic-* --out results/size'


@click.group()
def study():
    """Answer a question about networks and sets."""


@study.command(cls=Verb, epilog=VARIATION)
@click.argument('network', type=NetworkSource())
@click.option('--out', required=True, type=click.Path(file_okay=False), help='Folder for the page and the numbers.')
@click.option(
    '--identities', type=click.IntRange(min=2), default=100, show_default=True, help='Number of synthetic people.'
)
@click.option(
    '--variants', type=click.IntRange(1, 1000), default=4, show_default=True, help='Of each, in each setting.'
)
@click.option('--psi', type=float, default=0.7, show_default=True, help='Truncation, as for generate.')
@click.option('--seed', type=int, default=0, show_default=True, help='Seed of all draws.')
@click.option('--minibatch', type=int, help='Images at a time in each process.  [default: by resolution, 4 to 16]')
@click.option('--real', metavar='DATASET', help='Photographs of real people, labelled by identity, to compare with.')
@click.option('--calibration', metavar='FILE', help='Thresholds that python -m synthesis calibrate measured.')
@click.option(
    '--device', type=click.Choice(DEVICE_CHOICES), default='auto', show_default=True, help='Where to compute.'
)
@click.option('--workers', type=click.IntRange(min=1), help='Processes on CPUs.  [default: one for each core]')
@click.option('--gpus', type=click.IntRange(min=1), help='GPUs, each with one process.  [default: 1]')
@embedding_flags
@offline_option
def variation(network, out, variants, real, calibration, offline, **flags):
    """Measure whether variations of the faces of NETWORK stay the same person.

    For each way to vary and some strengths, the scores of base and variant stand beside the scores of several
    photographs of one real person. A study that was stopped goes on by the same command.
    """
    flags = EasyDict(flags)
    options = GenerateOptions(
        network=network,
        out=out,
        **{name: flags[name] for name in ('identities', 'psi', 'seed', 'minibatch', 'device', 'workers', 'gpus')},
    )
    check_options(options)
    check_writable(os.path.join(out, PAGE_FILE))
    facts = find_network(network, offline)
    device = resolve_device(options.device)
    embedding = open_embedding(flags.embedding, flags.embedding_settings, device)
    thresholds = thresholds_for(embedding, facts.resolution, calibration)
    levels = levels_of(thresholds)
    processes = Processes.planned(*plan_processes(options, device))
    minibatch = options.minibatch or default_minibatch(facts.resolution)
    options = dataclasses.replace(options, device=device, minibatch=minibatch)
    exit_on_signals()
    photographs = None if real is None else _photographs(real, facts.resolution, embedding, processes)
    found = study_variation(facts, options, variants, embedding, processes)
    with disk_errors('written', out, 'or choose another --out'):
        os.makedirs(out, exist_ok=True)
    grey = remark_on_grey(found.bases.shape[1], calibration)
    remarks = [] if grey is None else [grey]
    record = write_variation(out, facts, options, variants, embedding, thresholds, levels, found, photographs, remarks)
    click.echo(table_of(record))
    click.echo(f'Look at {os.path.join(out, PAGE_FILE)}.')


def _photographs(path, side, embedding, processes):
    with embeddings_of(path, embedding, processes) as photographs:
        if photographs.labels is None:
            raise UserError(f'--real {path} does not say who is in an image: make it with --labels identity.')
        if photographs.side != side:
            raise UserError(
                f'--real {path} has images of {photographs.side} px, and the network makes {side} px: embeddings '
                f'compare only equal crops, so make the dataset with python -m prefilter --size {side}.'
            )
        scores = mated_scores(photographs.vectors, photographs.labels, f'photographs of one person, {path}')
    if not len(scores.cosines):
        raise UserError(f'--real {path} has no two images of one person: name a dataset that has.')
    return scores


@study.command(cls=Verb, epilog=SIZE)
@click.argument('paths', metavar='RUN_OR_SET...', nargs=-1, required=True, type=click.Path(exists=True))
@click.option('--out', required=True, type=click.Path(file_okay=False), help='Folder for table, numbers and figure.')
def size(paths, out):
    """Compare networks that were trained on different numbers of images.

    Name runs whose networks were measured, and sets that they made and that were audited. python -m prefilter makes
    training sets of different sizes that lie in each other: --max-images, --max-identities, --min-score.
    """
    rows = read_rows(paths)
    with disk_errors('written', out, 'or choose another --out'):
        os.makedirs(out, exist_ok=True)
    write_size(out, rows)
    click.echo(text_of(rows), nl=False)
    click.echo(f'Look at {os.path.join(out, FIGURE_FILE)}.')
