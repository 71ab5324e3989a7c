"""Copies the images that stay into the volumes of a new set. No image is decoded or drawn: its PNG stays as it is."""

import itertools
import json
import os
import sys
import zipfile
from typing import Any, Dict, Tuple

import numpy as np

from dnnlib.exports.dataset_json import IMAGES_PER_ZIP, image_name, write_zip, zip_name
from dnnlib.files import atomic_write
from dnnlib.progress import Progress
from synthesis.prune.source import SourceSet
from synthesis.volumes import LINES, PLACES, W, read_image, volume_path

Kept = Tuple[int, int, Dict[str, Any]]  # place in the new set, label, line in the manifest of the source


def volumes_of(count: int) -> int:
    """Number of volumes of a set of so many images."""
    return -(-count // IMAGES_PER_ZIP)


def copy_kept(source: SourceSet, stays: np.ndarray, labels: np.ndarray, parts: str) -> None:
    """Writes the volumes of the new set into a folder; those that are there already stay.

    Args:
        source: The set.
        stays: bool [number of images]: which images are copied.
        labels: int64 [number of copied images]: their labels in the new set.
        parts: The folder. `synthesis.volumes.place_volumes` makes a set of the volumes.

    Raises:
        UserError: An image is not the one in the manifest.
        OSError: The disk refuses the data.
    """
    kept = ((place, int(labels[place]), line) for place, line in enumerate(itertools.compress(source.lines(), stays)))
    with _Reader(source) as reader, Progress(
        total=len(labels), desc='Copying images', unit=' images', file=sys.stderr
    ) as bar:
        for volume in range(volumes_of(len(labels))):
            rows = list(itertools.islice(kept, IMAGES_PER_ZIP))
            if not os.path.exists(volume_path(parts, volume, LINES)):
                _write_volume(parts, volume, rows, reader)
            bar.update(len(rows))


def _write_volume(parts, volume, rows, reader):
    write_zip(
        os.path.join(parts, zip_name(volume)),
        ((image_name(place), reader.png(line), label) for place, label, line in rows),
    )
    if reader.has_w:
        with atomic_write(volume_path(parts, volume, W)) as file:
            np.save(file, np.stack([reader.w(line) for _, _, line in rows]))
    with atomic_write(volume_path(parts, volume, LINES), 'w') as file:  # the last: now the volume is whole
        for row in rows:
            file.write(json.dumps(manifest_line(*row)) + '\n')


def manifest_line(place: int, label: int, line: Dict[str, Any]) -> Dict[str, Any]:
    """The line of an image in the manifest of the new set."""
    there = {'index': place, 'file': zip_name(place // IMAGES_PER_ZIP), 'path': image_name(place), 'label': label}
    kept = {name: value for name, value in line.items() if name not in (*there, 'source_index')}
    return {**there, 'source_index': line['index'], **kept}


class _Reader:
    """Reads PNGs and w of a set, forward. One .zip is open."""

    def __init__(self, source):
        self._folder, self._archive, self._rows = source.folder, (None, None), (None, None)
        self.has_w = bool(source.record['plan'].get('--keep-w'))

    def __enter__(self):
        return self

    def __exit__(self, kind, value, traceback):
        if self._archive[1] is not None:
            self._archive[1].close()

    def png(self, line):
        """The bytes of an image. Raises UserError if they are not those in the manifest."""
        name, archive = self._archive
        if name != line['file']:
            if archive is not None:
                archive.close()
            self._archive = line['file'], zipfile.ZipFile(os.path.join(self._folder, line['file']))
        return read_image(self._archive[1], line)

    def w(self, line):
        """w of an image, float32 [layers, W]."""
        volume, place = divmod(line['index'], IMAGES_PER_ZIP)
        if self._rows[0] != volume:
            self._rows = volume, np.load(os.path.join(self._folder, PLACES[W].format(volume)), mmap_mode='r')
        return self._rows[1][place]
