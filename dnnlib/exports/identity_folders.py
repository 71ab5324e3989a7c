"""Folders of identities, as torchvision's ImageFolder and most face recognisers read them: `000123/000004.png`.

With JPEG files and the names of LFW, `000123/000123_0004.jpg`, programs that read LFW and its `pairs.txt` open them.
"""

import os

from dnnlib.exports.images import Images
from dnnlib.exports.job import Job


def identity_name(identity: int) -> str:
    """Name of an identity: '000123'."""
    return f'{identity:06d}'


def image_path(identity: int, number: int, extension: str) -> str:
    """Path of an image by its identity and its number in it: '000123/000004.png'."""
    return f'{identity_name(identity)}/{number:06d}.{extension}'


def lfw_path(identity: int, number: int, extension: str) -> str:
    """Path of an image in the layout of LFW: '000123/000123_0004.jpg'."""
    name = identity_name(identity)
    return f'{name}/{name}_{number:04d}.{extension}'


def write_folders(folder: str, images: Images, job: Job) -> None:
    """Writes the images of a job as `image_path` says; the identities are known."""
    _write(folder, images, job, image_path)


def write_lfw(folder: str, images: Images, job: Job) -> None:
    """Writes the images of a job as `lfw_path` says; the identities are known."""
    _write(folder, images, job, lfw_path)


def _write(folder, images, job, path_of):
    for place, picture in job.pictures(images):
        name = path_of(images.identity(place), images.number(place), job.encoding.extension)
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'wb') as file:
            file.write(picture)
