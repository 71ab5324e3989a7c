"""The verb `python -m synthesis calibrate`: measures from which score on two faces count as one person."""

from dnnlib.verb import Verb  # noqa: I001  first: Ctrl-C shows no traceback, and TensorFlow keeps quiet

import os
from types import SimpleNamespace

import click

from dnnlib.faces.runtimes import resolve_device
from dnnlib.folders import check_writable
from dnnlib.jobs.command import check_runner, choose_cluster, plan_processes, processing_flags
from metrics.features.embeddings import open_embedding
from metrics.features.known_thresholds import write_thresholds
from synthesis.calibrate import LARGEST, measure_thresholds
from synthesis.embedding_flags import embedding_flags
from synthesis.generate import Processes

EPILOG = """\b
Examples:
  python -m prefilter photographs --labels identity --out datasets/people
  python -m synthesis calibrate datasets/people --out people.json
  python -m synthesis calibrate datasets/people --embedding arcface.onnx --out arcface.json
"""


@click.command(cls=Verb, epilog=EPILOG)
@click.argument('dataset', type=click.Path())
@click.option('--out', required=True, type=click.Path(dir_okay=False), help='JSON file to write, for --calibration.')
@embedding_flags
@click.option('--extrapolate', is_flag=True, help='Add thresholds for which the images are too few, by a fitted tail.')
@click.option(
    '--max-images',
    type=click.IntRange(min=2),
    default=LARGEST,
    show_default=True,
    help='Images that are compared: whole people by lot.',
)
@click.option('--seed', type=click.IntRange(0, 2**32 - 1), default=0, show_default=True, help='Seed of all draws.')
@processing_flags(
    device_help='Where faces are embedded; auto takes a GPU if there is one.',
    staging_help="Folder or gs://, hdfs://, ... that this machine and Beam's workers reach. Results go through it.",
    makes_dataset=False,
)
def calibrate(dataset, out, embedding, embedding_settings, extrapolate, max_images, seed, **processing):
    """Measure the thresholds of an embedding on DATASET, whose labels say who is in each image.

    A threshold is the score from which two faces count as one person. The rate of false accepts (FAR) is the share of
    pairs of two people that reach it. A threshold belongs to an embedding and a kind of picture: measure on pictures
    like those that you want to compare, of the same size and cropped by the same filter.

    python -m prefilter PHOTOGRAPHS --labels identity makes such a dataset.
    """
    if os.path.lexists(out):
        raise click.UsageError(f'--out {out} exists already: give another name, or delete it.')
    check_writable(out)
    options = SimpleNamespace(**processing)
    check_runner(options, 'faces are embedded')
    cluster = choose_cluster(options)
    device = 'cpu' if cluster else resolve_device(options.device)
    opened = open_embedding(embedding, embedding_settings, device)
    run = Processes.planned(*plan_processes(options, device)), cluster
    measured, lines = measure_thresholds(dataset, opened, run, max_images, extrapolate, seed)
    write_thresholds(out, measured)
    for line in lines:
        click.echo(line)
    click.echo(f'{out} is written: give it with --calibration.')
