"""Sets whose images lie in a folder for each person, as a tree or an archive of one.

| --format | layout |
| --- | --- |
| tree | anything: all images, the whole path of the folder is the identity |
| lfw | `lfw/First_Last/First_Last_0001.jpg` |
| casia-webface | `CASIA-WebFace/0000045/001.jpg`, or InsightFace's record files (`recordio.py`) |
| megaface | identity folders, a `.json` beside each image; `FlickrFinal2/NNN/ALBUM@N##/ID_k.jpg` has no identities |
| ytf | `frame_images_DB/First_Last/0/0.1.jpg`, a folder for each video; `First_Last.labeled_faces.txt` |
"""

import re

from prefilter.sources import recordio
from prefilter.sources.source import Source, unexpected

SAMPLE = 200  # so many paths decide whether a layout is the expected one
LFW_PATH = re.compile(r'(?:^|/)([^/]+)/\1_\d{4}\.jpg$')
CASIA_PATH = re.compile(r'(?:^|/)\d{7}/\d+\.(jpg|png)$')
FLICKR_PATH = re.compile(r'(?:^|/)\d+/[^/]+@N\d\d/[^/]+$')
YTF_PATH = re.compile(r'(?:^|/)([^/]+)/\d+/\d+\.\d+\.jpg$')
FLICKR = 'FlickrFinal2'


def open_tree(files, partition=None):
    """Any images in any folders."""
    return Source('tree', files.images, files.reader, files.ignored)


def open_lfw(files, partition=None):
    """Labeled Faces in the Wild."""
    if not is_lfw(files):
        raise unexpected('lfw', files.location, 'First_Last/First_Last_0001.jpg', files.describe())
    return Source('lfw', files.images, files.reader, files.ignored, identity_of=folder_name)


def open_casia_webface(files, partition=None):
    """CASIA-WebFace, as identity folders or as InsightFace's record files."""
    if recordio.is_recordio(files):
        return recordio.open_recordio(files, 'casia-webface')
    if not is_casia_webface(files):
        expected = 'seven-digit folders as 0000045/001.jpg, or train.rec with train.idx'
        raise unexpected('casia-webface', files.location, expected, files.describe())
    return Source('casia-webface', files.images, files.reader, files.ignored, identity_of=folder_name)


def open_megaface(files, partition=None):
    """MegaFace's training set, or its distractors: Flickr albums without identities."""
    if is_flickr(files):
        return Source('megaface', files.images, files.reader, files.ignored, identity_of=None)
    if not all_match(files.images, re.compile('/')) or not files.has('.json'):
        expected = f'identity folders with a .json beside each image, or {FLICKR}/NNN/ALBUM@N##/ID_k.jpg'
        raise unexpected('megaface', files.location, expected, files.describe())
    return Source('megaface', files.images, files.reader, files.ignored, identity_of=folder_name)


def open_ytf(files, partition=None):
    """YouTube Faces: all videos of a person are one identity."""
    if not is_ytf(files):
        raise unexpected('ytf', files.location, 'frame_images_DB/First_Last/0/0.1.jpg', files.describe())
    return Source('ytf', files.images, files.reader, files.ignored, identity_of=_person_of_video)


def is_lfw(files):
    """Whether every image repeats the name of its folder."""
    return all_match(files.images, LFW_PATH)


def is_casia_webface(files):
    """Whether every image is in a folder of seven digits."""
    return all_match(files.images, CASIA_PATH)


def is_flickr(files):
    """Whether the files are MegaFace's distractors."""
    return all_match(files.images, FLICKR_PATH)


def is_ytf(files):
    """Whether every image is a numbered frame in a numbered video."""
    return all_match(files.images, YTF_PATH)


def all_match(paths, pattern):
    """Whether there are paths, and the pattern is found in each path of an evenly spaced sample."""
    step = max(len(paths) // SAMPLE, 1)
    return len(paths) > 0 and all(pattern.search(paths[place]) for place in range(0, len(paths), step))


def folder_name(path):
    """The name of the folder an image is in."""
    return path.split('/')[-2] if '/' in path else ''


def _person_of_video(path):
    return path.split('/')[-3] if path.count('/') >= 2 else ''  # some files may lie outside of the videos' folders
