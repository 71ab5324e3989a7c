"""Face embeddings: a vector of length 1 for each image. The more alike two faces, the larger the product of their two.

On CPUs nothing here starts TensorFlow.
"""

import copy
import functools
import hashlib
import json
import os
from typing import Any, Callable, Dict, Optional, Sequence

import cv2
import numpy as np

from dnnlib.errors import UserError, disk_errors
from dnnlib.faces.alignment import FaceAligner
from dnnlib.faces.runtimes import resolve_device
from dnnlib.files import sha256_of_file
from metrics.features import facenet
from metrics.features.embedding_runs import OnnxRun, open_facenet
from metrics.features.embedding_settings import FACENET, Settings, read_settings
from metrics.features.self_check import self_check

BATCH = 16  # images; each batch has as many, the last one padded, so that no embedding depends on how many there are
WAY = 1  # goes up when the same images would get other embeddings


class Embedding:
    """A network that embeds faces, and how images are prepared for it.

    On a CPU it uses one core. It can be pickled, and used in processes that are forked later: each process opens the
    network at its first call. `open_embedding` makes it.

    Attributes:
        identity: Text that changes with the network, its settings and the preparation of images.
        title: A short name for people.
        path: The file of the network.
        size: How many numbers an embedding has.
        origin: A sentence: where the network comes from, and what is known of its licence.
        alignment: 'crop' or 'arcface5'.
    """

    def __init__(
        self, title: str, path: str, sha256: str, settings: Settings, opener: Callable[[], Callable], size: int
    ) -> None:
        self.title, self.path, self.settings, self.size = title, path, settings, size
        self.alignment = settings.alignment.split()[0]
        record = json.dumps([WAY, sha256, settings._asdict()], sort_keys=True)
        self.identity = hashlib.sha256(record.encode()).hexdigest()
        self._opener, self._run, self._process, self._aligner = opener, None, None, None

    def __getstate__(self):
        return {**self.__dict__, '_run': None, '_process': None, '_aligner': None}

    @property
    def files(self) -> Sequence[str]:
        """The files that another machine needs: none of the default, whose package carries its network."""
        return (self.path,) if self._opener.func is OnnxRun else ()

    @property
    def origin(self) -> str:
        """Where the network comes from, and what is known of its licence."""
        if self.files:
            name = os.path.basename(self.path)
            return f'The embedding is {name}, a network of the user; nothing is known here of its licence and its data.'
        return f'The embedding is the network in {facenet.PACKAGE}. {facenet.LICENCE}'

    def with_files(self, paths: Sequence[str]) -> 'Embedding':
        """The same embedding with copies of `files`."""
        if not self.files:
            return self
        other = copy.copy(self)
        other._opener = functools.partial(OnnxRun, *paths, *self._opener.args[1:])
        return other

    def embed(self, images: np.ndarray) -> np.ndarray:
        """Embeds faces.

        Args:
            images: uint8 [N, C, H, W], C 1 (grey) or 3 (RGB), dynamic range [0, 255]: crops of faces as in datasets.

        Returns:
            float32 [N, size], rows of length 1.

        Raises:
            UserError: The network gives no numbers, or only zeros, for an image.
        """
        vectors = np.empty([len(images), self.size], np.float32)
        for start in range(0, len(images), BATCH):
            part = slice(start, start + BATCH)
            outputs = self._outputs(self.prepare(images[part])).astype(np.float64)
            lengths = np.linalg.norm(outputs, axis=1, keepdims=True)
            if not (np.isfinite(lengths).all() and lengths.all()):
                raise UserError(
                    f'The embedding {self.title} gives no usable numbers for an image: check that {self.path} is whole '
                    'and that its settings are right, or choose another --embedding.'
                )
            vectors[part] = outputs / lengths
        return vectors

    def prepare(self, images: np.ndarray) -> np.ndarray:
        """The network's input, float32 [N, 3, side, side], for images as `embed` takes them."""
        settings = self.settings
        pixels = [np.broadcast_to(image, (3, *image.shape[1:])).transpose(1, 2, 0) for image in images]
        if settings.crop is None:
            self._aligner = self._aligner or FaceAligner()
            faces = np.stack(self._aligner.align(pixels, settings.side))
        else:
            faces = np.stack([cut_middle(image, settings.crop, settings.side) for image in pixels])
        if settings.colours == 'BGR':
            faces = faces[..., ::-1]
        scaled = (faces - np.float32(settings.mean)) * np.float32(settings.scale)
        return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2))

    def _outputs(self, inputs):
        if self._process != os.getpid():
            self._run, self._process = self._opener(), os.getpid()
        padded = np.zeros([BATCH, *inputs.shape[1:]], np.float32)
        padded[: len(inputs)] = inputs
        return self._run(padded)[: len(inputs)]


def open_embedding(
    name_or_file: str = 'facenet', settings: Optional[Dict[str, Any]] = None, device: str = 'cpu'
) -> Embedding:
    """Opens a face embedding.

    Args:
        name_or_file: 'facenet', or an ONNX file.
        settings: Of the file, by their names in `embedding_settings.Settings`; they go before those in the JSON file
            beside it.
        device: 'cpu', 'gpu' or 'auto'. GPUs compute 'facenet' with TensorFlow. A file is computed on the CPU.

    Raises:
        UserError: The package or the file is not there or damaged, a setting is wrong, or the file fails the
            `self_check`, which finds wrong networks and settings.
        click.UsageError: 'gpu' was asked for and there is none.
    """
    if name_or_file == 'facenet':
        if settings:
            raise UserError('--embedding-settings are for an ONNX file: name it with --embedding, or leave them out.')
        opener = functools.partial(open_facenet, resolve_device(device))
        return Embedding('facenet', facenet.find_file(), facenet.SHA256, FACENET, opener, facenet.SIZE)
    path = os.path.abspath(name_or_file)
    with disk_errors('read', path, "or write 'facenet'"):
        sha256 = sha256_of_file(path)
    settings = read_settings(path, settings)
    opener = functools.partial(OnnxRun, path, path, settings.output)
    size = opener()(np.zeros([1, 3, settings.side, settings.side], np.float32)).shape[1]  # a try, too
    title = os.path.splitext(os.path.basename(path))[0]
    embedding = Embedding(title, path, sha256, settings, opener, size)
    self_check(embedding)
    return embedding


def cut_middle(pixels: np.ndarray, share: float, side: int) -> np.ndarray:
    """The middle of an image, resized to a square by OpenCV: INTER_AREA to shrink it, else INTER_CUBIC.

    Args:
        pixels: uint8 [H, W, 3].
        share: Of height and width that is kept.
        side: Of the result, px.

    Returns:
        uint8 [side, side, 3].
    """
    height, width = (max(round(length * share), 1) for length in pixels.shape[:2])
    top, left = (pixels.shape[0] - height) // 2, (pixels.shape[1] - width) // 2
    middle = pixels[top : top + height, left : left + width]
    way = cv2.INTER_AREA if min(height, width) >= side else cv2.INTER_CUBIC
    return cv2.resize(np.ascontiguousarray(middle), (side, side), interpolation=way)
