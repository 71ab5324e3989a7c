"""The filter's run: every image examined once, the accepted crops parked on disk, then records, manifest, galleries.

Nothing here grows with the dataset but the list of paths and a few integers an image.
"""

import array
import collections
import hashlib
import json
import os
import sys
import tempfile
import time

import numpy as np
from tqdm import tqdm

from dnnlib.errors import UserError
from dnnlib.folders import atomic_folder
from dnnlib.tfrecords import (
    ACCEPTED_FILE,
    MANIFEST_FILE,
    REJECTED_FILE,
    MultiResolutionDataset,
    MultiResolutionWriter,
    shuffled_order,
)
from prefilter.crop import central_square, choose_face, crop_box, cut_out, take_whole
from prefilter.export import export
from prefilter.gallery import choose_evenly, draw_gallery, thumbnail
from prefilter.images import decode, read_bytes
from prefilter.labels import label_rows
from prefilter.reasons import WITHOUT_PIXELS, RefusedImage

MANIFEST_FIELDS = ['path', 'sha256', 'width', 'height', 'accepted', 'reason', 'faces', 'box', 'crop', 'score', 'index']
SHOWN_REFUSALS = 10  # files named on the screen; the manifest has them all


class Tally:
    """What became of the images: `accepted` and `showable` (refused, but with pixels) are places in the paths."""

    def __init__(self):
        self.accepted = array.array('q')
        self.showable = array.array('q')
        self.reasons = collections.Counter()
        self.seconds = 0.0  # of examining, not of writing


def make_dataset(
    source, target, detector, size, margin, labels=None, shuffle=True, replace=False, decode=decode, exports=()
):
    """Filters a source and writes the dataset folder `target`, whole or not at all.

    Args:
        source: As from `prefilter.sources.open_source`, not refused by `prefilter.labels.check_labels`.
        target: Folder to make; its base name becomes the prefix of the TFRecord files.
        detector: A `prefilter.detector.FaceDetector`, or None to take every image whole.
        size: Side of the crops, px; a power of two >= 4.
        margin: px added to the width and to the height of a face's box.
        labels: Which labels to write, one of `prefilter.labels.LABELS`, or None.
        shuffle: Records in the order of StyleGAN's dataset tool instead of sorted by path.
        replace: Whether an existing `target` is replaced.
        decode: From the bytes of an image to its pixels, as `prefilter.images.decode`.
        exports: Further forms to write, of `prefilter.export.EXPORTS`.

    Returns:
        A `Tally`.

    Raises:
        UserError: No face, or the target cannot be written.
    """
    name = os.path.basename(os.path.abspath(target))
    with atomic_folder(target, replace) as folder, tempfile.TemporaryDirectory(dir=folder) as work:
        crops, verdicts = os.path.join(work, 'crops'), os.path.join(work, 'verdicts')
        tally = _examine_all(source, detector, size, margin, crops, verdicts, decode)
        count = len(tally.accepted)
        if count == 0:
            what = 'has a usable face' if detector else 'can be read'
            raise UserError(
                f'None of the {len(source.paths)} images in SOURCE {what} ({describe(tally.reasons)}): '
                'choose a source of photographs with faces.'
            )
        order = shuffled_order(count) if shuffle else np.arange(count)
        with open(crops, 'rb') as file:
            _write_records(folder, name, file, size, order, label_rows(source, labels, tally.accepted))
            shown = [_read_crop(file, index, size) for index in choose_evenly(count)]
        _write_manifest(os.path.join(folder, MANIFEST_FILE), verdicts, order)
        _save_gallery(folder, ACCEPTED_FILE, [thumbnail(crop.transpose(1, 2, 0)) for crop in shown])
        _save_gallery(folder, REJECTED_FILE, _refused_thumbnails(source, tally.showable, decode))
        _export(folder, exports)
    return tally


def describe(reasons):
    """Counts by reason as a person reads them: '7 no-face, 2 unreadable'."""
    return ', '.join(f'{count:,} {reason}' for reason, count in reasons.most_common())


# ----------------------------------------------------------------------------------------------------------------------
# Examining.


def _examine_all(source, detector, size, margin, crops, verdicts, decode):
    """Examines every image; crops go to one file as raw [C, H, W] bytes, verdicts to another as JSON lines."""
    tally = Tally()
    started = time.perf_counter()
    with open(crops, 'wb') as crop_file, open(verdicts, 'w') as verdict_file:
        for place, path in enumerate(tqdm(source.paths, desc='Finding faces', unit=' images', file=sys.stderr)):
            verdict, crop, detail = examine(source, place, detector, size, margin, decode)
            if crop is not None:
                crop_file.write(crop.transpose(2, 0, 1).tobytes())
                tally.accepted.append(place)
            else:
                tally.reasons[verdict['reason']] += 1
                if verdict['reason'] in WITHOUT_PIXELS:
                    _warn(path, verdict['reason'], detail, tally)
                else:
                    tally.showable.append(place)
            verdict_file.write(json.dumps(verdict) + '\n')
    tally.seconds = time.perf_counter() - started
    return tally


def examine(source, place, detector, size, margin, decode=decode):
    """Decides about one image.

    Args:
        source: As from `prefilter.sources.open_source`.
        place: Of the image in its paths.
        detector: Anything with `detect(image)` as in `prefilter.detector.FaceDetector`, or None.
        size: Side of the crop, px.
        margin: px added to the width and to the height of a face's box.
        decode: From the bytes of an image to its pixels.

    Returns:
        (the manifest's line as a dict, still without `index`; the crop, uint8 [size, size, 3], or None when refused;
        what happened, in words, or None).
    """
    verdict = dict.fromkeys(MANIFEST_FIELDS)
    verdict.update(path=source.paths[place], accepted=False)
    try:
        data = read_bytes(source, place)
        verdict['sha256'] = hashlib.sha256(data).hexdigest()
        pixels = decode(data)
        verdict['height'], verdict['width'] = pixels.shape[:2]
        if detector:
            crop = _cut_face(pixels, detector, size, margin, verdict)
        else:
            crop, verdict['crop'] = take_whole(pixels, size), central_square(verdict['width'], verdict['height'])
        verdict['accepted'] = True
    except RefusedImage as refusal:
        verdict['reason'] = refusal.reason
        return verdict, None, refusal.detail
    except MemoryError as error:
        verdict['reason'] = 'too-large'
        return verdict, None, str(error) or 'not enough memory'
    return verdict, crop, None


def _cut_face(pixels, detector, size, margin, verdict):
    height, width = pixels.shape[:2]
    faces = detector.detect(pixels)
    verdict['faces'] = len(faces)
    if len(faces) == 0:
        raise RefusedImage('no-face', 'the detector finds no face')
    face = faces[choose_face(faces, width, height)].tolist()
    crop = crop_box(face, width, height, margin)
    verdict.update(box=face[:4], score=face[4], crop=crop)
    if crop[0] >= crop[2] or crop[1] >= crop[3]:
        raise RefusedImage('empty-crop', 'the face lies outside the image')
    return cut_out(pixels, crop, size)


def _warn(path, reason, detail, tally):
    named = sum(tally.reasons[reason] for reason in WITHOUT_PIXELS)
    if named <= SHOWN_REFUSALS:
        tqdm.write(f'{path!r} is {reason}: {detail}', file=sys.stderr)
    if named == SHOWN_REFUSALS:
        tqdm.write('(further ones are only named in manifest.jsonl)', file=sys.stderr)


# ----------------------------------------------------------------------------------------------------------------------
# Writing.


def _write_records(folder, name, crops, size, order, labels):
    with MultiResolutionWriter(folder, name) as writer:
        for index in tqdm(order, desc='Writing records', unit=' images', file=sys.stderr):
            writer.add(_read_crop(crops, index, size))
        if labels is not None:
            writer.add_labels(labels[order])


def _read_crop(crops, index, size):
    length = 3 * size * size
    crops.seek(int(index) * length)
    return np.frombuffer(crops.read(length), np.uint8).reshape(3, size, size)


def _write_manifest(path, verdicts, order):
    records = np.argsort(order).tolist()  # from accepted image, in order of path, to record
    with open(verdicts) as lines, open(path, 'w') as manifest:
        accepted = iter(records)
        for line in lines:
            verdict = json.loads(line)
            if verdict['accepted']:
                verdict['index'] = next(accepted)
            manifest.write(json.dumps(verdict) + '\n')


def _refused_thumbnails(source, showable, decode):
    thumbnails = []
    for index in choose_evenly(len(showable)):
        # A file that was readable a moment ago but has gone meanwhile is worth no more than its cell.
        try:
            thumbnails.append(thumbnail(decode(read_bytes(source, showable[index]))))
        except RefusedImage:
            continue
    return thumbnails


def _save_gallery(folder, name, thumbnails):
    draw_gallery(thumbnails).save(os.path.join(folder, name))


def _export(folder, exports):
    if exports:
        with MultiResolutionDataset(folder) as dataset:
            for form in exports:
                export(dataset, folder, form)
