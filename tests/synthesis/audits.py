"""Toy embeddings and datasets for tests of the audit. An image of one colour embeds as that colour says."""

import contextlib

import numpy as np

from dnnlib.errors import UserError
from dnnlib.exports.dataset_json import write_zip
from dnnlib.exports.encoding import png_bytes
from metrics.arithmetic.calibration import Calibration, Threshold
from metrics.features.known_thresholds import Thresholds, write_thresholds

SIZE = 32  # numbers of an embedding


class ToyEmbedding:
    """The means of the rows of cells of an image, less their mean, at length 1: `SIZE` numbers."""

    origin = 'The embedding is a toy.'
    title, size, alignment, files = 'toy', SIZE, 'crop', ()
    identity = 'ab' * 32

    def embed(self, images):
        """float32 [N, SIZE]."""
        count = len(images)
        strips = images.astype(np.float32).mean(axis=1).reshape(count, SIZE, -1).mean(axis=2)
        strips -= strips.mean(axis=1, keepdims=True)
        lengths = np.linalg.norm(strips, axis=1, keepdims=True)
        if not lengths.all():
            raise UserError('The toy embedding gives no numbers for an image of one colour.')
        return strips / lengths


@contextlib.contextmanager
def here(count, prepare, environments=None):
    """Stands for `Workers`: tasks run in this process."""
    yield _Here(prepare())


class _Here:
    def __init__(self, state):
        self._state = state

    def run(self, tasks, on_report=lambda task, report: None):
        """As `Workers.run`."""
        for task in tasks:
            yield task, task.run(self._state, lambda report, task=task: on_report(task, report))


def people(count, seed=0, images=1, spread=0.05, side=32):
    """Images of people who differ in their strips: uint8 [count * images, 3, side, side]; those of one follow.

    All are brighter on the right, so a mirror image differs in its pixels, but not in its embedding.
    """
    random = np.random.RandomState(seed)
    kinds = np.repeat(random.randn(count, SIZE), images, axis=0)
    strips = kinds + spread * random.randn(count * images, SIZE)
    rows = np.repeat(128 + 30 * strips, side // SIZE, axis=1)
    pixels = np.clip(rows[:, np.newaxis, :, np.newaxis] + np.linspace(-20, 20, side), 0, 255)
    return np.broadcast_to(pixels, (count * images, 3, side, side)).round().astype(np.uint8)


def write_thresholds_file(path, side=32, cosines=(0.6, 0.8, 0.95), identity=None):
    """Writes thresholds of the toy embedding for 1 in 100, 1 in 1,000, and, extrapolated, 1 in 10,000."""
    levels = [
        Threshold(far, cosine, cosine - 0.01, cosine + 0.01, 0.9, far > 1e-4)
        for far, cosine in zip((1e-2, 1e-3, 1e-4), cosines)
    ]
    calibration = Calibration(1000, 100, 4500, 495000, 0, 0.01, levels)
    write_thresholds(path, Thresholds(identity or ToyEmbedding.identity, side, 'toy people', calibration))
    return str(path)


def write_set(folder, images, labels=None):
    """Writes images as a folder of one .zip, as generate does."""
    folder.mkdir(parents=True, exist_ok=True)
    labels = [None] * len(images) if labels is None else [int(label) for label in labels]
    entries = (
        (f'{number:08d}.png', png_bytes(image), label) for number, (image, label) in enumerate(zip(images, labels))
    )
    write_zip(str(folder / '00000.zip'), entries)
    return str(folder)
