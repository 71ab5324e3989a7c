"""Multi-resolution TFRecords, as StyleGAN trains on them, with the identities as labels."""

from dnnlib.exports.images import Images, identities_of
from dnnlib.exports.job import Job
from dnnlib.exports.parts import classes_of
from dnnlib.records.label_file import one_hot_if_it_fits, write_labels
from dnnlib.records.tfrecords import MultiResolutionWriter

PREFIX = 'faces'  # of the files; readers take any


def write_tfrecords(folder: str, images: Images, job: Job) -> None:
    """Writes the images of a job as multi-resolution TFRecords, in their order, with a label file.

    The labels are one-hot rows, as the original StyleGAN reads them; class numbers, if these would take too much.
    """
    with MultiResolutionWriter(folder, PREFIX) as writer:
        for place in job.shown(job.places):
            writer.add(images.read(int(place)))
    if images.identity(0) is not None:
        classes, count = classes_of(identities_of(images, job.places))
        write_labels(folder, PREFIX, one_hot_if_it_fits(classes, count))
