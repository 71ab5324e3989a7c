"""The filter's run: several processes examine the shards of the source; then records, manifest, galleries are made.

The shard files are written in a work folder beside the dataset; a run that was killed goes on from the finished shards.
Memory grows with the source only by the list of paths and a few bytes for each image.
"""

import array
import contextlib
import os
import shutil
import sys
import time

import numpy as np

from dnnlib.errors import UserError
from dnnlib.exports.forms import bytes_needed, write_exports
from dnnlib.exports.images import DatasetImages
from dnnlib.folders import unfinished_folder
from dnnlib.pages.gallery import choose_evenly, draw_gallery, thumbnail
from dnnlib.progress import Progress
from dnnlib.records.names import ACCEPTED_FILE, REJECTED_FILE
from dnnlib.records.tfrecords import MultiResolutionDataset, dataset_bytes, shuffled_order
from prefilter.labels import chooser_of_images, labels_of
from prefilter.merge import Survey, merge_manifest, merge_records, shard_path
from prefilter.options import save_options
from prefilter.reasons import NOT_CHOSEN
from prefilter.report import places_to_view, write_report
from prefilter.shards import (
    BATCH_IMAGES,
    BATCH_PIXELS,
    NO_VIEWS,
    SHARD_IMAGES,
    VIEW_BYTES,
    VIEWS_OF_REFUSED,
    plan_shards,
    read_crop,
)
from prefilter.sources import faults
from prefilter.spool import is_forward_only, open_spool, views_to_keep
from prefilter.tasks import SHOWN_REFUSALS, ExamineShard, detector_maker
from prefilter.views import view_images
from prefilter.workers import Workers

LINE_BYTES = 600  # a generous guess for a line of the manifest


def make_dataset(source, options, workers=1, environments=None, make_detector=None, cluster=None):
    """Filters a source and writes the dataset folder `options.out`, whole or not at all; goes on where a run ended.

    Args:
        source: As from `prefilter.sources.open_source`, not refused by `prefilter.labels.check_labels`.
        options: `prefilter.options.DatasetOptions`, with a `format` and a `device` that are resolved. The base name of
            `out` becomes the prefix of the TFRecord files.
        workers: Number of processes that examine.
        environments: As for `prefilter.workers.Workers`.
        make_detector: Picklable function that makes the detector of a process, such as
            `dnnlib.faces.detector.FaceDetector`; None makes one for `options.device`.
        cluster: A `prefilter.beam_runner.Cluster` whose workers examine instead; or None.

    Returns:
        Dict. `total`, `accepted`, `duplicates`: numbers of images. `reasons`: {reason: number of refused images}.
        `examined`: the number of images that this run examined itself, and `seconds`: the time that took.

    Raises:
        UserError: There is no face or too little room, or the target cannot be written.
        KeyboardInterrupt, SystemExit: Passed on; the finished shards are kept for the next call.
    """
    target, plan, ending = options.out, _plan(source, options), options.ending()
    with unfinished_folder(target, plan, ending, options.force, options.restart) as work:
        if work.result is not None:
            return {**work.result, 'examined': 0, 'seconds': 0.0}
        name = os.path.basename(os.path.abspath(target))
        shards = plan_shards(source)
        make_detector = make_detector or detector_maker(options)
        with Workers(workers, make_detector, environments) as pool:
            views = views_to_keep(source, options.drop_duplicates or bool(options.by_identity))
            with _open_examiner(source, shards, options, work, pool, cluster, make_detector, views) as examiner:
                examined, seconds = _examine(source, shards, options, work, examiner, views)
            choose = chooser_of_images(source, options.max_identities, options.min_images)
            survey = Survey(work.parts, shards, options.drop_duplicates, choose)
            if survey.reasons[NOT_CHOSEN] and not len(survey.accepted):
                raise _nobody_chosen(survey, options)
            if not len(survey.accepted):
                work.discard()
                raise _nothing_accepted(source, survey, options)
            folder = work.begin_content()
            labels = labels_of(source, options.labels, survey.accepted)
            order = _order(survey, options)
            shape = 3, options.size, options.size
            _check_room(work.path, [('records', dataset_bytes(shape, len(order)))], _export_bytes(len(order), options))
            merge_records(survey, folder, name, options, order, labels, pool)
        summary = merge_manifest(survey, folder, source, order)
        views = _draw_galleries(survey, summary, folder, source, options)
        _export(folder, work.path, name, options)
        save_options(folder, options)
        write_report(folder, target, summary, views)
        result = {
            'total': len(source.paths),
            'accepted': len(order),
            'duplicates': len(survey.copies),
            'reasons': dict(survey.reasons),
        }
        work.complete(result)
    return {**result, 'examined': examined, 'seconds': seconds}


def describe(reasons):
    """Counts by reason as a person reads them: '7 no-face, 2 unreadable'."""
    ordered = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    return ', '.join(f'{count:,} {reason}' for reason, count in ordered)


def _plan(source, options):
    """All that finished shards depend on, by names that a user knows."""
    location, stamp = options.source, None
    if os.path.isfile(location):
        status = os.stat(location)
        stamp = [status.st_size, status.st_mtime_ns]
    return {
        'SOURCE': os.path.realpath(location) if os.path.exists(location) else location,
        'the list of its images': source.paths.digest(),
        'the date of its file': stamp,
        **options.plan(),
        'the version of the filter': [SHARD_IMAGES, BATCH_IMAGES, BATCH_PIXELS],
    }


def _order(survey, options):
    count = len(survey.accepted)
    return np.arange(count) if options.no_shuffle else shuffled_order(count)


def _nothing_accepted(source, survey, options):
    what = 'has a usable face' if options.device else 'can be read'
    return UserError(
        f'None of the {len(source.paths)} images in SOURCE {what} ({describe(survey.reasons)}): '
        'choose a source of photographs with faces.'
    )


def _nobody_chosen(survey, options):
    return UserError(
        f'--min-images {options.min_images}: no identity has so many accepted images ({describe(survey.reasons)}): '
        'give a smaller number; the examined images are kept for it.'
    )


def _check_room(folder, needs, later=()):
    """Prints how much disk is needed, and raises UserError if `needs` do not fit; `later` is only printed."""
    free = shutil.disk_usage(folder).free
    said = [f'{size / 1e9:.2f} GB for {what}' for what, size in [*needs, *later]]
    line = f'Disk: up to {" and ".join(said)}, {free / 1e9:.2f} GB free.'
    Progress.write(line, file=sys.stderr)
    if free < sum(size for _, size in needs):
        raise UserError(f'{line} Make room in {os.path.dirname(folder)}, or choose an --out on a larger disk.')


# ----------------------------------------------------------------------------------------------------------------------
# Examining.


@contextlib.contextmanager
def _open_examiner(source, shards, options, work, pool, cluster, make_detector, views):
    """Yields an object with `examine(missing, progress)`, which makes shard files, and `room(missing)` (`BeamRun`)."""
    if cluster is None:
        yield _Pool(source, shards, options, work, pool, views)
        return
    from prefilter.beam_runner import BeamRun  # here: it needs apache-beam, which is optional

    with BeamRun(cluster, source, shards, options, work, make_detector, views) as examiner:
        yield examiner


class _Pool:
    """The processes of this machine."""

    def __init__(self, source, shards, options, work, pool, views):
        self._views = views
        self._source, self._shards, self._options, self._work, self._pool = source, shards, options, work, pool

    def room(self, missing):
        return []

    def examine(self, missing, progress):
        with open_spool(self._source, self._work.path) as spool:
            tasks = (
                ExamineShard(
                    number,
                    shard_path(self._work.parts, number),
                    *spool.take(self._shards[number]),
                    self._options,
                    self._views,
                )
                for number in missing
            )
            for task, named in self._pool.run(tasks, progress.on_report):
                progress.on_done(self._shards[task.number], named)
                spool.free(task.reader)


def _examine(source, shards, options, work, examiner, views):
    """Makes the missing shard files. Returns the number of examined images and the seconds it took."""
    missing = array.array('Q', _missing(shards, work.parts))
    count = sum(shards[number].stop - shards[number].start for number in missing)
    done = len(source.paths) - count
    if done:
        Progress.write(
            f'Going on with an unfinished run: {done:,} of {len(source.paths):,} images are examined.', file=sys.stderr
        )
    if not count:
        return 0, 0.0
    kept = {NO_VIEWS: [options.crop_bytes], VIEWS_OF_REFUSED: [max(options.crop_bytes, VIEW_BYTES)]}
    image_bytes = sum(kept.get(views, [options.crop_bytes, VIEW_BYTES]))  # a refused image has no crop
    shape = 3, options.size, options.size
    crops = ('crops until they are records', count * (image_bytes + LINE_BYTES))
    _check_room(
        work.path,
        [crops, *examiner.room(missing)],
        [('the records', dataset_bytes(shape, len(source.paths))), *_export_bytes(len(source.paths), options)],
    )
    started = time.perf_counter()
    with _Progress(len(source.paths), done, options) as progress:
        try:
            examiner.examine(missing, progress)
        except UserError:
            for number in progress.doubtful:  # perhaps the disk failed there already: they are examined again
                os.remove(shard_path(work.parts, number))
            raise
    return count, time.perf_counter() - started


def _missing(shards, folder):
    there = {int(name.split('.')[0]) for name in os.listdir(folder) if name[0] != '.'}
    return (number for number in range(len(shards)) if number not in there)


class _Progress:
    """The bar, and the names of the first files without pixels."""

    def __init__(self, total, done, options):
        what = 'Finding faces' if options.device else 'Reading images'
        self._bar = Progress(total=total, initial=done, desc=what, unit=' images', file=sys.stderr)
        self._counted, self._named = {}, 0
        self.doubtful = []  # numbers of the shards with an image that a fault of the machine may have refused

    def __enter__(self):
        return self

    def __exit__(self, kind, value, traceback):
        self._bar.close()

    def on_report(self, task, report):
        kind, images = report
        if kind == 'together':
            self._bar.update(images - self._counted.get(task.number, 0))  # fewer, if the shard is tried again
            self._counted[task.number] = images

    def on_done(self, shard, named):
        self._bar.update(shard.stop - shard.start - self._counted.pop(shard.number, 0))
        if any(refusal.detail in faults.WORDS for _, refusal in named):
            self.doubtful.append(shard.number)
        for path, refusal in named[: SHOWN_REFUSALS - self._named]:
            Progress.write(f'{path!r} is {refusal.reason}: {refusal.detail}', file=sys.stderr)
            self._named += 1
            if self._named == SHOWN_REFUSALS:
                Progress.write('(further ones are only named in manifest.jsonl)', file=sys.stderr)


# ----------------------------------------------------------------------------------------------------------------------
# What people look at.


def _draw_galleries(survey, summary, folder, source, options):
    """Draws both galleries. Returns the views of refused images, for the report, so that no image is read twice."""
    crops = [read_crop(*survey.crop_of(number), options) for number in choose_evenly(len(survey.accepted))]
    _save_gallery(folder, ACCEPTED_FILE, [thumbnail(crop.transpose(1, 2, 0)) for crop in crops])
    refused = [int(survey.showable[number]) for number in choose_evenly(len(survey.showable))]
    kept = [survey.view_of] if is_forward_only(source) else []
    views = view_images(source, {*refused, *places_to_view(summary)}, options.decode, *kept)
    _save_gallery(folder, REJECTED_FILE, [views[place] for place in refused if not isinstance(views[place], str)])
    return views


def _export(folder, work, name, options):
    if options.exports:
        with MultiResolutionDataset(folder) as dataset:
            images = DatasetImages(dataset, options.labels == 'identity')
            needed = bytes_needed(options.export, images.count, images.shape, images)
            _check_room(work, [('the exports', needed)])
            write_exports(images, folder, name, options.export)


def _export_bytes(count, options):
    """What the exports of `count` images take at most, for `_check_room`."""
    size = bytes_needed(options.export, count, (3, options.size, options.size))
    return [('the exports', size)] if options.exports else []


def _save_gallery(folder, name, thumbnails):
    draw_gallery(thumbnails).save(os.path.join(folder, name))
