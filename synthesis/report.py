"""The page about a finished set: a wall of identities, what the detector found, how it was made, how to use it."""

import collections
import json
import os
import shlex

import numpy as np

from dnnlib.exports.card import CARD_FILES
from dnnlib.files import atomic_write
from dnnlib.pages import charts
from dnnlib.pages.gallery import thumbnail
from dnnlib.pages.html_page import page
from dnnlib.records.names import MANIFEST_FILE, OPTIONS_FILE, REPORT_FILE
from synthesis.maker import NO_FACE
from synthesis.prune.choice import MEANINGS, REMOVED_FILE
from synthesis.record import PRUNED, read_record

TEMPLATE = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'report.html')
SINGLE = 60  # images that are shown of a set with one image for each identity
PEOPLE, PICTURES = 24, 8  # identities that are shown, and images of each
SCORE_STEPS = 1000  # scores are counted in bars of 1 / SCORE_STEPS
BARS = 20  # of a chart


def write_report(folder, target, images):
    """Writes `report.html` into the folder of a set. The same set gives the same bytes.

    Args:
        folder: With the images, `manifest.jsonl` and `options.json`.
        target: The path by which a person knows that folder, when it is still to be renamed.
        images: The set's `synthesis.images.ZipImages`.

    Raises:
        OSError: The file cannot be written.
    """
    record = read_record(folder)
    summary = _summarise(folder)
    starts = np.flatnonzero(np.diff(images.labels, prepend=-1))  # the first image of each identity
    counts, pruned = np.diff(starts, append=images.count), record.get(PRUNED)
    html = page(
        TEMPLATE,
        name=os.path.basename(os.path.abspath(target)),
        images=record['images'],
        identities=len(starts),
        per_identity=_range_of(counts),
        side=images.shape[1],
        network=record['network'],
        refused=summary.refused,
        no_face=NO_FACE,
        has_faces=bool(summary.sizes),
        walls=_walls(images, starts, counts),
        most_pictures=PICTURES,
        pruned=pruned,
        reasons=[] if pruned is None else _reasons(pruned),
        charts=_charts(summary, images.shape[1]),
        options=[(f'--{name}', value) for name, value in record['options'].items() if name != 'network'],
        prune_options=[] if pruned is None else [(f'--{name}', value) for name, value in pruned['options'].items()],
        data=shlex.quote(_known_as(target)),
        manifest=MANIFEST_FILE,
        removed=REMOVED_FILE,
        files=_files(folder),
    )
    with atomic_write(os.path.join(folder, REPORT_FILE)) as file:
        file.write(html)


class _Summary:
    """Counts over a manifest; its size does not matter for memory."""

    def __init__(self):
        self.refused, self.scores, self.sizes = 0, collections.Counter(), collections.Counter()

    def add(self, line):
        self.refused += line.get('refused', 0)
        if line.get('box'):
            left, top, right, bottom = line['box']
            self.scores[int(line['score'] * SCORE_STEPS) / SCORE_STEPS] += 1
            self.sizes[round(max(right - left, bottom - top))] += 1


def _summarise(folder):
    summary = _Summary()
    with open(os.path.join(folder, MANIFEST_FILE), encoding='utf-8') as file:
        for line in file:
            summary.add(json.loads(line))
    return summary


def _range_of(counts):
    """'5', or '3 to 5' if identities have different numbers of images."""
    least, most = int(counts.min()), int(counts.max())
    return f'{most:,}' if least == most else f'{least:,} to {most:,}'


def _reasons(pruned):
    """List of (reason, what it means, images taken out, identities taken out)."""
    gone = pruned['identities taken out']
    return [
        (reason, MEANINGS[reason], count, gone.get(reason, 0)) for reason, count in pruned['images taken out'].items()
    ]


def _walls(images, starts, counts):
    """List of (identity or None, thumbnails with names): one row for each identity, or all images in one."""
    if counts.max() == 1:
        return [(None, [_shown(images, place) for place in _evenly(images.count, SINGLE)])]
    walls = []
    for person in _evenly(len(starts), PEOPLE):
        start = int(starts[person])
        shown = range(start, start + min(int(counts[person]), PICTURES))
        walls.append((images.identity(start), [_shown(images, place) for place in shown]))
    return walls


def _evenly(count, most):
    return np.linspace(0, count - 1, min(count, most)).round().astype(int).tolist()


def _shown(images, place):
    pixels = images.read(place)
    rgb = np.broadcast_to(pixels, (3, *pixels.shape[1:])).transpose(1, 2, 0)
    return thumbnail(np.ascontiguousarray(rgb)), str(place)


def _charts(summary, side):
    if not summary.sizes:
        return []
    drawn = []
    for title, counter, first, last in (
        ('Longer side of the face, px', summary.sizes, 0, max(side, *summary.sizes)),
        ('Score of the face', summary.scores, min(summary.scores), 1),
    ):
        edges = np.linspace(first, last, BARS + 1) if last > first else np.linspace(first - 1, first, BARS + 1)
        heights = np.histogram([*counter], edges, weights=[*counter.values()])[0]
        ticks = [(edge, f'{edge:g}' if last > 2 else f'{edge:.3f}') for edge in edges[:: BARS // 4]]
        bars = charts.Bars(f'{sum(counter.values()):,} images', (100 * heights / heights.sum()).tolist(), 0)
        drawn.append(charts.histogram(title, edges.tolist(), ticks, [bars]))
    return drawn


def _known_as(target):
    """The path to type in the project's folder; a page names a set that lies elsewhere by its name alone."""
    relative = os.path.relpath(target)
    return os.path.join('datasets', os.path.basename(relative)) if relative.startswith(os.pardir) else relative


def _files(folder):
    """List of (name, content, bytes) of the files and folders of a set, except the page."""
    known = {MANIFEST_FILE: 'a line for each image', OPTIONS_FILE: 'how it was made', 'w': 'w of each image'}
    known.update(
        {
            'refused': 'refused images',
            REMOVED_FILE: 'what was taken out, and why',
            **dict.fromkeys(CARD_FILES, 'the card'),
        }
    )
    names = sorted(os.listdir(folder))
    zips = [name for name in names if name.endswith('.zip')]
    files = [(f'{zips[0]} … {zips[-1]}' if len(zips) > 1 else zips[0], 'the images', _bytes(folder, zips))]
    for name in names:
        if name not in zips and name != REPORT_FILE and not name.startswith('.'):
            files.append((name, known.get(name, 'an export'), _bytes(folder, [name])))
    return files


def _bytes(folder, names):
    total = 0
    for name in names:
        path = os.path.join(folder, name)
        if os.path.isdir(path):
            total += _bytes(path, os.listdir(path))
        else:
            total += os.path.getsize(path)
    return total
