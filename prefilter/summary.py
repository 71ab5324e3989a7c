"""Counts over a manifest, and a few of its lines to show. It is read once, and its size does not matter for memory."""

import collections
import heapq

from dnnlib.errors import UserError
from dnnlib.pages.gallery import COLUMNS, ROWS, choose_evenly
from dnnlib.records.manifest import read_manifest

ACCEPTED, REFUSED = 'accepted', 'refused'
SAMPLES = COLUMNS * ROWS
SCORE_STEPS = 100000  # scores are rounded down to 1 / SCORE_STEPS, so that there are few different ones
# Quantity of a photograph -> what it is.
QUANTITIES = {
    'face': 'Longer side of the face, px',
    'score': 'Score of the face',
    'photograph': 'Shorter side of the photograph, px',
    'faces': 'Faces in the photograph',
}
# The smallest number of images in each group of identities.
GROUPS = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


class Samples:
    """Keeps a few of very many things, evenly spaced; it need not know in advance how many there are."""

    def __init__(self):
        self._kept, self._seen, self._step = [], 0, 1

    def add(self, thing):
        """Takes the next thing."""
        if self._seen % self._step == 0:
            self._kept.append(thing)
            if len(self._kept) == 2 * SAMPLES:
                self._kept, self._step = self._kept[::2], 2 * self._step
        self._seen += 1

    def chosen(self):
        """List of at most `SAMPLES` of the things, in their order."""
        return [self._kept[index] for index in choose_evenly(len(self._kept))]


class Summary:
    """Counts over the lines of a manifest.

    Attributes:
        total: Number of photographs.
        accepted: Number of accepted photographs.
        copies: Number of photographs that have the same bytes as an earlier one.
        reasons: Counter of the reasons of the refused photographs.
        values: Quantity of `QUANTITIES` -> 'accepted' or 'refused' -> Counter of values.
        samples: 'accepted' or a reason -> `Samples` of (place, line).
        identities: Counter of the accepted images of each identity, which may be 0; None if identities are unknown.
    """

    def __init__(self, has_identities):
        self.total = self.accepted = self.copies = 0
        self.reasons = collections.Counter()
        self.values = {name: {ACCEPTED: collections.Counter(), REFUSED: collections.Counter()} for name in QUANTITIES}
        self.samples = collections.defaultdict(Samples)
        self.identities = collections.Counter() if has_identities else None

    def add(self, verdict, identity=None):
        """Counts one line; `identity` is who is in the picture, or None. Raises TypeError, ValueError or KeyError."""
        accepted = verdict['accepted']
        if not isinstance(verdict['path'], str) or accepted and not isinstance(verdict['index'], int):
            raise TypeError('its path or its index')
        self.samples[ACCEPTED if accepted else verdict['reason']].add((self.total, verdict))
        self.total += 1
        self.accepted += accepted
        self.copies += verdict.get('duplicate_of') is not None
        if not accepted:
            self.reasons[verdict['reason']] += 1
        for name, value in _measure(verdict):
            self.values[name][ACCEPTED if accepted else REFUSED][value] += 1
        if self.identities is not None and identity is not None:
            self.identities[identity] += accepted

    def largest_identities(self, count):
        """List of (identity, number of accepted images): the largest first; equal numbers by name."""
        return heapq.nsmallest(count, self.identities.items(), key=lambda item: (-item[1], str(item[0])))

    def identity_groups(self):
        """List of (first, last number of images, number of identities with so many), up to the largest identity."""
        sizes = collections.Counter(self.identities.values())
        groups = []
        for first, following in zip(GROUPS, [*GROUPS[1:], float('inf')]):
            last = min(following - 1, max(sizes))
            if first <= last:
                groups.append((first, last, sum(sizes[size] for size in sizes if first <= size <= last)))
        return groups


def summarise(folder, source=None, progress=iter):
    """Reads a dataset's manifest.

    Args:
        folder: The dataset's folder.
        source: The `prefilter.sources.source.Source` that it was made of, or None.
        progress: Wraps the iterator of lines, to show how far it is.

    Returns:
        A `Summary`.

    Raises:
        UserError: The manifest is missing or damaged, or says that the dataset was made of something else.
    """
    has_identities = getattr(source, 'has_identities', False)
    summary = Summary(has_identities)
    for place, verdict in enumerate(progress(read_manifest(folder))):
        if source is not None and (place >= len(source.paths) or source.paths[place] != verdict.get('path')):
            raise UserError(
                f'{folder} was not made of this source: photograph {place + 1} of it was {verdict.get("path")!r}; '
                'name the photographs that it was made of with --source.'
            )
        try:
            summary.add(verdict, source.known_identity(place) if has_identities else None)
        except (TypeError, ValueError, KeyError) as error:
            raise UserError(f'The manifest of {folder} is damaged in line {place + 1}: make it anew.') from error
    if not summary.accepted:
        raise UserError(f'The manifest of {folder} has no accepted image: make the dataset anew.')
    return summary


def quantiles(values, shares):
    """The values below which the given shares of a Counter of numbers lie: list, of numbers that are in it."""
    found, total, below = [], sum(values.values()), 0
    ordered = iter(sorted(values))
    value = None
    for share in shares:
        while value is None or below < share * total:
            value = next(ordered)
            below += values[value]
        found.append(value)
    return found


def _measure(verdict):
    """Yields (quantity, value) for all that is known about a photograph."""
    if verdict.get('box'):
        left, top, right, bottom = verdict['box']
        yield 'face', round(max(right - left, bottom - top))
    if verdict.get('score') is not None:
        yield 'score', int(verdict['score'] * SCORE_STEPS) / SCORE_STEPS
    if verdict.get('width'):
        yield 'photograph', min(verdict['width'], verdict['height'])
    if verdict.get('faces') is not None:
        yield 'faces', int(verdict['faces'])
