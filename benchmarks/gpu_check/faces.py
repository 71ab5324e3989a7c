"""Does the filter decide on the GPU as on the CPU?"""

import functools
import os

import numpy as np
import skimage.data
from PIL import Image

from benchmarks.gpu_check.report import judged
from dnnlib.faces.cascade import detect_faces
from dnnlib.faces.crop import choose_face, crop_box
from dnnlib.faces.runtimes import OnnxRuntime
from dnnlib.faces.tensorflow_runtime import TensorFlowRuntime
from tests.pictures import face_scenes

PART = 'faces'
BOX_TOLERANCE = 1e-3  # px
BATCH = 16  # photographs at once
MARGIN = 50  # px, as by default


def open_faces(count, _stack):
    """The items: photographs in batches.

    Args:
        count: Photographs of faces of LFW; one more is `astronaut` of scikit-image.
    """
    astronaut = os.path.join(os.path.dirname(skimage.data.__file__), 'astronaut.png')
    images = [np.asarray(Image.open(astronaut).convert('RGB')), *face_scenes(count)]
    runtimes = OnnxRuntime(), TensorFlowRuntime()
    return [
        (f'photographs from {begin + 1} on', functools.partial(check_batch, images[begin : begin + BATCH], *runtimes))
        for begin in range(0, len(images), BATCH)
    ]


def check_batch(images, cpu, device):
    """The row of a batch: the decisions that differ, and how far boxes are apart.

    Args:
        images: List of uint8 [H, W, 3].
        cpu, device: `Runtime`s: ONNX Runtime, and TensorFlow on the device of the check.
    """
    differing, furthest, faces = 0, 0.0, 0
    for image, ours, theirs in zip(images, detect_faces(images, device), detect_faces(images, cpu)):
        faces += len(theirs)
        if len(ours) != len(theirs) or decision(image, ours) != decision(image, theirs):
            differing += 1
        elif len(theirs):
            furthest = max(furthest, np.abs(ours[:, :4] - theirs[:, :4]).max())
    here = f'{differing} decisions differ, boxes by {furthest:.1e} px'
    beside = f'ONNX Runtime: {faces} faces; at most {BOX_TOLERANCE:g} px'
    what = f'{len(images)} photographs'
    return [judged(PART, what, here, beside, not differing and furthest <= BOX_TOLERANCE and faces > 0)]


def decision(image, faces):
    """The crop that the filter takes; None if it finds no face."""
    if not len(faces):
        return None
    height, width = image.shape[:2]
    return crop_box(faces[choose_face(faces, width, height)], width, height, MARGIN)
