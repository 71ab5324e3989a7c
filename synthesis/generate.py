"""Makes a set: images in shards, shards in volumes; then manifest, exports and page. Goes on where a run ended."""

import os
import sys
from typing import Dict, List, NamedTuple, Optional

from dnnlib.errors import UserError, disk_errors
from dnnlib.exports.card import CARD_FILES, SUMS_FILE, write_card
from dnnlib.exports.forms import write_exports
from dnnlib.folder_kinds import kind_of
from dnnlib.folders import check_writable, differences, is_finished, unfinished_folder
from dnnlib.jobs.run import check_room, make_shards
from dnnlib.jobs.workers import Workers
from dnnlib.progress import Progress
from dnnlib.records.names import AUDIT_FILE, AUDIT_PAGE
from synthesis.card import card_of
from synthesis.given import NOTHING, Given
from synthesis.images import SetImages
from synthesis.job import SHARD_IMAGES, MakeImages, SetJob, hidden_gpus, room_of_exports, shards_of
from synthesis.record import PRUNED, find_record, save_record
from synthesis.report import write_report
from synthesis.source import training_fingerprint
from synthesis.tasks import TryNetwork
from synthesis.volumes import place_volumes, take_over
from synthesis.whole import check_whole

SET_FORM = 'zips'  # the form of the set itself
VERSION = 1  # of what the images follow from beside the options


class Processes(NamedTuple):
    """The processes that make images.

    Attributes:
        count: How many.
        environments: As for `dnnlib.jobs.workers.Workers`.
        given: `synthesis.given.Given`.
    """

    count: int = 1
    environments: Optional[List[Dict[str, str]]] = None
    given: Given = NOTHING

    @classmethod
    def planned(cls, count, environments, given=NOTHING):
        """On CPUs, where `environments` is None, GPUs are hidden."""
        if environments is not None:
            return cls(count, environments, given)
        return cls(count, [hidden_gpus('cpu')] * count, given)


def try_network(network, options, processes):
    """A `synthesis.tasks.Trial` by one process.

    Raises:
        UserError: The network does not fit the options, or the set cannot be made at `options.out`.
    """
    set_before(options, plan_of(network, options, processes.given))
    check_writable(options.out)
    images = MakeImages(network.path, network.sha256, options, processes.given)
    with Workers(1, images.prepare, processes.environments) as pool:
        [(_, trial)] = pool.run([TryNetwork(options, processes.given, measures=True)])
    return trial


def make_set(network, options, processes, cluster=None):
    """Makes the set `options.out`, whole or not at all; goes on where a run ended, and enlarges a finished set.

    Args:
        network: `synthesis.source.NetworkSource`.
        options: `synthesis.options.GenerateOptions` with a `device` and a `minibatch` that are resolved.
        processes: `Processes`.
        cluster: `dnnlib.jobs.beam_runner.Cluster` whose workers make the images instead; or None.

    Returns:
        Dict. `images`, `refused`: numbers, of the set. `made`: the number of images that this run made, and `seconds`:
        the time that took.

    Raises:
        UserError: The network does not fit the options, or the disk or the target refuse.
        KeyboardInterrupt, SystemExit: Passed on; the finished shards are kept for the next call.
    """
    plan = plan_of(network, options, processes.given)
    before = set_before(options, plan)
    # A finished run whose target is missing was killed between two renames: what it replaces is put back first.
    replace = options.force or before is not None or (is_finished(options.out) and not os.path.lexists(options.out))
    run = {**plan, '--identities': options.identities}  # so an unfinished run goes on with its own number
    with unfinished_folder(options.out, run, options.ending(), replace, options.restart) as work:
        if work.result is not None:
            return {**work.result, 'made': 0, 'seconds': 0.0}
        if before is not None:
            if before['images'] == options.count and before['ending'] == options.ending():
                return {'images': options.count, 'refused': before['refused'], 'made': 0, 'seconds': 0.0}
            check_strangers(options.out)
            if os.path.exists(os.path.join(options.out, AUDIT_FILE)):
                _say([f'{AUDIT_FILE} and {AUDIT_PAGE} are of the set as it was, so they go: audit the new one.'])
            take_over(options.out, before['images'], work.parts, shards_of(options))
        images = MakeImages(network.path, network.sha256, options, processes.given)
        here = 1 if cluster else processes.count  # a cluster has processes of its own; this one tries the network
        with Workers(here, images.prepare, processes.environments) as pool:
            [(_, trial)] = pool.run([TryNetwork(options, processes.given)])
            _say(trial.remarks)
            job = SetJob(images, trial, work.parts)
            made, seconds = make_shards(job, work, pool, cluster)
        job.volumes.join_all()
        folder = work.begin_content()
        refused = place_volumes(work.parts, folder, len(job.volumes))
        finish_set(folder, network, options, plan, trial, refused, work.path)
        result = {'images': options.count, 'refused': refused}
        work.complete(result)
    return {**result, 'made': made, 'seconds': seconds}


def _say(remarks):
    for sentence in remarks:
        Progress.write(sentence, file=sys.stderr)


def plan_of(network, options, given=NOTHING):
    """All that the images follow from, by names that a user knows: JSON values."""
    return {
        'the network': network.sha256,
        **options.plan(),
        **given.plan(),
        'the version of the generator': [VERSION, SHARD_IMAGES],
    }


def set_before(options, plan):
    """The record of a finished set in `options.out` that this run enlarges, or whose exports it makes anew.

    Returns:
        The record, or None: there is nothing, or --force replaces it.

    Raises:
        UserError: There is something else, or a set that does not fit.
    """
    out = options.out
    if not os.path.lexists(out):
        return None
    record = find_record(out) if os.path.isdir(out) else None
    if options.force:
        if record is None:
            raise UserError(
                f'--out {out} is {kind_of(out)} and no synthetic one, so --force does not replace it: choose another '
                'name.'
            )
        return None
    if record is None:
        raise UserError(f'--out {out} exists already and is {kind_of(out)}: choose another name.')
    if PRUNED in record:
        raise UserError(
            f'--out {out} is a set from which images were taken out, so it cannot grow: enlarge the set that it was '
            'taken from, and prune that again.'
        )
    told = differences(record['plan'], plan)
    if told:
        raise UserError(f'{out} is a set of other images ({told}): choose another --out, or replace it with --force.')
    if options.count < record['images']:
        raise UserError(
            f'{out} has {record["images"]:,} images, more than the {options.count:,} asked for: choose another --out, '
            'or replace it with --force.'
        )
    check_whole(out, record)
    return record


def check_strangers(out):
    """Refuses to replace a set whose folder has files that its list of SHA-256 does not name, as of a person."""
    path = os.path.join(out, SUMS_FILE)
    with disk_errors('read', path, 'or choose another --out'), open(path, encoding='utf-8', errors='replace') as lines:
        known = {
            *CARD_FILES,
            AUDIT_FILE,
            AUDIT_PAGE,
            *(line.rstrip('\n').partition('  ')[2].split('/')[0] for line in lines),
        }
    strangers = sorted(name for name in os.listdir(out) if name not in known and not name.startswith('.'))
    if strangers:
        raise UserError(
            f'{out} has {strangers[0]}, which is not of the set and would be lost, because the folder is replaced: '
            'move it elsewhere.'
        )


def finish_set(folder, network, options, plan, trial, refused, work):
    """Writes what a set has beside its images: record, page and exports."""
    fingerprint = training_fingerprint(network.data)
    save_record(
        folder,
        options.record(),
        {
            'plan': plan,
            'network': {
                'name': network.name,
                'source': options.network,
                'sha256': network.sha256,
                'training set': fingerprint,
            },
            'images': options.count,
            'refused': refused,
            'ending': options.ending(),
        },
    )
    with SetImages(folder, options.count, options.per_identity) as images:
        if not options.export.is_empty:
            check_room(work, room_of_exports(trial, options))
            name = os.path.basename(os.path.abspath(options.out))
            write_exports(images, folder, name, options.export, [SET_FORM])
        write_report(folder, options.out, images)
        shape = images.shape
    write_card(folder, card_of(network, options, shape, fingerprint))
