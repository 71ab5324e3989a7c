"""What a run would be, told before it starts: the text of `train.py --dry-run`."""

import dataclasses
import os
import shutil
import textwrap

import tensorflow.compat.v1 as tf
from tabulate import tabulate

from dnnlib.util import format_duration
from training.checkpoint import STATES_KEPT
from training.cost import flops_between
from training.footprint import FLOAT_BYTES, Networks, step_bytes, variables_bytes
from training.options import resolve_options
from training.schedule import phases
from training.snapshots import grid_size_for
from training.step import make_networks

CARD, CARD_GB = 'An RTX 2080 Ti', 11  # the card of the paper
STATES = STATES_KEPT + 1  # training states on disk at most: one is being written
PNG_BYTES = 2  # of a pixel of a grid, about
TICK_BYTES = 4000  # of a tick in the logs, about

# How long 25,000 kimg took, days, by resolution and number of GPUs: with the paper's cards, and with the original
# authors' V100s.
PAPER_KIMG = 25000
PAPER_DAYS = {256: {2: 12}}
V100_DAYS = {
    1024: {1: 41 + 4 / 24, 2: 21 + 22 / 24, 4: 11 + 8 / 24, 8: 6 + 14 / 24},
    512: {1: 24 + 21 / 24, 2: 13 + 7 / 24, 4: 7, 8: 4 + 10 / 24},
    256: {1: 14 + 22 / 24, 2: 9 + 5 / 24, 4: 4 + 21 / 24, 8: 3 + 8 / 24},
}
WORK_OPTIONS = ('latent_size', 'mapping_layers', 'fmap_base', 'fmap_max', 'minibatch', 'minibatch_by_resolution')


def print_plan(options, dataset, results_dir, flags):
    """Prints the options, and tables of the growing schedule, the networks, memory, disk space and time.

    Args:
        options: `TrainingOptions`.
        dataset: The open `MultiResolutionDataset`.
        results_dir: Folder of the runs; it need not exist.
        flags: Dict of field of the options to the flag that sets it.
    """
    print(
        f'Dataset {dataset.folder}: {dataset.num_images} images, {dataset.shape[0]}x{dataset.shape[1]}x'
        f'{dataset.shape[2]}.'
    )
    print('\nOptions:')
    print(textwrap.indent(tabulate(_option_rows(options, flags), tablefmt='plain', disable_numparse=True), '  '))
    rows = phases(options.total_kimg, options.resolution, **options.schedule_options())
    print('\nSchedule:')
    _print_schedule(rows)
    label_size = dataset.labels.shape[1] if options.use_labels and dataset.labels is not None else 0
    networks = count_parameters(options, dataset.shape[0], label_size)
    print(f'\nTrained parameters:\n  G {networks.G_trainable:>12,d}\n  D {networks.D_trainable:>12,d}')
    print(f'\nMemory of each GPU, GB, estimated; cuDNN and the driver take some more. {CARD} has {CARD_GB}.')
    _print_memory(rows, options, networks)
    print('\nDisk space, GB, estimated:')
    _print_disk(rows, options, networks, dataset.shape[0], results_dir)
    print('\nTime:')
    for line in published_times(options):
        print(f'  {line}')


def _option_rows(options, flags):
    """(flag, value) of each option that has a flag; values by resolution stand beside the one that they refine."""
    values = dataclasses.asdict(options)
    for name, value in values.items():
        by_resolution = values.get(name + '_by_resolution')
        if name in flags:
            yield flags[name], f'{value}' + (f', by resolution {by_resolution}' if by_resolution else '')


def count_parameters(options, num_channels, label_size):
    """Sizes of G and D, `Networks`; builds them, in a graph of their own, on the CPU."""
    with tf.Graph().as_default(), tf.Session(config=tf.ConfigProto(device_count={'GPU': 0})):
        G, D = make_networks(options, num_channels, label_size)
    return Networks(
        *[
            sum(variable.shape.num_elements() for variable in variables.values())
            for variables in (G.vars, D.vars, G.trainables, D.trainables)
        ]
    )


def _print_schedule(rows):
    form = '  {:<9s}{:<12s}{:>10s}{:>10s}{:>11s}{:>15s}'
    print(form.format('phase', 'resolution', 'from kimg', 'to kimg', 'minibatch', 'learning rate'))
    for row in rows:
        print(
            form.format(
                row.what,
                f'{row.resolution}x{row.resolution}',
                f'{row.begin_kimg:g}',
                f'{row.end_kimg:g}',
                str(row.minibatch),
                f'{row.G_lrate:g}',
            )
        )


def _print_memory(rows, options, networks):
    form = '  {:<12s}{:>14s}{:>12s}{:>12s}{:>12s}{:>8s}'
    print(form.format('resolution', 'images a GPU', 'variables', 'step of D', 'step of G', 'most'))
    variables = variables_bytes(networks) / 1e9
    for row in _most_demanding(rows):
        share = row.minibatch // options.gpus
        steps = [_step_gb(which, row, share, options, networks) for which in 'DG']
        most = variables + max(steps)
        line = form.format(
            f'{row.resolution}x{row.resolution}', str(share), *[f'{size:.2f}' for size in (variables, *steps, most)]
        )
        print(line)
        if most > CARD_GB:
            print(f'    {_how_to_fit(row, options, networks)}')


def _most_demanding(rows):
    """One row for each resolution: fading in takes more than training."""
    chosen = {}
    for row in rows:
        if row.what == 'fade in' or row.resolution not in chosen:
            chosen[row.resolution] = row
    return chosen.values()


def _step_gb(which, row, share, options, networks):
    return step_bytes(which, networks, options, row.resolution, share, row.what == 'fade in') / 1e9


def _how_to_fit(row, options, networks):
    """The sentence on a phase that is too large for the card."""
    what = f'This does not fit in {CARD_GB} GB: '
    share = row.minibatch // options.gpus
    while share > 1:
        share //= 2
        if share > 4:
            share -= share % 4  # groups of the minibatch stddev layer
        step = max(_step_gb(which, row, share, options, networks) for which in 'DG')
        if variables_bytes(networks) / 1e9 + step <= CARD_GB:
            return f'{what}give a smaller --minibatch, {share * options.gpus} at {row.resolution}x{row.resolution}.'
    return f'{what}give a smaller --resolution, or smaller networks by --fmap-base and --fmap-max.'


def _print_disk(rows, options, networks, num_channels, results_dir):
    sizes = disk_gb(rows, options, networks, num_channels)
    for what, size in sizes.items():
        print(f'  {what:<42s}{size:>9.2f}')
    needed, free = sum(sizes.values()), free_gb(results_dir)
    print(f'  {"all":<42s}{needed:>9.2f}\n  {"free for " + results_dir:<42s}{free:>9.2f}')
    if needed > free:
        print(
            '    This is not enough: free some, name another folder with --results, or write fewer files with '
            '--snapshot-ticks and --image-ticks.'
        )


def disk_gb(rows, options, networks, num_channels):
    """Disk space that a run takes, GB: dict of what it is for."""
    ticks = sum((row.end_kimg - row.begin_kimg) / row.tick_kimg for row in rows)
    pickle = FLOAT_BYTES * (2 * networks.G + networks.D) / 1e9
    snapshots = 3 + int(ticks / options.snapshot_ticks)  # at the start, after the first tick, at the end
    if options.keep_snapshots is not None:
        snapshots = min(snapshots, options.keep_snapshots + 1)  # and the best one
    columns, grid_rows = options.grid or grid_size_for([num_channels, options.resolution, options.resolution])
    grid = columns * grid_rows * options.resolution**2 * PNG_BYTES / 1e9
    return {
        f'{snapshots} network snapshots of {pickle:.3f}': snapshots * pickle,
        'the best and the final networks': 2 * pickle,
        'training states': STATES * variables_bytes(networks) / 1e9,
        'image grids': (2 + ticks / options.image_ticks) * grid,
        'logs': ticks * TICK_BYTES / 1e9,
    }


def free_gb(folder):
    """Free space where a folder is, or would be made."""
    folder = os.path.abspath(folder)
    while not os.path.exists(folder):
        folder = os.path.dirname(folder)
    return shutil.disk_usage(folder).free / 1e9


def published_times(options):
    """How long such runs have taken: sentences. Times of other lengths are scaled by the work they are."""
    published = [
        (table[options.resolution][options.gpus], card)
        for table, card in ((PAPER_DAYS, 'RTX 2080 Ti (the paper)'), (V100_DAYS, 'V100 (the original authors)'))
        if options.gpus in table.get(options.resolution, {})
    ]
    if not published or options.device == 'cpu':
        return ['None is published for these settings; the log lines of the run tell an ETA.']
    whole = resolve_options('paper', {'data': options.data, 'gpus': options.gpus}, options.resolution)
    if any(getattr(options, name) != getattr(whole, name) for name in WORK_OPTIONS):
        return ['None is published for other networks or minibatches; the log lines of the run tell an ETA.']
    share = flops_between(0, options.total_kimg, options) / flops_between(0, PAPER_KIMG, whole)
    lines = []
    for days, card in published:
        line = (
            f'{PAPER_KIMG:,d} kimg at {options.resolution}x{options.resolution} took '
            f'{format_duration(days * 86400)} on {options.gpus} {card}'
        )
        if abs(share - 1) > 1e-6:
            line += (
                f'; {options.total_kimg:g} kimg, by their share of its work, {format_duration(share * days * 86400)}'
            )
        lines.append(line + '.')
    return lines
