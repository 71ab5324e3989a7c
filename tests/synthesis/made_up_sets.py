"""Sets as `python -m synthesis generate` makes them, of made-up images, without a network."""

import hashlib
import json
import os
import zipfile

import numpy as np

from dnnlib.exports.card import write_card
from dnnlib.exports.dataset_json import IMAGES_PER_ZIP, image_name, write_zip, zip_name, zip_ranges
from dnnlib.exports.encoding import png_bytes
from synthesis.card import card_of
from synthesis.generate import plan_of
from synthesis.options import GenerateOptions
from synthesis.record import save_record
from synthesis.source import NetworkSource


def make_up(folder, images, per_identity=1, scores=None, keep_w=False):
    """Makes a set.

    Args:
        folder: `pathlib.Path` of the set.
        images: uint8 [N, C, H, W].
        per_identity: Images of each identity.
        scores: Of the faces; None without --reject.
        keep_w: Whether each image has a w, which is its number.
    """
    folder.mkdir()
    pngs = [png_bytes(image) for image in images]
    options = GenerateOptions(
        network='results/00000-made-up',
        out=str(folder),
        identities=len(images) // per_identity,
        per_identity=per_identity,
        reject=scores is not None,
        keep_w=keep_w,
        device='cpu',
        minibatch=16,
    )
    with open(str(folder / 'manifest.jsonl'), 'w') as manifest:
        for place, png in enumerate(pngs):
            manifest.write(json.dumps(_line(place, png, per_identity, scores)) + '\n')
    for number, places in enumerate(zip_ranges(len(images))):
        entries = ((image_name(place), pngs[place], place // per_identity) for place in places)
        write_zip(str(folder / zip_name(number)), entries)
        if keep_w:
            (folder / 'w').mkdir(exist_ok=True)
            rows = np.array(places, np.float32)[:, np.newaxis, np.newaxis] + np.zeros([2, 4], np.float32)
            np.save(str(folder / 'w' / f'{number:05d}.npy'), rows)
    network = NetworkSource('made-up.pkl', options.network, 64 * '0', images.shape[2], 0, None, None)
    record = {'plan': plan_of(network, options), 'ending': options.ending(), 'images': len(images), 'refused': 0}
    known = {'name': network.name, 'source': options.network, 'sha256': network.sha256, 'training set': None}
    save_record(str(folder), options.record(), {**record, 'network': known})
    write_card(str(folder), card_of(network, options, images.shape[1:], None))
    return folder


def _line(place, png, per_identity, scores):
    identity, variation = divmod(place, per_identity)
    line = {'index': place, 'file': zip_name(place // IMAGES_PER_ZIP), 'path': image_name(place)}
    line.update(identity=identity, variation=variation, first_draw=0, draw=0, noise=[identity, 1024 * variation])
    line.update({'class': None, 'sha256': hashlib.sha256(png).hexdigest()})
    if scores is not None:
        line.update(faces=1, box=[1, 1, 7, 7], score=float(scores[place]), refused=0)
    return line


def noise_images(count, side=8, channels=3):
    """Images of noise, uint8 [count, channels, side, side], different ones."""
    return np.random.RandomState(count).randint(0, 256, [count, channels, side, side]).astype(np.uint8)


def lines_of(path):
    """The lines of a file of JSON lines."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def pngs_of(folder):
    """The PNG files of a set by name, as in its .zip files."""
    found = {}
    for path in sorted(folder.glob('*.zip')):
        with zipfile.ZipFile(str(path)) as archive:
            found.update({name: archive.read(name) for name in archive.namelist() if name.endswith('.png')})
    return found


def is_whole(folder):
    """Whether sha256sums.txt names all files of a set, with their sums."""
    sums = dict(reversed(line.split('  ')) for line in (folder / 'sha256sums.txt').read_text().splitlines())
    files = [path for path in folder.rglob('*') if path.is_file() and path.name != 'sha256sums.txt']
    found = {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    return os.path.isdir(str(folder)) and sums == found
