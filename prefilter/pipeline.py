"""The filter's run: several processes examine the shards of the source; then records, manifest, galleries are made.

The shard files are written in a work folder beside the dataset; a run that was killed goes on from the finished shards.
Memory grows with the source only by the list of paths and a few bytes for each image.
"""

import os

import numpy as np

from dnnlib.errors import UserError
from dnnlib.exports.forms import bytes_needed, write_exports
from dnnlib.exports.images import DatasetImages
from dnnlib.folders import unfinished_folder
from dnnlib.jobs.run import check_room, make_shards
from dnnlib.jobs.shards import SHARD_IMAGES
from dnnlib.jobs.workers import Workers
from dnnlib.pages.gallery import choose_evenly, draw_gallery, thumbnail
from dnnlib.records.label_names import write_label_names
from dnnlib.records.names import ACCEPTED_FILE, REJECTED_FILE
from dnnlib.records.options import save_options
from dnnlib.records.tfrecords import MultiResolutionDataset, dataset_bytes, shuffled_order
from prefilter.job import PhotographJob, room_of_exports
from prefilter.labels import labels_of
from prefilter.merge import Survey, merge_manifest, merge_records
from prefilter.reasons import LOW_SCORE, NOT_CHOSEN
from prefilter.report import places_to_view, write_report
from prefilter.shards import BATCH_IMAGES, BATCH_PIXELS, read_crop
from prefilter.spool import is_forward_only
from prefilter.subset import choices_of
from prefilter.tasks import detector_maker
from prefilter.views import view_images


def make_dataset(source, options, workers=1, environments=None, make_detector=None, cluster=None):
    """Filters a source and writes the dataset folder `options.out`, whole or not at all; goes on where a run ended.

    Args:
        source: As from `prefilter.sources.open_source`, not refused by `prefilter.labels.check_labels`.
        options: `prefilter.options.DatasetOptions`, with a `format` and a `device` that are resolved. The base name of
            `out` becomes the prefix of the TFRecord files.
        workers: Number of processes that examine.
        environments: As for `dnnlib.jobs.workers.Workers`.
        make_detector: Picklable function that makes the detector of a process, such as
            `dnnlib.faces.detector.FaceDetector`; None makes one for `options.device`.
        cluster: A `dnnlib.jobs.beam_runner.Cluster` whose workers examine instead; or None.

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
        job = PhotographJob(source, options, make_detector or detector_maker(options))
        with Workers(workers, job.work.prepare, environments) as pool:
            examined, seconds = make_shards(job, work, pool, cluster)
            survey = Survey(work.parts, job.shards, options.drop_duplicates, choices_of(source, options))
            if not len(survey.accepted) and (survey.reasons[LOW_SCORE] or survey.reasons[NOT_CHOSEN]):
                raise _nobody_chosen(survey, options)
            if not len(survey.accepted):
                work.discard()
                raise _nothing_accepted(source, survey, options)
            folder = work.begin_content()
            labels = labels_of(source, options.labels, survey.accepted)
            order = _order(survey, options)
            shape = 3, options.size, options.size
            check_room(work.path, [('records', dataset_bytes(shape, len(order)))], room_of_exports(len(order), options))
            merge_records(survey, folder, name, options, order, labels, pool)
        if options.labels == 'attributes':
            write_label_names(folder, source.attribute_names)
        if options.labels == 'numbers':
            write_label_names(folder, source.figures.names, source.figures.ranges)
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
    if survey.reasons[NOT_CHOSEN]:
        flag, what = f'--min-images {options.min_images}', 'no identity has so many accepted images'
    else:
        flag, what = f'--min-score {options.min_score:g}', 'no face has so high a score'
    return UserError(
        f'{flag}: {what} ({describe(survey.reasons)}): give a smaller number; the examined images are kept for it.'
    )


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
            check_room(work, [('the exports', needed)])
            write_exports(images, folder, name, options.export)


def _save_gallery(folder, name, thumbnails):
    draw_gallery(thumbnails).save(os.path.join(folder, name))
