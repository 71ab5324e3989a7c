"""The text of `train.py --dry-run`: the options of a run, and what it needs."""

import dataclasses
import os
import shutil
import textwrap

import tensorflow.compat.v1 as tf
from tabulate import tabulate

from dnnlib.util import EasyDict, format_duration
from training.checkpoint import STATES_KEPT
from training.class_weights import class_values, class_weight_rows
from training.cost import flops_between
from training.footprint import (
    FLOAT_BYTES,
    STEP_ERROR,
    UNCOUNTED_BYTES,
    Networks,
    least_and_most_bytes,
    step_bytes,
    variables_bytes,
)
from training.options import STYLEGAN, resolve_options
from training.precision import FLOAT32, MIXED, check_kernels
from training.schedule import phases
from training.snapshots import grid_size_for
from training.step import make_networks, network_arguments

CARD, CARD_GB = 'An RTX 2080 Ti', 11  # the card of the paper
STATES = STATES_KEPT + 1  # training states on disk at most: one is being written
PNG_BYTES = 2  # for a pixel of a grid, about
NETWORK_SPEEDS = 1e9, 10e9  # bits/s between two machines
TICK_BYTES = 4000  # for a tick in the logs, about

# Days that 25,000 kimg took, by resolution and number of GPUs: on the paper's cards, and on the V100s of StyleGAN's
# authors.
PAPER_KIMG = 25000
PAPER_DAYS = {256: {2: 12}}
V100_DAYS = {
    1024: {1: 41 + 4 / 24, 2: 21 + 22 / 24, 4: 11 + 8 / 24, 8: 6 + 14 / 24},
    512: {1: 24 + 21 / 24, 2: 13 + 7 / 24, 4: 7, 8: 4 + 10 / 24},
    256: {1: 14 + 22 / 24, 2: 9 + 5 / 24, 4: 4 + 21 / 24, 8: 3 + 8 / 24},
}
WORK_OPTIONS = ('architecture', 'loss', 'latent_size', 'mapping_layers', 'fmap_base', 'fmap_max', 'minibatch')
WORK_OPTIONS += ('minibatch_by_resolution',)


def print_plan(options, dataset, results_dir, flags, begin_kimg=0.0, processes=1):
    """Prints the options, and tables of the growing schedule, the networks, memory, disk space and time.

    Args:
        options: `TrainingOptions`.
        dataset: The open dataset.
        results_dir: Folder of the runs; it need not exist.
        flags: Dict of field of the options to the flag that sets it.
        begin_kimg: Where in the schedule the run begins or goes on. Memory, disk and time are for what follows.
        processes: How many processes train together.
    """
    check_kernels(options)
    print(
        f'Dataset {dataset.folder}: {dataset.num_images} images, {dataset.shape[0]}x{dataset.shape[1]}x'
        f'{dataset.shape[2]}.'
    )
    print('\nOptions:')
    _print_table(_option_rows(options, flags))
    rows = rows_from(begin_kimg, phases(options.total_kimg, options.resolution, **options.schedule_options()))
    print('\nSchedule:' if begin_kimg == 0 else f'\nSchedule from kimg {begin_kimg:g} on:')
    _print_table(_schedule_rows(rows), ('left', 'left', *['right'] * 4))
    label_size = dataset.labels.size if options.use_labels and dataset.labels is not None else 0
    networks = count_parameters(options, dataset.shape[0], label_size)
    arguments = network_arguments(options, dataset.shape[0], label_size)
    print('\nTrained parameters:')
    _print_table([('G', f'{networks.G_trainable:,d}'), ('D', f'{networks.D_trainable:,d}')], ('left', 'right'))
    if label_size:
        what = 'label columns' if dataset.labels.numbers is None else 'classes'
        print(f'\nWeights of {label_size:,} {what}, GB; they are in the numbers above and below too:')
        _print_class_weights(class_weight_rows(arguments, label_size, options.auxiliary is not None))
    if options.auxiliary is not None:
        print(f'\n--auxiliary {options.auxiliary} trains a third network, as large as D, which no number below counts.')
    print(f'\nMemory of each GPU, GB, estimated; in all, for each --precision. {CARD} has {CARD_GB}.')
    _print_memory(rows, options, networks)
    for hint in _hints_for_memory(rows, options, networks):
        print(f'    {hint}')
    print('\nDisk space, GB, estimated:')
    _print_disk(disk_gb(rows, options, networks, dataset.shape[0]), results_dir)
    if processes > 1:
        print('\nProcesses:')
        for line in sentences_about_processes(options, networks, processes):
            print(f'  {line}')
    print('\nTime:')
    for line in published_times(options, begin_kimg):
        print(f'  {line}')


def _print_class_weights(rows):
    rows = [*rows, ('all', sum(size for _, size in rows))]
    _print_table([(what, f'{size / 1e9:.2f}') for what, size in rows], ('left', 'right'))


def rows_from(begin_kimg, rows):
    """What follows a kimg of the rows of `training.schedule.phases`."""
    left = [row for row in rows if row.end_kimg > begin_kimg]
    return [EasyDict(row, begin_kimg=max(row.begin_kimg, begin_kimg)) for row in left]


def _print_table(rows, alignments=None):
    table = tabulate(rows, tablefmt='plain', colalign=alignments, disable_numparse=True)
    print(textwrap.indent(table, '  '))


def _option_rows(options, flags):
    """(flag, value) of each option that has a flag. Values by resolution are added to the value of the option."""
    values = dataclasses.asdict(options)
    for name, value in values.items():
        by_resolution = values.get(name + '_by_resolution')
        if name in flags:
            yield flags[name], f'{value}' + (f', by resolution {by_resolution}' if by_resolution else '')


def count_parameters(options, num_channels, label_size):
    """The sizes of G and D, `Networks`. Builds them on the CPU; the default graph stays as it is.

    They are built for one class, since the weights of many classes may be larger than this machine's memory.
    """
    arguments = network_arguments(options, num_channels, label_size)
    built = {name: dict(given, label_size=min(label_size, 1)) for name, given in arguments.items()}
    with tf.Graph().as_default(), tf.Session(config=tf.ConfigProto(device_count={'GPU': 0})):
        G, D = make_networks(dataclasses.replace(options, networks=built), num_channels, min(label_size, 1))
    more = [max(label_size - 1, 0) * values for values in class_values(arguments)]
    counted = [
        of_others + sum(variable.shape.num_elements() for variable in variables.values())
        for variables, of_others in zip((G.vars, D.vars, G.trainables, D.trainables), 2 * more)
    ]
    return Networks(*counted, label_size, *(label_size * values for values in class_values(arguments)))


def _schedule_rows(rows):
    yield 'phase', 'resolution', 'from kimg', 'to kimg', 'minibatch', 'learning rate'
    for row in rows:
        yield (
            row.what,
            f'{row.resolution}x{row.resolution}',
            f'{row.begin_kimg:g}',
            f'{row.end_kimg:g}',
            row.minibatch,
            f'{row.G_lrate:g}',
        )


def _print_memory(rows, options, networks):
    precisions = [FLOAT32, MIXED] if options.architecture == STYLEGAN else [FLOAT32]
    if options.precision not in precisions:  # another one in half precision, which takes as much
        precisions[1] = options.precision
    _print_table(_memory_rows(rows, options, networks, precisions), ('left', *['right'] * (4 + len(precisions))))
    print(
        f'    Steps on a CPU differ by up to {STEP_ERROR:.0%} from the count of their tensors. The most also has '
        f'{UNCOUNTED_BYTES / 1e9:g} GB for CUDA\n    and cuDNN, a guess: no GPU has been measured.'
    )


def _memory_rows(rows, options, networks, precisions):
    yield ('resolution', 'images a GPU', 'variables', 'step of D', 'step of G', *precisions)
    variables = variables_bytes(networks)
    for row in _most_demanding(rows):
        share = row.minibatch // options.gpus
        given = options, row.resolution, share, row.what == 'fade in'
        sizes = [f'{size / 1e9:.2f}' for size in (variables, *(step_bytes(which, networks, *given) for which in 'DG'))]
        for precision in precisions:
            given = dataclasses.replace(options, precision=precision), *given[1:]
            sizes.append(' to '.join(f'{size / 1e9:.1f}' for size in least_and_most_bytes(networks, *given)))
        yield (f'{row.resolution}x{row.resolution}', share, *sizes)


def _most_demanding(rows):
    """A row for each resolution: fading in, which takes more memory than training; else training."""
    chosen = {}
    for row in rows:
        if row.what == 'fade in' or row.resolution not in chosen:
            chosen[row.resolution] = row
    return chosen.values()


def _hints_for_memory(rows, options, networks):
    """A sentence for each resolution that is too large for the card, or may be."""
    for row in _most_demanding(rows):
        side, share = f'{row.resolution}x{row.resolution}', row.minibatch // options.gpus
        least, most = _least_and_most_gb(row, share, options, networks)
        if most <= CARD_GB:
            continue
        while share > 1 and most > CARD_GB:
            share //= 2
            if share > 4:
                share -= share % 4  # groups of the minibatch stddev layer
            _, most = _least_and_most_gb(row, share, options, networks)
        if most <= CARD_GB:
            hint = f'give a smaller --minibatch, {share * options.gpus} at {side}.'
        else:
            fewer = ', fewer classes' if options.use_labels else ''
            hint = f'give a smaller --resolution{fewer}, or smaller networks by --fmap-base and --fmap-max.'
        yield f'{side} {"does" if least > CARD_GB else "may"} not fit in {CARD_GB} GB: {hint}'


def _least_and_most_gb(row, share, options, networks):
    sizes = least_and_most_bytes(networks, options, row.resolution, share, row.what == 'fade in')
    return [size / 1e9 for size in sizes]


def _print_disk(sizes, results_dir):
    needed, free = sum(sizes.values()), free_gb(results_dir)
    rows = [*sizes.items(), ('all', needed), (f'free for {results_dir}', free)]
    _print_table([(what, f'{size:.2f}') for what, size in rows], ('left', 'right'))
    if needed > free:
        print(
            '    This is not enough: free some, name another folder with --results, or write fewer files with '
            '--snapshot-ticks and --image-ticks.'
        )


def disk_gb(rows, options, networks, num_channels):
    """The disk space that a run takes: dict of its purpose to GB."""
    ticks = sum((row.end_kimg - row.begin_kimg) / row.tick_kimg for row in rows)
    pickle = FLOAT_BYTES * (2 * networks.G + networks.D) / 1e9
    snapshots = 3 + int(ticks / options.snapshot_ticks)  # at the start, after the first tick, at the end
    if options.keep_snapshots is not None:
        snapshots = min(snapshots, options.keep_snapshots + 1)  # the best one is kept too
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
    """Free space on the disk of a folder, GB. The folder need not exist."""
    folder = os.path.abspath(folder)
    while not os.path.exists(folder):
        folder = os.path.dirname(folder)
    return shutil.disk_usage(folder).free / 1e9


def sentences_about_processes(options, networks, processes):
    """How a run is spread over processes, and what their network has to carry: list of sentences.

    Args:
        options: `TrainingOptions`; `gpus` can be divided among the processes.
        networks: `Networks`.
        processes: Number of processes.
    """
    replicas = options.gpus // processes
    size = FLOAT_BYTES * (networks.G_trainable + networks.D_trainable)
    seconds = [f'{size * 8 / speed:.2g} s at {speed / 1e9:g} Gbit/s' for speed in NETWORK_SPEEDS]
    return [
        f'{processes} processes have {replicas} replica{"" if replicas == 1 else "s"} each.',
        f'A step of D and G sums up {size / 1e6:.0f} MB of gradients over the processes, whatever the minibatch is: '
        f'{" and ".join(seconds)} between two machines.',
        'More machines make a run faster only where a step takes clearly longer than that.',
    ]


def published_times(options, begin_kimg=0.0):
    """How long runs with these settings have taken: list of sentences. For other lengths, times are scaled by work.

    Args:
        options: `TrainingOptions`.
        begin_kimg: Where in the schedule the run begins or goes on.
    """
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
    share = flops_between(begin_kimg, options.total_kimg, options) / flops_between(0, PAPER_KIMG, whole)
    lines = []
    for days, card in published:
        line = (
            f'{PAPER_KIMG:,d} kimg at {options.resolution}x{options.resolution} took '
            f'{format_duration(days * 86400)} on {options.gpus} {card}'
        )
        if abs(share - 1) > 1e-6:
            what = f'{options.total_kimg:g} kimg'
            if begin_kimg > 0:
                what = f'kimg {begin_kimg:g} to {options.total_kimg:g}'
            line += f'; {what} would take {format_duration(share * days * 86400)}, by their share of its work'
        lines.append(line + '.')
    return lines
