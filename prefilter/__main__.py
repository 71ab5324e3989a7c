"""The verb `python -m prefilter`: photographs in, a dataset for train.py out."""

import dnnlib.quiet  # noqa: I001,F401  before TensorFlow

import glob
import os
import signal
import sys

import click

from dnnlib.tfrecords import ACCEPTED_FILE, MANIFEST_FILE, REJECTED_FILE, SMALLEST_RESOLUTION, is_resolution
from prefilter.pipeline import check_source, describe, make_dataset
from prefilter.sources import IMAGE_EXTENSIONS, LFW_SUBSET, open_source

DEVICES = ['auto', 'cpu', 'gpu']  # those of dnnlib.tflib.devices, which would start TensorFlow
LARGEST_SIZE = 1024  # px, the largest StyleGAN was made for


def _check_size(context, parameter, size):
    if not is_resolution(size) or size > LARGEST_SIZE:
        raise click.BadParameter(f'{size} is no power of two from {SMALLEST_RESOLUTION} to {LARGEST_SIZE}: try 256.')
    return size


def _check_source(context, parameter, source):
    if source != LFW_SUBSET and not os.path.isdir(source):
        what = 'is a file' if os.path.exists(source) else 'does not exist'
        raise click.BadParameter(f'{source} {what}: name a folder of images, or {LFW_SUBSET}.')
    return source


def _check_target(source, out, force):
    if not os.path.lexists(out):
        return
    if not force:
        raise click.UsageError(f'--out {out} exists already: choose another name, or replace it with --force.')
    if not os.path.isdir(out) or not glob.glob(os.path.join(glob.escape(out), '*.tfrecords')):
        raise click.UsageError(f'--out {out} is no dataset, so --force does not replace it: choose another name.')
    if source != LFW_SUBSET and (os.path.realpath(source) + os.sep).startswith(os.path.realpath(out) + os.sep):
        raise click.UsageError(f'--out {out} holds SOURCE, so --force does not replace it: choose another name.')


def _exit_on_signals():
    """Ends in order when killed or when the terminal is closed, so that no temporary folder is left behind."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:  # nohup has the terminal's end ignored
            signal.signal(number, lambda number, frame: sys.exit(128 + number))


EPILOG = f"""Example: python -m prefilter {LFW_SUBSET} --out datasets/faces --size 32

SOURCE is searched with all folders below it for files named {' '.join(sorted(IMAGE_EXTENSIONS))}; other and hidden
files are left out. An image without a face, or one that cannot be read, is refused, and {MANIFEST_FILE} says why.

With --labels identity a folder is known by its whole path below SOURCE, and the images directly in SOURCE are one
identity too. Where a person has several folders, such as Name/0 and Name/1, these are several identities: put the
images of one person into one folder.
"""


@click.command(epilog=EPILOG)
@click.argument('source', callback=_check_source)
@click.option('--out', required=True, type=click.Path(), help='Dataset folder to make, such as datasets/NAME.')
@click.option(
    '--size', type=int, default=256, show_default=True, callback=_check_size, help='Side of the crops, a power of two.'
)
@click.option(
    '--margin',
    type=click.IntRange(min=0),
    default=50,
    show_default=True,
    help='Pixels added to the width and height of a face.',
)
@click.option(
    '--labels',
    type=click.Choice(['identity']),
    help='Write one-hot labels: the images of one folder are one identity.',
)
@click.option('--no-shuffle', is_flag=True, help='Keep the records in the order of the sorted paths.')
@click.option(
    '--device',
    type=click.Choice(DEVICES),
    default='auto',
    show_default=True,
    help='Where to look for faces; auto is a GPU if there is one.',
)
@click.option('--force', is_flag=True, help='Replace the dataset if it exists, once the new one is complete.')
def main(source, out, size, margin, labels, no_shuffle, device, force):
    """Find the face in each image of SOURCE, crop it, and write the crops as a dataset.

    SOURCE is a folder of images, or lfw-subset: the 100 faces and 100 backgrounds that come with scikit-image.

    The dataset folder gets multi-resolution TFRecords, manifest.jsonl (a line for each image: accepted or why not, the
    face's box, the crop), and samples of both kinds in accepted.png and rejected.png.
    """
    _check_target(source, out, force)
    photographs = open_source(source, leave_out=out)
    check_source(photographs, labels == 'identity')
    # Late: what can be refused without loading networks is refused at once.
    from prefilter.detector import FaceDetector
    from prefilter.engines import resolve_device

    detector = FaceDetector(resolve_device(device))
    _exit_on_signals()
    tally = make_dataset(
        photographs, out, detector, size, margin, labels == 'identity', shuffle=not no_shuffle, replace=force
    )
    total, accepted = len(photographs.paths), len(tally.accepted)
    refused = f' ({describe(tally.reasons)})' if tally.reasons else ''
    click.echo(
        f'{total:,} images: {accepted:,} accepted, {total - accepted:,} refused{refused}; '
        f'other files left out: {photographs.ignored:,}; {total / tally.seconds:.1f} images/s.'
    )
    click.echo(
        f'{out}: {size}x{size} pixels, records 0 to {accepted - 1:,}; '
        f'{MANIFEST_FILE}, {ACCEPTED_FILE}, {REJECTED_FILE}.'
    )


if __name__ == '__main__':
    main(prog_name='python -m prefilter')
