"""Moves the eyes, nose and mouth of a face to fixed places, as networks of the ArcFace family expect."""

from typing import List, Sequence

import cv2
import numpy as np

from dnnlib.faces.detector import FaceDetector
from dnnlib.faces.mtcnn_weights import SIDES
from dnnlib.faces.onnx_graphs import POINTS
from dnnlib.faces.patches import cut_patches
from dnnlib.faces.runtimes import OnnxRuntime

# Both eyes, nose, both corners of the mouth, left ones first, in px of a square: x, y.
TEMPLATE_SIDE = 112
TEMPLATE = np.array(
    [(38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041)]
)
# Where they are, by the median, in crops of 256 px that `python -m prefilter` makes: for images without a face.
CROP_SIDE = 256
CROP_POINTS = np.array([(93, 108), (166, 106), (130, 144), (98, 176), (165, 175)], np.float64)


class FaceAligner:
    """Finds the five points of faces in crops with MTCNN, on one CPU core."""

    def __init__(self):
        self._detector, self._runtime = FaceDetector('cpu'), OnnxRuntime()

    def find_points(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """Eyes, nose and corners of the mouth of the best face of each crop.

        Args:
            images: List of uint8 [H, W, 3], RGB, dynamic range [0, 255].

        Returns:
            float64 [N, 5, 2]: x and y in px, in the order of `TEMPLATE`; NaN where no face is found.
        """
        points = np.full([len(images), 5, 2], np.nan)
        faces = self._detector.detect_in_crops(images)
        owners = np.array([owner for owner, found in enumerate(faces) if len(found)], np.int64)
        if not len(owners):
            return points
        squares = _squares(np.stack([faces[owner][0, :4] for owner in owners]))
        images = [np.ascontiguousarray(image) for image in images]
        shares = self._runtime.run(POINTS, cut_patches(images, owners, squares, SIDES['onet']))
        extent = squares[:, 2:] - squares[:, :2] + 1
        shares = shares.reshape(-1, 2, 5).transpose(0, 2, 1)
        # Squares are counted from 1, points from 0.
        points[owners] = squares[:, np.newaxis, :2] + shares * extent[:, np.newaxis] - 1
        return points

    def align(self, images: Sequence[np.ndarray], side: int) -> List[np.ndarray]:
        """Moves the points of each face to those of the template.

        Args:
            images: As for `find_points`. If no face is found in one, its points are taken to be where they are in most
                crops of the prefilter.
            side: Of the results, px.

        Returns:
            List of uint8 [side, side, 3].
        """
        aligned = []
        for image, points in zip(images, self.find_points(images)):
            if np.isnan(points).any():
                points = CROP_POINTS * (np.array(image.shape[1::-1]) / CROP_SIDE)
            moves = similarity(points, TEMPLATE * (side / TEMPLATE_SIDE))
            aligned.append(cv2.warpAffine(np.ascontiguousarray(image), moves, (side, side), flags=cv2.INTER_LINEAR))
        return aligned


def similarity(points: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """The rotation, scale and shift that bring points nearest to targets, by the sum of squared distances.

    Umeyama, "Least-Squares Estimation of Transformation Parameters Between Two Point Patterns", 1991.

    Args:
        points: float64 [N, 2], not all equal.
        targets: float64 [N, 2].

    Returns:
        float64 [2, 3]: a point p goes to result[:, :2] @ p + result[:, 2]. It mirrors nothing.
    """
    middle, target_middle = points.mean(axis=0), targets.mean(axis=0)
    centred = points - middle
    u, singular, v = np.linalg.svd((targets - target_middle).T @ centred)
    signs = np.array([1, np.sign(np.linalg.det(u @ v))])
    linear = (singular * signs).sum() / (centred**2).sum() * (u * signs) @ v
    return np.column_stack([linear, target_middle - linear @ middle])


def _squares(boxes):
    """Squares in whole px around boxes, int [N, 4], counted from 1."""
    middle, half = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]).max(axis=1, keepdims=True) / 2
    return np.fix(np.concatenate([middle - half, middle + half], axis=1)).astype(np.int64)
