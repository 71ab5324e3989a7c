"""What the card of a synthetic set says."""

import dataclasses
import os
import shlex
from types import SimpleNamespace

from dnnlib.download.published import find_entry
from dnnlib.exports.card import Facts, Field
from dnnlib.records.names import MANIFEST_FILE
from synthesis.options import read_generate_options
from synthesis.record import PRUNED, read_record

FIELDS = (
    Field('index', 'sc:Integer', 'number of the image in the set, from 0'),
    Field('file', 'sc:Text', 'the .zip that has it'),
    Field('path', 'sc:Text', 'its name in the .zip'),
    Field('label', 'sc:Integer', 'label in dataset.json: the identities that are left, counted from 0'),
    Field('source_index', 'sc:Integer', 'number of the image in the set that it was taken from'),
    Field('identity', 'sc:Integer', 'who is in the image; if there is no field label, the label in dataset.json'),
    Field('variation', 'sc:Integer', 'number of the image within its identity'),
    Field('first_draw', 'sc:Integer', 'draw of the first image of the identity'),
    Field('draw', 'sc:Integer', 'draw of this image'),
    Field('class', 'sc:Integer', 'class of a conditional network'),
    Field('noise', 'sc:Integer', 'the two seeds of the noise'),
    Field('sha256', 'sc:Text', 'of the PNG file'),
    Field('faces', 'sc:Integer', 'faces that the detector found, with --reject'),
    Field('box', 'sc:Float', 'the face: left, top, right, bottom in px of the image as the network makes it'),
    Field('score', 'sc:Float', 'score of the face'),
    Field('refused', 'sc:Integer', 'draws without a face before this one'),
)
USE = (
    'Training and testing of face recognition, and research on it, without photographs of people.',
    'Not for claims about real people: no image shows one. A network can repeat people of its training set; whether '
    'this set does is not known until it is audited.',
)


def card_of(network, options, shape, fingerprint):
    """The `dnnlib.exports.card.Facts` of a set.

    Args:
        network: Has `name`, `sha256` and `licence`, as a `synthesis.source.NetworkSource`.
        options: `synthesis.options.GenerateOptions`.
        shape: (C, H, W) of the images.
        fingerprint: Of the dataset of the training; None if it is not at hand.
    """
    name = os.path.basename(os.path.abspath(options.out))
    return Facts(
        name=name,
        title=f'{name}: synthetic faces',
        summary=(
            f'{options.count:,} synthetic face images of {options.identities:,} identities, {options.per_identity} of '
            f'each. A StyleGAN network made all of them.'
        ),
        num_images=options.count,
        num_identities=options.identities,
        shape=tuple(shape),
        how_made=(
            'Each identity is a latent vector, and each image a variation of it. An image follows from the network, '
            'the seed and its line in the manifest alone.',
            f'To make one again: python -m synthesis show {shlex.quote(name)} 0 --out image.png',
        ),
        network=network.name,
        network_sha256=network.sha256,
        training_set=fingerprint,
        options=_given(options.record()),
        licence=options.licence,
        network_licence=network.licence,
        intended_use=USE,
        manifest=MANIFEST_FILE,
        fields=FIELDS,
        tags=('stylegan',),
    )


def pruned_card(folder, options, shape):
    """The `dnnlib.exports.card.Facts` of a set from which images were taken out.

    Args:
        folder: Of the set, with its record.
        options: `synthesis.prune.options.PruneOptions`.
        shape: (C, H, W) of the images.
    """
    record = read_record(folder)
    pruned, network = record[PRUNED], record['network']
    name, entry = os.path.basename(os.path.abspath(options.out)), find_entry(network['source'])
    asked = {f'prune --{flag}': value for flag, value in _given(pruned['options']).items()}
    gone = ', '.join(f'{count:,} {reason}' for reason, count in pruned['images taken out'].items()) or 'none'
    return Facts(
        name=name,
        title=f'{name}: synthetic faces',
        summary=(
            f'{record["images"]:,} synthetic face images of {pruned["identities"]:,} identities. A StyleGAN network '
            'made all of them.'
        ),
        num_images=record['images'],
        num_identities=pruned['identities'],
        shape=tuple(shape),
        how_made=(
            f'The images are those of a set of {pruned["from"]["images"]:,} images of '
            f'{pruned["from"]["identities"]:,} identities, byte for byte, without what was taken out ({gone}).',
            'Each identity is a latent vector, and each image a variation of it. An image follows from the network, '
            'the seed and its line in the manifest alone.',
            f'To make one again: python -m synthesis show {shlex.quote(name)} 0 --out image.png',
        ),
        network=network['name'],
        network_sha256=network['sha256'],
        training_set=network['training set'],
        options={**_given(record['options']), **asked},
        licence=options.licence or record['options'].get('licence'),
        network_licence=entry and entry.get('licence'),
        intended_use=USE,
        manifest=MANIFEST_FILE,
        fields=FIELDS,
        tags=('stylegan',),
    )


def audited_card(folder, shape, findings):
    """The `dnnlib.exports.card.Facts` of a finished set with what an audit found.

    Args:
        folder: Of the set, with its record.
        shape: (C, H, W) of the images.
        findings: Sentences.
    """
    record = read_record(folder)
    network, entry = record['network'], find_entry(record['network']['source'])
    if PRUNED in record:
        facts = pruned_card(
            folder, SimpleNamespace(out=folder, licence=record[PRUNED]['options'].get('licence')), shape
        )
    else:
        known = SimpleNamespace(**network, licence=entry and entry.get('licence'))
        options = dataclasses.replace(read_generate_options(folder), out=folder)
        facts = card_of(known, options, shape, network['training set'])
    return dataclasses.replace(facts, audit=tuple(findings))


def _given(record):
    return {name: value for name, value in record.items() if value not in (None, False, [], ())}
