"""Measures networks: every snapshot of a training run, or a single pickle."""

import dnnlib.quiet  # noqa: F401, I001  first: silences TensorFlow before anything imports it

import contextlib
import functools
import os

import click
from tqdm import tqdm

from dnnlib import tflib
from dnnlib.errors import UserError
from dnnlib.published import NetworkSource, name_of, offline_option, resolve
from dnnlib.tfrecords import MultiResolutionDataset
from metrics import METRICS, Meter, Result, append_result, keep_best, paper_table, parse_metrics
from metrics.registry import GROUPS, find_metrics
from metrics.results import find_result, format_table, make_record, read_results
from metrics.run_report import RunReport
from metrics.sources import LARGEST_SEED, find_source, open_generator

EPILOG = """\b
Examples:
  python run_metrics.py results/00000-demo
  python run_metrics.py results/00000-demo --metrics fd_onet5k,pl_onet5k_wend --device cpu
  python run_metrics.py results/00000-demo/network-best.pkl --data datasets/demo --mirror
  python run_metrics.py celeba-256x256 --data datasets/celeba --mirror
  python run_metrics.py results/00000-demo/network-best.pkl --metrics table1 --table --write table
"""


@click.command(epilog=EPILOG)
@click.argument('run_or_network', type=NetworkSource())
@click.option('--metrics', metavar='NAME[,NAME...]',
              help=f'Which of {", ".join([*METRICS, *GROUPS])} (the paper\'s Table I); the first decides which '
                   'snapshot is best.  '
                   '[default: those of the run; else fid50k]')
@click.option('--data', type=click.Path(), metavar='DIR', help='Dataset folder.  [default: the one of the run]')
@click.option('--mirror/--no-mirror', default=None, help='Mirror reals at random.  [default: as the run did; else no]')
@click.option('--device', type=click.Choice(['auto', 'gpu', 'cpu']), default='auto', show_default=True,
              help='Where to compute.')
@click.option('--gpus', type=click.IntRange(min=1), default=1, show_default=True, help='GPUs that generate.')
@click.option('--minibatch', type=click.IntRange(min=1), help='Images at a time.  [default: by resolution]')
@click.option('--seed', type=click.IntRange(0, LARGEST_SEED),
              help='Of latents, noise and mirroring.  [default: of the run; else 0]')
@click.option('--table', is_flag=True, help="Show the paper's Table I beside the best network, or the only one.")
@click.option('--write', type=click.Path(file_okay=False), metavar='DIR',
              help='Write that table to DIR as table1.md, table1.csv and table1.tex.')
@offline_option
@click.option('--force', is_flag=True, help='Measure again what has been measured with these settings.')
def main(run_or_network, metrics, data, mirror, device, gpus, minibatch, seed, table, write, offline, force):
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
    metrics = find_metrics(names or source.metrics or ('fid50k',))
    mirror = source.mirror if mirror is None else mirror
    seed = source.seed if seed is None else seed
    name = None if source.is_run else name_of(run_or_network)
    with contextlib.ExitStack() as stack:
        dataset = None
        if any(metric.needs_data for metric in metrics):
            data = data or source.data
            if data is None:
                raise click.UsageError(f'--data: name the dataset to compare with, as {run_or_network} has no '
                                       'options.json.')
            dataset = stack.enter_context(MultiResolutionDataset(data, source.resolution))
        meter = Meter([metric.name for metric in metrics], dataset, mirror, seed, offline)
        records, failures = _measure_all(source, name, meter, device, gpus, minibatch, seed, force)
    best = None
    if source.is_run:
        best = keep_best(source.folder, meter.decisive, meter.settings(meter.metrics[0]))
    click.echo(format_table(records, best))
    if table or write:
        _show_table(source, name, best, records, write)
    if best is not None:
        click.echo('Best {metric}: {snapshot} with {value:.4f}, copied to network-best.pkl.'.format(**best))
    if source.is_run:
        RunReport(source.folder).attempt(functools.partial(click.echo, err=True))
    if failures:
        raise UserError('Not everything could be measured. ' + ' '.join(failures))


def _show_table(source, name, best, records, folder):
    """Prints the paper's Table I beside the best network, or the only one; writes it where there is a folder."""
    chosen = source.snapshots[-1].name if best is None or len(source.snapshots) == 1 else best['snapshot']
    # What was asked for now counts before what the run's file has beside it.
    known = read_results(source.folder) if source.is_run else []
    rows = paper_table.make_rows(name or chosen, paper_table.collect(known + records, name or chosen))
    click.echo(f'\nTable I of the paper, beside {name or chosen}:\n\n{paper_table.as_text(rows)}')
    if folder:
        click.echo('Written: ' + ', '.join(paper_table.write_files(folder, rows)))


def _measure_all(source, name, meter, device, gpus, minibatch, seed, force):
    """Measures what has not been measured before.

    Returns:
        (records, failures): the record of every snapshot and value, where that of one that could not be measured has no
        value; and why not, each reason once.
    """
    known = read_results(source.folder) if source.is_run and not force else []
    found = {(snapshot, value): find_result(known, snapshot.name, value, meter.settings(metric))
             for snapshot in source.snapshots for metric in meter.metrics for value in metric.values}
    missing = {snapshot: [metric for metric in meter.metrics
                          if any(found[snapshot, value] is None for value in metric.values)]
               for snapshot in source.snapshots}
    pending = [snapshot for snapshot in source.snapshots if missing[snapshot]]
    if len(pending) < len(source.snapshots):
        click.echo(f'{len(source.snapshots) - len(pending)} of {len(source.snapshots)} networks are measured already; '
                   '--force measures them again.')
    failures = []
    for snapshot in tqdm(pending, desc='networks', unit='network'):
        with open_generator(os.path.join(source.folder, snapshot.name), device, seed) as Gs:
            for metric in missing[snapshot]:
                try:
                    results = meter.measure(metric, Gs, minibatch, gpus, print_progress=True)
                except UserError as error:  # the others may do
                    failures.append(error.message)
                    results = [Result(value, None, None, meter.settings(metric)) for value in metric.values]
                for result in results:
                    found[snapshot, result.metric] = _keep(source, name, snapshot, result)
    return list(found.values()), list(dict.fromkeys(failures))


def _keep(source, name, snapshot, result):
    if source.is_run and result.value is not None:
        return append_result(source.folder, snapshot, result)
    return make_record(snapshot if name is None else snapshot._replace(name=name), result)


if __name__ == '__main__':
    main()
