"""What a run would be, told before it starts: the text of `train.py --dry-run`."""

import dataclasses

from training.schedule import phases


def print_plan(options, dataset):
    """Prints the options and the growing schedule as a table."""
    print(f'Dataset {dataset.folder}: {dataset.num_images} images, {dataset.shape[0]}x{dataset.shape[1]}x'
          f'{dataset.shape[2]}.\n\nOptions:')
    for name, value in dataclasses.asdict(options).items():
        print(f'  {name:<24s}{value}')
    print('\nSchedule:')
    row = '  {:<9s}{:<12s}{:>10s}{:>10s}{:>11s}{:>15s}'
    print(row.format('phase', 'resolution', 'from kimg', 'to kimg', 'minibatch', 'learning rate').rstrip())
    for phase in phases(options.total_kimg, options.resolution, **options.schedule_options()):
        print(row.format(phase.what, f'{phase.resolution}x{phase.resolution}', f'{phase.begin_kimg:g}',
                         f'{phase.end_kimg:g}', str(phase.minibatch), f'{phase.G_lrate:g}'))
