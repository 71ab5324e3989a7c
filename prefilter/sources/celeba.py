"""CelebA: `img_celeba/` (in the wild) or `img_align_celeba/` (178x218), `000001.jpg` to `202599.jpg`, and its lists.

SOURCE is the folder with images and lists, one of the two image folders, or an archive of one. The lists may be in
SOURCE or beside it, also in folders named Anno and Eval, as in the published set:

| list | a line |
| --- | --- |
| list_attr_celeba.txt | the count; the 40 names; then `000001.jpg -1 1 ...` |
| identity_CelebA.txt | `000001.jpg 2880` |
| list_eval_partition.txt | `000001.jpg 0`: 0 train, 1 valid, 2 test |
"""

import os
import re

import numpy as np

from dnnlib.errors import UserError
from prefilter.sources import tables
from prefilter.sources.files import list_files
from prefilter.sources.source import Source, unexpected
from prefilter.sources.trees import all_match

IMAGE_FOLDERS = ('img_align_celeba', 'img_celeba')
ATTRIBUTES, IDENTITIES, PARTITIONS = 'list_attr_celeba.txt', 'identity_CelebA.txt', 'list_eval_partition.txt'
PARTITION_NUMBERS = {'train': '0', 'valid': '1', 'test': '2'}
IMAGE_PATH = re.compile(r'(?:^|/)\d{6}\.(jpg|png)$')


def is_celeba(files):
    """Whether the files are CelebA's, by its lists or by the names of its folder and images."""
    names = {part for path in (*files.images[:1], os.path.realpath(files.location)) for part in re.split(r'[/.]', path)}
    of_celeba = files.find(ATTRIBUTES, IDENTITIES, PARTITIONS) or names & set(IMAGE_FOLDERS)
    return bool(of_celeba) and (all_match(files.images, IMAGE_PATH) or _packed(files) is not None)


def open_celeba(files, partition=None):
    """Opens CelebA, all of it or one partition."""
    lists = [files, *_beside(files.location)]
    packed = _packed(files)
    images = files if packed is None else list_files(packed)
    if not all_match(images.images, IMAGE_PATH):
        raise unexpected('celeba', files.location, '000001.jpg in one of ' + ', '.join(IMAGE_FOLDERS), files.describe())
    kinds = {os.path.dirname(path) for path in images.images}
    if len(kinds) > 1:
        raise UserError(f'{files.location} has images in {", ".join(sorted(kinds))}: name one of the folders.')
    index = images.images
    if partition is not None:
        partitions = _read_pairs(lists, PARTITIONS)
        wanted = PARTITION_NUMBERS[partition]
        index = index.select(lambda path: _of(partitions, path, PARTITIONS) == wanted)
    identities = _read_pairs(lists, IDENTITIES, optional=True)
    return Source(
        'celeba',
        index,
        images.reader,
        images.ignored + len(images.images) - len(index),
        identity_of=identities and (lambda path: int(_of(identities, path, IDENTITIES))),
        attributes=_read_attributes(lists, index),
    )


def _packed(files):
    """The archive of images, such as Img/img_align_celeba.zip, in a folder without images; or None."""
    if len(files.images) or files.folder is None:
        return None
    names = tuple(name + '.zip' for name in IMAGE_FOLDERS)
    found = files.find(*names)
    if len(found) > 1:
        raise UserError(f'{files.location} has {" and ".join(found)}: name one of the files.')
    return files.on_disk(found[0]) if found and not files.location.endswith(names) else None


def _beside(location):
    parent = os.path.dirname(os.path.realpath(location))
    above = (parent, os.path.dirname(parent))
    folders = [os.path.join(folder, name) for folder in above for name in ('', 'Anno', 'Eval')]
    names = (ATTRIBUTES, IDENTITIES, PARTITIONS)
    return [
        list_files(os.path.join(folder, name))
        for folder in folders
        for name in names
        if os.path.isfile(os.path.join(folder, name))
    ]


def _lines(lists, name, optional=False):
    for files in lists:
        for path in files.find(name):
            return tables.read_lines(files, path)
    if optional:
        return None
    raise UserError(f'{name} is needed and is neither in SOURCE nor beside it: put it there.')


def _read_pairs(lists, name, optional=False):
    """{image: value} of a list, or None when there is no such list."""
    lines = _lines(lists, name, optional)
    if lines is None:
        return None
    pairs = {}
    for line in lines:
        words = line.split()
        if len(words) != 2 or not words[1].isdigit():
            raise tables.bad_line(name, line, 'lines as "000001.jpg 1"')
        pairs[_number(words[0])] = words[1]
    return pairs


def _of(pairs, path, name):
    try:
        return pairs[_number(path)]
    except KeyError:
        raise UserError(f'{name} has no line for {path}: take the list of the whole set.') from None


def _read_attributes(lists, index):
    """(names, uint8 [number of images, 40]) or None."""
    lines = _lines(lists, ATTRIBUTES, optional=True)
    if lines is None:
        return None
    if len(lines) < 2:
        raise tables.bad_line(ATTRIBUTES, ' '.join(lines), 'the count, the names, and a line an image')
    names = lines[1].split()
    rows = {}
    for line in lines[2:]:
        name, *values = line.split()
        if len(values) != len(names) or set(values) - {'-1', '0', '1'}:
            raise tables.bad_line(ATTRIBUTES, line, f'an image and {len(names)} times -1 or 1')
        rows[_number(name)] = bytes(value == '1' for value in values)
    vectors = b''.join(_of(rows, path, ATTRIBUTES) for path in index)
    return names, np.frombuffer(vectors, np.uint8).reshape(len(index), len(names))


def _number(path):
    # The number alone: the lists say .jpg, but one published form of the aligned images is .png.
    return os.path.splitext(os.path.basename(path))[0]
