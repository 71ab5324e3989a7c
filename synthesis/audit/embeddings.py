"""The face embeddings of a dataset: made once by all processes, then read from the cache."""

import dataclasses
from typing import Any

import numpy as np

from dnnlib.records.datasets import open_dataset
from dnnlib.records.tfrecords import fingerprint
from synthesis.audit.measure_job import Measure
from synthesis.audit.measures import column_path, folder_of, is_measured, keep_measured, measured
from synthesis.job import hidden_gpus

COLUMN = 'vectors'


@dataclasses.dataclass(frozen=True)
class Embed(Measure):
    """The embedding of each image.

    Attributes:
        embedding: A `metrics.features.embeddings.Embedding`; it is picklable.
    """

    embedding: Any
    environment = hidden_gpus('cpu')  # of a cluster, which embeds on CPUs
    name = 'embeddings'
    doing = 'Embedding'

    @property
    def identity(self):
        """Of the embedding."""
        return self.embedding.identity

    @property
    def columns(self):
        """One vector."""
        return {COLUMN: ('<f4', (self.embedding.size,))}

    @property
    def files(self):
        """Of the embedding."""
        return self.embedding.files

    def with_files(self, paths):
        """The same embedding with copies of its files."""
        return dataclasses.replace(self, embedding=self.embedding.with_files(paths))

    def open(self):
        """A function from images to {COLUMN: vectors}."""
        return self._embed

    def _embed(self, images):
        return {COLUMN: self.embedding.embed(images)}


class SetEmbeddings:
    """The embeddings of a dataset, and the dataset, open. Use it in a `with` block, which closes the dataset.

    Attributes:
        path: Of the dataset, as given.
        dataset: It, open; `read(index)` gives an image, uint8 [C, H, W].
        vectors_path: The file of the vectors, float32 [N, size] in numpy's format.
        vectors: The same, mapped into memory: rows of length 1.
        labels: Class numbers int [N], such as identities; None if the dataset has none.
        fingerprint: Of the images.
        side: Of the images, px.
    """

    def __init__(self, path, vectors_path, fingerprint):
        self.path, self.vectors_path, self.fingerprint = path, vectors_path, fingerprint
        self.vectors = np.load(vectors_path, mmap_mode='r')
        self.dataset = open_dataset(path)
        labels = self.dataset.labels
        self.labels = None if labels is None else labels.classes()
        self.side = self.dataset.shape[1]

    def __len__(self):
        return len(self.vectors)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, traceback):
        self.close()

    def close(self):
        """Closes the dataset."""
        self.dataset.close()

    def read(self, index):
        """An image: uint8 [C, H, W]."""
        return self.dataset.read(int(index))


def embeddings_of(path, embedding, processes, cluster=None):
    """The embeddings of all images of a dataset; a run that was stopped goes on.

    Args:
        path: Of a dataset: a folder of TFRecords or .zip files, or one .zip.
        embedding: `metrics.features.embeddings.Embedding`.
        processes: `synthesis.generate.Processes`.
        cluster: `dnnlib.jobs.beam_runner.Cluster` whose workers do it instead; or None.

    Returns:
        `SetEmbeddings`, to be closed.

    Raises:
        UserError: There is no such dataset, the embedding does not take its images or gives no numbers, or the disk
            refuses.
    """
    folder, found = measured(path, Embed(embedding), processes, cluster)
    return SetEmbeddings(path, column_path(folder, COLUMN), found)


def has_embeddings(fingerprint, embedding):
    """Whether the cache has the embeddings of a dataset, by its fingerprint."""
    return is_measured(fingerprint, Embed(embedding))


def share_embeddings(source, target, chosen, embedding):
    """Gives a dataset the embeddings of its images in another one, so that none is computed twice.

    Args:
        source: Path of a dataset whose embeddings the cache has.
        target: Path of a dataset that has the chosen images of the source, in their order.
        chosen: bool [number of images of the source].
        embedding: `metrics.features.embeddings.Embedding`.
    """
    measure = Embed(embedding)
    with open_dataset(source) as dataset:
        vectors = np.load(column_path(folder_of(fingerprint(dataset), measure), COLUMN), mmap_mode='r')
    keep_measured(target, measure, {COLUMN: vectors[chosen]})
