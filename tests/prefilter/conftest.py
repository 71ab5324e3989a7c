import pathlib

import numpy as np
import pytest

import dnnlib.quiet  # noqa: F401


@pytest.fixture(scope='session')
def detector():
    from prefilter.detector import FaceDetector

    return FaceDetector()


@pytest.fixture(scope='session')
def bundled():
    """The folder of photographs inside scikit-image."""
    import skimage.data

    return pathlib.Path(skimage.data.__file__).parent


@pytest.fixture(scope='session')
def reference():
    """What `mtcnn.MTCNN` computes in its third stage, before it truncates: image to float64 [N, 5]."""
    from mtcnn import MTCNN

    package, boxes = MTCNN(), []
    third_stage = package._MTCNN__stage3

    def third_stage_listened_to(*args):
        boxes[:], points = [third_stage(*args)[0]], np.empty([10, 0])
        return boxes[0], points

    package._MTCNN__stage3 = third_stage_listened_to

    def detect(image):
        package.detect_faces(image)
        return boxes[0] if boxes[0].size else np.empty([0, 5])

    return detect


@pytest.fixture(scope='session')
def scenes():
    """Eight images, 250x250, of a face of LFW in a background of LFW, enlarged."""
    from PIL import Image
    from skimage.data import lfw_subset

    patches = np.rint(lfw_subset() * 255).astype(np.uint8)
    images = []
    for index in range(8):
        scene = np.array(Image.fromarray(patches[100 + index]).resize((250, 250), Image.BICUBIC))
        scene[60:190, 60:190] = Image.fromarray(patches[10 * index]).resize((130, 130), Image.BICUBIC)
        images.append(np.repeat(scene[:, :, np.newaxis], 3, axis=2))
    return images
