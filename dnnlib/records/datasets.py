"""Opens a dataset in any of the forms that training and metrics read."""

import os
from typing import Optional, Union

from dnnlib.records.tfrecords import MultiResolutionDataset
from dnnlib.records.zip_set import ZipDataset, zip_paths

Dataset = Union[MultiResolutionDataset, ZipDataset]


def open_dataset(path: Union[str, os.PathLike], resolution: Optional[int] = None) -> Dataset:
    """Opens a folder of TFRecords, a folder of .zip files, or one .zip of PNG files.

    Args:
        path: The folder or file.
        resolution: Side in px of level of detail 0, a power of two; None takes the largest side.

    Raises:
        UserError: It is missing or not whole; the sentence says what to do.
    """
    return (ZipDataset if zip_paths(path) else MultiResolutionDataset)(path, resolution)
