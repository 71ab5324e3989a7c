"""A user's classifier of attributes: an ONNX file that gives a list of scores for an image."""

import os

import numpy as np

from dnnlib.errors import UserError, disk_errors
from dnnlib.files import sha256_of_file
from metrics.features.embedding_runs import OnnxRun
from metrics.features.embedding_settings import read_settings
from metrics.features.embeddings import BATCH, Embedding
from metrics.features.extractor import FeatureNetwork


class OnnxClassifier(FeatureNetwork):
    """uint8 images to the outputs of an ONNX file. Images are prepared as for `metrics.features.embeddings.Embedding`.

    Args:
        path: The ONNX file. Beside it, a JSON file of the same name has its settings.

    Attributes:
        size: Number of scores of an image.

    Raises:
        UserError: A file is not there, or is no such network.
    """

    def __init__(self, path):
        settings_file = os.path.splitext(path)[0] + '.json'
        if not os.path.exists(settings_file):
            raise UserError(
                f'{path} needs its settings in {settings_file}, such as {{"side": 112, "colours": "RGB", '
                '"mean": 127.5, "scale": "1/127.5", "alignment": "crop 1"}: write that file.'
            )
        with disk_errors('read', path):
            sha256 = sha256_of_file(path)
        settings = read_settings(path)
        self._run = OnnxRun(path, path, settings.output, least=1, where=settings_file)
        self._faces = Embedding(path, path, sha256, settings, None, None)
        self.identity = self._faces.identity
        self.size = self._run(np.zeros([1, 3, settings.side, settings.side], np.float32)).shape[1]

    def __call__(self, images, num_gpus=1):
        """Scores, float32 [N, size], of images, uint8 [N, C, H, W]; on the CPU."""
        parts = [
            self._run(self._faces.prepare(images[start : start + BATCH])) for start in range(0, len(images), BATCH)
        ]
        return np.concatenate(parts)
