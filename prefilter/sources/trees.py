"""Sets whose images lie in a folder for each person, as a tree or an archive of one.

| --format | layout |
| --- | --- |
| tree | anything: all images, the whole path of the folder is the identity |
| lfw | `lfw/First_Last/First_Last_0001.jpg` |
| casia-webface | `CASIA-WebFace/0000045/001.jpg`, or InsightFace's record files (`recordio.py`) |
| megaface | identity folders, a `.json` beside each image; `FlickrFinal2/NNN/ALBUM@N##/ID_k.jpg` has no identities |
| ytf | `frame_images_DB/First_Last/0/0.1.jpg`, else `aligned_images_DB/First_Last/0/aligned_detect_0.1.jpg` |

Images of another form may have other extensions, such as .png after an alignment.
"""

import os
import re

from prefilter.sources import recordio
from prefilter.sources.files import MOST, NEARLY_ALL
from prefilter.sources.source import Source, unexpected

LFW_PATH = re.compile(r'(?:^|/)([^/]+)/\1_\d{4}\.\w+$')
CASIA_PATH = re.compile(r'(?:^|/)\d{7}/\d+\.\w+$')
FLICKR_PATH = re.compile(r'(?:^|/)\d+/[^/]+@N\d\d/[^/]+$')
FOLDER_PATH = re.compile('/')
YTF_PATH = re.compile(r'(?:^|/)\d+/(?:aligned_detect_)?\d+\.\d+\.\w+$')
YTF_FOLDERS = ('frame_images_DB', 'aligned_images_DB')  # the first that exists is taken
FLICKR = 'FlickrFinal2'


def open_tree(files, partition=None):
    """Any images in any folders."""
    return Source('tree', files.images, files.reader, files.ignored)


def open_lfw(files, partition=None):
    """Labeled Faces in the Wild."""
    return _open_people('lfw', files, LFW_PATH, 'First_Last/First_Last_0001.jpg', folder_name)


def open_casia_webface(files, partition=None):
    """CASIA-WebFace, as identity folders or as InsightFace's record files."""
    if recordio.is_recordio(files):
        return recordio.open_recordio(files, 'casia-webface')
    expected = 'seven-digit folders as 0000045/001.jpg, or train.rec with train.idx'
    return _open_people('casia-webface', files, CASIA_PATH, expected, folder_name)


def open_megaface(files, partition=None):
    """MegaFace's training set, or its distractors: Flickr albums without identities."""
    expected = f'identity folders with a .json beside each image, or {FLICKR}/NNN/ALBUM@N##/ID_k.jpg'
    if files.share(FLICKR_PATH) >= MOST:
        return _open_people('megaface', files, FLICKR_PATH, expected, None)
    if not files.has('.json'):
        raise unexpected('megaface', files.location, expected, files.describe())
    return _open_people('megaface', files, FOLDER_PATH, expected, folder_name)


def open_ytf(files, partition=None):
    """YouTube Faces: all videos of a person are one identity."""
    alone = os.path.basename(os.path.realpath(files.location))  # SOURCE may be the folder of one person

    def person(path):
        return path.split('/')[-3] if path.count('/') >= 2 else alone

    _check_share('ytf', files, YTF_PATH, f'{YTF_FOLDERS[0]}/First_Last/0/0.1.jpg')
    index = files.in_first(YTF_FOLDERS, files.matching(YTF_PATH))
    return Source('ytf', index, files.reader, files.count_without(index), person)


def _open_people(layout, files, pattern, expected, identity_of):
    _check_share(layout, files, pattern, expected)
    index = files.matching(pattern)
    return Source(layout, index, files.reader, files.count_without(index), identity_of)


def _check_share(layout, files, pattern, expected):
    if files.share(pattern) < MOST:
        raise unexpected(layout, files.location, expected, files.describe())


def is_lfw(files):
    """Whether nearly every image repeats the name of its folder."""
    return files.share(LFW_PATH) >= NEARLY_ALL


def is_casia_webface(files):
    """Whether nearly every image is in a folder of seven digits."""
    return files.share(CASIA_PATH) >= NEARLY_ALL


def is_flickr(files):
    """Whether the files are MegaFace's distractors."""
    return files.share(FLICKR_PATH) >= NEARLY_ALL


def is_ytf(files):
    """Whether the images are numbered frames in numbered videos."""
    return files.share(YTF_PATH) >= (MOST if files.names() & set(YTF_FOLDERS) else NEARLY_ALL)


def folder_name(path):
    """The name of the folder an image is in."""
    return path.split('/')[-2] if '/' in path else ''
