"""Images in minibatches, real and generated, in the order and with the noise that a seed says."""

import numpy as np
import tensorflow.compat.v1 as tf

from dnnlib import tflib
from dnnlib.tflib.devices import session_gpus
from dnnlib.util import seed_from

_FLIPS, _NOISE = 1, 2  # random streams of a seed, apart from that of the latents


def default_minibatch_size(resolution):
    """Images at a time that fit an 11 GB GPU and keep a CPU busy: 64 up to 64x64, then fewer, 4 at 1024x1024."""
    return int(np.clip(4096 // resolution, 4, 64))


def real_batches(dataset, count, minibatch_size, mirror, seed):
    """Yields `count` real images, uint8 [N, C, H, W]: records in file order, from the first again after the last.

    Args:
        dataset: An open `MultiResolutionDataset`.
        count: How many.
        minibatch_size: N of all batches but the last.
        mirror: Flip each horizontally with probability 1/2.
        seed: Of the flips.
    """
    random = np.random.RandomState([seed, _FLIPS])
    for begin in range(0, count, minibatch_size):
        indices = range(begin, min(begin + minibatch_size, count))
        images = np.stack([dataset.read(index % dataset.num_images) for index in indices])
        if mirror:
            flipped = random.rand(len(images)) < 0.5
            images[flipped] = images[flipped, :, :, ::-1]
        yield images


def generate_batches(Gs, count, minibatch_size, num_gpus, seed):
    """Yields `count` generated images, uint8 [N, C, H, W], as `generate` draws them."""
    transform = {'func': tflib.convert_images_to_uint8}
    for _, images in generate(Gs, count, minibatch_size, num_gpus, seed, transform):
        yield images


def generate(Gs, count, minibatch_size, num_gpus, seed, output_transform):
    """Yields (latents, transformed images) of `count` generated images, without truncation and with fresh noise.

    On a CPU the same seed and minibatch size give the same images again, in any process. GPUs that share a minibatch
    draw noise that does not repeat, since from one seed they would all draw the same.

    Args:
        Gs: Generator `Network`.
        count: How many.
        minibatch_size: N of all batches but the last.
        num_gpus: How many GPUs share a minibatch.
        seed: Of latents and noise, below 2^32.
        output_transform: Of the images in [-1, 1], as of `Network.run`.
    """
    random = np.random.RandomState(seed)
    shared = len(session_gpus()[:num_gpus]) > 1
    for begin in range(0, count, minibatch_size):
        latents = random.randn(min(minibatch_size, count - begin), *Gs.input_shape[1:])
        repeated = {} if shared else {'random_seed': seed_noise(seed, begin)}
        yield latents, Gs.run(
            latents, None, num_gpus=num_gpus, is_validation=True, randomize_noise=True,
            output_transform=output_transform, **repeated,
        )


def seed_noise(seed, position):
    """Says which noise the next fakes get that take it from this function's value.

    Args:
        seed: Below 2^32.
        position: Of the first of them in their sequence, so that each minibatch has noise of its own.

    Returns:
        Tensor int32 [2], the same one for all of a graph: the `random_seed` of a generator's `run`.
    """
    variable, value = _noise_seed(tf.get_default_graph())
    # Below 2^30, so that the streams counted from the seed do not leave int32.
    tflib.set_vars({variable: [seed_from(seed, _NOISE, position, half) >> 2 for half in range(2)]})
    return value


def _noise_seed(graph):
    """The variable, int32 [2], that fakes take their noise from, and its value; one for each graph.

    A variable, since `Network.run` feeds nothing but a network's inputs, and keeps the graph it built for this tensor.
    """
    kept = graph.get_collection_ref('metrics_noise_seed')
    if not kept:
        with graph.as_default(), tf.control_dependencies(None), tf.device('/cpu:0'):
            variable = tf.Variable([0, 0], trainable=False, collections=[], dtype=tf.int32, name='metrics_noise_seed')
            kept.append((variable, variable.read_value()))
    return kept[0]
