"""Audits and prunes a set of real photographs that stands for a synthetic one, in which the truth was planted.

The people of a dataset are split into three: those of the set, those of the training set, and held-out ones. There are
planted look-alikes (a second photograph of a person of the set), people of the training set (another photograph), and
copies of training images. What the audit finds at each rate of false accepts is printed beside the truth, and what
`python -m synthesis prune` takes out.
"""

import collections
import hashlib
import json
import os
import subprocess
import sys
from typing import NamedTuple

import click
import numpy as np

from dnnlib.exports.card import write_card
from dnnlib.exports.dataset_json import image_name, write_zip, zip_name
from dnnlib.exports.encoding import png_bytes
from dnnlib.records.datasets import open_dataset
from dnnlib.records.names import AUDIT_FILE, MANIFEST_FILE
from synthesis.card import audited_card
from synthesis.options import GenerateOptions
from synthesis.record import save_record

PERSON, LOOK_ALIKE, OF_TRAINING, COPY = 'person', 'look-alike', 'of training', 'copy'


class Image(NamedTuple):
    """An image of the set."""

    record: int  # in the dataset
    kind: str
    other: int = -1  # the image of the set, or of the training set, that it resembles


@click.command(epilog='\b\nExample:\n  python -m tests.faults.planted_audit lfw_subset.tar work --size 64')
@click.argument('photographs', type=click.Path(exists=True))
@click.argument('folder', type=click.Path())
@click.option('--size', default=64, show_default=True, help='Side of the images, px.')
@click.option('--people', default=300, show_default=True, help='People of the set, an image each.')
@click.option('--training-people', default=500, show_default=True, help='People of the training set, all their images.')
@click.option('--look-alikes', default=30, show_default=True, help='Planted pairs within the set.')
@click.option('--of-training', default=20, show_default=True, help='Planted people of the training set.')
@click.option('--copies', default=10, show_default=True, help='Planted copies of training images.')
@click.option('--seed', default=1, show_default=True, help='Of the lot.')
@click.option('--calibration', help='Thresholds, as python -m synthesis calibrate writes them.')
def main(photographs, folder, size, people, training_people, look_alikes, of_training, copies, seed, calibration):
    """Plant truth among PHOTOGRAPHS of known people, as the archive of LFW, and see what an audit finds.

    FOLDER takes the datasets and the page; what is there already is used again.
    """
    faces = os.path.join(folder, f'faces-{size}')
    if not os.path.exists(faces):
        _run('prefilter', photographs, '--labels', 'identity', '--size', str(size), '--out', faces)
    paths = [os.path.join(folder, f'{name}-{size}') for name in ('set', 'training', 'held-out', 'released')]
    with open_dataset(faces) as dataset:
        labels = dataset.labels.classes()
        images, training, held_out = plant(labels, people, training_people, look_alikes, of_training, copies, seed)
        if not os.path.exists(paths[0]):
            for path, records in zip(paths[1:], (training, held_out)):
                write_dataset(path, dataset, records)
            write_set(paths[0], dataset, images)
    about = ['--training', paths[1], '--held-out', paths[2], *(['--calibration', calibration] if calibration else [])]
    _run('synthesis', 'audit', paths[0], *about)
    with open(os.path.join(paths[0], AUDIT_FILE), encoding='utf-8') as file:
        print_findings(json.load(file), images, labels, training)
    _run('synthesis', 'prune', paths[0], *about, '--out', paths[3], '--force')
    print_pruned(paths[3], images)


def _run(*words):
    subprocess.run([sys.executable, '-m', *words], check=True)


def plant(labels, people, training_people, look_alikes, of_training, copies, seed):
    """Splits people by lot.

    Args:
        labels: int [N]: who is in each record of a dataset.

    Returns:
        (images of the set, list of `Image`; records of the training set; records of the held-out people).
    """
    records = collections.defaultdict(list)
    for record, label in enumerate(labels.tolist()):
        records[label].append(record)
    order = np.random.RandomState(seed).permutation(sorted(records)).tolist()
    several = [label for label in order if len(records[label]) > 1]
    doubled, leaked = several[:look_alikes], several[look_alikes : look_alikes + of_training]
    rest = [label for label in order if label not in {*doubled, *leaked}]
    ours = doubled + rest[: people - look_alikes]
    theirs = leaked + rest[people - look_alikes :][: training_people - of_training]
    others = rest[people - look_alikes :][training_people - of_training :]
    images = [Image(records[label][0], PERSON) for label in ours]
    images += [Image(records[label][1], LOOK_ALIKE, place) for place, label in enumerate(doubled)]
    training = [record for label in theirs for record in records[label][label in leaked :]]
    place = {record: number for number, record in enumerate(training)}
    images += [Image(records[label][0], OF_TRAINING, place[records[label][1]]) for label in leaked]
    lot = np.random.RandomState(seed + 1).permutation(len(training))[:copies]
    images += [Image(training[number], COPY, number) for number in lot.tolist()]
    return images, training, [record for label in others for record in records[label]]


def write_dataset(path, dataset, records):
    """Writes some records as a folder of one .zip, with their labels."""
    os.makedirs(path)
    numbers = np.unique(dataset.labels.classes()[records], return_inverse=True)[1].tolist()
    entries = (
        (image_name(place), png_bytes(dataset.read(record)), numbers[place]) for place, record in enumerate(records)
    )
    write_zip(os.path.join(path, zip_name(0)), entries)


def write_set(path, dataset, images):
    """Writes images as `python -m synthesis generate` would write a set with one image for each identity."""
    os.makedirs(path)
    pngs = [png_bytes(dataset.read(image.record)) for image in images]
    write_zip(os.path.join(path, zip_name(0)), ((image_name(place), png, place) for place, png in enumerate(pngs)))
    options = GenerateOptions(network='photographs', out=path, identities=len(images), device='cpu', minibatch=16)
    with open(os.path.join(path, MANIFEST_FILE), 'w', encoding='utf-8') as file:
        for place, png in enumerate(pngs):
            line = {
                'index': place,
                'file': zip_name(0),
                'path': image_name(place),
                'identity': place,
                **dict.fromkeys(('variation', 'first_draw', 'draw'), 0),
                'class': None,
                'noise': [0, 0],
                'sha256': hashlib.sha256(png).hexdigest(),
            }
            file.write(json.dumps(line) + '\n')
    network = {'name': 'photographs', 'source': 'photographs', 'sha256': '0' * 64, 'training set': None}
    record = {
        'plan': options.plan(),
        'network': network,
        'images': len(images),
        'refused': 0,
        'ending': options.ending(),
    }
    save_record(path, options.record(), record)
    write_card(path, audited_card(path, dataset.shape, ()))


# ----------------------------------------------------------------------------------------------------------------------
# Beside the truth.


def print_findings(report, images, labels, training):
    """Prints how much of what was planted an audit found, and what else it found, at each rate of false accepts."""
    count = len(images)
    pairs = {(image.other, place) for place, image in enumerate(images) if image.kind == LOOK_ALIKE}
    leaks = {place for place, image in enumerate(images) if image.kind in (OF_TRAINING, COPY)}
    copies = {place for place, image in enumerate(images) if image.kind == COPY}
    print(
        f'\nTruth: {len(pairs)} look-alike pairs, {len(leaks)} images of training people, {len(copies)} of them copies.'
    )
    for level, leak in zip(report['people']['levels'], report['leakage']['levels']):
        print(
            f'FAR {level["far"]:g}: {level["pairs"]} pairs in the set ({count * (count - 1) / 2 * level["far"]:.1f} by '
            f'accident); {level["kept"]} of {count} kept; {leak["images"]} images near to training, of other people '
            f'{leak["held-out share"]:.1%}'
        )
    found = {tuple(sorted(pair['images'])) for pair in report['nearest']['set']}
    print(f'Of the {len(found)} nearest pairs in the set, {len(found & pairs)} were planted.')
    nearest = [pair['images'] for pair in report['nearest']['training']]
    planted = [pair for pair in nearest if pair[0] in leaks]
    right = sum(labels[images[one].record] == labels[training[other]] for one, other in planted)
    print(f'Of the {len(nearest)} images nearest to training {len(planted)} were planted, {right} beside their person.')
    named = {each['image'] for each in report['leakage']['copies']['found']}
    print(f'Copies by pixels: {len(named & copies)} of {len(copies)}, and {len(named - copies)} others.')
    print(f'C_T {report["leakage"]["C_T"]:.2f}, authenticity {report["leakage"]["authenticity"]:.1%}')


def print_pruned(path, images):
    """Prints what was taken out of a set, by what was planted."""
    with open(os.path.join(path, MANIFEST_FILE), encoding='utf-8') as file:
        kept = {json.loads(line)['source_index'] for line in file}
    total = collections.Counter(image.kind for image in images)
    gone = collections.Counter(image.kind for place, image in enumerate(images) if place not in kept)
    print(', '.join(f'{gone[kind]} of {count} {kind}' for kind, count in total.items()), 'were taken out.')


if __name__ == '__main__':
    main()
