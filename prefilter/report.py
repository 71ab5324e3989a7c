"""The page and the picture about a finished dataset, and `python -m prefilter.report`, which makes them again."""

import functools
import os
import shlex
import sys

import click
from tqdm import tqdm

from dnnlib.errors import UserError
from dnnlib.files import atomic_write
from dnnlib.folder_kinds import DATASET, RUN, check_kind
from dnnlib.pages import html_page as page
from dnnlib.pages.gallery import thumbnail
from dnnlib.records.names import (
    ACCEPTED_FILE,
    DISTRIBUTIONS_FILE,
    MANIFEST_FILE,
    OPTIONS_FILE,
    REJECTED_FILE,
    REPORT_FILE,
)
from dnnlib.records.tfrecords import MultiResolutionDataset
from prefilter.distributions import draw_distributions
from prefilter.export import EXPORTS
from prefilter.images import decode, decode_as_reference
from prefilter.options import read_options
from prefilter.reasons import CRASH, REASONS, WITHOUT_PIXELS
from prefilter.sources import AUTO, FORMATS, LFW_SUBSET, open_source
from prefilter.summary import ACCEPTED, QUANTITIES, REFUSED, quantiles, summarise
from prefilter.views import view_images

NAMED = 12  # refused files without pixels that are named for each reason
LARGEST = 20  # identities that are named
SHARES = (0.05, 0.5, 0.95)  # of which the table of quantities has the values
DARK, NARROW = '(prefers-color-scheme: dark)', '(max-width: 40rem)'  # media queries


def write_report(folder, target, summary, views=None):
    """Writes `report.html` and `distributions.png` into a finished dataset.

    The same dataset and source give the same bytes, on any day and machine.

    Args:
        folder: The dataset's folder, with its records, `manifest.jsonl` and perhaps `options.json`.
        target: The path by which a person knows that folder, when it is still to be renamed.
        summary: The `prefilter.summary.Summary` of its manifest.
        views: As from `prefilter.views.view_images`, of `places_to_view`; None where nobody has the source: the page
            then shows nothing of the refused images but their names.

    Raises:
        UserError: The folder is no whole dataset.
        OSError: The files cannot be written.
    """
    with MultiResolutionDataset(folder) as dataset:
        accepted = [
            (thumbnail(_as_rgb(dataset.read(verdict['index']))), verdict['path'])
            for _, verdict in summary.samples[ACCEPTED].chosen()
        ]
        name, shape = dataset.name, dataset.shape
    with atomic_write(os.path.join(folder, DISTRIBUTIONS_FILE)) as file:
        file.write(draw_distributions(summary))
    files = _dataset_files(folder, name)
    sections = [
        _head(name, shape, summary, sum(size for _, _, size in files)),
        _accepted(accepted, summary),
        *_refused(summary, views),
        _distributions(summary),
        *_identities(summary),
        _next(target),
        *_options(read_options(folder)),
        _files(files),
    ]
    with atomic_write(os.path.join(folder, REPORT_FILE)) as file:
        file.write(page.page(f'Dataset {name}', sections))


def places_to_view(summary):
    """Places of the refused images of which the report shows a view; not of those that kill whoever looks at them."""
    return {
        place
        for reason in summary.reasons
        if reason != CRASH
        for place, _ in summary.samples[reason].chosen()[: NAMED if reason in WITHOUT_PIXELS else None]
    }


def _as_rgb(image):
    return image.repeat(3 // image.shape[0], axis=0).transpose(1, 2, 0)


# ----------------------------------------------------------------------------------------------------------------------
# Sections.


def _head(name, shape, summary, size):
    heading = page.Markup('<h1>{}</h1>').format(page.printable(name))
    refused = summary.total - summary.accepted
    return page.Markup('\n').join(
        [
            heading,
            page.tiles(
                [
                    (f'{summary.total:,}', 'photographs'),
                    (f'{summary.accepted:,}', f'accepted, {_percent(summary.accepted, summary.total)}'),
                    (f'{refused:,}', f'refused, {_percent(refused, summary.total)}'),
                    (f'{summary.copies:,}', 'exact duplicates'),
                    (f'{shape[2]}×{shape[1]}', 'pixels of a crop'),
                    (page.bytes_in_words(size), 'on disk'),
                ]
            ),
        ]
    )


def _accepted(thumbnails, summary):
    return page.section(
        'Accepted',
        page.paragraph(
            '{} of {} crops, evenly chosen, as training sees them.', f'{len(thumbnails):,}', f'{summary.accepted:,}'
        ),
        page.gallery(thumbnails),
    )


def _refused(summary, views):
    if not summary.reasons:
        return
    ordered = sorted(summary.reasons.items(), key=lambda item: (-item[1], item[0]))
    rows = [
        [page.code(reason), count, _percent(count, summary.total), page.bar(count / ordered[0][1])]
        for reason, count in ordered
    ]
    parts = [page.table(['reason', 'photographs', 'of all', ''], rows)]
    samples = {reason: summary.samples[reason].chosen() for reason, _ in ordered}
    for reason, count in ordered:
        parts.append(page.Markup('<h3>{}</h3>').format(reason))
        parts.append(page.paragraph('What it means: {}.', REASONS.get(reason, 'this version does not know it')))
        parts.extend(_refused_part(reason, count, samples[reason], views))
    yield page.section('Refused', *parts)


def _refused_part(reason, count, samples, views):
    seen = [(views.get(place), verdict['path']) for place, verdict in samples] if views is not None else []
    thumbnails = [(view, path) for view, path in seen if view is not None and not isinstance(view, str)]
    if thumbnails and reason not in WITHOUT_PIXELS:
        yield page.paragraph('{} of {}, evenly chosen.', f'{len(thumbnails):,}', f'{count:,}')
        yield page.gallery(thumbnails)
        return
    named = samples[:NAMED]
    yield page.paragraph('{} of {} by name; {} has all of them.', f'{len(named):,}', f'{count:,}', MANIFEST_FILE)
    if views is not None and reason in WITHOUT_PIXELS:
        rows = [
            [page.printable(path), page.printable(view if isinstance(view, str) else '–')]
            for view, path in seen[:NAMED]
        ]
        yield page.table(['file', 'what is wrong with it'], rows)
    else:
        yield page.table(['file'], [[page.printable(verdict['path'])] for _, verdict in named])


def _distributions(summary):
    variants = [
        (media, draw_distributions(summary, columns, dark))
        for media, columns, dark in [
            (f'screen and {DARK} and {NARROW}', 1, True),
            (f'screen and {DARK}', 2, True),
            (NARROW, 1, False),
            (None, 2, False),
        ]
    ]
    return page.section(
        'Distributions',
        page.picture(variants, 'The quantities of the table below as histograms.'),
        _quantity_table(summary),
    )


def _quantity_table(summary):
    rows = []
    for name, title in QUANTITIES.items():
        for kind in (ACCEPTED, REFUSED):
            values = summary.values[name][kind]
            if values:
                rows.append([title, kind, *quantiles(values, SHARES)])
    return page.table(['', '', *(f'{100 * share:g} % below' if share != 0.5 else 'median' for share in SHARES)], rows)


def _identities(summary):
    """Who is in the images; nothing where nobody knows, or where they are of one identity."""
    if summary.identities is None or len(summary.identities) < 2:
        return
    people = sum(1 for count in summary.identities.values() if count)
    groups, largest = summary.identity_groups(), summary.largest_identities(LARGEST)
    most = max(count for _, _, count in groups)
    yield page.section(
        'Identities',
        page.paragraph(
            '{} identities with an accepted image, {} with none, {} images of each on average.',
            f'{people:,}',
            f'{len(summary.identities) - people:,}',
            f'{summary.accepted / people:,.1f}',
        ),
        page.table(
            ['accepted images', 'identities', ''],
            [[_span(first, last), count, page.bar(count / most)] for first, last, count in groups],
        ),
        page.Markup('<h3>{}</h3>').format('Largest'),
        page.table(
            ['identity', 'accepted images', ''],
            [[page.printable(name) or '(no name)', count, page.bar(count / largest[0][1])] for name, count in largest],
        ),
    )


def _next(target):
    data = shlex.quote(_known_as(target))
    return page.section(
        'Train on it',
        page.paragraph('In the project’s folder; {} only says what would be done:', page.code('--dry-run')),
        page.command([f'python train.py --data {data} --dry-run', f'python train.py --data {data}']),
        page.paragraph('With N GPUs add {}. Whether a copy is whole, this says:', page.code('--gpus N')),
        page.command([f'python -m dnnlib.verify {data}']),
    )


def _options(options):
    if options:
        yield page.section(
            'How it was made',
            page.table(
                ['option', 'value'],
                [
                    [page.code(name if name == 'source' else f'--{name}'), page.in_words(value)]
                    for name, value in options.items()
                ],
            ),
        )


def _files(files):
    rows = [[page.code(page.printable(name)), what, page.bytes_in_words(size)] for name, what, size in files]
    return page.section('Files', page.table(['file', 'content', 'size'], rows))


def _percent(part, whole):
    return f'{100 * part / whole:.1f} %'


def _span(first, last):
    return f'{first:,}' if first == last else f'{first:,}–{last:,}'


def _known_as(target):
    """The path to type in the project's folder; of a dataset that lies elsewhere a page says nothing but its name."""
    relative = os.path.relpath(target)
    return os.path.join('datasets', os.path.basename(relative)) if relative.startswith(os.pardir) else relative


def _dataset_files(folder, name):
    """List of (name, what it is, bytes) of the files of a dataset that there are, but for the report."""
    levels = sorted(file for file in os.listdir(folder) if file.endswith('.tfrecords'))
    known = [
        (file, 'records, {0}×{0}'.format(2 ** int(file[-len('NN.tfrecords') : -len('.tfrecords')]))) for file in levels
    ]
    known += [
        (f'{name}-rxx.labels', 'labels'),
        (MANIFEST_FILE, 'a line for each photograph'),
        (OPTIONS_FILE, 'how it was made'),
        (ACCEPTED_FILE, 'samples of accepted crops'),
        (REJECTED_FILE, 'samples of refused photographs'),
        (DISTRIBUTIONS_FILE, 'the picture above'),
    ]
    known += [(form.format(name), 'the crops as PNG files') for form in EXPORTS.values()]
    return [
        (file, what, _size(os.path.join(folder, file)))
        for file, what in known
        if os.path.exists(os.path.join(folder, file))
    ]


def _size(path):
    if not os.path.isdir(path):
        return os.path.getsize(path)
    return sum(os.path.getsize(os.path.join(folder, file)) for folder, _, files in os.walk(path) for file in files)


# ----------------------------------------------------------------------------------------------------------------------
# The verb.


@click.command(epilog='Example: python -m prefilter.report datasets/faces --source photos')
@click.argument('dataset')
@click.option('--source', help='What the dataset was made of; without it no refused image is shown, and no identities.')
def main(dataset, source):
    """Make report.html and distributions.png of a DATASET again.

    DATASET is a folder that python -m prefilter made. SOURCE is read as it was then, says its options.json.
    """
    other_hint = f'its page is made by python -m metrics.run_report {shlex.quote(dataset)}'
    check_kind(dataset, DATASET, 'name a folder that python -m prefilter made', RUN, other_hint)
    options = read_options(dataset)
    if source is None and options.get('source') == LFW_SUBSET:
        source = LFW_SUBSET
    if source not in (None, LFW_SUBSET) and not os.path.exists(source):
        raise click.BadParameter(f'{source} does not exist.', param_hint="'--source'")
    photographs = None if source is None else _open(source, options, dataset)
    load = decode_as_reference if options.get('reference-loader') else decode
    if options.get('max-pixels'):
        load = functools.partial(load, max_pixels=options['max-pixels'])
    try:
        total = None if photographs is None else len(photographs.paths)
        progress = functools.partial(tqdm, desc='Reading the manifest', unit=' images', total=total, file=sys.stderr)
        summary = summarise(dataset, photographs, progress)
        views = None if photographs is None else view_images(photographs, places_to_view(summary), load)
        write_report(dataset, dataset, summary, views)
    except OSError as error:
        raise UserError(f'{dataset} cannot take its report ({error.strerror}): mend that.') from error
    click.echo(f'{os.path.join(dataset, REPORT_FILE)} and {DISTRIBUTIONS_FILE} are written.')


def _open(source, options, dataset):
    format = options.get('format')
    return open_source(source, format if format in FORMATS else AUTO, options.get('partition'), leave_out=dataset)


if __name__ == '__main__':
    main(prog_name='python -m prefilter.report')
