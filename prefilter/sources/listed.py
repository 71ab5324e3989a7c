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
from prefilter.sources.files import MOST, NEARLY_ALL, is_image, lists_beside
from prefilter.sources.source import Attributes, Source, unexpected
from prefilter.sources.tables import plain_name
from prefilter.sources.trees import folder_name

VGGFACE2_PATH = re.compile(r'(?:^|/)n\d{6}/\d+_\d+\.\w+$')
VGGFACE2_META = 'identity_meta.csv'
MALE = {'m': 1, 'f': 0}  # by Gender
VGGFACE_LISTS = 'files'  # name of the folder
ULTRAFACE = '_ultraface.csv'
UMDFACES_COLUMNS = ('SUBJECT_ID', 'FILE')
LOOKED_AT = 5  # so many .csv files may show the layout


# ----------------------------------------------------------------------------------------------------------------------
# VGGFace


def is_vggface(files):
    """Whether there is a list for the folder of some image."""
    names = {_person_of_list(path) for path in _vggface_lists(files)}
    return bool(names) and any(plain_name(folder_name(path)) in names for path in files.images)


def open_vggface(files, partition=None):
    """VGGFace: the listed images that the user has downloaded."""
    lists = _vggface_lists(files)
    if not lists or not len(files.images):
        expected = f'{VGGFACE_LISTS}/First_Last.txt and the fetched images as First_Last/00000001.jpg'
        raise unexpected('vggface', files.location, expected, files.describe())
    listed = {_person_of_list(path): _listed_ids(files, path) for path in lists}

    def is_listed(path):
        number = os.path.splitext(os.path.basename(path))[0]
        return number.isdigit() and listed.get(plain_name(folder_name(path)), 0) >> int(number) & 1 == 1

    index = files.taking(is_listed, 'in no list')
    if not len(index):
        expected = 'images named by the ids of the lists, as First_Last/00000001.jpg'
        raise unexpected('vggface', files.location, expected, files.describe())
    return Source('vggface', index, files.reader, files.count_without(index), folder_name)


def _vggface_lists(files):
    return [path for path in files.find('.txt') if folder_name(path) == VGGFACE_LISTS]


def _person_of_list(path):
    return plain_name(os.path.basename(path)[: -len('.txt')])


def _listed_ids(files, path):
    """The ids of one identity as the bits of an int: a set of 2.6 million ids would take much more memory."""
    bits = 0
    for place, line in tables.read_lines(files, path):
        number = line.split()[0]
        if not number.isdigit() or len(number) > 8:
            raise tables.bad_line(path, place, line, 'lines that begin with an id of up to eight digits')
        bits |= 1 << int(number)
    return bits


# ----------------------------------------------------------------------------------------------------------------------
# VGGFace2


def is_vggface2(files):
    """Whether nearly every image is in a folder with a name like n000002."""
    return files.share(VGGFACE2_PATH) >= NEARLY_ALL


def open_vggface2(files, partition=None):
    """VGGFace2, all of it or one of its partitions train and test."""
    if files.share(VGGFACE2_PATH) < MOST:
        raise unexpected('vggface2', files.location, 'train/n000002/0001_01.jpg', files.describe())
    index = files.matching(VGGFACE2_PATH)
    if partition is not None and os.path.basename(os.path.realpath(files.location)) != partition:
        index = index.select(lambda path: partition in path.split('/')[:-2])
        if not len(index):
            expected = f'a folder {partition} for --partition {partition}'
            raise unexpected('vggface2', files.location, expected, files.describe())
    lists = [files, *lists_beside(files.location, [VGGFACE2_META], ['', 'meta'])]
    found = next(((place, path) for place in lists for path in place.find(VGGFACE2_META)), None)
    if found:
        found[0].known.add(found[1])
    attributes = found and (lambda: _gender(*found, index))
    return Source('vggface2', index, files.reader, files.count_without(index), folder_name, attributes=attributes)


def _gender(files, path, index):
    """`Attributes` from identity_meta.csv."""
    males = {}
    # In a copy that is much used, names with a comma have no quotes.
    for number, (person, gender) in tables.read_csv(files, path, ['Class_ID', 'Gender'], free='name'):
        if gender.lower() not in MALE:
            raise tables.bad_line(path, number, gender, 'm or f as Gender')
        tables.put(males, person, MALE[gender.lower()], path, number)
    try:
        values = bytearray(males[folder_name(image)] for image in index)
    except KeyError as error:
        raise UserError(f'{path} has no line for {error}: take the list of the whole set.') from error
    return Attributes(['Male'], np.frombuffer(values, np.uint8).reshape(-1, 1))


# ----------------------------------------------------------------------------------------------------------------------
# UMDFaces


def is_umdfaces(files):
    """Whether a list of UMDFaces is there."""
    return len(files.images) > 0 and bool(files.find(ULTRAFACE))


def is_umdfaces_videos(files):
    """Whether some .csv has the columns of UMDFaces' lists."""
    wanted = {name.lower() for name in UMDFACES_COLUMNS}
    return len(files.images) > 0 and any(
        wanted <= {name.lower() for name in tables.header_of(files, path)} for path in files.find('.csv')[:LOOKED_AT]
    )


def open_umdfaces(files, partition=None):
    """UMDFaces, one batch or a folder of all."""
    return _open_batches('umdfaces', files, f'umdfaces_batchN{ULTRAFACE}', ULTRAFACE)


def open_umdfaces_videos(files, partition=None):
    """UMDFaces-Videos, one batch or a folder of all."""
    return _open_batches('umdfaces-videos', files, 'a .csv a batch', '.csv')


def _open_batches(layout, files, expected, lists):
    subjects = {}  # by folder: a dict of all images would take a GB
    for path in files.find(lists):
        for number, (subject, name) in tables.read_csv(files, path, UMDFACES_COLUMNS):
            name, subject = plain_name(name), tables.without_point(subject)
            folder = os.path.dirname(name) if is_image(name) else name.rstrip('/')
            folder = os.path.normpath(os.path.join(plain_name(os.path.dirname(path)), folder))
            if not subject:
                raise tables.bad_line(path, number, name, 'a SUBJECT_ID before FILE')
            if subjects.setdefault(folder, subject) != subject:
                raise UserError(
                    f'{path}, line {number}: {folder} has images of SUBJECT_ID {subjects[folder]} and {subject}: '
                    'correct it.'
                )
    index = files.taking(lambda path: _folder_of(path) in subjects, 'in no list')
    if not len(index):
        expected += ' with SUBJECT_ID and FILE, and the files that it names below its folder'
        raise unexpected(layout, files.location, expected, files.describe())
    return Source(
        layout,
        index,
        files.reader,
        files.count_without(index),
        identity_of=lambda path: subjects[_folder_of(path)],
    )


def _folder_of(path):
    return plain_name(os.path.dirname(path))
