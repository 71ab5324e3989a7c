"""CelebA: `img_celeba/` (in the wild) or `img_align_celeba/` (178x218), `000001.jpg` to `202599.jpg`, and its lists.

SOURCE is the folder with images and lists, one of the image folders, or an archive of one. The lists may be in SOURCE
or beside it, also in folders named Anno and Eval, as in the published set:

| list | a line |
| --- | --- |
| list_attr_celeba.txt | the count; the 40 names; then `000001.jpg -1 1 ...` |
| identity_CelebA.txt | `000001.jpg 2880` |
| list_eval_partition.txt | `000001.jpg 0`: 0 train, 1 valid, 2 test |

A much used copy has them as .csv with a header instead: `image_id,5_o_Clock_Shadow,...` and `image_id,partition`.
"""

import os
import re

import numpy as np

from dnnlib.errors import UserError
from prefilter.sources import tables
from prefilter.sources.files import MOST, list_files, lists_beside
from prefilter.sources.source import Attributes, Source, once, unexpected

IMAGE_FOLDERS = ('img_align_celeba', 'img_align_celeba_png', 'img_celeba')
ATTRIBUTES, IDENTITIES, PARTITIONS = 'list_attr_celeba', 'identity_CelebA', 'list_eval_partition'
LIST_NAMES = {list_name: (list_name + '.txt', list_name + '.csv') for list_name in (ATTRIBUTES, IDENTITIES, PARTITIONS)}
ALL_LISTS = [name for names in LIST_NAMES.values() for name in names]
IMAGE_ID = 'image_id'  # the column of a .csv that names the image
LIST_FOLDERS = ('', 'Anno', 'Eval')
PARTITION_NUMBERS = {'train': 0, 'valid': 1, 'test': 2}
_BETWEEN_WORDS = re.compile('[,;]')
IMAGE_PATH = re.compile(r'(?:^|/)\d{6}\.\w+$')


def is_celeba(files):
    """Whether the files are CelebA's, by its lists or by the names of its folder and images."""
    of_celeba = files.find(*ALL_LISTS) or files.names() & set(IMAGE_FOLDERS)
    if not of_celeba and len({os.path.dirname(path) for path in files.images}) == 1:
        of_celeba = _beside(files)
    return bool(of_celeba) and (files.share(IMAGE_PATH) >= MOST or _packed(files) is not None)


def open_celeba(files, partition=None):
    """Opens CelebA, all of it or one partition."""
    lists = [files, *_beside(files)]
    packed = _packed(files)
    images = files if packed is None else list_files(packed)
    if images.share(IMAGE_PATH) < MOST:
        raise unexpected('celeba', files.location, '000001.jpg in one of ' + ', '.join(IMAGE_FOLDERS), files.describe())
    index = images.matching(IMAGE_PATH)
    kinds = {os.path.dirname(path) for path in index}
    if len(kinds) > 1 and len({_image_number(path) for path in index}) < len(index):
        raise UserError(f'{files.location} has images in {", ".join(sorted(kinds))}: name one of the folders.')
    if images is not files:
        files.remarks += [*images.remarks, *filter(None, [images.left_out.describe()])]
    if partition is not None:
        name, partitions = _read_pairs(*_needed(lists, PARTITIONS), known=range(3))
        wanted = PARTITION_NUMBERS[partition]
        index = index.select(lambda path: _of(partitions, path, name) == wanted)
    identities, attributes, _ = (_find(lists, name) for name in (IDENTITIES, ATTRIBUTES, PARTITIONS))
    return Source(
        'celeba',
        index,
        images.reader,
        images.count_without(index),
        identity_of=identities and _identity_of(identities),
        attributes=attributes and (lambda: _read_attributes(*attributes, index)),
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


def _beside(files):
    return lists_beside(files.location, ALL_LISTS, LIST_FOLDERS)


# ----------------------------------------------------------------------------------------------------------------------
# Lists.


def _find(lists, list_name):
    """(`Files`, path) of a list, or None if there is no such list."""
    for name in LIST_NAMES[list_name]:
        for files in lists:
            for path in files.find(name):
                files.known.add(path)
                return files, path
    return None


def _needed(lists, list_name):
    found = _find(lists, list_name)
    if found is None:
        name = ' or '.join(LIST_NAMES[list_name])
        raise UserError(f'{name} is needed and is neither in SOURCE nor beside it: put it there.')
    return found


def _rows(files, path):
    """List of (number of the line, its words) of a list, with the header of a .csv."""
    if path.endswith('.txt'):
        return [(number, _BETWEEN_WORDS.sub(' ', line).split()) for number, line in tables.read_lines(files, path)]
    header, rows = tables.open_csv(files, path)
    rows = [(1, header), *rows]
    has_numbers = header and tables.is_unnamed(header[0])  # of the rows, as pandas adds them
    return [(number, row[1:]) for number, row in rows] if has_numbers else rows


def _identity_of(found):
    pairs = once(lambda: _read_pairs(*found))

    def identity(path):
        name, identities = pairs()
        return _of(identities, path, name)

    return identity


def _read_pairs(files, path, known=None):
    """(path of the list, {number of the image: value}); `known` are the values that a list may have."""
    pairs = {}
    rows = _rows(files, path)
    if rows and len(rows[0][1]) == 1:
        rows = rows[1:]  # the count
    if rows and rows[0][1] and _image_number(rows[0][1][0]) is None:
        rows = rows[1:]  # the header
    for number, words in rows:
        image, value = _image_number(words[0]), tables.whole_number(words[-1])
        if len(words) != 2 or image is None or value is None or known is not None and value not in known:
            values = '' if known is None else f', with one of {", ".join(map(str, known))}'
            raise tables.bad_line(path, number, ' '.join(words), f'lines as "000001.jpg 1"{values}')
        tables.put(pairs, image, value, path, number)
    return path, pairs


def _of(values, path, name):
    try:
        return values[_image_number(path)]
    except KeyError:
        raise UserError(f'{name} has no line for {path}: take the list of the whole set.') from None


def _read_attributes(files, path, index):
    """`Attributes` of the images of an `Index`."""
    rows = _rows(files, path)
    if path.endswith('.txt') and rows and len(rows[0][1]) == 1 and tables.whole_number(rows[0][1][0]) is not None:
        rows = rows[1:]  # the count
    if len(rows) < 2:
        found = ' '.join(word for _, words in rows for word in words)
        raise tables.bad_line(path, 1, found, 'the names of the attributes, and a line for each image')
    names = rows[0][1][1:] if path.endswith('.csv') or rows[0][1][0] == IMAGE_ID else rows[0][1]
    values = {}
    for number, (name, *flags) in rows[1:]:
        if len(flags) != len(names):
            raise tables.bad_line(path, number, ' '.join([name, *flags]), f'an image and {len(names)} times -1 or 1')
        image, bits = _image_number(name), [tables.flag(each) for each in flags]
        if image is None or None in bits:
            found = name if image is None else flags[bits.index(None)]
            expected = 'an image such as 000001.jpg' if image is None else f'-1 or 1 for {names[bits.index(None)]}'
            raise tables.bad_line(path, number, found, expected)
        tables.put(values, image, bytes(bit & 0xFF for bit in bits), path, number)
    vectors = b''.join(_of(values, image, path) for image in index)
    flags = np.frombuffer(vectors, np.int8).reshape(len(index), len(names))
    unclear = [name for name, column in zip(names, flags.T) if {-1, 0} <= {*np.unique(column)}]
    if unclear:
        raise UserError(f'{path} has both -1 and 0 for {unclear[0]}: which is no? Correct the list.')
    return Attributes(names, (flags == 1).astype(np.uint8))


def _image_number(path):
    # The number alone: the lists say .jpg, but one published form of the aligned images is .png.
    stem = os.path.splitext(os.path.basename(path))[0]
    return int(stem) if stem.isascii() and stem.isdigit() else None
