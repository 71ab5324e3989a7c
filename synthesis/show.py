"""Makes one image of a set again from its line in the manifest."""

import dataclasses
import hashlib
import itertools
import os
import zipfile

from dnnlib.errors import UserError, disk_errors
from dnnlib.jobs.workers import Workers
from dnnlib.records.names import MANIFEST_FILE
from synthesis.draws import ImageDraw
from synthesis.given import Given
from synthesis.job import MakeImages
from synthesis.options import read_generate_options
from synthesis.record import read_record
from synthesis.source import find_network
from synthesis.tasks import MakeOne
from synthesis.volumes import read_image
from synthesis.whole import parse_line


def show_image(dataset, index, network=None, offline=False):
    """Makes an image again.

    Args:
        dataset: Folder of the set.
        index: Place of the image in the manifest.
        network: The network as a user names it; None: as the set names it.
        offline: Whether nothing is downloaded.

    Returns:
        (lines: how it was made, list of str; PNG at the full size of the network, bytes; whether it is equal to the one
        in the set).

    Raises:
        UserError: There is no such set, image or network.
    """
    record, line = read_record(dataset), read_line(dataset, index)
    _check_in_set(dataset, line)
    facts = _network_of(record, network, offline)
    options = dataclasses.replace(read_generate_options(dataset), device=record['plan'].get('--device', 'cpu'))
    images = MakeImages(facts.path, facts.sha256, options, Given.of_plan(record['plan']))
    draw = ImageDraw(line['identity'], line['variation'], line['draw'], line['first_draw'])
    with Workers(1, images.prepare, [images.environment]) as pool:
        [(_, (full, again))] = pool.run([MakeOne(draw, options, images.given)])
    is_equal = hashlib.sha256(again).hexdigest() == line['sha256']
    return _describe(record, line, facts), full, is_equal


def read_line(dataset, index):
    """The line of an image in the manifest, a dict. Raises UserError if there is no such image."""
    path, count = os.path.join(dataset, MANIFEST_FILE), read_record(dataset)['images']
    if index >= count:
        raise UserError(f'{dataset} has no image {index}: give a number from 0 to {count - 1}.')
    with disk_errors('read', path), open(path, 'rb') as file:
        text = next(itertools.islice(file, index, None), None)
    return parse_line(path, text or b'', index)


def _check_in_set(dataset, line):
    """Refuses to compare with an image that the set does not have."""
    path = os.path.join(dataset, line['file'])
    with disk_errors('read', path, 'or restore it from a copy'):
        try:
            with zipfile.ZipFile(path) as archive:
                read_image(archive, line)
        except zipfile.BadZipFile as error:
            raise UserError(f'{path} is damaged ({error}): restore it from a copy.') from error


def _network_of(record, network, offline):
    known = record['network']
    source = network or known['source']
    if not os.path.exists(source) and os.path.sep in source:
        raise UserError(f'The network {source} is gone: name it with --network (SHA-256 {known["sha256"]}).')
    facts = find_network(source, offline)
    if facts.sha256 != known['sha256']:
        raise UserError(
            f'{facts.path} is not the network of this set: its SHA-256 is {facts.sha256}, not {known["sha256"]}. Name '
            'the right one with --network.'
        )
    return facts


def _describe(record, line, facts):
    told = [
        f'Image {line["index"]}: {line["path"]} in {line["file"]}',
        f'Network: {facts.name} (SHA-256 {facts.sha256})',
        f'Identity {line["identity"]}, image {line["variation"]} of it; draw {line["first_draw"]} of its first image, '
        f'draw {line["draw"]} of this one; seeds of the noise: {line["noise"][0]}, {line["noise"][1]}',
    ]
    if line['class'] is not None:
        told.append(f'Class {line["class"]}')
    if line.get('box'):
        told.append(f'Face: {line["box"]}, score {line["score"]:.4f}')
    shown = ', '.join(
        f'--{name} {value}' for name, value in record['options'].items() if value not in (None, False, [])
    )
    return [*told, f'Options: {shown}']
