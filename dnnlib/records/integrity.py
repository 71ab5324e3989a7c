"""Checks every record of a dataset, with TensorFlow's own reader."""

import os
from typing import Any, Callable

from dnnlib.errors import UserError
from dnnlib.records.datasets import Dataset
from dnnlib.records.record_file import HINT, damage
from dnnlib.records.zip_set import ZipDataset


def check_records(dataset: Dataset, on_record: Callable[[], Any]) -> None:
    """Reads every record of every level of TFRecords, or every image of a dataset of .zip files.

    Opening the dataset has checked the levels, their equal number of records and the labels. This function checks the
    rest: the two checksums of each record, and that the record holds an image of its level's shape.

    Args:
        dataset: An open dataset.
        on_record: Called after each record, without arguments.

    Raises:
        UserError: Names the file and the record of the first damage.
    """
    if isinstance(dataset, ZipDataset):
        for index in range(dataset.num_images):
            dataset.read(index)
            on_record()
        return
    import tensorflow.compat.v1 as tf  # here: a command line is checked before TensorFlow starts

    for lod, path in enumerate(dataset.paths):
        index = 0
        try:
            # TensorFlow takes text only if it is UTF-8.
            for _ in tf.io.tf_record_iterator(os.fsencode(path)):
                dataset.read(index, lod)
                index += 1
                on_record()
        except tf.errors.OpError as error:
            raise damage(path, index, error.message) from error
        if index != dataset.num_images:
            raise UserError(f'{path} has {index} records but the dataset {dataset.num_images}: {HINT}.')
