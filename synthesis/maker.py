"""The state of a process that makes images: the network, and the detector if images without a face are refused."""

import concurrent.futures
import hashlib
from typing import Any, Dict, NamedTuple, Optional

import numpy as np

from dnnlib.exports.encoding import png_bytes
from dnnlib.faces.crop import choose_face
from dnnlib.jobs.shards import Entry
from synthesis.draws import ImageDraw
from synthesis.given import NOTHING
from synthesis.images import finish_image
from synthesis.network import remarks_of, resolve
from synthesis.selection import Selection, check_given_up, check_share
from synthesis.variations import noise_of
from synthesis.volumes import W_COLUMN

NO_FACE = 'no-face'


class Finished(NamedTuple):
    """An image as a set keeps it, and what was found out about it."""

    draw: ImageDraw
    png: bytes
    shape: tuple  # [C, H, W]
    dlatents: np.ndarray
    face: Optional[Dict[str, Any]]  # 'faces', 'box', 'score'; None: nobody has looked


class Maker:
    """Makes the images of a set, by their places in it.

    Args:
        generator: `synthesis.generator.Generator`.
        options: `synthesis.options.GenerateOptions` with a `minibatch`.
        given: `synthesis.given.Given`.
        detector: Has `detect_in_crop(image)` as `dnnlib.faces.detector.FaceDetector`; None takes every image.

    Attributes:
        remarks: Sentences for a person about the network and the options.

    Raises:
        UserError, click.UsageError: The network cannot do what the options ask for.
    """

    def __init__(self, generator, options, given=NOTHING, detector=None):
        self._generator, self._options, self._detector = generator, options, detector
        resolved = resolve(options, generator.facts)
        self.remarks = remarks_of(resolved, generator.facts)
        self._recipe = generator.recipe(resolved, given)

    def first_images(self, number):
        """Yields `Finished` for a minibatch of first images: number 0 has the identities from 0 on."""
        size = self._options.minibatch
        return self._finished(ImageDraw(identity) for identity in range(number * size, (number + 1) * size))

    def pixels(self, draws):
        """Yields `synthesis.generator.Made` of each draw, in no certain order."""
        return self._generator.make(draws, self._recipe, self._options.minibatch, self._place_of)

    def make_one(self, draw):
        """Makes one image: (PNG at the full size of the network, PNG as the set keeps it)."""
        [made] = self.pixels([draw])
        kept = finish_image(made.pixels, self._options.size, self._options.grey)
        return png_bytes(made.pixels), png_bytes(kept)

    def make(self, start, stop):
        """Makes the images from place `start` to before `stop`.

        Yields:
            `dnnlib.jobs.shards.Entry`, in no certain order: of each image, and of each refused draw if these are kept.

        Raises:
            UserError: The network gives no face, or no numbers.
        """
        per_identity, most_draws = self._options.per_identity, self._options.draws
        selections = {}
        for identity in range(start // per_identity, (stop - 1) // per_identity + 1):
            numbers = range(per_identity)[max(start - identity * per_identity, 0) : stop - identity * per_identity]
            selections[identity] = Selection(identity, numbers, most_draws)
        examined = found = 0
        while True:
            wanted = [image for selection in selections.values() for image in selection.wanted]
            if not wanted:
                break
            for image in self._finished(wanted):
                selection = selections[image.draw.identity]
                accepted = self._detector is None or image.face['faces'] > 0
                selection.take(image.draw, accepted)
                examined, found = examined + 1, found + accepted
                if image.draw.variation in selection.numbers and (accepted or self._options.keep_refused):
                    yield self._entry(image, accepted)
            check_share(examined, found)
        for selection in selections.values():
            check_given_up(selection)

    def _finished(self, draws):
        """Encodes a minibatch, and looks for faces in it, while the network makes the next one."""
        with concurrent.futures.ThreadPoolExecutor(1) as behind:
            size, waiting = self._options.minibatch, []
            for made in self._generator.make(draws, self._recipe, size, self._place_of):
                waiting.append(behind.submit(self._finish, made))
                if len(waiting) == 2 * size:
                    yield from (each.result() for each in waiting[:size])
                    del waiting[:size]
            yield from (each.result() for each in waiting)

    def _place_of(self, draw):
        return place_of(draw, self._options.per_identity)

    def _finish(self, made):
        options = self._options
        pixels = finish_image(made.pixels, options.size, options.grey)
        face = None if self._detector is None else _look(self._detector, made.pixels)
        return Finished(made.draw, png_bytes(pixels), pixels.shape, made.dlatents, face)

    def _entry(self, image, accepted):
        draw, recipe = image.draw, self._recipe
        line = {
            'identity': draw.identity,
            'variation': draw.variation,
            'first_draw': draw.first_draw,
            'draw': draw.draw,
            'class': None if recipe.classes is None else recipe.classes.of(recipe.seed, draw.identity),
            'noise': list(noise_of(draw, recipe)),
            'sha256': hashlib.sha256(image.png).hexdigest(),
            **(image.face or {}),
            'accepted': accepted,
        }
        if not accepted:
            line['reason'] = NO_FACE
        elif self._detector is not None:
            line['refused'] = draw.draw  # draws before this one
        return Entry(line, image.png, None, {W_COLUMN: image.dlatents} if self._options.keep_w else {})


def place_of(draw, per_identity):
    """The number of an image among the first images or, if it is a variation, among all variations of a set.

    First images are made before the variations, so each kind fills whole minibatches.
    """
    if draw.variation == 0:
        return draw.identity
    return draw.identity * (per_identity - 1) + draw.variation - 1


def _look(detector, pixels):
    """Looks for faces in uint8 [C, H, W]; each image alone, because boxes are rounded differently in company."""
    image = np.ascontiguousarray(np.broadcast_to(pixels, (3, *pixels.shape[1:])).transpose(1, 2, 0))
    faces = detector.detect_in_crop(image)
    if len(faces) == 0:
        return {'faces': 0, 'box': None, 'score': None}
    face = faces[choose_face(faces, *pixels.shape[:0:-1])].tolist()
    return {'faces': len(faces), 'box': [round(value, 2) for value in face[:4]], 'score': face[4]}
