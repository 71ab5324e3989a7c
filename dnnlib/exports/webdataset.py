"""WebDataset's shards: `000000.tar`, ... of 10,000 images each, read in one go from disks and networks.

Of each image a shard has `KEY.png` or `KEY.jpg`, and `KEY.json`: its number in the set, and as far as known its
identity, its number among the images of the identity, and its label. `KEY.cls` is the class of the image, a number: the
identity, counted from 0 without gaps; without identities the label, if labels are class numbers; else it is left out.
KEY is the image's number in the set. The images keep their order.
"""

import io
import json
import os
import tarfile

from dnnlib.exports.images import Images, identities_of, label_of
from dnnlib.exports.job import Job
from dnnlib.exports.parts import classes_of

IMAGES_PER_SHARD = 10000


def shard_name(number: int, prefix: str = '') -> str:
    """Name of a shard: '000003.tar', or 'train-000003.tar' with a prefix."""
    return f'{prefix}{number:06d}.tar'


def write_webdataset(folder: str, images: Images, job: Job) -> None:
    """Writes the images of a job. The same images give the same bytes."""
    classes = _classes(images, job.places)
    for start in range(0, len(job.places), IMAGES_PER_SHARD):
        path = os.path.join(folder, shard_name(start // IMAGES_PER_SHARD, job.prefix))
        with tarfile.open(path, 'w', format=tarfile.USTAR_FORMAT) as shard:
            pictures = job.pictures(images, job.places[start : start + IMAGES_PER_SHARD])
            for number, (place, picture) in enumerate(pictures, start):
                _add(shard, place, job.encoding.extension, picture)
                _add(shard, place, 'json', json.dumps(_facts(images, place)).encode())
                if classes is not None:
                    _add(shard, place, 'cls', str(int(classes[number])).encode())
                shard.members.clear()  # else tarfile keeps what it wrote in memory


def _classes(images, places):
    if images.identity(int(places[0])) is not None:
        return classes_of(identities_of(images, places))[0]
    if images.labels is not None and images.labels.ndim == 1:
        return images.labels[places]
    return None


def _facts(images, place):
    facts = {
        'index': place,
        'identity': images.identity(place),
        'number': images.number(place),
        'label': label_of(images, place),
    }
    return {name: value for name, value in facts.items() if value is not None}


def _add(shard, place, extension, data):
    member = tarfile.TarInfo(f'{place:08d}.{extension}')  # its date, owner and group are 0
    member.size = len(data)
    shard.addfile(member, io.BytesIO(data))
