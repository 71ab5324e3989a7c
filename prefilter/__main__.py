"""The verb `python -m prefilter`: photographs in, a dataset for train.py out."""

from dnnlib.verb import Verb  # noqa: I001  first: Ctrl-C shows no traceback, and TensorFlow keeps quiet

import collections
import dataclasses
import os

import click

from dnnlib.exports.flags import export_flags
from dnnlib.exports.forms import check_counts, check_exports, names_written
from dnnlib.flags import FiniteRange
from dnnlib.folder_kinds import RUN, kind_of
from dnnlib.jobs.command import (
    BEAM,
    check_runner,
    check_target,
    choose_cluster,
    exit_on_signals,
    plan_processes,
    processing_flags,
    saying_how_to_go_on,
)
from dnnlib.records.levels import SMALLEST_RESOLUTION, is_resolution
from dnnlib.records.names import ACCEPTED_FILE, MANIFEST_FILE, REJECTED_FILE, REPORT_FILE
from prefilter.images import IMAGE_EXTENSIONS, MAX_PIXELS, REFERENCE_MAX_PIXELS
from prefilter.labels import LABELS, check_labels
from prefilter.options import DatasetOptions
from prefilter.pipeline import describe, make_dataset
from prefilter.sources import AUTO, FORMATS, LFW_SUBSET, PARTITIONS, open_source
from prefilter.sources.download import fetch_lfw

LARGEST_SEED = 2**32 - 1  # numpy takes no larger seed
LARGEST_SIZE = 1024  # px, the largest StyleGAN was made for


def _check_size(context, parameter, size):
    if not is_resolution(size) or size > LARGEST_SIZE:
        raise click.BadParameter(f'{size} is no power of two from {SMALLEST_RESOLUTION} to {LARGEST_SIZE}: try 256.')
    return size


def _check_source(options):
    source, download = options.source, options.download
    if download and options.format != 'lfw':
        raise click.UsageError('--download fetches LFW only: give --format lfw with it, or leave it out.')
    if download and os.path.isfile(source):
        raise click.UsageError(f'SOURCE {source} is a file: with --download name the folder that takes the archive.')
    if source != LFW_SUBSET and not download and not os.path.exists(source):
        raise click.BadParameter(
            f'{source} does not exist: name a folder or an archive of images, or {LFW_SUBSET}.', param_hint="'SOURCE'"
        )
    if os.path.isdir(source) and kind_of(source) == RUN:
        raise click.UsageError(f'SOURCE {source} is a training run: name a folder or an archive of photographs.')


def _check_no_detect(detect):
    context = click.get_current_context()
    for name in ('margin', 'device', 'gpus', 'min_score'):
        if not detect and context.get_parameter_source(name) == click.core.ParameterSource.COMMANDLINE:
            flag = '--' + name.replace('_', '-')
            raise click.UsageError(f'{flag} is about finding faces, which --no-detect does not do: leave one out.')


def _check_target(source, out, force):
    is_inside = (os.path.realpath(source) + os.sep).startswith(os.path.realpath(out) + os.sep)
    if check_target(out, force, '*.tfrecords') and source != LFW_SUBSET and is_inside:
        raise click.UsageError(f'--out {out} holds SOURCE, so --force does not replace it: choose another name.')


def _reachable(source, runner):
    """The path of SOURCE, absolute for workers that may run in another folder."""
    return os.path.abspath(source) if runner == BEAM and source != LFW_SUBSET else source


EPILOG = f"""Example: python -m prefilter {LFW_SUBSET} --out datasets/faces --size 32

SOURCE and all folders below it are searched for files named {' '.join(sorted(IMAGE_EXTENSIONS))}. Other files and
hidden files are left out. An image without a face, or one that cannot be read, is refused; {MANIFEST_FILE} says why.

With --labels identity and --format tree, each folder is an identity, named by its whole path below SOURCE; the images
directly in SOURCE are one identity too. Other formats have their own rules: in ytf, all videos of a person are one
identity.
"""


@click.command(cls=Verb, epilog=EPILOG)
@click.argument('source')
@click.option('--out', required=True, type=click.Path(), help='Dataset folder to make, such as datasets/NAME.')
@click.option(
    '--format',
    type=click.Choice([AUTO, *FORMATS]),
    default=AUTO,
    show_default=True,
    help='Layout of SOURCE. auto takes the layout that SOURCE certainly has, else tree: any images in any folders.',
)
@click.option(
    '--partition',
    type=click.Choice(sorted({name for names in PARTITIONS.values() for name in names})),
    help=f'Take only one part, as the lists of the set define it ({", ".join(PARTITIONS)}).',
)
@click.option('--download', is_flag=True, help='Fetch LFW into the folder SOURCE first (with --format lfw; 200 MB).')
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
    '--detect/--no-detect',
    default=True,
    show_default=True,
    help='Find and cut out the face, or take every image whole, for sets that are crops already.',
)
@click.option(
    '--labels',
    type=click.Choice(LABELS),
    help='Write labels: who is in the image (one-hot vectors; class numbers for very many identities), the 0 and 1 of '
    'its attributes, or the numbers in columns of a .csv, each scaled to [-1, 1].',
)
@click.option(
    '--max-identities',
    type=click.IntRange(min=1),
    metavar='N',
    help='Take only the N identities with the most accepted images.',
)
@click.option(
    '--min-images',
    type=click.IntRange(min=1),
    metavar='K',
    default=1,
    show_default=True,
    help='Take only identities with K accepted images or more.',
)
@click.option(
    '--max-images',
    type=click.IntRange(min=1),
    metavar='N',
    help='Take only N accepted images, drawn by lot. A larger N takes the same images and more.',
)
@click.option(
    '--seed',
    type=click.IntRange(0, LARGEST_SEED),
    default=0,
    show_default=True,
    help='Seed of the lot of --max-images.',
)
@click.option(
    '--min-score',
    type=FiniteRange(0, 1),
    metavar='SCORE',
    help='Take only faces with this score of the detector or more.',
)
@click.option('--no-shuffle', is_flag=True, help='Keep the order of the source, mostly sorted paths.')
@export_flags
@click.option(
    '--max-pixels',
    type=click.IntRange(min=1),
    help=f'Refuse larger images, width times height.  [default: {MAX_PIXELS}; with --reference-loader '
    f'{REFERENCE_MAX_PIXELS}]',
)
@click.option(
    '--reference-loader',
    is_flag=True,
    help='Read odd files as crudely as facenet did (EXIF ignored, ...), to compare with its crops.',
)
@click.option('--drop-duplicates', is_flag=True, help='Refuse an image that has the same bytes as an earlier one.')
@processing_flags(
    device_help='Where faces are found; auto takes a GPU if there is one.',
    staging_help="Folder or gs://, hdfs://, ... that this machine and Beam's workers reach. Images and results go "
    'through it. Give it if the workers do not reach SOURCE and --out.',
)
def main(**flags):
    """Find the face in each image of SOURCE, crop it, and write the crops as a dataset.

    SOURCE is a folder of images, an archive of one (.zip, .tar, .tgz, ...), a file in one of the formats, or
    lfw-subset: the 100 faces and 100 backgrounds that come with scikit-image.

    The dataset folder gets multi-resolution TFRecords and manifest.jsonl, a line for each image: accepted or why not,
    the face's box, the crop. It also gets samples of both kinds in accepted.png and rejected.png, and a page,
    report.html, that shows all of it. python -m prefilter.report makes the page again.

    If a run was ended before its end, the same command goes on with it.
    """
    options = DatasetOptions(**flags)
    _check_source(options)
    _check_target(options.source, options.out, options.force)
    _check_no_detect(options.detect)
    if options.seed and options.max_images is None:
        raise click.UsageError('--seed is for --max-images, which draws by lot: give that too, or leave --seed out.')
    check_runner(options, 'faces are found')
    check_exports(options.export, options.size, options.labels == 'identity', 'add --labels identity', ['tfrecords'])
    cluster = choose_cluster(options)
    photographs = _open_source(options)
    # Late: errors that need no search for a GPU come first, at once.
    options = _resolved(options, photographs.layout, cluster)
    count, environments = plan_processes(options, options.device)
    exit_on_signals()
    with saying_how_to_go_on(options.out):
        result = make_dataset(photographs, options, count, environments, cluster=cluster)
    _report(photographs, result, options)


def _open_source(options):
    """Opens SOURCE, and prints what a user should know about it."""
    source = fetch_lfw(options.source) if options.download else options.source
    location = _reachable(source, options.runner)
    needs_labels = options.labels or options.by_identity
    photographs = open_source(location, options.format, options.partition, options.out, needs_labels)
    about_labels = check_labels(photographs, options.labels, options.by_identity)
    if options.export.test_share is not None or options.export.pairs is not None:
        known = collections.Counter(map(photographs.identity, range(len(photographs.paths))))
        check_counts(options.export, known.values())
    found = photographs.layout
    if options.format == AUTO and found in FORMATS and (needs_labels or found != 'tree'):
        click.echo(f'{options.source} is read as --format {found}: {len(photographs.paths):,} images.', err=True)
    for sentence in photographs.remarks + about_labels:
        click.echo(sentence, err=True)
    if photographs.aligned and options.detect:
        click.echo('These images are crops of faces already: --no-detect would take them whole.', err=True)
    return photographs


def _resolved(options, format_found, cluster):
    """The options, with values instead of the defaults that stand for others."""
    max_pixels = options.max_pixels or (REFERENCE_MAX_PIXELS if options.reference_loader else MAX_PIXELS)
    options = dataclasses.replace(options, format=format_found, max_pixels=max_pixels)
    if not options.detect:
        return dataclasses.replace(options, margin=0, device=None)
    return dataclasses.replace(options, device='cpu' if cluster else _resolve_device(options.device))


def _resolve_device(device):
    from dnnlib.faces.runtimes import resolve_device

    return resolve_device(device)


def _report(photographs, result, options):
    out, size = options.out, options.size
    total, accepted, examined = result['total'], result['accepted'], result['examined']
    refused = f' ({describe(result["reasons"])})' if result['reasons'] else ''
    speed = f'; {examined / result["seconds"]:.1f} images/s' if examined else '; examined by an earlier run'
    click.echo(
        f'{total:,} images: {accepted:,} accepted, {total - accepted:,} refused{refused}; '
        f'other files left out: {photographs.ignored:,}; exact duplicates: {result["duplicates"]:,}{speed}.'
    )
    written = [MANIFEST_FILE, ACCEPTED_FILE, REJECTED_FILE]
    written += names_written(options.export, os.path.basename(os.path.abspath(out)))
    click.echo(f'{out}: {size}x{size} pixels, records 0 to {accepted - 1:,}; {", ".join(written)}.')
    click.echo(f'Look at {os.path.join(out, REPORT_FILE)}.')


if __name__ == '__main__':
    main(prog_name='python -m prefilter')
