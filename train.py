"""Trains StyleGAN on a TFRecord dataset: `python train.py --help`."""

import dataclasses
import json
import math
import os
import tempfile

import click
import numpy as np

import config
import dnnlib.quiet  # noqa: F401, first: it silences TensorFlow before anything imports it
from dnnlib import tflib
from dnnlib.errors import UserError
from dnnlib.run_dir import create_run, find_runs, read_options
from dnnlib.tflib.devices import DEVICE_CHOICES, resolve_device
from dnnlib.tfrecords import MultiResolutionDataset
from dnnlib.util import format_duration
from metrics import METRICS, Meter, Snapshot, append_result, keep_best
from metrics.registry import parse_metrics
from prefilter.detector import FaceDetector
from training import checkpoint
from training.dataset import TrainingSet
from training.log import RunLog
from training.loop import NOTHING, train
from training.options import PRESETS, resolve_options
from training.plan import print_plan


class MinibatchByResolution(click.ParamType):
    """'16', or '8:64,16:32' with one entry for each resolution."""

    name = 'N|SIDE:N,...'

    def convert(self, value, param, ctx):
        try:
            if ':' not in value:
                return int(value), {}
            pairs = [entry.split(':') for entry in value.split(',')]
            by_resolution = {int(side): int(minibatch) for side, minibatch in pairs}
            return by_resolution[max(by_resolution)], by_resolution
        except ValueError:
            return self.fail(f'{value!r} is neither a number nor pairs like 8:256,16:128.', param, ctx)


class GridSize(click.ParamType):
    """'15x8': columns x rows."""

    name = 'COLSxROWS'

    def convert(self, value, param, ctx):
        try:
            columns, rows = (int(part) for part in value.split('x'))
        except ValueError:
            return self.fail(f'{value!r} is not like 15x8.', param, ctx)
        if columns < 1 or rows < 1:
            self.fail(f'{value!r}: at least one column and one row.', param, ctx)
        return [columns, rows]


def check_description(_ctx, param, value):
    """Refuses what would leave the folder of the runs."""
    if value is not None and (not value or os.path.basename(value) != value):
        raise click.BadParameter(f'{value!r} is to be one part of a path.', param=param)
    return value


class FiniteRange(click.FloatRange):
    """A range of numbers; click's own lets `nan` and `inf` pass."""

    def convert(self, value, param, ctx):
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f'{value!r} is not a finite number.', param, ctx)
        return number


POSITIVE = FiniteRange(min=0, min_open=True)
NOT_NEGATIVE = FiniteRange(min=0)
COUNT = click.IntRange(min=1)


@click.command(epilog='\b\nExamples:\n'
                      '  # The run of the paper: 256x256, configuration F, 25,000 kimg, FID50k at every snapshot.\n'
                      '  python train.py --data datasets/faces --gpus 2\n\n'
                      '\b\n  # What that would do, without doing it.\n'
                      '  python train.py --data datasets/faces --gpus 2 --dry-run\n\n'
                      '\b\n  # A small network that learns faces on two CPU cores.\n'
                      '  python train.py --data datasets/demo --preset demo --device cpu\n\n'
                      'The same command again goes on with a run that was stopped.')
@click.option('--data', required=True, type=click.Path(exists=True, file_okay=False), help='Folder of TFRecords.')
@click.option('--preset', default='paper', type=click.Choice(sorted(PRESETS)), show_default=True,
              help='Where the defaults come from.')
@click.option('--gpus', type=COUNT, help='Number of replicas.  [1]')
@click.option('--device', type=click.Choice(DEVICE_CHOICES), help='Where to train; auto: on GPUs if there are.  [auto]')
@click.option('--results', default=config.RESULTS_DIR, show_default=True, help='Folder of the runs.')
@click.option('--desc', callback=check_description,
              help='Ends the name of the run directory.  [from data, preset and GPUs]')
@click.option('--new-run', is_flag=True, help='Start anew even if this command has an unfinished run.')
@click.option('--dry-run', is_flag=True, help='Print options, schedule and what the run needs, and exit.')
@click.option('--kimg', 'total_kimg', type=POSITIVE, help='Length of the run, thousands of reals.  [25000]')
@click.option('--resolution', type=int, help="Train at this side, px.  [the dataset's]")
@click.option('--initial-resolution', type=int, help='Start growing at this side, px.  [8]')
@click.option('--phase-kimg', type=NOT_NEGATIVE, help='Training of each resolution, thousands of reals.  [600]')
@click.option('--fade-kimg', type=NOT_NEGATIVE, help='Fading in of each resolution, thousands of reals.  [600]')
@click.option('--minibatch', type=MinibatchByResolution(), help='Reals in a step over all GPUs.  [by GPUs and side]')
@click.option('--lrate', type=POSITIVE, help='Learning rate of G and D at all resolutions.  [0.001 to 0.003]')
@click.option('--gamma', 'r1_gamma', type=NOT_NEGATIVE, help='Weight of the R1 gradient penalty.  [10]')
@click.option('--smoothing-kimg', 'G_smoothing_kimg', type=NOT_NEGATIVE,
              help="Half-life of the average of G's weights, thousands of reals.  [10]")
@click.option('--mirror/--no-mirror', default=None, help='Mirror half of the reals.  [mirror]')
@click.option('--labels/--no-labels', 'use_labels', default=None, help="Train on the dataset's labels.  [no-labels]")
@click.option('--style-mixing', 'style_mixing_prob', type=FiniteRange(0, 1),
              help='Probability of mixing two styles.  [0.9]')
@click.option('--latent-size', type=COUNT, help='Size of z and w.  [512]')
@click.option('--mapping-layers', type=COUNT, help='Layers of the mapping network.  [8]')
@click.option('--fmap-base', type=COUNT, help='Feature maps times half the side, at most.  [8192]')
@click.option('--fmap-max', type=COUNT, help='Feature maps, at most.  [512]')
@click.option('--metrics',
              help=f'Measured at every snapshot, comma-separated, of {", ".join(METRICS)}; or none.  [fid50k]')
@click.option('--tick-kimg', type=POSITIVE, help='Thousands of reals between two log lines.  [20 to 160, by side]')
@click.option('--image-ticks', type=COUNT, help='Log lines between two image grids.  [1]')
@click.option('--snapshot-ticks', type=COUNT, help='Log lines between two network pickles.  [10]')
@click.option('--grid', type=GridSize(), help='Size of the image grids.  [what fits a 4k screen]')
@click.option('--seed', type=click.IntRange(0, 2 ** 32 - 1), help='Of everything random.  [1000]')
def main(data, preset, results, desc, new_run, dry_run, **given):
    """Trains StyleGAN on the TFRecord dataset in the folder DATA, as the paper did or with what you change.

    Defaults in brackets are those of --preset paper.
    """
    data = os.path.normpath(data)
    given = {name: value for name, value in given.items() if value is not None}
    if 'minibatch' in given:
        given['minibatch'], given['minibatch_by_resolution'] = given['minibatch']
    if 'lrate' in given:
        given['lrate_by_resolution'] = {}
    if 'metrics' in given:
        given['metrics'] = parse_metrics(given['metrics'])
    with MultiResolutionDataset(data) as dataset:
        options = resolve_options(preset, dict(given, data=data), dataset.resolution)
        if dry_run:
            print_plan(options, dataset, results)
            return
    run_training(options, results, desc or default_description(options, preset), new_run)


def run_training(options, results_dir, description, new_run):
    """Trains, continuing this command's unfinished run if there is one."""
    kind = resolve_device(options.device)
    tflib.replica_devices(options.device, options.gpus)  # refuses more GPUs than there are
    training_set = TrainingSet(options.data, options.resolution, 'full' if options.use_labels else 0, options.mirror,
                               options.seed)
    if options.use_labels and not training_set.label_size:
        raise click.UsageError(f'--labels: {options.data} has no label file; make one with '
                               'python -m prefilter --labels identity.')
    check_writable(results_dir)
    meter = Meter(options.metrics, training_set.records, options.mirror, options.seed, config.NETWORKS,
                  config.CACHE_DIR)
    tflib.init_tf(options.device, cpu_replicas=options.gpus if kind == 'cpu' else 1, seed=options.seed)
    stored = dataclasses.asdict(options)
    run_dir = None if new_run else find_unfinished_run(results_dir, description, stored)
    if run_dir is None:
        run_dir = create_run(results_dir, description, stored)
    try:
        log = RunLog(run_dir)
        try:
            log.say(f'Run directory {run_dir}')
            train(options, training_set, run_dir, log, SnapshotReport(run_dir, meter, log, options))
        finally:
            log.close()
    except OSError as error:
        raise UserError(f'{error.filename or run_dir} cannot be read or written ({error.strerror}): free space or '
                        'mend its permissions; the same command goes on with the run.') from error


def check_writable(results_dir):
    """Refuses a folder of runs that cannot be written, before anything takes time."""
    try:
        os.makedirs(results_dir, exist_ok=True)
        with tempfile.TemporaryFile(dir=results_dir):
            pass
    except OSError as error:
        raise UserError(f'The results folder {results_dir} cannot be written ({error.strerror}): choose another one '
                        'with --results, or mend its permissions.') from error


class SnapshotReport:
    """What is said about each snapshot: its metrics, the best one, and in how many fakes a face is found."""

    def __init__(self, run_dir, meter, log, options):
        self._run_dir, self._meter, self._log, self._options = run_dir, meter, log, options
        self._detector = FaceDetector(options.device)

    def __call__(self, name, kimg, Gs, images):
        for metric in self._meter.metrics:
            result = self._meter.measure(metric, Gs, num_gpus=self._options.gpus)
            append_result(self._run_dir, Snapshot(name, kimg), result)
            best = keep_best(self._run_dir, metric.name) if metric is self._meter.metrics[0] else None
            remark = '' if best is None else f'  best so far {best["value"]:.4f} at kimg {best["kimg"]:g}'
            self._log.say(f'{name}: {metric.name} {result.value:.4f} in {format_duration(result.seconds)}{remark}')
            self._log.add_scalars({metric.name: result.value}, kimg)
        # The detector wants RGB; grey becomes three equal channels.
        faces = self._detector.count_faces(np.broadcast_to(images, [*images.shape[:3], 3]))
        self._log.say(f'{name}: MTCNN finds a face in {faces} of {len(images)} fakes of the grid')
        self._log.add_scalars({'faces_found': faces / len(images)}, kimg)


def find_unfinished_run(results_dir, description, options):
    """The newest run directory of the same description and options whose state is short of the end, or None."""
    for run_dir in reversed(find_runs(results_dir)):
        if os.path.basename(run_dir).split('-', 1)[1] != description:
            continue
        counters = checkpoint.load_counters(run_dir)
        if counters is not None and same_options(read_options(run_dir), options):
            finished = counters['cur_nimg'] >= options['total_kimg'] * 1000 and counters['due'] == NOTHING
            return None if finished else run_dir
    return None


def same_options(stored, options):
    """Whether options read from JSON, where all keys are text, are these."""
    return stored == json.loads(json.dumps(options))


def default_description(options, preset):
    """Such as celeba-256-paper-2gpu."""
    name = os.path.basename(os.path.abspath(options.data))
    return f'{name}-{options.resolution}-{preset}-{options.gpus}gpu'


if __name__ == '__main__':
    main()
