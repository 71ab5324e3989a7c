"""The flags about exports, which several commands have."""

from typing import Any, Callable

import click

from dnnlib.exports.forms import EXPORTS
from dnnlib.exports.pairs import FOLDS, PAIRS_FILE
from dnnlib.flags import FiniteRange

_TAKE_JPEG = ', '.join(form for form, kind in EXPORTS.items() if kind.takes_encoding)

_OPTIONS = (
    click.option(
        '--export',
        'exports',
        type=click.Choice(list(EXPORTS)),
        multiple=True,
        help='Write the images in this form too; may be repeated. zip, png, zips: PNG files with dataset.json, as the '
        'later StyleGANs read them, in a .zip, a folder, or .zip files of 10,000 images. folders: a folder for each '
        'identity. lfw: the same with the names of LFW. recordio: record files of InsightFace. webdataset: shards. '
        'tfrecords: TFRecords of all resolutions, for sets that are not of this form already.',
    ),
    click.option(
        '--jpeg',
        type=click.IntRange(1, 100),
        metavar='QUALITY',
        help=f'JPEG pictures of this quality, such as 95, instead of PNG, in {_TAKE_JPEG}.',
    ),
    click.option(
        '--export-size',
        type=click.IntRange(min=1),
        metavar='PX',
        help=f'Shrink the pictures by area to this side, such as 112, in {_TAKE_JPEG}.',
    ),
    click.option(
        '--test-share',
        type=FiniteRange(0, 1, min_open=True, max_open=True),
        metavar='SHARE',
        help='Keep this share of the identities, such as 0.1, apart for testing, in all forms.',
    ),
    click.option(
        '--pairs',
        type=click.IntRange(min=1),
        metavar='N',
        help=f'Write {PAIRS_FILE} as LFW has it: {FOLDS} folds, each with N pairs of one identity and N of two.',
    ),
)


def export_flags(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the flags to a click command, which gets `exports`, `jpeg`, `export_size`, `test_share`, `pairs`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
