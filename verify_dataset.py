"""Checks a dataset from end to end: `python verify_dataset.py datasets/faces`."""

import dnnlib.quiet  # noqa: F401, I001  first: silences TensorFlow before anything imports it

import os

import click
from tqdm import tqdm

from dnnlib.tfrecords import MultiResolutionDataset
from dnnlib.verify import verify

EPILOG = """\b
Example:
  python verify_dataset.py datasets/faces
"""


@click.command(epilog=EPILOG)
@click.argument('folder', type=click.Path(exists=True, file_okay=False))
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
        print(f'{folder} is whole: {dataset.num_images} images of {dataset.shape[0]}x{dataset.shape[1]}x'
              f'{dataset.shape[2]} at {levels} levels, {levels * dataset.num_images} records, {size / 1e6:.1f} MB, '
              f'{labels}.')


if __name__ == '__main__':
    main()
