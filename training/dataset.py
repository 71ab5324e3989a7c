"""Real images in a repeatable order: minibatches for training, file order for metrics."""

import queue
import threading

import numpy as np

from dnnlib.random_streams import MIRROR, ORDER, seed_from
from dnnlib.records.datasets import open_dataset
from dnnlib.records.labels import Labels


class TrainingSet:
    """The stream of real images that a training run sees, and their labels.

    Each epoch is a seeded permutation of all records. So the position in the stream is one integer, and a resumed run
    sees the same images as an uninterrupted run.

    Args:
        folder: Of a dataset, or a .zip, as for `dnnlib.records.datasets.open_dataset`.
        resolution: Side in px to train at, at most the dataset's; None takes the dataset's.
        max_label_size: Number of label columns to use: 0 none, 'full' all.
        mirror: Whether half of the images, chosen at random, are mirrored.
        seed: Seed of the permutations and of mirroring.

    Attributes:
        shape: [C, H, W] at full resolution.
        label_size: Number of label columns in use.
        num_images: Number of records.

    Raises:
        UserError: The dataset is incomplete or damaged; the message names the file.
    """

    def __init__(self, folder, resolution=None, max_label_size=0, mirror=False, seed=0):
        self.records = open_dataset(folder, resolution)
        self.shape = self.records.shape
        self.num_images = self.records.num_images
        self.mirror = mirror
        self.seed = seed
        self._labels = self.records.labels
        if self._labels is None or max_label_size == 0:
            self._labels = Labels(np.zeros([self.num_images, 0], np.float32))
        self._labels = self._labels.columns(self._labels.size if max_label_size == 'full' else max_label_size)
        self.label_size = self._labels.size
        self._epoch, self._order = None, None

    def minibatch(self, position, size, lod=0, share=slice(None)):  # noqa: B008  a slice never changes
        """`size` consecutive images of the stream.

        Args:
            position: Number of images of the stream that come before.
            size: Number of images.
            lod: Level of detail: 0 is the full resolution, 1 half of it, ...
            share: The slice of these images that is returned; only its images are read.

        Returns:
            Tuple, for the images of `share`, of
                images uint8 [size, C, H, W], dynamic range [0, 255],
                labels float32 [size, label_size],
                mirror draws float32 [size]: an image must be flipped horizontally if its draw is >= 0.5.
        """
        indices = [self._record_at(position + offset) for offset in range(size)[share]]
        images = self.records.read_many(indices, lod)
        draws = np.zeros(size, np.float32)
        if self.mirror:
            draws = np.random.RandomState(seed_from(self.seed, MIRROR, position)).uniform(size=size).astype(np.float32)
        return images, self._labels[indices], draws[share]

    def random_labels(self, size, random):
        """Labels for fakes, drawn from the labels of the training set; a `Labels` of `size` images.

        Args:
            size: Number of labels.
            random: `numpy.random.RandomState`.
        """
        return self._labels.select(random.randint(self.num_images, size=size))

    @property
    def label_kind(self):
        """What the labels in use say, see `dnnlib.records.labels.Labels.kind`."""
        return self._labels.kind()

    def close(self):
        """Closes the files of the dataset. Afterwards nothing can be read."""
        self.records.close()

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        self.close()

    def _record_at(self, position):
        epoch, offset = divmod(position, self.num_images)
        if epoch != self._epoch:
            self._order = np.random.RandomState(seed_from(self.seed, ORDER, epoch)).permutation(self.num_images)
            self._epoch = epoch
        return self._order[offset]


class Prefetcher:
    """Reads the next minibatch in a thread while the current one is trained on.

    It guesses that the next minibatch follows the last one and is like it. A guess is wrong when the resolution or the
    minibatch changes; it costs one read.

    Args:
        training_set: `TrainingSet`.
        share_of: Function of the size of a minibatch; returns the slice that this process trains on. By default, all.
    """

    def __init__(self, training_set, share_of=lambda size: slice(None)):
        self._training_set, self._share_of = training_set, share_of
        self._requests, self._results = queue.Queue(), queue.Queue()
        self._pending = None
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def minibatch(self, position, size, lod):
        """This process's share of `TrainingSet.minibatch`."""
        request, guess, result = (position, size, lod), self._pending, None
        if guess is not None:
            self._pending, result = None, self._results.get()
        if guess != request:
            result = self._read(*request)
        elif isinstance(result, BaseException):
            raise result
        self._pending = (position + size, size, lod)
        self._requests.put(self._pending)
        return result

    def _read(self, position, size, lod):
        return self._training_set.minibatch(position, size, lod, self._share_of(size))

    def close(self):
        """Ends the thread as soon as it has read its minibatch."""
        self._requests.put(None)
        self._thread.join()

    def _work(self):
        while True:
            request = self._requests.get()
            if request is None:
                return
            try:
                self._results.put(self._read(*request))
            except BaseException as error:  # any error is raised where the minibatch is asked for
                self._results.put(error)
