"""Takes out whom the training set has too, and look-alikes: which thresholds, in which order, and what to say of it."""

import contextlib
import functools
import os
from typing import Any, Dict, List, NamedTuple

from dnnlib.errors import UserError
from metrics.arithmetic.uniqueness import ACCIDENTS, usable_far
from metrics.features.known_thresholds import remark_on_grey, thresholds_for
from synthesis.audit.comparisons import compare
from synthesis.audit.embeddings import embeddings_of
from synthesis.audit.plan import part_of, parts_beside
from synthesis.prune.choice import LIKE_TRAINING, LOOK_ALIKE, Choice
from synthesis.prune.likeness import Likeness
from synthesis.prune.options import PruneOptions
from synthesis.prune.source import SourceSet


class Rules(NamedTuple):
    """By which thresholds identities are taken out.

    Attributes:
        found: What the record keeps: JSON values. `LIKE_TRAINING` and `LOOK_ALIKE` have the threshold of the reason, if
            somebody may go for it.
        warnings: Sentences for a person.
    """

    found: Dict[str, Any]
    warnings: List[str]


def rules_of(source: SourceSet, options: PruneOptions, embedding: Any) -> Rules:
    """Chooses the thresholds, and checks all datasets, before a face is embedded.

    Args:
        source: The set.
        options: `PruneOptions` that compare.
        embedding: `metrics.features.embeddings.Embedding`.

    Raises:
        UserError: A dataset is missing or has other crops, or there are no thresholds.
    """
    ours = part_of(source.folder)
    if ours.images != source.count:
        raise UserError(f'{source.folder} has {ours.images:,} images in its .zip files, not {source.count:,}.')
    training, _ = parts_beside(ours, options.training, options.held_out)
    thresholds = thresholds_for(embedding, ours.shape[1], options.calibration)
    grey = remark_on_grey(ours.shape[0], options.calibration)
    rules = Rules({'embedding': embedding.title, 'thresholds': thresholds.source}, [grey] if grey else [])
    for reason, flag, given, other in (
        (LIKE_TRAINING, '--leak-far', options.leak_far, training),
        (LOOK_ALIKE, '--unique-far', options.unique_far, ours),
    ):
        if other is None or given == 0:
            continue
        comparisons = other.images * source.images_of_one
        level = thresholds.at(_far(given, comparisons, thresholds), options.extrapolate)
        rules.found[reason] = _told(level, comparisons, other.path)
        rules.warnings.extend(_warnings(flag, rules.found[reason]))
    return rules


def drop_alike(
    source: SourceSet,
    choice: Choice,
    rules: Rules,
    options: PruneOptions,
    embedding: Any,
    processes: Any,
    cluster: Any = None,
) -> None:
    """Takes out identities like people of the training set, then look-alikes among those that are left.

    Args:
        source: The set.
        choice: Which images stay so far.
        rules: As from `rules_of`.
        options, embedding: As for `rules_of`.
        processes, cluster: As for `synthesis.audit.embeddings.embeddings_of`.
    """
    with contextlib.ExitStack() as opened:
        ours = opened.enter_context(embeddings_of(source.folder, embedding, processes, cluster))
        comparing = functools.partial(compare, processes=processes, cluster=cluster)
        likeness = Likeness(_identity(ours, embedding), ours.vectors, comparing)
        if LIKE_TRAINING in rules.found:
            training = opened.enter_context(embeddings_of(options.training, embedding, processes, cluster))
            cosine = rules.found[LIKE_TRAINING]['cosine']
            likeness.drop_like_training(choice, _identity(training, embedding), training.vectors, cosine)
            choice.check_some_stay()
        if LOOK_ALIKE in rules.found:
            likeness.drop_look_alikes(choice, rules.found[LOOK_ALIKE]['cosine'], options.order)


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
