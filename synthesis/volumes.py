"""Volumes: the .zip files of a set, each joined from its shard files as soon as all of them are there.

Images are made in shards of a few dozen, so that a kill loses little, and are kept in .zip files of 10,000. When the
last shard of a volume is done, its shard files are joined into three files beside them, and removed:

    00003.zip     the images, with dataset.json, whose labels are the identities
    00003.jsonl   their lines of the manifest
    00003.npy     their w, if they are kept; 00003.refused.zip likewise has the refused images

The finished set takes these files as they are.
"""

import contextlib
import hashlib
import itertools
import json
import os
import shutil
import zipfile

import numpy as np

from dnnlib.errors import UserError
from dnnlib.exports.dataset_json import IMAGES_PER_ZIP, LABELS_FILE, image_name, write_zip, zip_name
from dnnlib.files import atomic_write
from dnnlib.jobs.shards import Entry, ShardFile, finished_shards, shard_path, write_shard
from dnnlib.records.names import MANIFEST_FILE

W_COLUMN = 'w'
IMAGE_KEY = '{:010d}-{:05d}'  # of a refused image's name: identity, number within it
ZIP, LINES, W, REFUSED = '.zip', '.jsonl', '.npy', '.refused.zip'  # endings of the files of a volume
PLACES = {ZIP: '{:05d}.zip', W: 'w/{:05d}.npy', REFUSED: 'refused/{:05d}.zip'}  # in the finished set
PART = {ending: '{:05d}' + ending for ending in PLACES}  # while the set is in the making


class Volumes:
    """The volumes of a set in the making.

    Args:
        folder: Folder `parts` of the unfinished set, which has the shard files.
        shards: `dnnlib.jobs.shards.ShardPlan`; a whole number of shards makes a volume.
        per_identity: Number of images of each identity.
    """

    def __init__(self, folder, shards, per_identity):
        self._folder, self._shards, self._per_identity = folder, shards, per_identity
        self.shards_in_volume = IMAGES_PER_ZIP // shards.shard_images
        self._waiting = {}  # number of a volume -> shards of it that have files
        self._joined = set()
        self.look()

    def __len__(self):
        return -(-self._shards.num_images // IMAGES_PER_ZIP)

    def look(self):
        """Takes note of all files in the folder: a cluster may have brought more since the last look."""
        folder = self._folder
        self._joined = {int(name.split('.')[0]) for name in os.listdir(folder) if name.endswith(LINES)}
        self._waiting = {}
        for number in finished_shards(folder):
            volume = number // self.shards_in_volume
            if volume in self._joined:
                os.remove(shard_path(folder, number))  # killed while it cleaned up
            else:
                self._waiting.setdefault(volume, set()).add(number)

    def finished(self):
        """The numbers of all shards that are made."""
        made = set().union(*self._waiting.values())
        return made.union(*(self._members(volume) for volume in self._joined if volume < len(self)))

    def add(self, number):
        """Takes note of a shard file; joins its volume if it was the last one."""
        volume = number // self.shards_in_volume
        if volume not in self._joined:
            self._waiting.setdefault(volume, set()).add(number)
            self._join_if_whole(volume)

    def join_all(self):
        """Joins what is whole and was not joined yet, as after a kill."""
        for volume in sorted(self._waiting):
            self._join_if_whole(volume)

    def _members(self, volume):
        first = volume * self.shards_in_volume
        return range(first, min(first + self.shards_in_volume, len(self._shards)))

    def _join_if_whole(self, volume):
        members = self._members(volume)
        if self._waiting.get(volume, set()).issuperset(members):
            join(self._folder, volume, members, self._shards, self._per_identity)
            del self._waiting[volume]
            self._joined.add(volume)


def volume_path(folder, number, ending):
    """A file of a volume."""
    return os.path.join(folder, f'{number:05d}{ending}')


def join(folder, volume, members, shards, per_identity):
    """Joins the shard files of a volume, and removes them. A kill leaves the shard files or the volume.

    The shard files are read one after the other, so that memory does not grow with a volume.

    Raises:
        UserError: A shard file is damaged; it has been removed, so that the next run makes it again.
    """
    members = [shards[number] for number in members]
    start = volume * IMAGES_PER_ZIP
    accepted = enumerate(_entries(folder, members, is_accepted=True), start)
    entries = ((image_name(number), png, number // per_identity) for number, (_, png) in accepted)
    write_zip(os.path.join(folder, zip_name(volume)), entries)
    _join_refused(folder, volume, members)
    _join_w(folder, volume, members)
    with atomic_write(volume_path(folder, volume, LINES), 'w') as target:  # the last: now the volume is whole
        for number, (line, _) in enumerate(_entries(folder, members, is_accepted=True, with_images=False), start):
            target.write(json.dumps(manifest_line(number, line)) + '\n')
    for shard in members:
        os.remove(shard_path(folder, shard.number))


def _entries(folder, members, is_accepted, with_images=True):
    """Yields (line, PNG or None) of the accepted, or of the refused images of shard files."""
    for shard in members:
        with _open(folder, shard) as file:
            for place, line in enumerate(file.verdicts):
                if line['accepted'] == is_accepted:
                    yield line, file.image(place) if with_images else None


def manifest_line(number, line):
    """The line of an image in the manifest, from its line in the shard file."""
    kept = {name: value for name, value in line.items() if name not in ('accepted', 'image', 'view', 'reason')}
    return {'index': number, 'file': zip_name(number // IMAGES_PER_ZIP), 'path': image_name(number), **kept}


def _join_refused(folder, volume, members):
    entries = ((refused_name(line), png, None) for line, png in _entries(folder, members, is_accepted=False))
    first = next(entries, None)
    if first is not None:
        write_zip(volume_path(folder, volume, REFUSED), itertools.chain([first], entries))


def _join_w(folder, volume, members):
    with _open(folder, members[0]) as file:
        if not file.has_column(W_COLUMN):
            return
        form = file.column(W_COLUMN)
    count = members[-1].stop - members[0].start
    with atomic_write(volume_path(folder, volume, W)) as target:
        header = {'descr': form.dtype.str, 'fortran_order': False, 'shape': (count, *form.shape[1:])}
        np.lib.format.write_array_header_1_0(target, header)
        for shard in members:
            with _open(folder, shard) as file:
                target.write(file.column(W_COLUMN)[: shard.stop - shard.start].tobytes())  # refused ones are the last


def refused_name(line):
    """Name of a refused image: identity, number within it, draw, and why."""
    return f'{IMAGE_KEY.format(line["identity"], line["variation"])}-{line["draw"]:04d}-{line["reason"]}.png'


def _open(folder, shard):
    path = shard_path(folder, shard.number)
    try:
        file = ShardFile(path)
        if sum(line['accepted'] for line in file.verdicts) != shard.stop - shard.start:
            raise ValueError('it has too few images')
    except (ValueError, KeyError, TypeError) as error:
        os.remove(path)
        raise UserError(
            f'{path} was damaged ({error}) and is removed: the same command makes its images again.'
        ) from error
    return file


# ----------------------------------------------------------------------------------------------------------------------
# From the finished volumes to a set, and back.


def place_volumes(parts, folder, count):
    """Gives the finished volumes their places in the folder of the set, and writes its manifest.

    The files get second names, so no image is copied, and a kill loses nothing.

    Returns:
        Number of refused draws.
    """
    refused = 0
    with open(os.path.join(folder, MANIFEST_FILE), 'w', encoding='utf-8') as manifest:
        for volume in range(count):
            _link_files((parts, PART), (folder, PLACES), volume)
            with open(volume_path(parts, volume, LINES), encoding='utf-8') as lines:
                for line in lines:
                    manifest.write(line)
                    refused += json.loads(line).get('refused', 0)
    return refused


def take_over(dataset, count, parts, shards):
    """Puts the images of a finished set into the folder `parts` of a larger one, or of the same one.

    Whole volumes are linked. Of the last one, if it is not full, the whole shards become shard files again.

    Args:
        dataset: Folder of the finished set.
        count: Its number of images.
        parts: The folder `parts`; files that are there already stay.
        shards: `dnnlib.jobs.shards.ShardPlan` of the larger set.
    """
    with open(os.path.join(dataset, MANIFEST_FILE), encoding='utf-8') as manifest:
        for volume in range(-(-count // IMAGES_PER_ZIP)):
            lines = list(itertools.islice(manifest, IMAGES_PER_ZIP))
            if os.path.exists(volume_path(parts, volume, LINES)):
                continue
            if len(lines) == IMAGES_PER_ZIP or count == shards.num_images:
                _link_files((dataset, PLACES), (parts, PART), volume)
                with atomic_write(volume_path(parts, volume, LINES), 'w') as file:
                    file.writelines(lines)
            else:
                _unpack(dataset, volume, list(map(json.loads, lines)), parts, shards)


def _link_files(source, target, volume):
    """Gives the files of a volume second names; both are (folder, pattern of a name by ending)."""
    for ending in PLACES:
        old, new = (os.path.join(folder, names[ending].format(volume)) for folder, names in (source, target))
        if os.path.exists(old):
            os.makedirs(os.path.dirname(new), exist_ok=True)
            if os.path.lexists(new):
                os.remove(new)
            try:
                os.link(old, new)
            except OSError:  # a file system without second names
                shutil.copyfile(old, new)


def _unpack(dataset, volume, lines, parts, shards):
    """Makes shard files of the whole shards of a volume that is not full."""
    size = shards.shard_images
    w_path = os.path.join(dataset, PLACES[W].format(volume))
    rows = np.load(w_path, mmap_mode='r') if os.path.exists(w_path) else None
    with contextlib.ExitStack() as opened:
        archive = opened.enter_context(zipfile.ZipFile(os.path.join(dataset, zip_name(volume))))
        refused = _Refused(os.path.join(dataset, PLACES[REFUSED].format(volume)), opened)
        for first in range(0, len(lines) - size + 1, size):
            number = (volume * IMAGES_PER_ZIP + first) // size
            path = shard_path(parts, number)
            if os.path.exists(path):
                continue
            entries = []
            for place in range(first, first + size):
                numbers = {} if rows is None else {W_COLUMN: rows[place]}
                line = {**lines[place], 'accepted': True}
                entries.append(Entry(line, read_image(archive, line), None, numbers))
            nothing = {} if rows is None else {W_COLUMN: np.zeros_like(rows[0])}
            for line in lines[first : first + size]:
                entries += [Entry(*found, None, nothing) for found in refused.before(line)]
            with atomic_write(path) as file:
                write_shard(file, entries)


def read_image(archive, line):
    """The PNG of an image, from an open .zip of a set.

    Raises:
        UserError: It is damaged, or not the image of the `line` in the manifest.
    """
    try:
        png = archive.read(line['path'])
    except (zipfile.BadZipFile, KeyError) as error:
        raise _not_whole(archive, line, error) from error
    if hashlib.sha256(png).hexdigest() != line['sha256']:
        raise _not_whole(archive, line, f'it is not the image in {MANIFEST_FILE}')
    return png


def _not_whole(archive, line, what):
    return UserError(
        f'{archive.filename} is damaged at {line["path"]} ({what}): restore it from a copy, or make the set again '
        'under another name, or with --force.'
    )


class _Refused:
    """The refused images of a volume of a finished set, if they were kept."""

    def __init__(self, path, opened):
        self._names = {}
        if os.path.exists(path):
            self._archive = opened.enter_context(zipfile.ZipFile(path))
            for name in self._archive.namelist():
                if name != LABELS_FILE:
                    self._names.setdefault(name[: len(IMAGE_KEY.format(0, 0))], []).append(name)

    def before(self, line):
        """Yields (line, PNG) of the refused draws of an image, given its line of the manifest."""
        for name in self._names.get(IMAGE_KEY.format(line['identity'], line['variation']), ()):
            draw, reason = name[: -len('.png')].split('-', 3)[2:]
            verdict = {name: line[name] for name in ('identity', 'variation')}
            yield {**verdict, 'draw': int(draw), 'reason': reason, 'accepted': False}, self._archive.read(name)
