"""Takes out whom the training set has too, and look-alikes: which thresholds, in which order, and what to say of it."""

import contextlib
import functools
import os
from typing import Any, Dict, List, Tuple

from dnnlib.errors import UserError
from metrics.arithmetic.uniqueness import ACCIDENTS, usable_far
from metrics.features.known_thresholds import thresholds_for
from synthesis.audit.comparisons import compare
from synthesis.audit.embeddings import check_same_crops, embeddings_of
from synthesis.prune.choice import Choice
from synthesis.prune.likeness import Likeness
from synthesis.prune.options import PruneOptions
from synthesis.prune.source import SourceSet


def drop_alike(
    source: SourceSet, choice: Choice, options: PruneOptions, embedding: Any, processes: Any, cluster: Any = None
) -> Tuple[Dict[str, Any], List[str]]:
    """Takes out identities like people of the training set, then look-alikes among those that are left.

    Args:
        source: The set.
        choice: Which images stay so far.
        options: `PruneOptions` that compare.
        embedding: `metrics.features.embeddings.Embedding`.
        processes, cluster: As for `synthesis.audit.embeddings.embeddings_of`.

    Returns:
        (what the record keeps: JSON values; warnings for a person).

    Raises:
        UserError: The training set is missing or has other crops, or there are no thresholds.
    """
    with contextlib.ExitStack() as opened:
        ours = opened.enter_context(embeddings_of(source.folder, embedding, processes, cluster))
        if len(ours) != source.count:
            raise UserError(f'{source.folder} has {len(ours):,} images in its .zip files, not {source.count:,}.')
        thresholds = thresholds_for(embedding, ours.side, options.calibration)
        found = {'embedding': embedding.title, 'thresholds': thresholds.source}
        warnings: List[str] = []
        comparing = functools.partial(compare, processes=processes, cluster=cluster)
        likeness = Likeness(_identity(ours, embedding), ours.vectors, comparing)
        if options.training is not None:
            training = opened.enter_context(embeddings_of(options.training, embedding, processes, cluster))
            check_same_crops(ours, training)
            far = _far(options.leak_far, len(training) * source.images_of_one, thresholds)
            if far != 0:
                level = thresholds.at(far, options.extrapolate)
                found['like-training'] = _told(level, len(training) * source.images_of_one, options.training)
                warnings += _warnings('--leak-far', found['like-training'])
                likeness.drop_like_training(choice, _identity(training, embedding), training.vectors, level.cosine)
                choice.check_some_stay()
        far = _far(options.unique_far, source.count * source.images_of_one, thresholds)
        if far != 0:
            level = thresholds.at(far, options.extrapolate)
            found['look-alike'] = _told(level, source.count * source.images_of_one, source.folder)
            warnings += _warnings('--unique-far', found['look-alike'])
            likeness.drop_look_alikes(choice, level.cosine, options.order)
    return found, warnings


def _identity(each, embedding):
    return f'{each.fingerprint} {embedding.identity}'


def _far(given, comparisons, thresholds):
    """The false accept rate to use: the given one, or the largest with few accidents for each identity."""
    if given is not None:
        return given
    largest = max((each.far for each in thresholds.calibration.thresholds), default=1)
    return min(usable_far(comparisons), largest)


def _told(level, comparisons, path):
    return {
        'far': level.far,
        'cosine': level.cosine,
        'is observed': level.is_observed,
        'compared with': os.path.basename(os.path.abspath(path)),  # a set travels, so it keeps no path
        'comparisons of an identity': comparisons,
        'by accident': comparisons * level.far,
    }


def _warnings(flag, told):
    if told['by accident'] <= ACCIDENTS * (1 + 1e-9):
        return []
    return [
        f'{flag} {told["far"]:g}: by accident alone, each identity has {told["by accident"]:.2g} look-alikes in '
        f'{told["compared with"]}, so this takes out people who are different. {ACCIDENTS:g} or fewer are usual: a '
        f'FAR of {usable_far(told["comparisons of an identity"]):.2g}.'
    ]
