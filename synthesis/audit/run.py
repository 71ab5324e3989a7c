"""Audits a set: measures, compares, and writes the page, the numbers and the card."""

import contextlib
import functools
import json
import os
import sys
from typing import Dict, NamedTuple, Optional, Sequence

import numpy as np

from dnnlib.errors import UserError, disk_errors
from dnnlib.exports.card import SUMS_FILE, write_card
from dnnlib.files import atomic_write
from dnnlib.progress import Progress
from dnnlib.random_streams import AUDIT_ROWS
from dnnlib.records.names import AUDIT_FILE, AUDIT_PAGE
from metrics.arithmetic.pairs import Neighbours
from metrics.arithmetic.row_sampling import sample_rows
from metrics.features.known_thresholds import thresholds_for
from synthesis.audit.comparisons import Selected, compare
from synthesis.audit.features import COLUMN, ONetFeatures
from synthesis.audit.lookalikes import Crowd, Sample
from synthesis.audit.looks import Looks
from synthesis.audit.measures import column_path, measured
from synthesis.audit.page import write_page
from synthesis.audit.plan import costs_in_words, plan_audit
from synthesis.audit.report import report_of
from synthesis.audit.subjects import Subjects, open_subjects
from synthesis.audit.words import findings_in_words
from synthesis.card import audited_card

LARGEST_FAR = 1e-2  # of the thresholds that are used
KEEP_BACK = (
    f'{AUDIT_PAGE} shows photographs of real people, and {AUDIT_FILE} names their files: before you give the set away, '
    f'remove both, and their lines in {SUMS_FILE}.'
)


def audit_set(options, embedding, processes, cluster=None):
    """Audits a set. What is measured is kept in the cache, so a run that was stopped goes on.

    Args:
        options: `synthesis.audit.options.AuditOptions`, not refused by `check_audit_options`.
        embedding: `metrics.features.embeddings.Embedding`.
        processes: `synthesis.generate.Processes`.
        cluster: `dnnlib.jobs.beam_runner.Cluster` that embeds and compares instead; or None.

    Returns:
        What was found, in sentences, and what to do before the set is given away: a list of str.

    Raises:
        UserError: A dataset is not as it must be, there are no thresholds, or the disk refuses; nothing is written.
        KeyboardInterrupt, SystemExit: Passed on.
    """
    plan = plan_audit(options)
    levels, source = levels_of(options, embedding, plan.source.shape[1])
    for sentence in costs_in_words(plan, options, embedding, processes, cluster):
        Progress.write(sentence, file=sys.stderr)
    with contextlib.ExitStack() as opened:
        material = _measure(options, embedding, levels, processes, cluster, opened)
        report = report_of(plan, options, embedding, levels, source, material)
        told = findings_in_words(report)
        _write(plan, options, report, material, told)
    is_in_set = plan.record is not None and options.out is None
    return [*told, KEEP_BACK] if is_in_set and plan.training is not None else told


def levels_of(options, embedding, side):
    """The thresholds of an audit.

    Returns:
        (dicts with `far`, `cosine`, `interval` and `observed`, by falling FAR; where they come from, a sentence).
    """
    known = thresholds_for(embedding, side, options.calibration)
    levels = [
        {'far': each.far, 'cosine': each.cosine, 'interval': [each.low, each.high], 'observed': each.is_observed}
        for each in known.calibration.thresholds
        if each.far <= LARGEST_FAR and (each.is_observed or options.extrapolate)
    ]
    if not levels:
        raise UserError(
            f'{options.calibration} has no threshold for a FAR of {LARGEST_FAR:g} or less: measure on more images with '
            f'python -m synthesis calibrate, or add --extrapolate.'
        )
    return sorted(levels, key=lambda level: -level['far']), known.source


class Material(NamedTuple):
    """What was measured.

    Attributes:
        source: The set, open.
        crowd: `Crowd` of its people; of its first ones, if there is a sample.
        sample: `Sample` of its people, each compared with all; None without `--rows`.
        chosen: int64: the images of the set that are compared with training images, one for each identity.
        real_part, real: A dataset with labels, and the `Crowd` of its people; or None.
        looks, features: Of the set, the training set and the held-out people, as far as they are there: dicts of
            arrays, and arrays. No features without a training set.
        training, held_out: Open; or None.
        held_out_chosen: As `chosen`, of the held-out people.
        leaks, held_out_leaks: `Neighbours` of the chosen images among the training images.
        training_leaks: `Neighbours` of the training images among each other.
    """

    source: Subjects
    crowd: Crowd
    sample: Optional[Sample]
    chosen: np.ndarray
    real_part: Optional[Subjects]
    real: Optional[Crowd]
    looks: Sequence[Dict[str, np.ndarray]] = ()
    features: Sequence[np.ndarray] = ()
    training: Optional[Subjects] = None
    held_out: Optional[Subjects] = None
    held_out_chosen: Optional[np.ndarray] = None
    leaks: Optional[Neighbours] = None
    held_out_leaks: Optional[Neighbours] = None
    training_leaks: Optional[Neighbours] = None


def _measure(options, embedding, levels, processes, cluster, opened):
    """`Material`; its datasets are closed by `opened`."""
    source, training, held_out = (
        path and opened.enter_context(open_subjects(path, embedding, processes, cluster))
        for path in (options.source, options.training, options.held_out)
    )
    pairs = _Pairs(embedding, [level['cosine'] for level in levels], options.rows, processes, cluster)
    crowd, sample, chosen = pairs.people(source)
    real_part = _most_people(training, held_out)
    material = Material(source, crowd, sample, chosen, real_part, real_part and pairs.real_people(real_part))
    parts = [part for part in (source, training, held_out) if part is not None]
    looks = [_columns(part, Looks(tuple(part.embeddings.dataset.shape)), processes, cluster) for part in parts]
    material = material._replace(training=training, held_out=held_out, looks=looks)
    if training is None:
        return material
    if held_out is not None:
        picked = held_out.firsts[: options.rows]
        leaks = pairs.leaks(held_out, picked, training, 'Held-out and training set')
        material = material._replace(held_out_chosen=picked, held_out_leaks=leaks)
    return material._replace(
        leaks=pairs.leaks(source, chosen, training, 'Set and training set'),
        training_leaks=pairs.within(training, 'Training set'),
        features=[_columns(part, ONetFeatures(), processes, cluster)[COLUMN] for part in parts],
    )


class _Pairs:
    """Makes the comparisons of an audit."""

    def __init__(self, embedding, cosines, rows, processes, cluster):
        self._embedding, self._cosines, self._rows = embedding, cosines, rows
        self._compare = functools.partial(compare, processes=processes, cluster=cluster)

    def people(self, source):
        """(`Crowd`, `Sample` or None, the images of the set that are compared with training images)."""
        crowd = self._crowd(source, 'Look-alikes')
        if self._rows is None or self._rows >= source.people:
            return crowd, None, source.firsts
        sampled = sample_rows(source.people, self._rows, np.random.RandomState([AUDIT_ROWS]))
        sample = Sample(self._selected(source, source.firsts), sampled, self._cosines, self._compare)
        return crowd, sample, source.firsts[sampled]

    def real_people(self, part):
        """`Crowd` of real people."""
        return self._crowd(part, 'Real look-alikes')

    def leaks(self, part, places, training, doing):
        """`Neighbours` of some images among the training images."""
        first, second = self._selected(part, places), self._selected(training)
        return self._compare(first, second, self._cosines, np.inf, doing=doing).rows

    def within(self, part, doing):
        """`Neighbours` of all images of a dataset among each other."""
        return self._compare(self._selected(part), None, self._cosines, np.inf, doing=doing).rows

    def _crowd(self, part, doing):
        firsts = part.firsts[: self._rows]
        return Crowd(self._selected(part, firsts), self._cosines, self._compare, doing)

    def _selected(self, part, places=None):
        identity = f'{part.embeddings.fingerprint} {self._embedding.identity}'
        if places is not None and len(places) == part.count:
            places = None
        return Selected(identity, part.embeddings.vectors, places)


def _most_people(training, held_out):
    """The dataset with the most people whose labels say who they are; None if none has two."""
    labelled = [part for part in (training, held_out) if part and part.are_labelled and part.people > 1]
    return max(labelled, key=lambda part: part.people, default=None)


def _columns(part, measure, processes, cluster):
    folder, _ = measured(part.embeddings.path, measure, processes, cluster)
    return {name: np.load(column_path(folder, name), mmap_mode='r') for name in measure.columns}


def _write(plan, options, report, material, told):
    """Writes the page, the numbers and the card, in this order."""
    folder = options.folder
    with disk_errors('written', folder, 'or name another folder with --out'):
        os.makedirs(folder, exist_ok=True)
        write_page(os.path.join(folder, AUDIT_PAGE), report, material)
        with atomic_write(os.path.join(folder, AUDIT_FILE), 'w') as file:
            json.dump(report, file, indent=1, ensure_ascii=False, allow_nan=False)
            file.write('\n')
    if plan.record is not None:
        write_card(
            options.source, audited_card(options.source, material.source.embeddings.dataset.shape, told), plan.sums
        )
