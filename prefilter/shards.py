"""How the images of a shard are examined: read, decoded, the face found and cut out.

A shard is always divided into the same batches, and the faces of a batch are found together.
"""

import collections
import concurrent.futures
import hashlib

import numpy as np

from dnnlib.faces.crop import central_square, choose_face, crop_box, cut_out, take_whole
from dnnlib.jobs.shards import Entry, ShardPlan
from dnnlib.pages.gallery import CELL, thumbnail
from prefilter.reasons import CRASH, Refusal
from prefilter.sources.faults import Watched

BATCH_IMAGES = 16  # images whose faces are found together; for another number, boxes are rounded differently
BATCH_PIXELS = 1 << 24  # a batch with this many decoded pixels takes no further image; two batches are in memory
VERDICT_FIELDS = ('path', 'sha256', 'width', 'height', 'accepted', 'reason', 'faces', 'box', 'crop', 'score')
NO_VIEWS, VIEWS_OF_REFUSED, ALL_VIEWS = range(3)  # which views a shard file keeps: thumbnails, or what is wrong
VIEW_BYTES = 3 * CELL * CELL  # of a thumbnail, at most

Item = collections.namedtuple('Item', ['path', 'entry'])  # an image; the source's reader takes its entry
Result = collections.namedtuple('Result', ['verdict', 'crop', 'refusal', 'view'])
_Decoded = collections.namedtuple('_Decoded', ['verdict', 'pixels', 'refusal'])


def plan_shards(source):
    """The shards of a source: a sequence of `Shard` that takes no memory."""
    return ShardPlan(len(source.paths))


def shard_items(source, shard):
    """The `Item`s of a shard, for `examine_shard`."""
    return [Item(source.paths[place], source.entry(place)) for place in range(shard.start, shard.stop)]


# ----------------------------------------------------------------------------------------------------------------------
# Examining.


def examine_shard(reader, items, options, detector, condemned=frozenset(), views=NO_VIEWS):
    """Examines the images of a shard; a thread reads and decodes the next batch while faces are found in this one.

    Args:
        reader: Has `read(entry)`: the bytes of an image; raises OSError or `Refusal`.
        items: List of `Item`.
        options: `prefilter.options.DatasetOptions`.
        detector: Has `detect_batch(images)` as `dnnlib.faces.detector.FaceDetector`; None takes every image whole.
        condemned: Places in `items` of images that kill the process that examines them; they are refused unread.
        views: Whose thumbnails are made: `NO_VIEWS`, `VIEWS_OF_REFUSED` or `ALL_VIEWS`.

    Yields:
        `Result` for each item, in order:
            verdict: The manifest's line, a dict of `VERDICT_FIELDS`.
            crop: uint8 [size, size, 3], dynamic range [0, 255], or None if refused.
            refusal: The `Refusal`, or None if accepted.
            view: A PIL image, or a str that says why there are no pixels, or None if no view was asked for.

    Raises:
        UserError: The source is gone, or its disk fails.
    """
    batches = _decoded_batches(reader, items, options, condemned)
    with concurrent.futures.ThreadPoolExecutor(1) as ahead:
        coming = ahead.submit(next, batches, None)
        while True:
            batch = coming.result()
            if batch is None:
                return
            coming = ahead.submit(next, batches, None)
            yield from _examine_batch(batch, options, detector, views)


def _decoded_batches(reader, items, options, condemned):
    batch, pixels, reader = [], 0, Watched(reader)
    for place, item in enumerate(items):
        batch.append(_decode(reader, item, options, place in condemned))
        pixels += 0 if batch[-1].pixels is None else batch[-1].pixels.size // 3
        if len(batch) == BATCH_IMAGES or pixels >= BATCH_PIXELS:
            yield batch
            batch, pixels = [], 0
    if batch:
        yield batch


def _decode(reader, item, options, is_condemned):
    verdict = dict.fromkeys(VERDICT_FIELDS)
    verdict.update(path=item.path, accepted=False)
    if is_condemned:
        return _Decoded(
            verdict, None, Refusal(CRASH, 'every process that examines it dies, perhaps because memory runs out')
        )
    try:
        data = reader.read(item.entry)
        verdict['sha256'] = hashlib.sha256(data).hexdigest()
        pixels = options.decode(data)
    except Refusal as refusal:
        return _Decoded(verdict, None, refusal.plain())
    except MemoryError as error:
        return _Decoded(verdict, None, Refusal.of_memory(error))
    except OSError as error:
        return _Decoded(verdict, None, Refusal.of_disk(error))
    verdict['height'], verdict['width'] = pixels.shape[:2]
    return _Decoded(verdict, pixels, None)


def _examine_batch(batch, options, detector, views):
    images = [decoded.pixels for decoded in batch if decoded.pixels is not None]
    found = iter(_detect(images, detector) if detector else [None] * len(images))
    for verdict, pixels, refusal in batch:
        crop = None
        if refusal is None:
            crop, refusal = _crop_or_refusal(pixels, next(found), options, verdict)
        verdict['accepted'] = refusal is None
        verdict['reason'] = refusal and refusal.reason
        yield Result(verdict, crop, refusal, _view(pixels, refusal) if views > (refusal is None) else None)


def _view(pixels, refusal):
    if pixels is None:
        return refusal.detail
    try:
        return thumbnail(pixels)
    except MemoryError:
        return None  # the image is read again if it is shown


def _detect(images, detector):
    """The faces of each image; for an image that takes too much memory, a `Refusal` instead."""
    if not images:
        return []
    try:
        return detector.detect_batch(images)
    except MemoryError as error:
        if len(images) == 1:
            return [Refusal.of_memory(error)]
    return [_detect([image], detector)[0] for image in images]


def _crop_or_refusal(pixels, faces, options, verdict):
    """(crop, None) or (None, refusal)."""
    if isinstance(faces, Refusal):
        return None, faces
    try:
        return _take(pixels, faces, options, verdict), None
    except Refusal as refusal:
        return None, refusal.plain()
    except MemoryError as error:
        return None, Refusal.of_memory(error)


def _take(pixels, faces, options, verdict):
    height, width = pixels.shape[:2]
    if faces is None:
        verdict['crop'] = central_square(width, height)
        return take_whole(pixels, options.size)
    verdict['faces'] = len(faces)
    if len(faces) == 0:
        raise Refusal('no-face', 'the detector finds no face')
    face = faces[choose_face(faces, width, height)].tolist()
    crop = crop_box(face, width, height, options.margin)
    verdict.update(box=face[:4], score=face[4], crop=crop)
    if crop[0] >= crop[2] or crop[1] >= crop[3]:
        raise Refusal('empty-crop', 'the face lies outside the image')
    return cut_out(pixels, crop, options.size)


# ----------------------------------------------------------------------------------------------------------------------
# Files.


def shard_entry(result):
    """The `dnnlib.jobs.shards.Entry` of a `Result`; its image is the crop, raw [C, H, W]."""
    crop = None if result.crop is None else result.crop.transpose(2, 0, 1).tobytes()
    return Entry(result.verdict, crop, result.view)


def read_crop(path, place, options):
    """Crop number `place` of a shard file: uint8 [3, size, size]."""
    with open(path, 'rb') as file:
        file.seek(place * options.crop_bytes)
        return np.frombuffer(file.read(options.crop_bytes), np.uint8).reshape(3, options.size, options.size)
