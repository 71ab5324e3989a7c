"""Directories of training runs without any training."""

import json
import os

from PIL import Image

from metrics.meter import Result
from metrics.registry import METRICS
from metrics.results import Snapshot, append_result

OPTIONS = {
    'data': 'datasets/toy',
    'metrics': ['fid50k'],
    'total_kimg': 40,
    'mirror': True,
    'resume': None,
    'lrate_by_resolution': {'128': 0.0015},
}


def make_run(folder, kimgs=(0, 10, 20), options=OPTIONS, values=(9.0, 5.25, 7.0)):
    """A run with a tick at each kimg but the first, a grid at each, and snapshots of those values of fid50k there."""
    os.makedirs(str(folder))
    if options is not None:
        (folder / 'options.json').write_text(json.dumps(options))
    for number, kimg in enumerate(kimgs):
        save_grid(folder, kimg, 40 * number)
        if number:
            add_tick(folder, number, kimg)
    for kimg, value in zip(kimgs, values):
        add_value(folder, kimg, 'fid50k', value)
    return folder


def save_grid(folder, kimg, level, size=(48, 32)):
    """A grid of that grey. A fraction of a kimg is in its name."""
    name = f'fakes{kimg:06d}.png' if isinstance(kimg, int) else f'fakes{kimg:010.3f}.png'
    Image.new('RGB', size, (level, level, level)).save(str(folder / name))


def add_tick(folder, number, kimg, **changes):
    """A line of stats.jsonl."""
    tick = {
        'tick': number,
        'kimg': kimg + 0.064,
        'lod': 1.0,
        'resolution': min(8 * number, 256),
        'minibatch': 16,
        'total_sec': 3600 * number,
        'sec_per_kimg': 2.5,
        'images_per_sec': 400.0,
        'eta_sec': 7200,
        'memory_gb': 1.5,
        'gpu_memory_gb': None,
        'G_loss': 1.0 + number,
        'D_loss': 0.5,
        'real_scores': 1.0,
        'fake_scores': -1.0,
        'r1_penalty': 0.25,
        'nonfinite_steps': 0,
        **changes,
    }
    with open(str(folder / 'stats.jsonl'), 'a') as file:
        file.write(json.dumps(tick) + '\n')


def add_value(folder, kimg, name, value):
    """A record of metrics.jsonl, with the settings the value's name has today."""
    metric = next(metric for metric in METRICS.values() if name in metric.value_names)
    settings = metric.settings()
    snapshot = Snapshot(f'network-snapshot-{int(kimg):06d}.pkl', kimg + 0.064 if kimg else 0)
    append_result(str(folder), snapshot, Result(name, value, 1.0, settings))
