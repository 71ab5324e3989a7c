"""What an audit will do: the datasets, checked before the work; its time, memory and disk."""

import json
import os
from time import perf_counter
from typing import Any, Dict, NamedTuple, Optional

import numpy as np

from dnnlib.errors import UserError
from dnnlib.exports.card import SUMS_FILE, check_sums
from dnnlib.folders import check_writable
from dnnlib.pages.html_page import bytes_in_words
from dnnlib.records.datasets import open_dataset
from dnnlib.records.names import AUDIT_PAGE, MANIFEST_FILE, OPTIONS_FILE
from dnnlib.records.tfrecords import fingerprint
from dnnlib.util import format_duration
from metrics.arithmetic.pairs import examine_tile
from metrics.arithmetic.tiles import BLOCK, Tile
from synthesis.audit.embeddings import Embed, has_embeddings
from synthesis.audit.looks import Looks
from synthesis.audit.measures import is_measured, seconds_an_image
from synthesis.record import find_record
from synthesis.whole import check_whole

LEAST_PEOPLE = 2
MARGIN = 'margin'  # in the options of the filter: how much it leaves around a face
PROCESS_BYTES = 500 << 20  # of a process that embeds, its network included
NEIGHBOUR_BYTES = 16  # of an image, and again for each threshold: number and score of neighbours


class Part(NamedTuple):
    """A dataset of an audit.

    Attributes:
        path: As the user gave it.
        images: Number of images.
        people: Number of classes of its labels; None without labels.
        shape: (C, H, W).
        fingerprint: Of the images.
    """

    path: str
    images: int
    people: Optional[int]
    shape: tuple
    fingerprint: str

    def __str__(self):
        of_people = '' if self.people is None else f' of {self.people:,} people'
        return f'{self.path}, {self.images:,} images{of_people}'


class Plan(NamedTuple):
    """An audit that was checked.

    Attributes:
        source, training, held_out: `Part`s; the last two may be None.
        record: Of a synthetic set, as from `synthesis.record.read_record`; None for other datasets.
        sums: {path: SHA-256} of the files of a synthetic set that were read and found as they should be.
    """

    source: Part
    training: Optional[Part]
    held_out: Optional[Part]
    record: Optional[Dict[str, Any]]
    sums: Dict[str, str]

    @property
    def parts(self):
        """Those that are there."""
        return [part for part in (self.source, self.training, self.held_out) if part is not None]


def plan_audit(options):
    """Checks everything that can be checked before the work.

    Args:
        options: `synthesis.audit.options.AuditOptions`.

    Returns:
        `Plan`.

    Raises:
        UserError: A dataset is missing, not whole, has changed since it was made, has too few people, or has other
            crops than the set; or the page cannot be written.
    """
    check_writable(os.path.join(options.folder, AUDIT_PAGE))
    source = part_of(options.source)
    people = source.images if source.people is None else source.people
    if people < LEAST_PEOPLE:
        raise UserError(
            f'{options.source} has {people} identity in {source.images:,} images, and an audit compares identities: '
            'name a set with two or more.'
        )
    training, held_out = parts_beside(source, options.training, options.held_out)
    record = find_record(options.source) if os.path.isdir(options.source) else None
    return Plan(source, training, held_out, record, _check_set(options.source, record))


def parts_beside(source, training, held_out):
    """The datasets with which a set is compared.

    Args:
        source: `Part` of the set.
        training, held_out: Paths; None where a dataset is not given.

    Returns:
        (`Part` or None, `Part` or None).

    Raises:
        UserError: A dataset is missing, too small, or has other crops; the message names --training or --held-out.
    """
    training, held_out = (path and part_of(path) for path in (training, held_out))
    for flag, part in (('--training', training), ('--held-out', held_out)):
        if part is not None:
            _check_shape(source, flag, part)
            if part.images < LEAST_PEOPLE:
                raise UserError(f'{flag} {part.path} has {part.images} image: name a dataset with two or more.')
    if training is not None and held_out is not None:
        _check_filter(training.path, held_out.path)
    return training, held_out


def part_of(path):
    """The `Part` of a dataset."""
    with open_dataset(path) as dataset:
        labels = None if dataset.labels is None else dataset.labels.classes()
        people = None if labels is None else len(np.unique(labels))
        return Part(path, dataset.num_images, people, tuple(dataset.shape), fingerprint(dataset))


def _check_shape(source, flag, part):
    if part.shape != source.shape:
        told = [_shape_in_words(*each.shape) for each in (part, source)]
        raise UserError(
            f'{flag} {part.path} has images of {told[0]}, but {source.path} of {told[1]}: embeddings compare only '
            'equal crops, so make the dataset by the filter with which the photographs of the training were made, and '
            f'with --size {source.shape[1]}.'
        )


def _check_filter(training, held_out):
    """Refuses datasets that the filter cut out with other margins, as far as their folders say it."""
    ours, theirs = (_options_of(path).get(MARGIN) for path in (training, held_out))
    if None not in (ours, theirs) and ours != theirs:
        raise UserError(
            f'--held-out {held_out} was made with --{MARGIN} {theirs}, but --training {training} with {ours}: '
            'embeddings compare only equal crops, so make both by the same filter.'
        )


def _options_of(path):
    try:
        with open(os.path.join(path, OPTIONS_FILE), encoding='utf-8') as file:
            found = json.load(file)
    except (OSError, ValueError, RecursionError):
        return {}  # a dataset of another program, or one .zip
    return found if isinstance(found, dict) else {}


def _shape_in_words(channels, side, _):
    return f'{side}x{side} px, {"grey" if channels == 1 else "RGB"}'


def _check_set(folder, record):
    """Checks a synthetic set by its own records. Returns {path: SHA-256} of the files that were read."""
    if record is None:
        return {}
    check_whole(folder, record)
    if not os.path.exists(os.path.join(folder, SUMS_FILE)):
        raise UserError(f'{folder} has no {SUMS_FILE}, so nobody can say whether it has changed: restore it.')
    zips = sorted(name for name in os.listdir(folder) if name.endswith('.zip') and name[:-4].isdigit())
    return check_sums(folder, [*zips, MANIFEST_FILE, OPTIONS_FILE])


# ----------------------------------------------------------------------------------------------------------------------
# Time and memory.


def costs_in_words(plan, options, embedding, processes, cluster=None):
    """Sentences about time, memory and disk: a list of str.

    Embeds a few images, if there are images without embeddings; this shows errors of the embedding too.
    """
    told = [f'To audit: {plan.source}.']
    for what, part in (('Training set', plan.training), ('Held-out people', plan.held_out)):
        told.append(f'{what}: {part}.' if part else f'{what}: not given.')
    missing = [part for part in plan.parts if not has_embeddings(part.fingerprint, embedding)]
    if missing:
        told.append(_embedding_in_words(missing, embedding, processes, cluster))
    unseen = [part for part in plan.parts if not is_measured(part.fingerprint, Looks(part.shape))]
    if unseen:
        told.append(f'To look at with the face detector: {sum(part.images for part in unseen):,} images.')
    pairs = _pairs(plan, options.rows)
    told.append(
        f'To compare: up to {pairs:,} pairs, about '
        f'{format_duration(pairs * _seconds_a_pair(embedding.size) / processes.count)}.'
    )
    most = max(part.images for part in plan.parts)
    leading = most * (4 * embedding.size + 2 * NEIGHBOUR_BYTES * 8)
    disk = sum(part.images for part in plan.parts) * 4 * embedding.size
    told.append(
        f'Memory: about {bytes_in_words(PROCESS_BYTES)} in each process, and {bytes_in_words(leading)} in one. Disk: '
        f'about {bytes_in_words(disk)} in the cache for embeddings.'
    )
    return told


def _embedding_in_words(missing, embedding, processes, cluster):
    count = sum(part.images for part in missing)
    told = f'To embed: {count:,} images with {embedding.title}'
    if cluster is not None:
        return f'{told}, on the cluster.'
    seconds = seconds_an_image(missing[0].path, Embed(embedding), processes)
    time = format_duration(count * seconds / processes.count)
    words = 'one process' if processes.count == 1 else f'{processes.count} processes'
    return f'{told}, about {time} with {words} ({seconds:.2g} s an image in one that works alone).'


def _pairs(plan, rows):
    def within(count):
        return count * min(rows, count) if rows else count * (count - 1) // 2

    people = plan.source.people or plan.source.images
    total = within(people)
    for part in (plan.training, plan.held_out):
        total += within(part.images) if part else 0
    if plan.training:
        total += min(people, rows or people) * plan.training.images
        if plan.held_out:
            total += min(plan.held_out.images, rows or plan.held_out.images) * plan.training.images
    return total


def _seconds_a_pair(size):
    vectors = np.random.RandomState(0).randn(BLOCK, size).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True) * 1.00001
    tile = Tile(0, BLOCK, 0, BLOCK)
    times = []
    for _ in range(2):  # the first one wakes the BLAS
        started = perf_counter()
        examine_tile(vectors, vectors, tile, [0.9], False)
        times.append(perf_counter() - started)
    return min(times) / BLOCK**2
