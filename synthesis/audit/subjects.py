"""A dataset as the audit sees it: who is in each image, one image for each person, names of images."""

import collections
import contextlib
import json
import os

import numpy as np

from dnnlib.records.names import MANIFEST_FILE
from synthesis.audit.embeddings import embeddings_of


class Subjects:
    """The people of a dataset. Use it in a `with` block, which closes the dataset.

    Args:
        embeddings: `synthesis.audit.embeddings.SetEmbeddings`.

    Attributes:
        embeddings: As given.
        identities: int64 [N]: who is in each image, counted from 0 in the order of their first images. Without labels
            each image counts as a person of its own.
        firsts: int64 [number of people], ascending: the first image of each.
        are_labelled: Whether the labels say who is in an image.
    """

    def __init__(self, embeddings):
        self.embeddings = embeddings
        self.are_labelled = embeddings.labels is not None
        count = len(embeddings)
        if self.are_labelled:
            _, firsts, numbers = np.unique(embeddings.labels, return_index=True, return_inverse=True)
            order = np.argsort(firsts)
            self.firsts = firsts[order].astype(np.int64)
            place = np.empty(len(order), np.int64)
            place[order] = np.arange(len(order))
            self.identities = place[numbers]
        else:
            self.firsts = self.identities = np.arange(count, dtype=np.int64)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, traceback):
        self.embeddings.close()

    @property
    def count(self):
        """Number of images."""
        return len(self.embeddings)

    @property
    def people(self):
        """Number of people."""
        return len(self.firsts)

    @property
    def path(self):
        """The path below the current folder; of a dataset elsewhere the name alone, as a page may be given away."""
        relative = os.path.relpath(self.embeddings.path)
        return os.path.basename(relative) if relative.startswith(os.pardir) else relative

    def about(self):
        """What a report says of the dataset: JSON values."""
        return {
            'path': self.path,
            'images': self.count,
            'people': self.people if self.are_labelled else None,
            'shape': list(self.embeddings.dataset.shape),
            'fingerprint': self.embeddings.fingerprint,
        }

    def names(self, indices):
        """{index: name by which a person finds the image}: the path in the manifest, else its number."""
        wanted = {int(index) for index in indices}
        return {**{index: f'image {index}' for index in wanted}, **_names_in_manifest(self.embeddings.path, wanted)}

    def classes(self):
        """Number of images of each class of a conditional network, {class: count}; None if the manifest has none."""
        counts = collections.Counter(line.get('class') for line in _lines(self.embeddings.path))
        return None if None in counts or not counts else dict(sorted(counts.items()))

    def labels(self):
        """Number of images that each label has, {column or class: count}; None without labels."""
        labels = self.embeddings.dataset.labels
        if labels is None:
            return None
        counts = np.bincount(labels.numbers) if labels.numbers is not None else (labels.array > 0.5).sum(axis=0)
        return dict(enumerate(counts.tolist()))


def open_subjects(path, embedding, processes, cluster=None):
    """`Subjects` of a dataset, embedded if the cache lacks it. Arguments and errors as of `embeddings_of`."""
    return Subjects(embeddings_of(path, embedding, processes, cluster))


def _names_in_manifest(path, wanted):
    """{index: path of the photograph or image} of the wanted images that a manifest names."""
    return {
        line['index']: '/'.join(str(line[field]) for field in ('file', 'path') if field in line)
        for line in _lines(path)
        if line.get('index') in wanted
    }


def _lines(path):
    """Yields the lines of the manifest of a dataset, dicts; none if it has no manifest, or up to a damaged line."""
    manifest = os.path.join(path, MANIFEST_FILE)
    if os.path.isfile(manifest):
        with open(manifest, 'rb') as lines, contextlib.suppress(ValueError, RecursionError):
            for text in lines:
                line = json.loads(text)
                if isinstance(line, dict):
                    yield line
