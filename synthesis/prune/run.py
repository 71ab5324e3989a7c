"""Makes a set without the images that are to go: whole or not at all; goes on where a run ended."""

import hashlib
import json
import os
from typing import Any, Dict, List, NamedTuple

import numpy as np

from dnnlib.errors import UserError
from dnnlib.exports.card import write_card
from dnnlib.exports.forms import bytes_needed, write_exports
from dnnlib.folder_kinds import kind_of
from dnnlib.folders import check_writable, is_finished, unfinished_folder
from dnnlib.jobs.run import LINE_BYTES, check_room
from dnnlib.records.datasets import open_dataset
from synthesis.audit.looks import SCORE, Looks
from synthesis.audit.measures import column_path, measured
from synthesis.card import pruned_card
from synthesis.generate import SET_FORM, check_strangers
from synthesis.images import PrunedImages
from synthesis.prune.alike import Rules, drop_alike, rules_of
from synthesis.prune.choice import LIKE_TRAINING, LOOK_ALIKE, REMOVED_FILE, Choice
from synthesis.prune.copying import copy_kept, volumes_of
from synthesis.prune.options import PruneOptions
from synthesis.prune.source import SourceSet, read_drop_list
from synthesis.record import PRUNED, find_record, save_record
from synthesis.report import write_report
from synthesis.volumes import PLACES, ZIP, place_volumes

OTHERS = {LIKE_TRAINING: 'training_image', LOOK_ALIKE: 'kept_identity'}  # name of `Removed.other` in a line of the file


class Decision(NamedTuple):
    """What is taken out of a set.

    Attributes:
        source: The set.
        choice: Which of its images stay.
        found: What the record keeps about how that was decided: JSON values.
        warnings: Sentences for a person.
    """

    source: SourceSet
    choice: Choice
    found: Dict[str, Any]
    warnings: List[str]


def decide(source: SourceSet, options: PruneOptions, embedding: Any, processes: Any, cluster: Any = None) -> Decision:
    """Decides which images stay. Nothing is written but the cache.

    Args:
        source: The set.
        options: Not refused by `check_prune_options`.
        embedding: `metrics.features.embeddings.Embedding`; None if `options.compares` is false.
        processes: `synthesis.generate.Processes`, for embeddings.
        cluster: `dnnlib.jobs.beam_runner.Cluster`, likewise; or None.

    Raises:
        UserError: The list or a dataset is not as it must be, there are no thresholds, or no image would stay.
    """
    choice = Choice(source.identities)
    rules = rules_of(source, options, embedding) if options.compares else Rules({}, [])
    if options.drop is not None:
        choice.drop(read_drop_list(options.drop, source))
    if options.min_score is not None:
        choice.drop_low_scores(scores_of(source, processes, cluster), options.min_score)
    choice.check_some_stay()
    if options.compares:
        drop_alike(source, choice, rules, options, embedding, processes, cluster)
        choice.check_some_stay()
    return Decision(source, choice, *rules)


def check_out(options: PruneOptions) -> None:
    """Refuses an `--out` that is there, unless it is a synthetic set and --force replaces it.

    Raises:
        UserError: Says what is there.
    """
    out = options.out
    check_writable(out)
    if os.path.lexists(out) and _is_inside(options.source, out) or _is_inside(out, options.source):
        raise UserError(f'--out {out} and {options.source} lie in each other: choose another name.')
    if not os.path.lexists(out) or is_finished(out):
        return
    if not options.force:
        raise UserError(f'--out {out} exists already and is {kind_of(out)}: choose another name, or give --force.')
    if not os.path.isdir(out) or find_record(out) is None:
        raise UserError(
            f'--out {out} is {kind_of(out)} and no synthetic one, so --force does not replace it: choose another name.'
        )
    check_strangers(out)


def _is_inside(path, folder):
    return (os.path.realpath(path) + os.sep).startswith(os.path.realpath(folder) + os.sep)


def scores_of(source: SourceSet, processes: Any, cluster: Any = None) -> np.ndarray:
    """The detector's score of each image, float32: from the manifest; if one lacks there, as the audit measures it."""
    if not np.isnan(source.scores).any():
        return source.scores
    with open_dataset(source.folder) as dataset:
        looks = Looks(tuple(dataset.shape))
    folder, _ = measured(source.folder, looks, processes, cluster)
    return np.load(column_path(folder, SCORE))


def make_pruned(decision: Decision, options: PruneOptions) -> Dict[str, int]:
    """Makes the set `options.out` of the images that stay, whole or not at all; goes on where a run ended.

    Returns:
        Dict. `images`, `identities`: numbers, of the new set.

    Raises:
        UserError: An image of the set is not the one in its manifest, or the disk or the target refuse.
        KeyboardInterrupt, SystemExit: Passed on; the finished volumes are kept for the next call.
    """
    source, choice = decision.source, decision.choice
    stays = choice.stays
    identities, variations = source.identities[stays], source.variations[stays]
    plan = {'the set': source.sha256, 'the images that stay': hashlib.sha256(stays.tobytes()).hexdigest()}
    replace = options.force or (is_finished(options.out) and not os.path.lexists(options.out))
    with unfinished_folder(options.out, plan, options.ending(), replace, options.restart) as work:
        if work.result is not None:
            return work.result
        check_room(work.path, [('the images', _bytes_of(source) * len(identities) // source.count)])
        copy_kept(source, stays, np.unique(identities, return_inverse=True)[1], work.parts)
        folder = work.begin_content()
        refused = place_volumes(work.parts, folder, volumes_of(len(identities)))
        _write_removed(folder, source, choice)
        result = {'images': len(identities), 'identities': len(choice.staying_persons)}
        _save_record(folder, decision, options, {**result, 'refused': refused})
        with PrunedImages(folder, identities, variations) as images:
            if not options.export.is_empty:
                needed = bytes_needed(options.export, images.count, images.shape, images)
                check_room(work.path, [('the exports', needed)])
                name = os.path.basename(os.path.abspath(options.out))
                write_exports(images, folder, name, options.export, [SET_FORM])
            write_report(folder, options.out, images)
            write_card(folder, pruned_card(folder, options, images.shape))
        work.complete(result)
    return result


def _bytes_of(source):
    zips = (os.path.join(source.folder, PLACES[ZIP].format(number)) for number in range(volumes_of(source.count)))
    return sum(map(os.path.getsize, zips)) + LINE_BYTES * source.count


def _write_removed(folder, source, choice):
    with open(os.path.join(folder, REMOVED_FILE), 'w', encoding='utf-8') as file:
        for place, line in enumerate(source.lines()):
            removed = choice.removed(place)
            if removed is not None:
                told = {'source_index': place, **{name: line[name] for name in ('identity', 'variation', 'sha256')}}
                told['reason'] = removed.reason
                if removed.other is not None:
                    told.update({OTHERS[removed.reason]: removed.other, 'cosine': removed.cosine})
                file.write(json.dumps(told) + '\n')


def _save_record(folder, decision, options, counts):
    source, choice = decision.source, decision.choice
    record = {name: value for name, value in source.record.items() if name not in ('options', PRUNED)}
    pruned = {
        'options': options.record(),
        'from': {
            'name': os.path.basename(os.path.abspath(source.folder)),
            'manifest': source.sha256,
            'images': source.count,
            'identities': len(choice.names),
        },
        'identities': counts['identities'],
        'images taken out': choice.counts(),
        'identities taken out': choice.identities_gone(),
        **decision.found,
    }
    record.update(images=counts['images'], refused=counts['refused'], ending=options.ending(), pruned=pruned)
    save_record(folder, source.record['options'], record)
