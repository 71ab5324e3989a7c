"""From finished shards to a dataset: survey of all images, records, labels, manifest.

The verdicts are read twice. The first reading shows which images are accepted and which are copies. The second writes
the manifest, whose lines need that: they have the numbers of records and the originals of copies.
"""

import collections
import functools
import json
import os
import sys

import numpy as np

from dnnlib.errors import UserError
from dnnlib.jobs.shards import SHARD_IMAGES, read_verdicts, read_view, shard_path
from dnnlib.jobs.tasks import WriteRecords
from dnnlib.progress import Progress
from dnnlib.records.names import MANIFEST_FILE
from dnnlib.records.tfrecords import allocate_records, write_labels
from prefilter.reasons import REASONS, WITHOUT_PIXELS
from prefilter.shards import VERDICT_FIELDS, read_crop
from prefilter.summary import Summary

MANIFEST_FIELDS = [*VERDICT_FIELDS, 'index', 'duplicate_of']
RECORDS_AT_ONCE = 256  # number of records in a task
ACCEPTED = 0  # code of an image; 1 and more are the reasons, in their order
DIGEST = np.dtype('>u8')  # two of them begin a SHA-256: enough to tell images apart


class Survey:
    """The results of all images of a source, from its shard files. It takes 22 bytes of memory an image, at most 41.

    Args:
        folder: Folder with the files of all shards.
        shards: As from `prefilter.shards.plan_shards`.
        drop_duplicates: Whether an image with the same bytes as an earlier one is refused.
        choices: As from `prefilter.subset.choices_of`; without any, all accepted images are taken.

    Attributes:
        accepted: int64, places of accepted images.
        showable: int64, places of refused images that have pixels.
        reasons: Counter of the reasons of all refused images.
        copies, originals: int64, places of images with the same bytes as an earlier one, and for each the place of the
            first such image.

    Raises:
        UserError: A shard file is damaged; it has been removed, so that the next run makes it again.
    """

    def __init__(self, folder, shards, drop_duplicates, choices=()):
        self._folder, self._shards, self._drop = folder, shards, drop_duplicates
        codes, digests = np.zeros(shards.num_images, np.uint8), np.zeros([shards.num_images, 2], np.uint64)
        scores = np.full(shards.num_images, np.nan, np.float32)
        self._read(codes, digests, scores)
        self._crops_before = np.zeros(len(shards) + 1, np.int64)
        np.cumsum(np.add.reduceat(codes == ACCEPTED, range(0, len(codes), SHARD_IMAGES)), out=self._crops_before[1:])
        places = np.flatnonzero(codes == ACCEPTED)
        self.copies, self.originals = find_copies(digests)
        if drop_duplicates:
            codes[self.copies] = 1 + list(REASONS).index('duplicate')
        for reason, choose in choices:
            candidates = np.flatnonzero(codes == ACCEPTED)
            codes[candidates[~choose(candidates, scores)]] = 1 + list(REASONS).index(reason)
        self._codes = codes
        kept = codes[places] == ACCEPTED
        self._crops, self.accepted = np.flatnonzero(kept), places[kept]
        counts = dict(zip(REASONS, np.bincount(codes, minlength=1 + len(REASONS))[1:].tolist()))
        self.reasons = collections.Counter({reason: count for reason, count in counts.items() if count})
        pixels = [1 + number for number, reason in enumerate(REASONS) if reason not in WITHOUT_PIXELS]
        self.showable = np.flatnonzero(np.isin(codes, pixels))

    def _read(self, codes, digests, scores):
        place, by_reason = 0, {None: ACCEPTED, **{reason: code for code, reason in enumerate(REASONS, 1)}}
        for number in _shown(range(len(self._shards)), 'Collecting'):
            for verdict in self._verdicts(number):
                codes[place] = by_reason[verdict['reason']]
                if verdict['score'] is not None:
                    scores[place] = verdict['score']
                if verdict['sha256'] is not None:
                    digests[place] = np.frombuffer(bytes.fromhex(verdict['sha256'][:32]), DIGEST)
                place += 1

    def _verdicts(self, number):
        path = shard_path(self._folder, number)
        try:
            verdicts = read_verdicts(path)
            if len(verdicts) != self._shards[number].stop - self._shards[number].start:
                raise ValueError('it has too few lines')
            unknown = {verdict['reason'] for verdict in verdicts} - {None, *REASONS}
            if unknown:
                raise ValueError(f'this version knows no reason {unknown.pop()!r} to refuse an image')
        except (ValueError, KeyError, TypeError) as error:
            os.remove(path)
            raise UserError(
                f'{path} was damaged ({error}) and is removed: the same command examines its images again.'
            ) from error
        return verdicts

    def crop_of(self, number):
        """Where the crop of accepted image `number` is: (path of the shard file, place in it)."""
        shard = int(self.accepted[number]) // SHARD_IMAGES
        return shard_path(self._folder, shard), int(self._crops[number] - self._crops_before[shard])

    def view_of(self, place):
        """The view of an image that its shard file keeps, as from `dnnlib.jobs.shards.read_view`."""
        return read_view(shard_path(self._folder, place // SHARD_IMAGES), place % SHARD_IMAGES)

    def lines(self, source, order):
        """Yields the manifest's lines, dicts of `MANIFEST_FIELDS`; record i is accepted image `order[i]`."""
        by_code, copies, record = list(REASONS), 0, np.empty(len(order), np.int64)
        record[order] = np.arange(len(order))
        place = number = 0
        for shard in _shown(range(len(self._shards)), 'Writing manifest'):
            for verdict in self._verdicts(shard):
                line = {**verdict, 'index': None, 'duplicate_of': None}
                if copies < len(self.copies) and self.copies[copies] == place:
                    line['duplicate_of'] = source.paths[int(self.originals[copies])]
                    copies += 1
                if number < len(self.accepted) and self.accepted[number] == place:
                    line['index'] = int(record[number])
                    number += 1
                elif line['duplicate_of'] is not None and self._drop:
                    line.update(accepted=False, reason='duplicate')
                elif line['accepted']:
                    line.update(accepted=False, reason=by_code[int(self._codes[place]) - 1])
                yield line
                place += 1


def _shown(numbers, what):
    return Progress(numbers, desc=what, unit=' shards', delay=2, file=sys.stderr)  # delay in s: short runs need no bar


def find_copies(digests):
    """Finds the images with the same bytes as an earlier one.

    Args:
        digests: uint64 [number of images, 2]; zeros for an image whose bytes are unknown.

    Returns:
        (places of the copies, ascending; for each copy the place of the first image with its bytes), int64.
    """
    order = np.lexsort(digests.T)  # stable: the earliest of equal images comes first
    alike = np.empty(len(order), bool)
    alike[:1] = False
    alike[1:] = (digests[order[1:]] == digests[order[:-1]]).all(axis=1)
    alike &= digests[order].any(axis=1)
    first = np.maximum.accumulate(np.where(alike, 0, np.arange(len(order))))[alike]
    copies, originals = order[alike], order[first]
    sort = np.argsort(copies)
    return copies[sort], originals[sort]


def merge_records(survey, folder, name, options, order, labels, workers):
    """Writes records and labels.

    Args:
        survey: A `Survey`.
        folder: Of the dataset, empty.
        name: Prefix of its files.
        options: `prefilter.options.DatasetOptions`.
        order: int64 [number of accepted images]; record i is accepted image `order[i]`.
        labels: [number of accepted images, label size] in the order of the images, or None.
        workers: Open `dnnlib.jobs.workers.Workers`.
    """
    count, shape = len(order), (3, options.size, options.size)
    read = functools.partial(read_crop, options=options)
    allocate_records(folder, name, shape, count)
    if labels is not None:
        write_labels(folder, name, labels[order])
    tasks = (
        WriteRecords(folder, name, start, [*map(survey.crop_of, order[start : start + RECORDS_AT_ONCE])], read, shape)
        for start in range(0, count, RECORDS_AT_ONCE)
    )
    with Progress(total=count, desc='Writing records', unit=' images', file=sys.stderr) as bar:
        for _, written in workers.run(tasks):
            bar.update(written)


def merge_manifest(survey, folder, source, order):
    """Writes the manifest; arguments as for `merge_records`. Returns the `prefilter.summary.Summary` of its lines."""
    summary = Summary(source.has_identities)
    with open(os.path.join(folder, MANIFEST_FILE), 'w', encoding='utf-8') as file:
        for place, line in enumerate(survey.lines(source, order)):
            file.write(json.dumps(line) + '\n')
            summary.add(line, source.known_identity(place))
    return summary
