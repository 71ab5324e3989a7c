"""The network of a process: from draws to images, in minibatches of one size."""

import dnnlib.quiet  # noqa: F401, I001  first: silences TensorFlow before anything imports it

import collections
import contextlib
from typing import Callable, Iterable, Iterator, NamedTuple

import numpy as np
import tensorflow.compat.v1 as tf

from dnnlib.errors import UserError
from dnnlib.tflib import convert_images_to_uint8
from metrics.sources import open_generator
from synthesis.draws import ImageDraw
from synthesis.given import NOTHING
from synthesis.network import facts_of, recipe_of
from synthesis.variations import Recipe, inputs_of, vary


THREADS = 1  # of a process on the CPU: sums are rounded differently with more, so the set would depend on them


class Made(NamedTuple):
    """An image that the network has made."""

    draw: ImageDraw
    pixels: np.ndarray  # uint8 [C, H, W], dynamic range [0, 255]
    dlatents: np.ndarray  # float32 [layers, W], as the synthesis network got it


class Generator:
    """A network that makes images from draws.

    The last bits of an image depend on the size of its minibatch, and on its place there, but not on its companions. So
    all minibatches have the same size, an image always has the same place, and places that nobody needs are filled.

    Args:
        path: Network pickle.
        device: 'gpu' or 'cpu'.

    Attributes:
        facts: `synthesis.network.NetworkFacts`.

    Raises:
        UserError: The file is no generator.
    """

    def __init__(self, path, device):
        self._stack = contextlib.ExitStack()
        self._Gs = self._stack.enter_context(open_generator(path, device, threads=THREADS if device == 'cpu' else None))
        self.facts = facts_of(self._Gs)

    def close(self):
        """Closes the session."""
        self._stack.close()

    def recipe(self, options, given=NOTHING):
        """The `synthesis.variations.Recipe` for resolved options, as from `synthesis.network.recipe_of`."""
        return recipe_of(self._Gs, options, given)

    def make(
        self, draws: Iterable[ImageDraw], recipe: Recipe, minibatch: int, place_of: Callable[[ImageDraw], int]
    ) -> Iterator[Made]:
        """Makes images, `minibatch` at a time.

        Args:
            draws: Of the images; a few dozen.
            recipe: `synthesis.variations.Recipe`.
            minibatch: Images at a time.
            place_of: A number that follows from a draw; modulo `minibatch` it is the place in a minibatch.

        Yields:
            `Made` of each draw, in no certain order.

        Raises:
            UserError: The network gives values that are not numbers, or the device has too little memory.
        """
        waiting = [collections.deque() for _ in range(minibatch)]
        for draw in draws:
            waiting[place_of(draw) % minibatch].append(draw)
        while any(waiting):
            wanted = [queue.popleft() if queue else None for queue in waiting]
            filler = next(draw for draw in wanted if draw is not None)
            made = self._run([draw or filler for draw in wanted], recipe)
            yield from (image for draw, image in zip(wanted, made) if draw is not None)

    def _run(self, draws, recipe):
        mapping, synthesis = self._Gs.components.mapping, self._Gs.components.synthesis
        inputs = inputs_of(draws, recipe, self.facts.latent_size)
        try:
            dlatents = mapping.run(inputs.latents, inputs.labels)
            others = None if inputs.fine_latents is None else mapping.run(inputs.fine_latents, inputs.labels)
            dlatents = vary(draws, dlatents, others, recipe)
            images, finite = synthesis.run(
                dlatents,
                randomize_noise=True,
                random_seed=inputs.noise,
                output_transform={'func': _to_levels},
                return_as_list=True,
            )
        except tf.errors.ResourceExhaustedError as error:
            raise UserError(
                f'The device has too little memory to make {len(draws)} images at a time: give a smaller --minibatch.'
            ) from error
        if not finite.all():
            raise UserError(
                'The network gives values that are not numbers (NaN or infinite) for '
                f'{int((~finite).sum())} of {len(finite)} images: choose an earlier snapshot.'
            )
        return map(Made, draws, images, dlatents)


def _to_levels(images):
    """In the graph: float [N, C, H, W] in [-1, 1] to uint8 levels, and bool [N]: whether all values are numbers."""
    return [convert_images_to_uint8(images), tf.reduce_all(tf.math.is_finite(images), axis=[1, 2, 3])]
