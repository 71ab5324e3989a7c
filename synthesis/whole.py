"""Whether a finished set is whole: its manifest, its .zip files and its w are what `options.json` says."""

import itertools
import json
import os
import zipfile

import numpy as np

from dnnlib.errors import UserError, disk_errors
from dnnlib.exports.dataset_json import IMAGES_PER_ZIP, image_name, zip_name
from dnnlib.records.names import MANIFEST_FILE
from synthesis.volumes import PLACES, W

LINE_FIELDS = {'file', 'path', 'identity', 'variation', 'draw', 'first_draw', 'noise', 'class', 'sha256'}


def check_whole(dataset, record):
    """Refuses a set that lacks something. It reads the manifest and the directories of the .zip files, no image.

    Args:
        dataset: Folder of a finished set.
        record: As from `synthesis.record.read_record`.

    Raises:
        UserError: Names the file, and says what is wrong with it.
    """
    with disk_errors('read', dataset):
        _check_manifest(dataset, record['images'])
        for number in range(-(-record['images'] // IMAGES_PER_ZIP)):
            count = min(record['images'] - number * IMAGES_PER_ZIP, IMAGES_PER_ZIP)
            _check_zip(dataset, number, count)
            if record['plan'].get('--keep-w'):
                _check_w(dataset, number, count)


def parse_line(path, line, index):
    """The line of image `index` in the manifest `path`, a dict, from its bytes. Raises UserError if it is damaged."""
    try:
        found = json.loads(line)
        is_right = found['index'] == index and not LINE_FIELDS.difference(found)
    except (ValueError, LookupError, TypeError, RecursionError):
        is_right = False
    if not is_right:
        raise damaged(path, f'line {index + 1} is not the line of image {index}')
    return found


def damaged(path, what):
    """The `UserError` for a damaged file of a set."""
    return UserError(
        f'{path} is damaged ({what}): restore it from a copy, or make the set again under another name, or with '
        '--force.'
    )


def _check_manifest(dataset, count):
    path, lines = os.path.join(dataset, MANIFEST_FILE), 0
    _check_is_there(path)
    with open(path, 'rb') as file:
        for number, line in enumerate(itertools.islice(file, count)):
            parse_line(path, line, number)
            lines += line.endswith(b'\n')
        more = file.read(1)
    if lines != count or more:
        raise damaged(path, f'it has {"more" if more else f"{lines:,}"} lines, not {count:,}')


def _check_zip(dataset, number, count):
    path = os.path.join(dataset, zip_name(number))
    _check_is_there(path)
    first = number * IMAGES_PER_ZIP
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
    except zipfile.BadZipFile as error:
        raise damaged(path, error) from error
    missing = next((place for place in range(first, first + count) if image_name(place) not in names), None)
    if missing is not None:
        raise damaged(path, f'image {missing} is missing')


def _check_w(dataset, number, count):
    path = os.path.join(dataset, PLACES[W].format(number))
    _check_is_there(path)
    try:
        rows = len(np.load(path, mmap_mode='r'))
    except (ValueError, TypeError, EOFError) as error:
        raise damaged(path, error) from error
    if rows != count:
        raise damaged(path, f'it has {rows:,} rows, not {count:,}')


def _check_is_there(path):
    if not os.path.isfile(path):
        raise UserError(
            f'{path} is missing: restore it from a copy, or make the set again under another name, or with --force.'
        )
