"""Trains StyleGAN on a TFRecord dataset: `python train.py --help`."""

import dnnlib.verb  # noqa: F401, I001  first: Ctrl-C shows no traceback, and TensorFlow keeps quiet

import dataclasses
import os
import re

import click
from click.core import ParameterSource

import config
from dnnlib.download.published import offline_option, resolve
from dnnlib.errors import UserError
from dnnlib.flags import DEVICE_CHOICES, ByResolution, FiniteRange, GridSize
from dnnlib.folder_kinds import DATASET, RUN, check_kind, kind_of
from dnnlib.processes import ALONE, launched, planned_processes, usage_errors_told_once
from dnnlib.records.datasets import open_dataset
from dnnlib.run_dir import read_options
from metrics.cache import open_cache
from metrics.registry import METRICS, check_enough_reals, find_metrics, parse_metrics
from training.checkpoint import load_counters
from training.command_line import DatasetOfMachine, NetworkOfChief, VerbOfAll, is_chief
from training.options import CLASSIFIER, LOSSES, PRESETS, REGRESSOR, resolve_options
from training.pickled_networks import begin_kimg, check_dataset, check_resolution, options_of_pickle, read_pickle
from training.precision import PRECISIONS
from training.resume import changed_options, sentence_of_change, stored_options
from training.run_state import check_same_images
from training.same_command import find_run, remark_on_finished, remark_on_similar
from training.work import Work, check_memory, do_work


def check_description(_ctx, param, value):
    """Refuses a --desc that is not one part of a path."""
    if value is not None and (not value or os.path.basename(value) != value):
        raise click.BadParameter(f'{value!r} must not be empty or contain a slash.', param=param)
    return value


POSITIVE = FiniteRange(min=0, min_open=True)
NOT_NEGATIVE = FiniteRange(min=0)
# Limits that no run reaches: a year on a fast machine shows less than 1e9 kimg, and a tick has one real or more.
LARGEST_KIMG, SMALLEST_TICK_KIMG = 1e9, 0.001
LENGTH_KIMG = FiniteRange(min=0, min_open=True, max=LARGEST_KIMG)
PHASE_KIMG = FiniteRange(min=0, max=LARGEST_KIMG)
TICK_KIMG = FiniteRange(min=SMALLEST_TICK_KIMG, max=LARGEST_KIMG)
COUNT = click.IntRange(min=1, max=10**9)
LAYERS, WIDTH = click.IntRange(1, 1000), click.IntRange(1, 2**16)  # TensorFlow cannot build larger networks


@click.command(
    cls=VerbOfAll,
    epilog='\b\nExamples:\n'
    '  # The run of the paper: 256x256, configuration F, 25,000 kimg, FID50k at every snapshot.\n'
    '  python train.py --data datasets/faces --gpus 2\n\n'
    '\b\n  # What this command would do, without doing it.\n'
    '  python train.py --data datasets/faces --gpus 2 --dry-run\n\n'
    '\b\n  # A small network that learns faces on two CPU cores.\n'
    '  python train.py --data datasets/demo --preset demo --device cpu\n\n'
    '\b\n  # Another 5,000 kimg for a run that has ended.\n'
    '  python train.py --resume results/00000-faces-256-paper-2gpu --kimg 30000\n\n'
    '\b\n  # A new run that starts from the networks in a pickle.\n'
    '  python train.py --data datasets/others --resume network-best.pkl\n\n'
    'To go on with a run that was stopped, give the same command again.',
)
@click.option(
    '--data',
    type=DatasetOfMachine(exists=True),
    help='Folder of TFRecords or .zip files, or one .zip of PNG files; not needed with --resume DIR.',
)
@click.option(
    '--preset',
    default='paper',
    type=click.Choice(sorted(PRESETS)),
    show_default=True,
    help='Where the defaults come from.',
)
@click.option('--gpus', type=COUNT, help='Number of replicas.  [1]')
@click.option(
    '--device', type=click.Choice(DEVICE_CHOICES), help='Where to train; auto takes GPUs if there are any.  [auto]'
)
@click.option('--results', default=config.RESULTS_DIR, show_default=True, help='Folder of the runs.')
@click.option(
    '--desc', callback=check_description, help='The end of the name of the run directory.  [from data, preset and GPUs]'
)
@click.option(
    '--resume',
    type=NetworkOfChief(),
    metavar='DIR|PICKLE|NAME',
    help='A run directory: go on with that run. Or a network pickle, or the name of a published network: start a new '
    'run from it.',
)
@click.option(
    '--resume-kimg',
    type=PHASE_KIMG,
    help="Where in the schedule the networks of a pickle go on.  [by the file's name, else by their level of detail]",
)
@click.option('--new-run', 'anew', is_flag=True, help='Start a new run even if this command has an unfinished one.')
@click.option('--find', is_flag=True, help='Print the directory of the finished run of this command, and exit.')
@click.option('--dry-run', is_flag=True, help='Print options, schedule and what the run needs, and exit.')
@click.option(
    '--processes', 'planned', type=COUNT, help='With --dry-run: say also what so many processes would do together.'
)
@click.option('--kimg', 'total_kimg', type=LENGTH_KIMG, help='Length of the run, thousands of reals.  [25000]')
@click.option('--resolution', type=int, help="Side of the images at the end of training, px.  [the dataset's]")
@click.option('--initial-resolution', type=int, help='Side of the images at the start of training, px.  [8]')
@click.option('--phase-kimg', type=PHASE_KIMG, help='Training of each resolution, thousands of reals.  [600]')
@click.option('--fade-kimg', type=PHASE_KIMG, help='Fading in of each resolution, thousands of reals.  [600]')
@click.option(
    '--minibatch',
    type=ByResolution(COUNT, '8:256,16:128'),
    help='Reals in a step, over all GPUs: one number, or one for each side.  [by GPUs and side]',
)
@click.option(
    '--lrate',
    type=ByResolution(POSITIVE, '64:0.001,128:0.0015'),
    help='Learning rate of G and D: one number, or one for each side.  [0.001 to 0.003]',
)
@click.option(
    '--precision',
    type=click.Choice(PRECISIONS),
    help='mixed: the highest resolutions in float16, for tensor cores; mixed-bfloat16: in bfloat16.  [float32]',
)
@click.option(
    '--half-levels', type=click.IntRange(1, 16), help='How many of the highest resolutions mixed computes so.  [4]'
)
@click.option('--loss', type=click.Choice(LOSSES), help='Losses of G and D.  [logistic-r1]')
@click.option('--gamma', 'r1_gamma', type=NOT_NEGATIVE, help='Weight of the R1 or R2 gradient penalty.  [10]')
@click.option(
    '--smoothing-kimg',
    'G_smoothing_kimg',
    type=NOT_NEGATIVE,
    help="Half-life of the average of G's weights, thousands of reals.  [10]",
)
@click.option('--mirror/--no-mirror', default=None, help='Mirror half of the reals.  [mirror]')
@click.option('--labels/--no-labels', 'use_labels', default=None, help="Train on the dataset's labels.  [no-labels]")
@click.option(
    '--auxiliary',
    type=click.Choice([CLASSIFIER, REGRESSOR]),
    help='With --labels: train a network that reads the label from an image, and reward G if it reads the right one; '
    'vac: a classifier, var: a regressor for labels that are numbers.  [none]',
)
@click.option(
    '--auxiliary-weight',
    type=FiniteRange(min=0, max=1, min_open=True),
    help="Share of this network's loss in the loss of G.  [0.5]",
)
@click.option(
    '--style-mixing', 'style_mixing_prob', type=FiniteRange(0, 1), help='Probability of mixing two styles.  [0.9]'
)
@click.option('--latent-size', type=WIDTH, help='Size of z and w.  [512]')
@click.option('--mapping-layers', type=LAYERS, help='Layers of the mapping network.  [8]')
@click.option('--fmap-base', type=COUNT, help='Feature maps of a layer, at most this divided by half the side.  [8192]')
@click.option('--fmap-max', type=WIDTH, help='Feature maps of a layer, at most.  [512]')
@click.option(
    '--metrics',
    help=f'What to measure at every snapshot, separated by commas: {", ".join(METRICS)}; or none.  [fid50k]',
)
@click.option('--tick-kimg', type=TICK_KIMG, help='Thousands of reals between two log lines.  [20 to 160, by side]')
@click.option('--image-ticks', type=COUNT, help='Log lines between two image grids.  [1]')
@click.option('--snapshot-ticks', type=COUNT, help='Log lines between two network pickles.  [10]')
@click.option(
    '--keep-snapshots',
    type=COUNT,
    help='How many of the newest network pickles to keep; the best one is kept too.  [all]',
)
@click.option(
    '--max-nonfinite', type=COUNT, help='End the run after so many steps in a row whose losses are not finite.  [100]'
)
@offline_option
@click.option('--grid', type=GridSize(), help='Size of the image grids.  [what fits a 4k screen]')
@click.option('--seed', type=click.IntRange(0, 2**32 - 1), help='Seed of everything random.  [1000]')
@click.pass_context
def main(ctx, planned, **values):
    """Trains StyleGAN on the dataset DATA. The defaults are the paper's.

    Brackets show the defaults of --preset paper. Several machines train together as docs/cluster.md says.
    """
    with usage_errors_told_once():
        if planned is not None and not values['dry_run']:
            raise click.UsageError(
                '--processes: give --dry-run too. A launcher starts processes that train, as docs/cluster.md says.'
            )
    if values['find'] or values['dry_run']:  # needs no other processes
        if is_chief():
            find_work(ctx, planned_processes(planned or 1), **values)
        return
    processes, launch = ALONE, launched()
    if launch is not None:
        from dnnlib.tflib.joining import join  # here: a command line is checked before TensorFlow starts

        processes = join(launch)
    work = processes.on_chief(lambda: find_work(ctx, processes, **values))
    if work is None or do_work(work, values['data'], alike(ctx), Measuring(values['offline']), processes):
        processes.gather(None)  # none ends while another one has something to say
    processes.leave()


def find_work(ctx, processes, data, preset, results, desc, resume, resume_kimg, anew, find, dry_run, offline, **given):
    """Checks the command line, as far as it can be checked before TensorFlow starts.

    Returns:
        `Work`; None if there is nothing to train.
    """
    given = {name: value for name, value in given.items() if value is not None}
    for name in ('minibatch', 'lrate'):
        if name in given:
            given[name], given[f'{name}_by_resolution'] = given[name]
    if 'metrics' in given:
        given['metrics'] = parse_metrics(given['metrics'])
    if data is not None:
        given['data'] = os.path.normpath(data)
    if resume is not None and os.path.isdir(resume):
        check_kind(resume, RUN, 'name the directory of a run, or a network pickle', DATASET, 'give it with --data')
        refuse_flags_of_new_runs(ctx)
        return continued_work(os.path.normpath(resume), given, flags_of(ctx), dry_run, processes)
    if data is None:
        raise click.UsageError('--data: name the folder of a dataset, or --resume a run directory.')
    if os.path.isdir(results) and kind_of(results) == DATASET:
        raise click.UsageError(f'--results: {results} is a dataset; name the folder that takes the runs.')
    if resume_kimg is not None and resume is None:
        raise click.UsageError('--resume-kimg: give --resume with a network pickle too.')
    if resume is not None:
        resume = os.path.normpath(resolve(resume, offline))
    with open_dataset(given['data']) as dataset:
        options = new_options(preset, given, resume, resume_kimg, dataset, flags_of(ctx))
        processes.share(options.gpus)
        check_data(options, dataset)
        if dataset.labels is not None and not options.use_labels and options.networks is None and not find:
            click.echo(f'{data} has labels of {dataset.labels.size} numbers; --labels trains on them.')
        description = desc or default_description(options, preset)
        found = find_run(results, description, options) if find or not anew else None
        if find:
            if found is None or not found.is_finished:
                raise UserError(f'--find: {results} has no finished run of this command; leave --find out to train it.')
            click.echo(found.run_dir)
            return None
        if found is None and not anew:
            say_if_any(remark_on_similar(results, description, options, flags_of(ctx)))
        if found is not None and found.is_finished:
            click.echo(remark_on_finished(found, flags_of(ctx)))
        if dry_run:
            from training.plan import print_plan  # here: it counts the parameters of the networks with TensorFlow

            begin = options.resume_kimg if found is None else found.kimg
            print_plan(options, dataset, results, flags_of(ctx), begin, processes.size)
            check_memory(options, dataset)
            return None
    if found is None:
        return Work(options, results, description)
    return None if found.is_finished else Work(options, results, run_dir=found.run_dir)


def say_if_any(remark):
    """Prints a sentence; nothing for None."""
    if remark is not None:
        click.echo(remark)


def flags_of(ctx):
    """Dict of a field of the options to the flag that sets it."""
    return {param.name: param.opts[0] for param in ctx.command.params}


def alike(ctx):
    """Dict of flag to text, for flags that have to be alike in all processes: places may differ between machines."""
    places = 'data', 'results', 'resume'
    return {flag: str(ctx.params[name]) for name, flag in flags_of(ctx).items() if name not in places}


def refuse_flags_of_new_runs(ctx):
    """Refuses the flags of new runs when a run goes on in its directory."""
    for name in ('preset', 'results', 'desc', 'resume_kimg', 'anew', 'find'):
        if ctx.get_parameter_source(name) is not ParameterSource.DEFAULT:
            raise click.UsageError(
                f'{flags_of(ctx)[name]} is for new runs: leave it out to go on with the run in {ctx.params["resume"]}.'
            )


def new_options(preset, given, resume, resume_kimg, dataset, flags):
    """Options of a new run. Its networks come from the pickle `resume`, or have fresh weights if that is None."""
    if resume is None:
        return resolve_options(preset, given, dataset.resolution)
    pickled = read_pickle(resume)
    check_resolution(resume, pickled.static_kwargs['G'].get('resolution', 1024), dataset)
    given = dict(given, **options_of_pickle(resume, pickled, given, flags))
    options = resolve_options(preset, given, dataset.resolution)
    kimg, reason = begin_kimg(resume, pickled.lod, options, resume_kimg)
    if kimg >= options.total_kimg:
        raise click.UsageError(
            f'--kimg {options.total_kimg:g}: the run would begin at kimg {kimg:g}, {reason}; give a '
            'larger --kimg, or another --resume-kimg.'
        )
    click.echo(f'The networks of {resume} go on at kimg {kimg:g}: {reason}.')
    return dataclasses.replace(options, resume=resume, resume_kimg=kimg)


def continued_work(run_dir, given, flags, dry_run, processes):
    """`Work` that goes on with the run in a directory. Only the few options that may change are changed."""
    before = stored_options(run_dir, read_options(run_dir))
    counters = load_counters(run_dir) or {'cur_nimg': before.resume_kimg * 1000}
    kimg = counters['cur_nimg'] / 1000
    options = changed_options(before, given, flags, kimg)
    if options.total_kimg != before.total_kimg and options.total_kimg < kimg:
        raise click.UsageError(f'--kimg {options.total_kimg:g}: the run in {run_dir} is at kimg {kimg:g} already.')
    processes.share(options.gpus)
    if not os.path.exists(options.data):
        raise click.UsageError(
            f'--data: {options.data}, on which {run_dir} was trained, is gone; name the folder that has its images now.'
        )
    with open_level(options, run_dir) as dataset:
        check_data(options, dataset)
        check_same_images(counters, dataset, options.use_labels, run_dir)
        if dry_run:
            from training.plan import print_plan  # here: it counts the parameters of the networks with TensorFlow

            print_plan(options, dataset, os.path.dirname(run_dir) or os.curdir, flags, kimg, processes.size)
            check_memory(options, dataset)
            return None
    changes = [sentence_of_change(change, flags) for change in options.changes[len(before.changes) :]]
    return Work(options, run_dir, run_dir=run_dir, changes=changes)


def check_data(options, dataset):
    """Refuses a dataset on which a run cannot train, or whose metrics cannot be measured; `--dry-run` does so too."""
    check_dataset(options, dataset)
    for metric in find_metrics(options.metrics):
        check_enough_reals(metric, dataset)


def open_level(options, run_dir):
    """The dataset of a run, open, at the resolution that the run trains."""
    with open_dataset(options.data) as dataset:
        side, wanted = dataset.resolution, options.resolution
    if side < wanted:
        raise click.UsageError(
            f'--data: {options.data} has {side}x{side} images, and {run_dir} trains at {wanted}x{wanted}; name a '
            'dataset of such images.'
        )
    return open_dataset(options.data, wanted)


class Measuring:
    """What training measures: the metrics of the options, at each snapshot."""

    def __init__(self, offline):
        self._offline = offline

    def open(self, options, dataset, processes):
        """The `metrics.meter.Meter` of a run, with its networks, which it downloads."""
        from metrics.meter import Meter

        return Meter(options.metrics, dataset, options.mirror, options.seed, self._offline, open_cache(), processes)

    def snapshots(self, meter, run_dir, log, options):
        """What the training loop calls at each snapshot."""
        from metrics.snapshots import MeasuredSnapshots

        return MeasuredSnapshots(run_dir, meter, log, options)

    def write_page(self, run_dir, say):
        """Writes the page about a run; `say` gets a warning if it cannot be written."""
        from metrics.run_report import RunReport

        RunReport(run_dir).write_or_warn(say)


def default_description(options, preset):
    """The default end of the name of a run directory, such as celeba-256-paper-2gpu."""
    name = re.sub(r'\.zip$', '', os.path.basename(os.path.abspath(options.data)))
    return f'{name}-{options.resolution}-{preset}-{options.gpus}gpu'


if __name__ == '__main__':
    main()
