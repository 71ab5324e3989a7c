"""Reads a whole dataset and checks what opening it does not: every checksum and every shape."""

import tensorflow.compat.v1 as tf

from dnnlib.errors import UserError
from dnnlib.record_file import MEND, damage


def verify(dataset, on_record):
    """Reads every record of every level.

    Opening the dataset has checked the levels, their equal number of records and the labels. This checks the rest: each
    record's two checksums, by TensorFlow's own reader, and that it holds an image of its level's shape.

    Args:
        dataset: An open `MultiResolutionDataset`.
        on_record: Called after each record, without arguments.

    Raises:
        UserError: Names the file and the record of the first damage.
    """
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
            raise UserError(f'{path} has {index} records but the dataset {dataset.num_images}: {MEND}.')
