"""What a study of variations writes: numbers as JSON, and a page."""

import json
import os

import numpy as np
from tabulate import tabulate

from dnnlib.errors import disk_errors
from dnnlib.files import atomic_write
from dnnlib.pages import charts
from dnnlib.pages.gallery import thumbnail
from dnnlib.pages.html_page import page
from synthesis.study.variation import QUANTILES

NUMBERS_FILE, PAGE_FILE = 'variation.json', 'variation.html'
TEMPLATE = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'variation.html')
JUDGED_AT = 1e-3  # false accept rate
TRUSTED = 0.05  # share of different identities that may count as one person
FARS = (1e-2, JUDGED_AT, 1e-4)
BARS = 40
TITLES = ['pairs', 'mean', '5 %', 'median', '95 %', 'same person', 'change']


def levels_of(thresholds):
    """The thresholds that a study uses, by falling FAR: the one of `JUDGED_AT`, and of `FARS` those that were observed.

    Args:
        thresholds: `metrics.features.known_thresholds.Thresholds`.

    Raises:
        UserError: There is none for `JUDGED_AT`.
    """
    others = [each for each in thresholds.observed if each.far in FARS and each.far != JUDGED_AT]
    return sorted([thresholds.at(JUDGED_AT), *others], key=lambda each: -each.far)


def rows_of(record):
    """The rows of the table, lists of text: each setting, then photographs of real people."""
    rows = []
    for each in [*record['settings'], record['different'], *record['real']]:
        change = '–' if each['change'] is None else f'{each["change"]:.2f}'
        numbers = [each['mean'], *each['quantiles'].values()]
        shown = ['–' if number is None else f'{number:.3f}' for number in numbers]
        rows.append([each['name'], *shown, f'{100 * each["reaching"][f"{JUDGED_AT:g}"]:.1f} %', change])
    return rows


def remarks_of(record):
    """Sentences about what makes the numbers mean less."""
    share = record['different']['reaching'][f'{JUDGED_AT:g}']
    if share <= TRUSTED:
        return []
    return [
        f'Of the pairs of different identities, {100 * share:.1f} % count as one person, too: the network makes '
        'look-alikes, or its images are unlike the photographs that the thresholds were measured on. So “same person” '
        'says little here.'
    ]


def table_of(record):
    """The table as text."""
    rows = [TITLES, *rows_of(record)]
    table = tabulate(rows, tablefmt='plain', colalign=['left'] + 6 * ['right'], disable_numparse=True)
    return '\n'.join([table, *record['remarks']])


def write_variation(folder, network, options, variants, embedding, thresholds, levels, found, photographs, remarks):
    """Writes `variation.json` and `variation.html`.

    Args:
        folder: Existing folder.
        network: `synthesis.source.NetworkSource`.
        options: `synthesis.options.GenerateOptions` of the bases.
        variants: Number of variants of each identity in each setting.
        embedding: `metrics.features.embeddings.Embedding`.
        thresholds: `metrics.features.known_thresholds.Thresholds`.
        levels: As from `levels_of`.
        found: `synthesis.study.variation.Found`.
        photographs: `synthesis.study.variation.Scores` of real people; None if none were given.
        remarks: Sentences for the page, beside those of `remarks_of`.

    Returns:
        What is written as JSON.

    Raises:
        UserError: The disk refuses.
    """
    real = [_known(levels, thresholds)] + ([] if photographs is None else [photographs.record(levels)])
    record = {
        'network': {'name': network.name, 'sha256': network.sha256},
        'identities': options.identities,
        'variants': variants,
        'options': {name: getattr(options, name) for name in ('psi', 'seed', 'minibatch')},
        'embedding': {'title': embedding.title, 'identity': embedding.identity},
        'thresholds': {'source': thresholds.source, 'cosines': {f'{each.far:g}': each.cosine for each in levels}},
        'settings': [each.record(levels) for each in found.scores],
        'different': found.different.record(levels),
        'real': real,
    }
    record['remarks'] = [*remarks, *remarks_of(record)]
    html = page(
        TEMPLATE,
        record=record,
        titles=TITLES,
        rows=rows_of(record),
        far=JUDGED_AT,
        cosine=record['thresholds']['cosines'][f'{JUDGED_AT:g}'],
        charts=[_chart(each, photographs) for each in found.scores],
        bases=_thumbnails(found.bases),
        walls=[(each.name, _thumbnails(images)) for each, images in zip(found.scores, found.shown)],
        options=[(f'--{name}', value) for name, value in record['options'].items()],
    )
    with disk_errors('written', folder, 'or choose another --out'):
        with atomic_write(os.path.join(folder, NUMBERS_FILE), 'w') as file:
            json.dump(record, file, indent=2)
            file.write('\n')
        with atomic_write(os.path.join(folder, PAGE_FILE)) as file:
            file.write(html)
    return record


def _known(levels, thresholds):
    """The row of the people whose photographs the thresholds were measured on: their scores are not kept."""
    return {
        'name': 'photographs of one person, of the thresholds',
        'pairs': thresholds.calibration.mated,
        'mean': None,
        'quantiles': {f'{each:g}': None for each in QUANTILES},
        'reaching': {f'{each.far:g}': each.tar for each in levels},
        'change': None,
    }


def _chart(scores, real):
    edges = np.linspace(-0.2, 1, BARS + 1)
    drawn = [charts.Bars(scores.name, _heights(scores.cosines, edges), 0)]
    if real is not None:
        drawn.append(charts.Bars(real.name, _heights(real.cosines, edges), 1))
    ticks = [(fifth / 5, f'{fifth / 5:g}'.replace('-', '−')) for fifth in range(-1, 6)]
    return charts.histogram(f'Scores: {scores.name}, % of pairs', edges.tolist(), ticks, drawn)


def _heights(cosines, edges):
    return (100 * np.histogram(np.clip(cosines, edges[0], edges[-1]), edges)[0] / len(cosines)).tolist()


def _thumbnails(images):
    shown = []
    for identity, pixels in enumerate(images):
        rgb = np.broadcast_to(pixels, (3, *pixels.shape[1:])).transpose(1, 2, 0)
        shown.append((thumbnail(np.ascontiguousarray(rgb)), str(identity)))
    return shown
