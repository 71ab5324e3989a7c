"""Checks a dataset from end to end: `python -m dnnlib.verify datasets/faces`."""

from dnnlib.verb import Verb  # noqa: I001  first: Ctrl-C shows no traceback, and TensorFlow keeps quiet

import os
from typing import Any, Callable

import click
from tqdm import tqdm

from dnnlib.errors import UserError
from dnnlib.records.record_file import HINT, damage
from dnnlib.records.tfrecords import MultiResolutionDataset

EPILOG = """\b
Example:
  python -m dnnlib.verify datasets/faces
"""


@click.command(cls=Verb, epilog=EPILOG)
@click.argument('folder', type=click.Path(exists=True))
def main(folder):
    """Read every record of every level of the dataset in FOLDER and compare it with its checksums.

    Names the file and the record of the first damage, with exit status 1. Training does not compare the pixels with
    their checksum, so check a dataset once where it was copied to.
    """
    with MultiResolutionDataset(folder) as dataset:
        levels = len(dataset.paths)
        with tqdm(total=levels * dataset.num_images, desc='Reading', unit=' records') as bar:
            verify(dataset, bar.update)
        size = sum(map(os.path.getsize, dataset.paths))
        labels = 'no labels' if dataset.labels is None else f'{dataset.labels.shape[1]} labels an image'
        print(
            f'{folder} is whole: {dataset.num_images} images of {dataset.shape[0]}x{dataset.shape[1]}x'
            f'{dataset.shape[2]} at {levels} levels, {levels * dataset.num_images} records, {size / 1e6:.1f} MB, '
            f'{labels}.'
        )


def verify(dataset: MultiResolutionDataset, on_record: Callable[[], Any]) -> None:
    """Reads every record of every level.

    Opening the dataset has checked the levels, their equal number of records and the labels. This checks the rest: each
    record's two checksums, by TensorFlow's own reader, and that it holds an image of its level's shape.

    Args:
        dataset: An open `MultiResolutionDataset`.
        on_record: Called after each record, without arguments.

    Raises:
        UserError: Names the file and the record of the first damage.
    """
    import tensorflow.compat.v1 as tf  # here: a command line is checked before TensorFlow starts

    for lod, path in enumerate(dataset.paths):
        index = 0
        try:
            for _ in tf.io.tf_record_iterator(path):
                dataset.read(index, lod)
                index += 1
                on_record()
        except tf.errors.OpError as error:
            raise damage(path, index, error.message) from error
        if index != dataset.num_images:
            raise UserError(f'{path} has {index} records but the dataset {dataset.num_images}: {HINT}.')


if __name__ == '__main__':
    main()
