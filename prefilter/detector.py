"""Faces in an image: the `mtcnn` package at the reference filter's settings, with the boxes it computes inside."""

import dnnlib.quiet  # noqa: I001,F401  before TensorFlow

import numpy as np
import tensorflow.compat.v1 as tf
from mtcnn import MTCNN
from PIL import Image

MIN_FACE_SIZE = 20  # px
STAGE_THRESHOLDS = (0.6, 0.7, 0.7)  # score above which a stage keeps a candidate
SCALE_FACTOR = 0.709  # from one level of the image pyramid to the next
COUNTING_SIDE = 64  # px; the shorter side of an image in which a face is looked for only to count it
COUNTING_FRAME = 32  # px; of grey around that


class FaceDetector:
    """MTCNN in a graph and session of its own, so that it can run beside a network in training.

    Not for use from several threads at once.

    Args:
        device: 'auto' or 'gpu' (a GPU if there is one), or 'cpu' (GPUs stay hidden and untouched).
    """

    def __init__(self, device='auto'):
        self._graph = tf.Graph()
        # Takes GPU memory as needed: the rest belongs to whatever else the process does.
        options = tf.ConfigProto(gpu_options={'allow_growth': True})
        if device == 'cpu':
            options.device_count['GPU'] = 0
        self._session = tf.Session(graph=self._graph, config=options)
        with self._graph.as_default(), self._session.as_default():
            self._mtcnn = MTCNN(None, MIN_FACE_SIZE, list(STAGE_THRESHOLDS), SCALE_FACTOR)
        for network in (self._mtcnn._pnet, self._mtcnn._rnet, self._mtcnn._onet):
            # Without Keras's data adapters: 15 % faster. predict() splits more than 32 candidates into batches, and
            # other batches may move boxes by up to 6e-5 px; on the reference's 63 images the numbers are identical.
            network.predict = network.predict_on_batch
        self._boxes = None
        self._keep_float_boxes()

    def _keep_float_boxes(self):
        # detect_faces() truncates its boxes to ints, too coarse for the choice among faces and for odd margins. The
        # result of its third stage is what the reference computes, so that is listened to.
        third_stage = self._mtcnn._MTCNN__stage3

        def third_stage_listened_to(*args):
            self._boxes, points = third_stage(*args)
            return self._boxes, points

        self._mtcnn._MTCNN__stage3 = third_stage_listened_to

    def detect(self, image):
        """Finds the faces of one image.

        Args:
            image: uint8 [H, W, 3], RGB, dynamic range [0, 255].

        Returns:
            float64 [N, 5]: left, top, right, bottom in px (they may reach outside the image) and the score in
            [0, 1], best score first; N is 0 when there is no face.

        Raises:
            MemoryError: The image is too large for the memory of the computer or the GPU.
        """
        try:
            with self._graph.as_default(), self._session.as_default():
                self._mtcnn.detect_faces(image)
        except tf.errors.ResourceExhaustedError as error:
            raise MemoryError(error.message.splitlines()[0]) from error
        if self._boxes.size == 0:
            return np.empty([0, 5])
        return self._boxes

    def count_faces(self, images):
        """In how many images there is at least one face.

        All are brought to one size, so that crops count alike at every resolution, and get a grey frame: a face that
        fills the image is often missed without. Of 95 real crops of 32 px, 93 count without the frame and 95 with it.

        Args:
            images: uint8 [N, H, W, 3], RGB, dynamic range [0, 255]. Crops: a face much smaller than a third of the
                image's shorter side may be missed.

        Returns:
            An int from 0 to N.
        """
        return sum(len(self.detect(_framed(image))) > 0 for image in images)


def _framed(image):
    height, width = image.shape[:2]
    factor = COUNTING_SIDE / min(height, width)
    size = (round(width * factor), round(height * factor))
    resized = np.asarray(Image.fromarray(image).resize(size, Image.BICUBIC))
    frame = ((COUNTING_FRAME, COUNTING_FRAME), (COUNTING_FRAME, COUNTING_FRAME), (0, 0))
    return np.pad(resized, frame, 'constant', constant_values=128)
