"""Measures networks: every snapshot of training runs, and single pickles."""

from dnnlib.verb import Verb  # noqa: I001  first: Ctrl-C shows no traceback, and TensorFlow keeps quiet

import contextlib
import functools
import os
from typing import Any, NamedTuple, Optional

import click

import config
from dnnlib.errors import UserError
from dnnlib.download.published import NetworkSource, name_of, offline_option, resolve
from dnnlib.flags import DEVICE_CHOICES
from dnnlib.progress import Progress
from dnnlib.records.datasets import open_dataset
from metrics import paper_table
from metrics.cache import StageCache, open_cache
from metrics.registry import METRICS, find_metrics, find_value, is_lower_better, parse_metrics
from metrics.results import (
    append_result,
    find_result,
    format_table,
    has_best,
    keep_best,
    make_record,
    network_fingerprint,
    read_results,
    series,
)
from metrics.run_report import RunReport
from metrics.sources import LARGEST_SEED, Source, check_device, find_source, level_of, open_generator

EPILOG = """\b
Examples:
  python run_metrics.py results/00000-demo
  python run_metrics.py results/00000-demo --metrics fd_onet5k,pl_onet5k_wend --device cpu
  python run_metrics.py results/00000-demo --metrics fd_onet5k --best fd_onet5k_inf
  python run_metrics.py results/00000-demo/network-best.pkl --data datasets/demo --mirror
  python run_metrics.py celeba-256x256 --data datasets/celeba --mirror
  python run_metrics.py results/00000-demo/network-best.pkl --metrics table1 --table --write table

A measurement that was stopped goes on where it was: cache/measurements keeps values and features of images. Features of
fakes are deleted when their metrics are measured. You may delete the folder at any time.
"""


class Task(NamedTuple):
    """A run or network that the command line names, and how to measure it."""

    title: str  # as the command line names it
    name: Optional[str]  # of a network that is in no run; None: the name of the file
    source: Source
    meter: Any  # `metrics.meter.Meter`
    decisive: str  # the value that decides which snapshot is best


class MeasuringOptions(NamedTuple):
    """Options that hold for every network."""

    device: str
    gpus: Optional[int]
    minibatch: Optional[int]
    seed: Optional[int]
    force: bool


def clear_cache(ctx, _param, value):
    """Empties the cache of measurements, and exits."""
    if value:
        cache = open_cache()
        size = cache.size()
        cache.drop(())
        click.echo(f'{cache.folder}: {size / 1e6:.1f} MB deleted.')
        ctx.exit()


@click.command(cls=Verb, epilog=EPILOG)
@click.argument('runs_or_networks', metavar='RUN|NETWORK...', type=NetworkSource(), nargs=-1, required=True)
@click.option(
    '--metrics',
    metavar='NAME[,NAME...]',
    help=f"What to measure: {', '.join(METRICS)}; or table1, all metrics of the paper's Table I; or onet5k, "
    'similar metrics without a download.  [default: the metrics of the run; else fid50k]',
)
@click.option(
    '--best',
    metavar='NAME',
    help='The metric, or one of its values, that decides which snapshot of a run is best. It is measured too.  '
    '[default: the first of --metrics]',
)
@click.option('--data', type=click.Path(), metavar='DIR', help='Dataset folder.  [default: the one of the run]')
@click.option('--mirror/--no-mirror', default=None, help='Mirror reals at random.  [default: as the run did; else no]')
@click.option(
    '--device', type=click.Choice(DEVICE_CHOICES), default='auto', show_default=True, help='Where to compute.'
)
@click.option('--gpus', type=click.IntRange(min=1), help='How many GPUs.  [default: all]')
@click.option(
    '--minibatch',
    type=click.IntRange(min=1),
    help='Images at a time, over all GPUs.  [default: by resolution and GPUs]',
)
@click.option(
    '--seed',
    type=click.IntRange(0, LARGEST_SEED),
    help='Seed of latents, noise and mirroring.  [default: as the run did; else 0]',
)
@click.option(
    '--table',
    is_flag=True,
    help="Show the best network's numbers beside the paper's Table I, or in the shape of that table.",
)
@click.option(
    '--write',
    type=click.Path(file_okay=False),
    metavar='DIR',
    help='Write that table to DIR as table1.md, table1.csv and table1.tex.',
)
@offline_option
@click.option('--force', is_flag=True, help='Measure again even if there are results with the same settings.')
@click.option('--no-cache', is_flag=True, help='Do not use cache/measurements, and write nothing to it.')
@click.option(
    '--clear-cache',
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=clear_cache,
    help='Empty cache/measurements, and exit.',
)
def main(
    runs_or_networks, metrics, best, data, mirror, device, gpus, minibatch, seed, table, write, offline, force, no_cache
):
    """Measure networks: every snapshot of a run directory, or single networks.

    A network is a pickle, a URL, or the name of a published network, which is downloaded (python -m dnnlib.download
    --list). You may name several runs and networks.

    Results of a run are appended to its metrics.jsonl, and its best snapshot is copied to network-best.pkl.
    """
    names = None if metrics is None else parse_metrics(metrics)
    if names == []:
        raise click.UsageError(f'--metrics none: choose what to measure from {", ".join(METRICS)}.')
    best = best and find_value(best)
    if (table or write) and len(runs_or_networks) > 1:
        raise click.UsageError('--table and --write: name one run or network only; the table shows one network.')
    local = {named: find_source(named) for named in runs_or_networks if os.path.exists(named)}
    if best and not any(source.is_run for source in local.values()):
        raise click.UsageError('--best: chooses the best snapshot of a run; name the directory of a run.')
    check_device(device, gpus or 1)
    sources = [local.get(named) or find_source(resolve(named, offline)) for named in runs_or_networks]
    cache = StageCache(None) if no_cache else open_cache()
    options, failures = MeasuringOptions(device, gpus, minibatch, seed, force), []
    with contextlib.ExitStack() as stack:
        meters = Meters(stack, data, mirror, seed, offline, cache)
        tasks = [_prepare(named, source, names, best, meters) for named, source in zip(runs_or_networks, sources)]
        for task in tasks:
            if len(tasks) > 1:
                click.echo(f'\n{task.title}:')
            failures += _run(task, options, table, write)
    if cache.size():
        click.echo(f'{cache.folder} holds {cache.size() / 1e6:.1f} MB; --clear-cache empties it.', err=True)
    if failures:
        raise UserError('Not everything could be measured. ' + ' '.join(dict.fromkeys(failures)))


class Meters:
    """Makes the `Meter` of each network, before any work begins. Networks with the same settings share a `Meter`.

    Args:
        stack: `contextlib.ExitStack` that closes the datasets.
        data, mirror, seed, offline: Values from the command line.
        cache: `metrics.cache.StageCache`.
    """

    def __init__(self, stack, data, mirror, seed, offline, cache):
        self._stack, self._data, self._mirror, self._seed = stack, data, mirror, seed
        self._offline, self._cache, self._made = offline, cache, {}

    def find(self, named, source, metrics):
        """The `Meter` for a network or run.

        Args:
            named: What the command line calls it.
            source: `metrics.sources.Source`.
            metrics: List of `metrics.kinds.Metric`.
        """
        data, needs_data = self._data or source.data, any(metric.needs_data for metric in metrics)
        if needs_data and data is None:
            raise click.UsageError(f'--data: name the dataset to compare with, because {named} has no options.json.')
        if not (needs_data or self._data):  # without need for a dataset, only --data opens one, for the labels
            data = None
        mirror = source.mirror if self._mirror is None else self._mirror
        seed = source.seed if self._seed is None else self._seed
        resolution = source.resolution or (data and level_of(source, data))
        key = tuple(metric.name for metric in metrics), data, resolution, mirror, seed
        if key not in self._made:
            from metrics.meter import Meter  # here: it brings TensorFlow

            dataset = data and self._stack.enter_context(open_dataset(data, resolution))
            self._made[key] = Meter(key[0], dataset, mirror, seed, self._offline, self._cache)
        return self._made[key]


def _prepare(named, source, names, best, meters):
    metrics = find_metrics(names or source.metrics or ('fid50k',))
    if best:
        metrics = find_metrics([metric.name for metric in metrics] + [best[0]])
    meter = meters.find(named, source, metrics)
    return Task(named, None if source.is_run else name_of(named), source, meter, best[1] if best else meter.decisive)


def _run(task, options, table, write):
    """Measures, and prints the results. Returns a sentence for each failure."""
    source, best = task.source, None
    records, failures = _measure_all(task, options)
    if source.is_run:
        settings = task.meter.settings(find_metrics([find_value(task.decisive)[0]])[0])
        rivals = series(read_results(source.folder), task.decisive, settings)
        # A single network replaces network-best.pkl only if that has a result with the same settings.
        decides = os.path.isdir(task.title) or has_best(source.folder, rivals)
        best = keep_best(source.folder, task.decisive, settings) if decides else None
    click.echo(format_table(records, best))
    if table or write:
        _show_table(source, task.name, best, records, write)
    if best is not None:
        extreme = 'lowest' if is_lower_better(task.decisive) else 'highest'
        click.echo(
            'Best {metric}: {snapshot} with {value:.4f}, '.format(**best)
            + f'the {extreme} of {len(rivals)}, copied to network-best.pkl.'
        )
    elif source.is_run and not decides:
        click.echo(
            f'network-best.pkl stays: it has no {task.decisive} with the same settings; name {source.folder} to '
            'compare all snapshots.'
        )
    if source.is_run:
        RunReport(source.folder).write_or_warn(functools.partial(click.echo, err=True))
    return failures


def _show_table(source, name, best, records, folder):
    """Prints the numbers of a network in the shape of the paper's Table I, beside the paper's if it has such numbers.

    The network is the best one, or the only one that was measured.
    """
    chosen = source.snapshots[-1].name if best is None or len(source.snapshots) == 1 else best['snapshot']
    # The newest records count, so the records of this command come last.
    records = (read_results(source.folder) if source.is_run else []) + records
    with_paper = any(record['metric'] in config.PAPER_TABLE for record in records)
    rows = paper_table.make_rows(name or chosen, paper_table.collect(records, name or chosen, with_paper))
    title = 'Table I of the paper, beside' if with_paper else "In the shape of the paper's Table I:"
    click.echo(f'\n{title} {name or chosen}\n\n{paper_table.as_text(rows)}')
    if folder:
        click.echo('Written: ' + ', '.join(paper_table.write_files(folder, rows)))


def _measure_all(task, options):
    """Measures what has not been measured before.

    Returns:
        (records, failures): a record for every snapshot and value, without a value if it could not be measured; and the
        reasons, each once.
    """
    source, meter = task.source, task.meter
    if source.is_run:
        meter.renew_fingerprints(source.folder)
    recorded = read_results(source.folder) if source.is_run else []
    kimg = {record['snapshot']: record['kimg'] for record in reversed(recorded)}  # more precise than the names
    snapshots = [snapshot._replace(kimg=kimg.get(snapshot.name, snapshot.kimg)) for snapshot in source.snapshots]
    known = [] if options.force else recorded
    prints = {snapshot: network_fingerprint(source.folder, snapshot.name) for snapshot in snapshots if known}
    found = {
        (snapshot, value): find_result(known, snapshot.name, value, meter.settings(metric), prints.get(snapshot))
        for snapshot in snapshots
        for metric in meter.metrics
        for value in metric.value_names
    }
    missing = {
        snapshot: [
            metric for metric in meter.metrics if any(found[snapshot, value] is None for value in metric.value_names)
        ]
        for snapshot in snapshots
    }
    pending = [snapshot for snapshot in snapshots if missing[snapshot]]
    if len(pending) < len(snapshots):
        click.echo(
            f'{len(snapshots) - len(pending)} of {len(snapshots)} networks are measured already; '
            '--force measures them again.'
        )
    failures = []
    for snapshot in Progress(pending, desc='networks', unit='network', disable=not pending):
        for metric, results in _measure(task, snapshot, missing[snapshot], options):
            if isinstance(results, UserError):  # other metrics may succeed
                from metrics.meter import Result  # TensorFlow has started by now

                failures.append(results.message)
                results = [Result(value, None, None, meter.settings(metric)) for value in metric.value_names]
            for result in results:
                found[snapshot, result.metric] = _keep(source, task.name, snapshot, result)
    return list(found.values()), list(dict.fromkeys(failures))


def _measure(task, snapshot, metrics, options):
    """Yields (metric, results or a UserError) for every metric, as `Meter.measure` does."""
    left = list(metrics)
    try:
        seed = task.source.seed if options.seed is None else options.seed
        with open_generator(os.path.join(task.source.folder, snapshot.name), options.device, seed) as Gs:
            for metric, results in task.meter.measure(
                metrics, Gs, options.minibatch, options.gpus, print_progress=True, anew=options.force
            ):
                left.remove(metric)
                yield metric, results
    except UserError as error:
        for metric in left:
            yield metric, error


def _keep(source, name, snapshot, result):
    if source.is_run and result.value is not None:
        return append_result(source.folder, snapshot, result)
    return make_record(snapshot if name is None else snapshot._replace(name=name), result)


if __name__ == '__main__':
    main()
