"""Where photographs come from: trees and archives of images, and the published sets of faces in their own layouts.

`open_source` returns a `prefilter.sources.source.Source`: paths, bytes and labels of images in a fixed order. For each
layout there is a function from `Files` (the listed folder, archive or file) to a source; its module describes the
layout.
"""

import os
import re

import click

from dnnlib.errors import UserError
from dnnlib.records.names import MANIFEST_FILE
from prefilter.sources import aligned, celeba, labelled, listed, msceleb, recordio, trees
from prefilter.sources.archives import how_to_unpack, is_archive
from prefilter.sources.bundled import LFW_SUBSET, open_lfw_subset
from prefilter.sources.files import MOST, NEARLY_ALL, is_dataset, list_files

AUTO = 'auto'
PARTITIONS = {  # by layout
    'celeba': ('train', 'valid', 'test'),
    'vggface2': ('train', 'test'),
    'ffhq': ('train', 'valid'),
}
FORMATS = {
    'tree': trees.open_tree,
    'lfw': trees.open_lfw,
    'casia-webface': trees.open_casia_webface,
    'celeba': celeba.open_celeba,
    'megaface': trees.open_megaface,
    'ms-celeb-1m': msceleb.open_ms_celeb_1m,
    'vggface': listed.open_vggface,
    'vggface2': listed.open_vggface2,
    'ytf': trees.open_ytf,
    'umdfaces': listed.open_umdfaces,
    'umdfaces-videos': listed.open_umdfaces_videos,
    'ffhq': aligned.open_ffhq,
    'celeba-hq': aligned.open_celeba_hq,
    'tfrecords': aligned.open_tfrecords,
    'csv': labelled.open_csv,
    'dataset-json': labelled.open_dataset_json,
}
DETECTORS = [  # in this order; each accepts only what is certainly its layout, the rest is a tree
    ('dataset-json', labelled.is_dataset_json),
    ('csv', labelled.is_csv),
    ('ms-celeb-1m', msceleb.is_ms_celeb_1m),
    ('casia-webface', recordio.is_recordio),
    ('tfrecords', aligned.is_tfrecords),
    ('celeba-hq', aligned.is_celeba_hq),
    ('celeba', celeba.is_celeba),
    ('umdfaces', listed.is_umdfaces),
    ('umdfaces-videos', listed.is_umdfaces_videos),
    ('vggface', listed.is_vggface),
    ('vggface2', listed.is_vggface2),
    ('ffhq', aligned.is_ffhq),
    ('ytf', trees.is_ytf),
    ('lfw', trees.is_lfw),
    ('casia-webface', trees.is_casia_webface),
    ('megaface', trees.is_flickr),
]


NEARLY = {  # layout: the paths in it; a tree of which many look so is spoken of
    'lfw': trees.LFW_PATH,
    'casia-webface': trees.CASIA_PATH,
    'vggface2': listed.VGGFACE2_PATH,
    'ytf': trees.YTF_PATH,
}
TOLD_BY_LISTS = ('umdfaces', 'umdfaces-videos', 'vggface')
COMPRESSED = re.compile(r'\.(tsv|csv|txt|rec|idx|tfrecords|h5|hdf5|npy)\.(gz|bz2|xz)$', re.IGNORECASE)
NAMED = 3  # so many compressed files are named
UNREAD_IMAGES = (
    '.heic',
    '.heif',
    '.avif',
    '.jxl',
    '.jp2',
    '.cr2',
    '.cr3',
    '.nef',
    '.arw',
    '.orf',
    '.raf',
    '.rw2',
    '.dng',
)
UNPACK = {'gz': 'gunzip', 'bz2': 'bunzip2', 'xz': 'unxz'}


def open_source(location, layout=AUTO, partition=None, leave_out=None, labels=None):
    """Opens the images that a user names.

    Args:
        location: 'lfw-subset', or an existing folder, archive or file.
        layout: One of `FORMATS`, or 'auto': the first of `DETECTORS` that fits, else 'tree'.
        partition: One of the layout's `PARTITIONS`, or None for all images.
        leave_out: A folder inside `location` that is skipped, or None.
        labels: The kind of labels that somebody wants, or None. Without labels and partition, a damaged list does not
            stop anybody whom 'auto' led to it.

    Returns:
        A `Source` with an image or more.

    Raises:
        UserError: The location cannot be read, or has another layout; says what was expected and what was found.
        click.UsageError: The layout has no such partition.
    """
    if location == LFW_SUBSET:
        _check_partition(LFW_SUBSET, partition)
        return open_lfw_subset()
    files = list_files(location, leave_out)
    is_chosen = layout != AUTO
    if not is_chosen:
        layout = next((name for name, fits in DETECTORS if fits(files)), 'tree')
    _check_partition(layout, partition)
    if layout == 'tree' and is_dataset(path for path in files.find(MANIFEST_FILE, '.tfrecords') if '/' not in path):
        raise UserError(
            f'SOURCE {location} is a dataset: name the folder of photographs, or give --format tfrecords to take its '
            'crops.'
        )
    compressed = _compressed(files)
    if layout == 'tree' and not len(files.images):
        if compressed:
            raise UserError(compressed[0])
        raise UserError(f'SOURCE has no images ({files.ignored} other files): {_what_to_name(files)}.')
    try:
        source = FORMATS[layout](files, partition)
    except UserError as error:
        if compressed and not len(files.images):
            raise UserError(compressed[0]) from error
        if is_chosen or labels or partition or layout not in TOLD_BY_LISTS:
            raise
        files.remarks = [f'{error.message} SOURCE is read as --format tree: all images are taken.']
        files.known.clear()
        source = trees.open_tree(files)
    if not len(source.paths):
        raise UserError(f'{files.location} has no images in the layout of --format {layout}: choose another SOURCE.')
    source.remarks += files.remarks + compressed
    source.remarks += [f'{path} is a dataset of this filter: left out.' for path in files.datasets]
    source.remarks += _left_out(files)
    if not is_chosen and source.layout == 'tree':
        source.remarks += _nearly(files)
    left_out = max(len(files.images) - len(source.paths), 0)
    if files.ignored and source.ignored - left_out == files.ignored:  # else the layout uses some of them
        counts = files.count_ignored()
        source.remarks += [f'Files without the extension of an image: left out ({counts}).'] if counts else []
    return source


def _left_out(files):
    members = files.left_out.describe()
    folders = ', '.join(f'{count:,} {name}' for name, count in sorted(files.skipped.items()))
    return [members] * bool(members) + [f'Folders that a file system makes: left out ({folders}).'] * bool(folders)


def _what_to_name(files):
    packed = next((path for path in files.others if is_archive(path)), None)
    if packed is not None:
        if files.folder is None:
            return f'unpack {files.location}, and name {packed} in it'
        return f'name one of its archives, as {os.path.join(files.location, packed)}'
    hints = (how_to_unpack(os.path.join(files.folder or '', path)) for path in files.others)
    hint = next((hint for hint in hints if hint), None)
    endings = [ending for ending in UNREAD_IMAGES if files.has(ending)]
    if endings and not hint:
        hint = f'convert the {" and ".join(endings)} files to JPEG or PNG'
    return hint or files.left_out.describe().rstrip('.') or 'choose a folder with .jpg, .png or similar files'


def _check_partition(layout, partition):
    known = PARTITIONS.get(layout, ())
    if partition is not None and partition not in known:
        has = f'has {", ".join(known)}' if known else f'has none ({", ".join(PARTITIONS)} have)'
        raise click.UsageError(f'--partition {partition}: --format {layout} {has}.')


def _compressed(files):
    """A sentence about the first tables or record files that are still packed: a list, empty if there are none."""
    sentences = []
    for path in files.find(*('.' + ending for ending in UNPACK)):
        match = COMPRESSED.search(path)
        if match and len(sentences) < NAMED:
            whole, command = os.path.join(files.folder or files.location, path), UNPACK[match.group(2).lower()]
            sentences.append(f'{whole} is compressed, so it is not read: unpack it with {command}.')
    return sentences


def _nearly(files):
    """A sentence about a tree that was nearly recognized as another layout."""
    for layout, pattern in NEARLY.items():
        if MOST <= files.share(pattern) < NEARLY_ALL:
            other = next(path for path in files.images if not pattern.search(path))
            return [
                f'Most images are named as in --format {layout}, but {other!r} is not: SOURCE is read as --format '
                f'tree. With --format {layout}, only those that are named so are taken.'
            ]
    return []
