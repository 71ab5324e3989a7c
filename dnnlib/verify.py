"""Checks a dataset from end to end: `python -m dnnlib.verify datasets/faces`."""

from dnnlib.verb import Verb  # noqa: I001  first: Ctrl-C shows no traceback, and TensorFlow keeps quiet

import os

import click

from dnnlib.progress import Progress
from dnnlib.records.integrity import check_records
from dnnlib.records.zip_set import ZipDataset
from dnnlib.records.datasets import open_dataset

EPILOG = """\b
Example:
  python -m dnnlib.verify datasets/faces
"""


@click.command(cls=Verb, epilog=EPILOG)
@click.argument('folder', type=click.Path(exists=True))
def main(folder):
    """Read every record, or PNG of every .zip, of the dataset in FOLDER and compare it with its checksums.

    Names the file and the record of the first damage, with exit status 1. Training does not compare the pixels with
    their checksum, so check a dataset once after you have copied it.
    """
    with open_dataset(folder) as dataset:
        is_zip = isinstance(dataset, ZipDataset)
        levels = 1 if is_zip else len(dataset.paths)
        with Progress(total=levels * dataset.num_images, desc='Reading', unit=' records') as bar:
            check_records(dataset, bar.update)
        size = sum(map(os.path.getsize, dataset.paths))
        where = f'at {levels} levels, {levels * dataset.num_images} records'
        if is_zip:
            where = f'in {len(dataset.paths)} .zip files' if len(dataset.paths) > 1 else 'in one .zip'
        labels = 'no labels' if dataset.labels is None else dataset.labels.describe()
        print(
            f'{folder} is whole: {dataset.num_images} images of {dataset.shape[0]}x{dataset.shape[1]}x'
            f'{dataset.shape[2]} {where}, {size / 1e6:.1f} MB, '
            f'{labels}.'
        )


if __name__ == '__main__':
    main()
