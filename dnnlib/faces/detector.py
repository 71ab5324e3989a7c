"""Finds faces in images: MTCNN with the settings of the reference filter, and with the same decisions."""

from typing import List, Sequence

import numpy as np
from PIL import Image

from dnnlib.faces.cascade import detect_faces
from dnnlib.faces.runtimes import open_runtime

COUNTING_SIDE = 64  # px; `count_faces` resizes the shorter side of each image to this
COUNTING_FRAME = 32  # px; width of the grey frame that `count_faces` adds
COUNTED_AT_ONCE = 16  # images


class FaceDetector:
    """MTCNN, ready to run beside a network in training and in worker processes, forked or spawned.

    On a CPU it uses one core and does not start TensorFlow. On a GPU it has a TensorFlow graph and session of its own;
    make it in the process that uses it. Do not use it from several threads at once.

    Args:
        device: 'cpu', 'gpu' (TensorFlow, on a GPU if it sees one) or 'auto' (a GPU if there is one, else the CPU).
    """

    def __init__(self, device: str = 'auto'):
        self._runtime = open_runtime(device)

    def detect(self, image: np.ndarray) -> np.ndarray:
        """Finds the faces of one image.

        Args:
            image: uint8 [H, W, 3], RGB, dynamic range [0, 255].

        Returns:
            float64 [N, 5]: left, top, right, bottom in px (they may reach outside the image) and the score in
            [0, 1], best score first; N is 0 when there is no face.

        Raises:
            MemoryError: The image is too large for the memory of the computer or the GPU.
        """
        return self.detect_batch([image])[0]

    def detect_batch(self, images: Sequence[np.ndarray]) -> List[np.ndarray]:
        """Finds the faces of several images, which is faster than one by one.

        Args:
            images: List of uint8 [H, W, 3] as for `detect`; sizes may differ.

        Returns:
            List of float64 [N, 5] as from `detect`, one for each image. Rounding may move coordinates, compared with
            `detect`, by less than 1e-3 px.

        Raises:
            MemoryError: As from `detect`.
        """
        return detect_faces(images, self._runtime)

    def detect_in_crop(self, image: np.ndarray) -> np.ndarray:
        """Finds the faces of one image that is a crop of a face, or looks like one, in a frame as in `count_faces`.

        Args:
            image: uint8 [H, W, 3], RGB, dynamic range [0, 255].

        Returns:
            float64 [N, 5] as from `detect`, in px of the image.
        """
        return self.detect_in_crops([image])[0]

    def detect_in_crops(self, images: Sequence[np.ndarray]) -> List[np.ndarray]:
        """Finds the faces of several crops, which is faster than one by one; see `detect_in_crop`."""
        found = [faces.copy() for faces in self.detect_batch([_framed(image) for image in images])]
        for image, faces in zip(images, found):
            faces[:, :4] = (faces[:, :4] - COUNTING_FRAME) * (min(image.shape[:2]) / COUNTING_SIDE)
        return found

    def count_faces(self, images: np.ndarray) -> int:
        """Counts the images that show at least one face.

        All images are resized to one size, so that the count does not depend on the resolution of crops. They also get
        a grey frame, because MTCNN often misses a face that fills the image: of 95 real crops of 32 px, 93 count
        without the frame and 95 with it.

        Args:
            images: uint8 [N, H, W, 3], RGB, dynamic range [0, 255]. Crops: a face much smaller than a third of the
                image's shorter side may be missed.

        Returns:
            An int from 0 to N.
        """
        count = 0
        for start in range(0, len(images), COUNTED_AT_ONCE):
            framed = [_framed(image) for image in images[start : start + COUNTED_AT_ONCE]]
            count += sum(len(faces) > 0 for faces in self.detect_batch(framed))
        return count


def _framed(image):
    height, width = image.shape[:2]
    factor = COUNTING_SIDE / min(height, width)
    size = (round(width * factor), round(height * factor))
    resized = np.asarray(Image.fromarray(image).resize(size, Image.BICUBIC))
    frame = ((COUNTING_FRAME, COUNTING_FRAME), (COUNTING_FRAME, COUNTING_FRAME), (0, 0))
    return np.pad(resized, frame, 'constant', constant_values=128)
