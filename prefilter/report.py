"""The page and the picture about a finished dataset, and `python -m prefilter.report`, which makes them again."""

from dnnlib.verb import Verb  # noqa: I001  first: Ctrl-C shows no traceback, and TensorFlow keeps quiet

import functools
import os
import shlex
import sys
from typing import List, NamedTuple, Tuple

import click

from dnnlib.errors import UserError, disk_errors
from dnnlib.exports.forms import EXPORTS, list_name
from dnnlib.exports.pairs import PAIRS_FILE
from dnnlib.exports.parts import PARTS
from dnnlib.files import atomic_write
from dnnlib.folder_kinds import DATASET, RUN, check_kind
from dnnlib.pages.gallery import thumbnail
from dnnlib.pages.html_page import page
from dnnlib.progress import Progress
from dnnlib.records.names import (
    LABEL_NAMES_FILE,
    ACCEPTED_FILE,
    DISTRIBUTIONS_FILE,
    MANIFEST_FILE,
    OPTIONS_FILE,
    REJECTED_FILE,
    REPORT_FILE,
    SYNTHETIC,
)
from dnnlib.records.tfrecords import MultiResolutionDataset
from prefilter.distributions import draw_charts, draw_distributions, histograms
from prefilter.images import decode, decode_as_reference
from prefilter.options import read_options
from prefilter.reasons import CRASH, REASONS, WITHOUT_PIXELS
from prefilter.sources import AUTO, FORMATS, LFW_SUBSET, open_source
from prefilter.summary import ACCEPTED, QUANTITIES, REFUSED, quantiles, summarise
from prefilter.views import view_images

TEMPLATE = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'report.html')
NAMED = 12  # refused files without pixels that are named for each reason
LARGEST = 20  # identities that are named
SHARES = (0.05, 0.5, 0.95)  # the table of quantities has the values below which so many lie
# Parts that a page has, besides pictures, only if the source was at hand.
NEEDS_SOURCE = b'<h2>Identities</h2>', b'>what is wrong with it</th>'


class Refused(NamedTuple):
    """What the page shows of one reason for refusal."""

    name: str
    meaning: str
    total: int  # photographs
    thumbnails: List[tuple]  # (PIL image, path)
    named: List[Tuple[str, str]]  # (path, what is wrong with the file or None), if there are no thumbnails
    has_details: bool  # whether `named` says what is wrong


class File(NamedTuple):
    """A file of the dataset."""

    name: str
    content: str
    size: int  # bytes


def write_report(folder, target, summary, views=None):
    """Writes `report.html` and `distributions.png` into a finished dataset.

    The same dataset and source give the same bytes, on any day and machine.

    Args:
        folder: The dataset's folder, with its records, `manifest.jsonl` and perhaps `options.json`.
        target: The path by which a person knows that folder, when it is still to be renamed.
        summary: The `prefilter.summary.Summary` of its manifest.
        views: From `prefilter.views.view_images`, for `places_to_view`. None if the source is not at hand: the page
            then shows only the names of refused images.

    Raises:
        UserError: The folder is no whole dataset.
        OSError: The files cannot be written.
    """
    _write(folder, *make_report(folder, target, summary, views))


def make_report(folder, target, summary, views=None):
    """(bytes of `distributions.png`, bytes of `report.html`), as `write_report` writes them."""
    panels = histograms(summary)
    picture = draw_distributions(panels)
    with MultiResolutionDataset(folder) as dataset:
        chosen = [verdict for _, verdict in summary.samples[ACCEPTED].chosen()]
        for verdict in chosen:
            if not 0 <= verdict['index'] < dataset.num_images:
                raise UserError(
                    f'{os.path.join(folder, MANIFEST_FILE)} names record {verdict["index"]}, and the records are 0 to '
                    f'{dataset.num_images - 1}: make the dataset anew.'
                )
        accepted = [(thumbnail(_as_rgb(dataset.read(verdict['index']))), verdict['path']) for verdict in chosen]
        name, side = dataset.name, dataset.resolution
    html = page(
        TEMPLATE,
        name=name,
        side=side,
        summary=summary,
        percent=lambda part: f'{100 * part / summary.total:.1f} %',
        accepted=accepted,
        reasons=_refused(summary, views),
        manifest=MANIFEST_FILE,
        charts=draw_charts(panels),
        quantities=_quantities(summary),
        identities=_identities(summary),
        data=shlex.quote(_known_as(target)),
        options=_options(read_options(folder)),
        files=_files(folder, name, len(picture)),
    )
    return picture, html


def _write(folder, picture, html):
    for name, content in ((DISTRIBUTIONS_FILE, picture), (REPORT_FILE, html)):
        with atomic_write(os.path.join(folder, name)) as file:
            file.write(content)


def places_to_view(summary):
    """Places of the refused images that the report shows, without those that kill the process that reads them."""
    return {
        place
        for reason in summary.reasons
        if reason != CRASH
        for place, _ in summary.samples[reason].chosen()[: NAMED if reason in WITHOUT_PIXELS else None]
    }


def _as_rgb(image):
    return image.repeat(3 // image.shape[0], axis=0).transpose(1, 2, 0)


# ----------------------------------------------------------------------------------------------------------------------
# What the template shows.


def _refused(summary, views):
    """`Refused` of each reason, the most frequent first."""
    found = []
    for reason, total in sorted(summary.reasons.items(), key=lambda item: (-item[1], item[0])):
        chosen = summary.samples[reason].chosen()
        samples = [(None if views is None else views.get(place), verdict['path']) for place, verdict in chosen]
        shown = [] if reason in WITHOUT_PIXELS else [(view, path) for view, path in samples if _is_picture(view)]
        named = [(path, view if isinstance(view, str) else None) for view, path in samples[:NAMED]]
        meaning = REASONS.get(reason, 'this version does not know it')
        has_details = views is not None and reason in WITHOUT_PIXELS
        found.append(Refused(reason, meaning, total, shown, named, has_details))
    return found


def _is_picture(view):
    return view is not None and not isinstance(view, str)


def _quantities(summary):
    """Yields (title, 'accepted' or 'refused', values below which the `SHARES` lie)."""
    for name, title in QUANTITIES.items():
        for kind in (ACCEPTED, REFUSED):
            values = summary.values[name][kind]
            if values:
                yield title, kind, quantiles(values, SHARES)


def _identities(summary):
    """Who is in the images; None if that is unknown, or if all images show one identity."""
    if summary.identities is None or len(summary.identities) < 2:
        return None
    present = sum(1 for count in summary.identities.values() if count)
    known = sum(summary.identities.values())
    groups, largest = summary.identity_groups(), summary.largest_identities(LARGEST)
    most = max(count for _, _, count in groups)
    return {
        'present': present,
        'absent': len(summary.identities) - present,
        'average': known / max(present, 1),
        'unknown': summary.accepted - known,  # images
        'groups': [(_span(first, last), count, count / most) for first, last, count in groups],
        'largest': [(name, count, count / largest[0][1]) for name, count in largest],
    }


def _span(first, last):
    return f'{first:,}' if first == last else f'{first:,}–{last:,}'


def _options(options):
    return [(name if name == 'source' else f'--{name}', value) for name, value in options.items()]


def _known_as(target):
    """The path to type in the project's folder; a page names a dataset that lies elsewhere by its name alone."""
    relative = os.path.relpath(target)
    return os.path.join('datasets', os.path.basename(relative)) if relative.startswith(os.pardir) else relative


def _files(folder, name, picture_bytes):
    """A `File` for each file of a dataset, except the report. The picture may not be written yet."""
    levels = sorted(file for file in os.listdir(folder) if file.endswith('.tfrecords'))
    known = {
        file: 'records, {0}×{0}'.format(2 ** int(file[-len('NN.tfrecords') : -len('.tfrecords')])) for file in levels
    }
    known.update(
        {
            f'{name}-rxx.labels': 'labels',
            LABEL_NAMES_FILE: 'names of the labels',
            MANIFEST_FILE: 'a line for each photograph',
            OPTIONS_FILE: 'how it was made',
            ACCEPTED_FILE: 'samples of accepted crops',
            REJECTED_FILE: 'samples of refused photographs',
            DISTRIBUTIONS_FILE: 'the charts above as a picture',
        }
    )
    known.update({form.name.format(name): f'the crops as {form.what}' for form in EXPORTS.values()})
    known.update({list_name(part): f'names of the PNG files of the part {part}' for part in PARTS})
    known[PAIRS_FILE] = 'pairs of crops, as LFW has them'
    sizes = {file: _size(os.path.join(folder, file)) for file in known if os.path.exists(os.path.join(folder, file))}
    sizes[DISTRIBUTIONS_FILE] = picture_bytes
    return [File(file, content, sizes[file]) for file, content in known.items() if file in sizes]


def _size(path):
    if not os.path.isdir(path):
        return os.path.getsize(path)
    return sum(os.path.getsize(os.path.join(folder, file)) for folder, _, files in os.walk(path) for file in files)


# ----------------------------------------------------------------------------------------------------------------------
# The verb.


@click.command(cls=Verb, epilog='Example: python -m prefilter.report datasets/faces --source photos')
@click.argument('dataset', type=click.Path())
@click.option(
    '--source',
    help='The photographs that the dataset was made of. Without it, no refused image and no identity is shown.',
)
@click.option('--force', is_flag=True, help='Replace the report, even if it shows more than one made without --source.')
def main(dataset, source, force):
    """Make report.html and distributions.png of a DATASET again.

    DATASET is a folder that python -m prefilter made. SOURCE is read with the options in DATASET/options.json.
    """
    other_hint = f'its page is made by python -m metrics.run_report {shlex.quote(dataset)}'
    check_kind(dataset, DATASET, 'name a folder that python -m prefilter made', RUN, other_hint)
    options = read_options(dataset)
    if SYNTHETIC in options:
        raise UserError(
            f'{dataset} is a synthetic set, whose page python -m synthesis generate has made: name a folder that '
            'python -m prefilter made.'
        )
    if source is None and options.get('source') == LFW_SUBSET:
        source = LFW_SUBSET
    if source not in (None, LFW_SUBSET) and not os.path.exists(source):
        raise click.BadParameter(f'{source} does not exist.', param_hint="'--source'")
    photographs = None if source is None else _open(source, options, dataset)
    load = decode_as_reference if options.get('reference-loader') else decode
    if options.get('max-pixels'):
        load = functools.partial(load, max_pixels=options['max-pixels'])
    total = None if photographs is None else len(photographs.paths)
    progress = functools.partial(Progress, desc='Reading the manifest', unit=' images', total=total, file=sys.stderr)
    summary = summarise(dataset, photographs, progress)
    views = None if photographs is None else view_images(photographs, places_to_view(summary), load)
    picture, html = make_report(dataset, dataset, summary, views)
    with disk_errors('written', dataset):
        if photographs is None and not force:
            _check_nothing_is_lost(dataset, html)
        _write(dataset, picture, html)
    click.echo(f'{os.path.join(dataset, REPORT_FILE)} and {DISTRIBUTIONS_FILE} are written.')


def _open(source, options, dataset):
    layout = options.get('format')
    return open_source(source, layout if layout in FORMATS else AUTO, options.get('partition'), leave_out=dataset)


def _check_nothing_is_lost(dataset, html):
    """Refuses to replace a report that was made with the source by one made without it."""
    path = os.path.join(dataset, REPORT_FILE)
    if not os.path.isfile(path):
        return
    with open(path, 'rb') as file:
        before = file.read()
    if _count_thumbnails(before) > _count_thumbnails(html) or any(
        part in before and part not in html for part in NEEDS_SOURCE
    ):
        raise UserError(
            f'{path} shows refused images or identities that a report without the photographs would lose: name the '
            'photographs with --source, or replace the report with --force.'
        )


def _count_thumbnails(html):
    return html.count(b'<img src="data:image/jpeg')


if __name__ == '__main__':
    main(prog_name='python -m prefilter.report')
