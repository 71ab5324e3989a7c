"""The verb `python -m synthesis audit`: what a set shows, beside real people."""

from dnnlib.verb import Verb  # noqa: I001  first: Ctrl-C shows no traceback, and TensorFlow keeps quiet

import os

import click

from dnnlib.faces.runtimes import resolve_device
from dnnlib.jobs.command import (
    check_runner,
    choose_cluster,
    exit_on_signals,
    plan_processes,
    processing_flags,
    saying_how_to_go_on,
)
from dnnlib.records.names import AUDIT_FILE, AUDIT_PAGE
from metrics.features.embeddings import open_embedding
from synthesis.audit.options import AuditOptions, check_audit_options
from synthesis.audit.plan import costs_in_words, plan_audit
from synthesis.audit.run import audit_set
from synthesis.embedding_flags import embedding_flags
from synthesis.generate import Processes

EPILOG = """\b
Examples:
  python -m synthesis audit datasets/synthetic --training datasets/faces --held-out datasets/others
  python -m synthesis audit datasets/synthetic --training datasets/faces --rows 20000

The held-out people are not in the training set; make them by the same filter, about as many. If a run was ended before
its end, the same command goes on with it. What is done is kept in the cache: a second audit takes seconds.
"""


@click.command(cls=Verb, epilog=EPILOG)
@click.argument('source', metavar='SET')
@click.option('--training', metavar='DATASET', help='The photographs that the network was trained on.')
@click.option('--held-out', metavar='DATASET', help='Other people: the baseline of the comparison with --training.')
@click.option('--out', type=click.Path(), help=f'Folder for {AUDIT_PAGE} and {AUDIT_FILE}.  [default: SET]')
@click.option('--rows', type=int, metavar='N', help='Compare only N images, chosen at random, with all: for millions.')
@click.option('--calibration', metavar='FILE', help='Thresholds that python -m synthesis calibrate measured.')
@click.option('--extrapolate', is_flag=True, help='Use thresholds that were extrapolated, too; they are marked.')
@click.option('--dry-run', is_flag=True, help='Print numbers, time, memory and disk; measure nothing.')
@embedding_flags
@processing_flags(
    device_help='Where faces are embedded; auto takes a GPU if there is one.',
    staging_help="Folder or gs://, hdfs://, ... that this machine and Beam's workers reach. Results go through it. "
    'Give it if the workers do not reach the datasets.',
    makes_dataset=False,
)
def audit(**flags):
    """Measure what the synthetic faces of SET show.

    How many different people are there, and how many look-alikes? Does a variation stay the same person? How near are
    they to the people of the training set? Each number stands beside the same number for real people.

    SET is a folder that generate or prune made, or any dataset that train.py reads; its labels are the identities.
    """
    options = AuditOptions(**flags)
    check_audit_options(options)
    check_runner(options, 'faces are embedded')
    cluster = choose_cluster(options)
    device = 'cpu' if cluster else resolve_device(options.device)
    embedding = open_embedding(options.embedding, options.embedding_settings, device)
    processes = Processes.planned(*plan_processes(options, device))
    if options.dry_run:
        for sentence in costs_in_words(plan_audit(options), options, embedding, processes, cluster):
            click.echo(sentence)
        click.echo('Nothing is measured: leave out --dry-run to begin.')
        return
    exit_on_signals()
    with saying_how_to_go_on():
        sentences = audit_set(options, embedding, processes, cluster)
    for sentence in sentences:
        click.echo(sentence)
    click.echo(f'Look at {os.path.join(options.folder, AUDIT_PAGE)}.')
