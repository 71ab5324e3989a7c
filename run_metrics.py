"""Measures networks: every snapshot of a training run, or a single pickle."""

import dnnlib.quiet  # noqa: F401, I001  first: silences TensorFlow before anything imports it

import os

import click
from tqdm import tqdm

from dnnlib import tflib
from dnnlib.published import NetworkSource, name_of, offline_option, resolve
from dnnlib.tfrecords import MultiResolutionDataset
from metrics import METRICS, Meter, append_result, keep_best, parse_metrics
from metrics.results import find_result, format_table, read_results
from metrics.sources import LARGEST_SEED, find_source, open_generator

EPILOG = """\b
Examples:
  python run_metrics.py results/00000-demo
  python run_metrics.py results/00000-demo --metrics fd_onet5k --device cpu
  python run_metrics.py results/00000-demo/network-best.pkl --data datasets/demo --mirror
  python run_metrics.py celeba-256x256 --data datasets/celeba --mirror
"""


@click.command(epilog=EPILOG)
@click.argument('run_or_network', type=NetworkSource())
@click.option('--metrics', metavar='NAME[,NAME...]',
              help=f'Which of {", ".join(METRICS)}; the first decides which snapshot is best.  '
                   '[default: those of the run; else fid50k]')
@click.option('--data', type=click.Path(), metavar='DIR', help='Dataset folder.  [default: the one of the run]')
@click.option('--mirror/--no-mirror', default=None, help='Mirror reals at random.  [default: as the run did; else no]')
@click.option('--device', type=click.Choice(['auto', 'gpu', 'cpu']), default='auto', show_default=True,
              help='Where to compute.')
@click.option('--gpus', type=click.IntRange(min=1), default=1, show_default=True, help='GPUs that generate.')
@click.option('--minibatch', type=click.IntRange(min=1), help='Images at a time.  [default: by resolution]')
@click.option('--seed', type=click.IntRange(0, LARGEST_SEED),
              help='Of latents, noise and mirroring.  [default: of the run; else 0]')
@offline_option
@click.option('--force', is_flag=True, help='Measure again what has been measured with these settings.')
def main(run_or_network, metrics, data, mirror, device, gpus, minibatch, seed, offline, force):
    """Measure every snapshot of the run directory RUN_OR_NETWORK, or a single network: a pickle, a URL, or the name of
    a published one, which is downloaded (python -m dnnlib.download --list).

    Results of a run are appended to its metrics.jsonl, and its best snapshot is copied to network-best.pkl.
    """
    names = None if metrics is None else parse_metrics(metrics)
    if names == []:
        raise click.UsageError(f'--metrics none: name what to measure, of {", ".join(METRICS)}.')
    tflib.replica_devices(device, gpus)  # refuses a device that is not there
    path = resolve(run_or_network, offline)
    source = find_source(path)
    data = data or source.data
    if data is None:
        raise click.UsageError(f'--data: name the dataset to compare with, as {run_or_network} has no options.json.')
    with MultiResolutionDataset(data, source.resolution) as dataset:
        mirror = source.mirror if mirror is None else mirror
        seed = source.seed if seed is None else seed
        meter = Meter(names or source.metrics or ('fid50k',), dataset, mirror, seed, offline)
        name = None if source.is_run else name_of(run_or_network)
        records = _measure_all(source, name, meter, device, gpus, minibatch, seed, force)
    best = None
    if source.is_run:
        decisive = meter.metrics[0]
        best = keep_best(source.folder, decisive.name, meter.settings(decisive))
    click.echo(format_table(records, best))
    if best is not None:
        click.echo('Best {metric}: {snapshot} with {value:.4f}, copied to network-best.pkl.'.format(**best))


def _measure_all(source, name, meter, device, gpus, minibatch, seed, force):
    """The record of every snapshot and metric, measured now or before."""
    known = read_results(source.folder) if source.is_run and not force else []
    found = {(snapshot, metric): find_result(known, snapshot.name, metric.name, meter.settings(metric))
             for snapshot in source.snapshots for metric in meter.metrics}
    pending = [snapshot for snapshot in source.snapshots
               if any(found[snapshot, metric] is None for metric in meter.metrics)]
    if len(pending) < len(source.snapshots):
        click.echo(f'{len(source.snapshots) - len(pending)} of {len(source.snapshots)} networks are measured already; '
                   '--force measures them again.')
    for snapshot in tqdm(pending, desc='networks', unit='network'):
        with open_generator(os.path.join(source.folder, snapshot.name), device, seed) as Gs:
            for metric in meter.metrics:
                if found[snapshot, metric] is None:
                    result = meter.measure(metric, Gs, minibatch, gpus, print_progress=True)
                    found[snapshot, metric] = _keep(source, name, snapshot, result)
    return list(found.values())


def _keep(source, name, snapshot, result):
    if source.is_run:
        return append_result(source.folder, snapshot, result)
    return {'snapshot': name, 'kimg': snapshot.kimg, **result._asdict()}


if __name__ == '__main__':
    main()
