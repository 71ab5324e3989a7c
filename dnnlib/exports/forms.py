"""The forms of a set, one list for all commands, and what writes them."""

import contextlib
import dataclasses
import os
import shutil
import sys
from typing import Callable, Collection, Dict, Iterator, List, Optional, Sequence, Tuple

import click
import numpy as np

from dnnlib.errors import UserError, disk_errors
from dnnlib.exports.dataset_json import image_name, write_one_zip, write_pngs, write_zips
from dnnlib.exports.encoding import Encoding
from dnnlib.exports.identity_folders import write_folders, write_lfw
from dnnlib.exports.images import Images, identities_of
from dnnlib.exports.job import Job
from dnnlib.exports.pairs import PAIRS_FILE, check_pairs, draw_folds, write_pairs
from dnnlib.exports.parts import PARTS, TEST, split_by_identity
from dnnlib.exports.recordio import write_recordio
from dnnlib.exports.tfrecords import write_tfrecords
from dnnlib.exports.webdataset import write_webdataset
from dnnlib.files import atomic_write
from dnnlib.progress import Progress
from dnnlib.records.label_file import label_bytes
from dnnlib.records.levels import is_resolution
from dnnlib.records.tfrecords import dataset_bytes

BLOCK = 4096  # bytes that a small file takes on most disks, or a multiple of it
UNFINISHED = '.part'  # ends the name of a folder that is not whole yet
WHOLE_SET, SUBFOLDERS, PREFIXES = 'whole', 'sub-folders', 'prefixes'  # how a form takes a split


@dataclasses.dataclass(frozen=True)
class Form:
    """A form of a set.

    Attributes:
        what: What it is, in a few words.
        name: Of its file or folder; {} is the set's name.
        write: Writes it: (path, images, job).
        bytes_beside: What an image takes on disk besides its picture.
        is_raw: Whether it holds the pixels themselves, at all resolutions, and no pictures.
        block: A picture takes a multiple of so many bytes.
        split: `WHOLE_SET`: all images, with lists of names beside; `SUBFOLDERS` train and test; or `PREFIXES` of names.
        needs_identities: Whether it is refused for a set that does not know who is in its images.
        takes_encoding: Whether its pictures may be JPEG, and smaller than those of the set.
    """

    what: str
    name: str
    write: Callable[[str, Images, Job], None]
    bytes_beside: int
    block: int = 1
    split: str = WHOLE_SET
    needs_identities: bool = False
    takes_encoding: bool = False
    is_raw: bool = False

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder, not a file."""
        return not self.name.endswith('.zip')


_BY_IDENTITY = {'split': SUBFOLDERS, 'needs_identities': True, 'takes_encoding': True}
EXPORTS: Dict[str, Form] = {
    'zip': Form('PNG files', '{}.zip', write_one_zip, 250),
    'png': Form('PNG files', 'png', write_pngs, 50, BLOCK),
    'zips': Form('.zip files', '{}-zips', write_zips, 250),
    'tfrecords': Form('multi-resolution TFRecords', 'tfrecords', write_tfrecords, 0, split=SUBFOLDERS, is_raw=True),
    'folders': Form('folders of identities', 'folders', write_folders, 0, BLOCK, **_BY_IDENTITY),
    'lfw': Form('folders of identities, with the names of LFW', 'lfw', write_lfw, 0, BLOCK, **_BY_IDENTITY),
    'recordio': Form('record files', 'recordio', write_recordio, 120, **_BY_IDENTITY),
    'webdataset': Form(
        'shards of WebDataset', 'webdataset', write_webdataset, 2560, 512, PREFIXES, takes_encoding=True
    ),
}


@dataclasses.dataclass(frozen=True)
class ExportOptions:
    """Which forms a set gets, and how; the flags of the commands.

    Attributes:
        forms: Of `EXPORTS`.
        jpeg: Quality of JPEG, 1 to 100, in the forms that take it; None for PNG.
        side: px of the pictures in these forms; None for as they are.
        test_share: Share of the identities that are for testing; None for no split.
        pairs: Number of pairs of each kind in a fold of `pairs.txt`; None for no such file.
    """

    forms: Tuple[str, ...] = ()
    jpeg: Optional[int] = None
    side: Optional[int] = None
    test_share: Optional[float] = None
    pairs: Optional[int] = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is asked for."""
        return not self.forms and self.test_share is None and self.pairs is None

    def ordered(self) -> List[str]:
        """The forms, each once, by name."""
        return sorted(set(self.forms))

    def encoding_of(self, form: str) -> Encoding:
        """How the pictures of a form are encoded."""
        return Encoding(self.jpeg, self.side) if EXPORTS[form].takes_encoding else Encoding()


def check_exports(
    options: ExportOptions, side: int, has_identities: bool, hint: str = '', there: Sequence[str] = ()
) -> None:
    """Refuses, before any work, what cannot be exported.

    Args:
        options: What is asked for.
        side: px of the images of the set.
        has_identities: Whether the set will know who is in its images.
        hint: How to give it identities, which ends the sentence: 'add --labels identity'.
        there: Forms of the set itself, in which it is there already.

    Raises:
        click.UsageError: Names the flag and says what to do.
    """
    for form in options.ordered():
        if form in there:
            raise click.UsageError(f'--export {form}: the set itself is of this form: leave the flag out.')
        if EXPORTS[form].is_raw and not is_resolution(side):
            raise click.UsageError(
                f'--export {form} needs a side that is a power of two, and that of the images is {side}.'
            )
    encoded = [form for form in EXPORTS if EXPORTS[form].takes_encoding]
    for flag, value in (('--jpeg', options.jpeg), ('--export-size', options.side)):
        if value is not None and not set(encoded) & set(options.forms):
            raise click.UsageError(f'{flag} is for --export {", ".join(encoded)}: add one, or leave {flag} out.')
    if options.side is not None and options.side > side:
        raise click.UsageError(f'--export-size {options.side}: the images have {side} px, so take {side} at most.')
    parted = [('--test-share', options.test_share), ('--pairs', options.pairs)]
    for flag in [flag for flag, value in parted if value is not None]:
        if not any(not EXPORTS[form].is_raw for form in [*options.forms, *there]):
            raise click.UsageError(f'{flag} is about what --export writes: add --export FORM, or leave {flag} out.')
        if not has_identities:
            raise click.UsageError(f'{flag} needs to know who is in an image: {hint}.')
    for form in options.ordered():
        if EXPORTS[form].needs_identities and not has_identities:
            raise click.UsageError(f'--export {form} needs to know who is in an image: {hint}.')


def check_counts(options: ExportOptions, images_of: Collection[int]) -> None:
    """Refuses, before any work, a split or pairs for which a set will certainly have too little.

    Args:
        options: What is asked for, not refused by `check_exports`.
        images_of: The number of images that each identity will have at most.

    Raises:
        UserError: Says what to do.
    """
    if options.test_share is not None and len(images_of) < len(PARTS):
        raise UserError(f'--test-share needs two identities, and the set has {len(images_of)}: leave it out.')
    if options.pairs is not None:
        check_pairs(options.pairs, images_of)


def names_written(options: ExportOptions, name: str, there: Sequence[str] = ()) -> List[str]:
    """Names of the files and folders that `write_exports` makes for a set of this name; `there` as in it."""
    names = [EXPORTS[form].name.format(name) for form in options.ordered()]
    if options.test_share is not None and _has_lists(options, there):
        names += map(list_name, PARTS)
    return names + ([PAIRS_FILE] if options.pairs is not None else [])


# ----------------------------------------------------------------------------------------------------------------------
# Disk.


def bytes_needed(options: ExportOptions, count: int, shape: Sequence[int], images: Optional[Images] = None) -> int:
    """Bytes on disk of all forms together.

    Args:
        options: What is asked for.
        count: Number of images of the set.
        shape: [C, H, W] of its images.
        images: The set, of which a few pictures are encoded, for a close estimate; None for the most that they can be.
    """
    total = 0
    for form, encoding in ((EXPORTS[form], options.encoding_of(form)) for form in options.ordered()):
        if form.is_raw:
            known = images is not None and images.identity(0) is not None
            classes = len(np.unique(identities_of(images))) if known else count
            total += dataset_bytes(shape, count) + label_bytes(count, classes)
            continue
        picture = encoding.largest(shape) if images is None else encoding.expected(images)
        total += count * (-(-picture // form.block) * form.block + form.bytes_beside)
    return total


# ----------------------------------------------------------------------------------------------------------------------
# Writing.


def check_parts(options: ExportOptions, identities: np.ndarray) -> None:
    """Refuses a split or pairs for which a set has too few images or identities, before the images are there.

    Args:
        options: What is asked for.
        identities: int64 [number of images]: who is in each image.

    Raises:
        UserError: Says how many there are.
    """
    places = {'': np.arange(len(identities))}
    if options.test_share is not None:
        places = split_by_identity(identities, options.test_share)
    if options.pairs is not None:
        draw_folds(identities[places.get(TEST, places.get(''))], options.pairs)


def write_exports(images: Images, folder: str, name: str, options: ExportOptions, there: Sequence[str] = ()) -> None:
    """Writes all forms of a set, each of them whole or not at all.

    Args:
        images: The set.
        folder: Existing folder that takes them; nothing in it has the names of `names_written`.
        name: Of the set.
        options: What is asked for, not refused by `check_exports`.
        there: Forms of the set itself: a split has lists for them too.

    Raises:
        UserError: The set has too few images or identities, or the disk refuses the data.
    """
    whole = {'': np.arange(images.count)}
    split = whole
    if options.test_share is not None:
        split = split_by_identity(identities_of(images), options.test_share)
    with disk_errors('written', folder):
        if options.pairs is not None:  # first, since it may be refused
            write_pairs(os.path.join(folder, PAIRS_FILE), images, split.get(TEST, whole['']), options.pairs)
        if split is not whole and _has_lists(options, there):
            for part, places in split.items():
                _write_list(os.path.join(folder, list_name(part)), places)
        for form in options.ordered():
            parts = whole if EXPORTS[form].split == WHOLE_SET else split
            write_form(form, images, os.path.join(folder, EXPORTS[form].name.format(name)), parts, options)


def write_form(form: str, images: Images, path: str, parts: Dict[str, np.ndarray], options: ExportOptions) -> None:
    """Writes one form, whole or not at all.

    Args:
        form: One of `EXPORTS`.
        images: The set.
        path: The file or folder to make.
        parts: {'': places of all images}, or what `split_by_identity` returns.
        options: How.
    """
    kind, total = EXPORTS[form], sum(map(len, parts.values()))
    bar = Progress(total=total, desc=f'Exporting {form}', unit=' images', file=sys.stderr)
    with bar, _whole_folder(path) if kind.is_folder else contextlib.nullcontext(path) as target:
        for part, places in parts.items():
            prefix = f'{part}-' if part and kind.split == PREFIXES else ''
            job = Job(places, options.encoding_of(form), prefix, lambda places: _counted(places, bar))
            kind.write(_part_folder(target, part if kind.split == SUBFOLDERS else ''), images, job)


def _counted(places, bar):
    for place in places:
        yield place
        bar.update()


def _part_folder(folder, part):
    if part:
        folder = os.path.join(folder, part)
        os.mkdir(folder)
    return folder


@contextlib.contextmanager
def _whole_folder(path) -> Iterator[str]:
    """Yields a temporary folder that takes the name `path` at the end, or is removed if the block raises."""
    parent, name = os.path.split(path)
    temporary = os.path.join(parent, f'.{name}{UNFINISHED}')
    if os.path.isdir(temporary):  # of a process that was killed
        shutil.rmtree(temporary)
    os.mkdir(temporary)
    try:
        yield temporary
        os.rename(temporary, path)
    except BaseException:
        shutil.rmtree(temporary)
        raise


def list_name(part: str) -> str:
    """Name of the list of a part, for forms without a place for parts: 'test.txt'."""
    return f'{part}.txt'


def _has_lists(options, there):
    return any(EXPORTS[form].split == WHOLE_SET for form in [*options.forms, *there])


def _write_list(path, places):
    with atomic_write(path, 'w') as file:
        file.writelines(f'{image_name(int(place))}\n' for place in places)
