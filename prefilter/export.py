"""A dataset in the form of the later StyleGANs: PNG files and dataset.json, in a .zip or a folder."""

import io
import json
import os
import sys
import zipfile

from dnnlib.images import to_pil
from dnnlib.progress import Progress

EXPORTS = {'zip': '{}.zip', 'png': 'png'}  # form to its name in the dataset's folder; {} is the dataset's name
IMAGES_PER_FOLDER = 1000
FIXED_DATE = (1980, 1, 1, 0, 0, 0)  # in the .zip, so that the same images give the same bytes


def export(dataset, folder, form):
    """Writes the images of a dataset, at full resolution, in the order of the records.

    Args:
        dataset: An open `dnnlib.records.tfrecords.MultiResolutionDataset`.
        folder: Existing folder that takes `NAME.zip` or the folder `png`; best a temporary one, until all is there.
        form: 'zip' or 'png'. Both hold `00000/img00000000.png`, ... and `dataset.json`. Its labels are classes if every
            row of labels is one-hot, else the rows; null without labels.

    Returns:
        Name of what was written, below `folder`.
    """
    name = EXPORTS[form].format(dataset.name)
    path = os.path.join(folder, name)
    if form == 'zip':
        with zipfile.ZipFile(path, 'w') as archive:  # stored, because a PNG does not get any smaller
            _export_images(dataset, lambda name, data: archive.writestr(zipfile.ZipInfo(name, FIXED_DATE), data))
    else:
        _export_images(dataset, lambda name, data: _write_file(os.path.join(path, name), data))
    return name


def _export_images(dataset, write):
    names = []
    for number in Progress(range(dataset.num_images), desc='Exporting', unit=' images', file=sys.stderr):
        file = io.BytesIO()
        to_pil(dataset.read(number)).save(file, 'PNG', compress_level=1)
        names.append(f'{number // IMAGES_PER_FOLDER:05d}/img{number:08d}.png')
        write(names[-1], file.getvalue())
    labels = None if dataset.labels is None else [list(pair) for pair in zip(names, _json_labels(dataset.labels))]
    write('dataset.json', json.dumps({'labels': labels}).encode('utf-8'))


def _json_labels(labels):
    """Class numbers, if each image has one class; else rows."""
    classes = labels.classes()
    return labels.array.tolist() if classes is None else classes.tolist()


def _write_file(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'wb') as file:
        file.write(data)
