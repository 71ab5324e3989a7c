"""The form of the later StyleGANs: PNG files and `dataset.json`, in a .zip, a folder, or a folder of .zip files.

An image is `00012/img00012345.png`, by its number in the set. `dataset.json` is {"labels": [[name, label], ...]}, a
label being a class number or a list of numbers; null stands for a set without labels.
"""

import io
import json
import os
import zipfile
from typing import BinaryIO, Callable, Iterable, Iterator, List, Tuple

from dnnlib.exports.encoding import encode_all
from dnnlib.exports.images import Images, Label, label_of
from dnnlib.exports.job import Job
from dnnlib.files import Path, atomic_write

IMAGES_PER_FOLDER = 1000
IMAGES_PER_ZIP = 10000
LABELS_FILE = 'dataset.json'
FIXED_DATE = (1980, 1, 1, 0, 0, 0)  # in the .zip, so that the same images give the same bytes

Entry = Tuple[str, bytes, Label]  # name, PNG, label


def image_name(place: int) -> str:
    """Name of an image by its number in the set: '00012/img00012345.png'."""
    return f'{place // IMAGES_PER_FOLDER:05d}/img{place:08d}.png'


def zip_name(number: int) -> str:
    """Name of a .zip in a folder of them: '00003.zip' holds the images 30,000 to 39,999."""
    return f'{number:05d}.zip'


def zip_ranges(count: int) -> List[range]:
    """The numbers of the images in each .zip of a set of `count` images."""
    return [range(start, min(start + IMAGES_PER_ZIP, count)) for start in range(0, count, IMAGES_PER_ZIP)]


def entries_of(images: Images, places: Iterable[int]) -> Iterator[Entry]:
    """Yields (name, PNG, label) for images of a set."""
    for place, png in encode_all(images, places):
        yield image_name(place), png, label_of(images, place)


def write_zip(path: Path, entries: Iterable[Entry]) -> None:
    """Writes a .zip of images, whole or not at all. The same images give the same bytes.

    Args:
        path: The file; an existing one is replaced.
        entries: Iterable of (name, PNG, label). Labels are None for all images, or for none.

    Raises:
        OSError: The disk refuses the data.
    """
    with atomic_write(path) as file:
        write_zip_into(file, entries)


def write_zip_into(file: BinaryIO, entries: Iterable[Entry]) -> None:
    """As `write_zip`, into an open file."""
    with zipfile.ZipFile(file, 'w') as archive:  # stored, because a PNG does not get any smaller
        _write(entries, lambda name, data: archive.writestr(zipfile.ZipInfo(name, FIXED_DATE), data))


def write_one_zip(path: str, images: Images, job: Job) -> None:
    """Writes the images of a job into one .zip. Python keeps its directory in memory: 500 bytes an image."""
    write_zip(path, entries_of(images, job.shown(job.places.tolist())))


def write_zips(folder: str, images: Images, job: Job) -> None:
    """Writes all images of a set into a folder of whole .zip files of 10,000 images each."""
    for number, numbers in enumerate(zip_ranges(images.count)):
        write_zip(os.path.join(folder, zip_name(number)), entries_of(images, job.shown(numbers)))


def write_pngs(folder: str, images: Images, job: Job) -> None:
    """Writes the images of a job into a folder of PNG files."""

    def add(name, data):
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'wb') as file:
            file.write(data)

    _write(entries_of(images, job.shown(job.places.tolist())), add)


def _write(entries: Iterable[Entry], add: Callable[[str, bytes], None]) -> None:
    labels = io.StringIO()  # the text itself: 40 bytes an image, a tenth of what lists of lists would take
    for name, png, label in entries:
        add(name, png)
        if label is not None:
            labels.write(', ' if labels.tell() else '')
            labels.write(json.dumps([name, label]))
    text = f'[{labels.getvalue()}]' if labels.tell() else 'null'
    add(LABELS_FILE, f'{{"labels": {text}}}'.encode())
