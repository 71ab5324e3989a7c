"""Sets with lists that say who is in which image. Images that no list names are left out.

--format vggface
    `vgg_face_dataset/files/First_Last.txt`, a line an image: id, URL, left, top, right, bottom, pose, score, curated.
    The images as users download them: `First_Last/00000001.jpg`, named by id, in folders beside `files`.
--format vggface2
    `train/n000002/0001_01.jpg` and `test/...`. `meta/identity_meta.csv`, inside or beside, gives the attribute Male.
--format umdfaces
    Folders `umdfaces_batchN/`, each with `umdfaces_batchN_ultraface.csv`: SUBJECT_ID, FILE (below the folder), ...
--format umdfaces-videos
    The same with a folder of frames for each video, and a CSV of any name for each batch; FILE is a frame or a folder.

The boxes in the lists are not used: the crop rule is made for MTCNN's boxes, which frame a face differently.
"""

import os
import re

import numpy as np

from dnnlib.errors import UserError
from prefilter.sources import tables
from prefilter.sources.files import is_image, list_files
from prefilter.sources.source import Source, unexpected
from prefilter.sources.trees import all_match, folder_name

VGGFACE2_PATH = re.compile(r'(?:^|/)n\d{6}/\d+_\d+\.jpg$')
VGGFACE2_META = 'identity_meta.csv'
VGGFACE_LISTS = 'files'  # name of the folder
ULTRAFACE = '_ultraface.csv'


# ----------------------------------------------------------------------------------------------------------------------
# VGGFace


def is_vggface(files):
    """Whether there is a list for the folder of some image."""
    names = {os.path.basename(path)[: -len('.txt')] for path in _vggface_lists(files)}
    return len(files.images) > 0 and folder_name(files.images[0]) in names


def open_vggface(files, partition=None):
    """VGGFace: the listed images that the user has downloaded."""
    lists = _vggface_lists(files)
    if not lists or not len(files.images):
        expected = f'{VGGFACE_LISTS}/First_Last.txt and the fetched images as First_Last/00000001.jpg'
        raise unexpected('vggface', files.location, expected, files.describe())
    listed = {os.path.basename(path)[: -len('.txt')]: _listed_ids(files, path) for path in lists}

    def is_listed(path):
        number = os.path.splitext(os.path.basename(path))[0]
        return number.isdigit() and listed.get(folder_name(path), 0) >> int(number) & 1 == 1

    index = files.images.select(is_listed)
    if not len(index):
        expected = 'images named by the ids of the lists, as First_Last/00000001.jpg'
        raise unexpected('vggface', files.location, expected, files.describe())
    return Source('vggface', index, files.reader, files.ignored + len(files.images) - len(index), folder_name)


def _vggface_lists(files):
    return [path for path in files.find('.txt') if folder_name(path) == VGGFACE_LISTS]


def _listed_ids(files, path):
    """The ids of one identity as the bits of an int: a set of 2.6 million ids would take much more memory."""
    bits = 0
    for line in tables.read_lines(files, path):
        number = line.split()[0]
        if not number.isdigit() or len(number) > 8:
            raise tables.bad_line(path, line, 'lines that begin with an id of up to eight digits')
        bits |= 1 << int(number)
    return bits


# ----------------------------------------------------------------------------------------------------------------------
# VGGFace2


def is_vggface2(files):
    """Whether every image is in a folder with a name like n000002."""
    return all_match(files.images, VGGFACE2_PATH)


def open_vggface2(files, partition=None):
    """VGGFace2, all of it or one of its partitions train and test."""
    if not is_vggface2(files):
        raise unexpected('vggface2', files.location, 'train/n000002/0001_01.jpg', files.describe())
    index = files.images
    if partition is not None:
        index = index.select(lambda path: partition in path.split('/')[:-2])
        if not len(index):
            expected = f'a folder {partition} for --partition {partition}'
            raise unexpected('vggface2', files.location, expected, files.describe())
    ignored = files.ignored + len(files.images) - len(index)
    return Source('vggface2', index, files.reader, ignored, folder_name, attributes=_gender(files, index))


def _gender(files, index):
    """(['Male'], uint8 [number of images, 1]) from identity_meta.csv, or None when there is none."""
    beside = os.path.dirname(os.path.realpath(files.location))
    candidates = [files]
    for folder in (beside, os.path.join(beside, 'meta')):
        if os.path.isfile(os.path.join(folder, VGGFACE2_META)):
            candidates.append(list_files(os.path.join(folder, VGGFACE2_META)))
    for place in candidates:
        for path in place.find(VGGFACE2_META):
            genders = dict(tables.read_csv(place, path, ['Class_ID', 'Gender']))
            try:
                males = bytearray(genders[folder_name(image)] == 'm' for image in index)
            except KeyError as error:
                raise UserError(f'{path} has no line for {error}: take the list of the whole set.') from error
            return ['Male'], np.frombuffer(males, np.uint8).reshape(-1, 1)
    return None


# ----------------------------------------------------------------------------------------------------------------------
# UMDFaces


def is_umdfaces(files):
    """Whether a list of UMDFaces is there."""
    return len(files.images) > 0 and bool(files.find(ULTRAFACE))


def open_umdfaces(files, partition=None):
    """UMDFaces, one batch or a folder of all."""
    return _open_batches('umdfaces', files, f'umdfaces_batchN{ULTRAFACE}', ULTRAFACE)


def open_umdfaces_videos(files, partition=None):
    """UMDFaces-Videos, one batch or a folder of all."""
    return _open_batches('umdfaces-videos', files, 'a .csv a batch', '.csv')


def _open_batches(layout, files, expected, lists):
    subjects = {}  # by folder: a dict of all images would take a GB
    for path in files.find(lists):
        for subject, name in tables.read_csv(files, path, ['SUBJECT_ID', 'FILE']):
            folder = os.path.dirname(name) if is_image(name) else name.rstrip('/')
            folder = os.path.normpath(os.path.join(os.path.dirname(path), folder))
            if subjects.setdefault(folder, subject) != subject:
                raise UserError(
                    f'{path}: {folder} has images of SUBJECT_ID {subjects[folder]} and {subject}: correct it.'
                )
    index = files.images.select(lambda path: os.path.dirname(path) in subjects)
    if not len(index):
        expected += ' with SUBJECT_ID and FILE, and the files that it names below its folder'
        raise unexpected(layout, files.location, expected, files.describe())
    return Source(
        layout,
        index,
        files.reader,
        files.ignored + len(files.images) - len(index),
        identity_of=lambda path: subjects[os.path.dirname(path)],
    )
