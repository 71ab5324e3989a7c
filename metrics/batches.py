"""Minibatches of real and generated images. A seed sets their order and noise."""

import functools

import numpy as np

from dnnlib.random_streams import FAKES_LABELS, FAKES_NOISE, REALS_FLIPS, noise_seed


def default_minibatch_size(resolution):
    """Images at a time that fit an 11 GB GPU and keep a CPU busy: 64 up to 64x64, then fewer, 4 at 1024x1024."""
    return int(np.clip(4096 // resolution, 4, 64))


class Stream:
    """The random numbers of a seed. Reading can begin at any position.

    Args:
        seed: Seed of `numpy.random.RandomState`.
        draw: Function (RandomState, N) to an array of the next N numbers or rows.
    """

    def __init__(self, seed, draw):
        self._seed, self._draw, self._position = seed, draw, None

    def take(self, begin, end):
        """The numbers from position `begin` to before `end`."""
        if self._position is None or begin < self._position:
            self._random, self._position = np.random.RandomState(self._seed), 0
        while self._position < begin:
            skipped = min(begin - self._position, 10000)
            self._draw(self._random, skipped)
            self._position += skipped
        self._position = end
        return self._draw(self._random, end - begin)


def real_batches(dataset, begin, end, minibatch_size, mirror, seed):
    """Yields real images, uint8 [N, C, H, W]: records in file order. After the last record comes the first again.

    Args:
        dataset: An open dataset.
        begin, end: Range of images; the last minibatch is whole, so it may go beyond the end.
        minibatch_size: N.
        mirror: Flip each image horizontally with probability 1/2.
        seed: Seed of the flips.
    """
    coins = Stream([seed, REALS_FLIPS], lambda random, count: random.rand(count))
    for start in range(begin, end, minibatch_size):
        indices = [index % dataset.num_images for index in range(start, start + minibatch_size)]
        images = dataset.read_many(indices)
        if mirror:
            flipped = coins.take(start, start + minibatch_size) < 0.5
            images[flipped] = images[flipped, :, :, ::-1]
        yield images


def latents_of(Gs, seed):
    """The `Stream` of a generator's latents [N, L]."""
    return Stream(seed, lambda random, count: random.randn(count, *Gs.input_shape[1:]))


class Labels:
    """Labels for fakes, drawn at random from the labels of the reals.

    Args:
        of_reals: `dnnlib.records.labels.Labels` of the reals; None for networks without labels.
        seed: Seed of the draws.
    """

    def __init__(self, of_reals, seed):
        self._of_reals = of_reals
        self._choice = Stream([seed, FAKES_LABELS], lambda random, count: random.rand(count))

    def take(self, begin, end):
        """Labels of the fakes from `begin` to before `end`, float32 [N, label size]; None without labels."""
        if self._of_reals is None:
            return None
        return self._of_reals[(self._choice.take(begin, end) * len(self._of_reals)).astype(int)]


class Fakes:
    """Generated images in minibatches, without truncation and with fresh noise.

    The same seed and minibatch size give the same images in any process, up to the device's rounding, and in any order
    of reading. The noise depends on the number of GPUs too.

    Args:
        Gs: Generator `Network`.
        minibatch_size: N, of every batch.
        num_gpus: How many GPUs share a minibatch.
        seed: Seed of latents and noise, below 2^32.
        labels: `Labels`.
    """

    def __init__(self, Gs, minibatch_size, num_gpus, seed, labels):
        self._Gs, self._minibatch_size, self._num_gpus, self._seed = Gs, minibatch_size, num_gpus, seed
        self._latents, self._labels = latents_of(Gs, seed), labels

    def batches(self, begin, end, transforms):
        """Yields for each minibatch a list of arrays [N, ...], one for each transform.

        Args:
            begin, end: Range of images; the last minibatch is whole, so it may go beyond the end.
            transforms: Functions that are applied in the graph, to images [N, C, H, W] in [-1, 1].
        """
        output_transform = {'func': join_transforms(tuple(transforms))}
        for start in range(begin, end, self._minibatch_size):
            stop = start + self._minibatch_size
            yield self._Gs.run(
                self._latents.take(start, stop),
                self._labels.take(start, stop),
                num_gpus=self._num_gpus,
                is_validation=True,
                randomize_noise=True,
                output_transform=output_transform,
                random_seed=seed_noise(self._seed, start),
                return_as_list=True,
            )


@functools.lru_cache(maxsize=None)
def join_transforms(transforms):
    """Joins several functions of images into one.

    The same functions give the same object, so that `Network.run` can use its graph again.
    """
    return lambda images: [transform(images) for transform in transforms]


def seed_noise(seed, position):
    """Sets the noise of the next minibatch; returns the tensor to pass as `random_seed`.

    Args:
        seed: Below 2^32.
        position: Number of fakes before the minibatch. Each position gives other noise.

    Returns:
        Tensor int32 [2], the same one for all minibatches of a graph.
    """
    import tensorflow.compat.v1 as tf  # here: the command lines of verbs import this module

    from dnnlib import tflib

    variable, value = _noise_seed(tf, tf.get_default_graph())
    tflib.set_vars({variable: noise_seed(seed, FAKES_NOISE, position)})
    return value


def _noise_seed(tf, graph):
    """The variable, int32 [2], that sets the noise of fakes, and its value as a tensor. There is one for each graph.

    It is a variable, because `Network.run` feeds only the inputs of a network. It is one and the same tensor, so that
    `Network.run` can use its graph again.
    """
    kept = graph.get_collection_ref('metrics_noise_seed')
    if not kept:
        with graph.as_default(), tf.control_dependencies(None), tf.device('/cpu:0'):
            variable = tf.Variable([0, 0], trainable=False, collections=[], dtype=tf.int32, name='metrics_noise_seed')
            kept.append((variable, variable.read_value()))
    return kept[0]
