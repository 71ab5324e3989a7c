"""How the images of a dataset look: the detector's score, sharpness, light, and small copies to find copies by."""

import dataclasses
import hashlib
import json
from typing import Tuple

import cv2
import numpy as np

from dnnlib.faces.mtcnn_weights import SIDES, identity_of
from metrics.arithmetic.leakage import PIXELS as SMALL_SIDE
from metrics.arithmetic.leakage import small_pictures
from synthesis.audit.measure_job import Measure
from synthesis.job import hidden_gpus

SCORE, FACES, SHARPNESS, BRIGHTNESS, CONTRAST, BALANCE, PIXELS = COLUMNS = (
    'score',
    'faces',
    'sharpness',
    'brightness',
    'contrast',
    'balance',
    'pixels',
)
MIDDLE = 0.6  # share of the sides in which light is measured
WAY = 1  # goes up when the same images come to have other numbers
GREY = np.float32([0.299, 0.587, 0.114])  # luma of ITU-R BT.601


@dataclasses.dataclass(frozen=True)
class Looks(Measure):
    """How each image looks.

    Attributes:
        shape: (C, H, W) of the images.
    """

    shape: Tuple[int, int, int]
    name = 'looks'
    doing = 'Looking at images'
    environment = hidden_gpus('cpu')

    @property
    def identity(self):
        """Of the detector, the shape, and the way of measuring."""
        parts = [WAY, list(self.shape), [identity_of(network) for network in SIDES]]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    @property
    def columns(self):
        """Numbers, and small copies uint8 [C, side, side]."""
        side = min(self.shape[1], SMALL_SIDE)
        numbers = dict.fromkeys(COLUMNS[:-1], ('<f4', ()))
        return {**numbers, PIXELS: ('|u1', (self.shape[0], side, side))}

    def open(self):
        """A function from images to the columns."""
        from dnnlib.faces.detector import FaceDetector

        detector = FaceDetector('cpu')

        def look(images):
            rows = [_look(image, detector) for image in images]
            columns = {name: np.float32([row[place] for row in rows]) for place, name in enumerate(COLUMNS[:-1])}
            return {**columns, PIXELS: small_pictures(images)}

        return look


def _look(image, detector):
    rgb = np.ascontiguousarray(np.broadcast_to(image, (3, *image.shape[1:])).transpose(1, 2, 0))
    faces = detector.detect_in_crop(rgb)
    grey = rgb @ GREY
    middle = _middle(grey)
    half = middle.shape[1] // 2
    left, right = float(middle[:, :half].mean()), float(middle[:, -half:].mean())
    return (
        float(faces[0, 4]) if len(faces) else 0.0,
        float(len(faces)),
        float(cv2.Laplacian(grey, cv2.CV_32F).var()),
        float(middle.mean()),
        float(middle.std()),
        (left - right) / max(left + right, 1e-6),
    )


def _middle(grey):
    side = grey.shape[0]
    edge = int(round(side * (1 - MIDDLE) / 2))
    return grey[edge : side - edge, edge : side - edge]
