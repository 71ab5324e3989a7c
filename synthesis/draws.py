"""What is drawn for each image of a synthetic dataset. All of it follows from the seed and the numbers of the image.

An identity is a latent vector. Its image 0 is the first one; images 1, 2, ... are variations of the first one. Where an
image is refused, the next draw takes its place: draw 0, 1, 2, ... of the first image, or of that variation. So an image
follows from the network, the options, and five numbers: the seed of the dataset, the identity, the draw of its first
image, the number of the variation, and the draw of the variation.

Nothing here needs the images before it, so a longer dataset begins with the images of a shorter one. The numbers are
the same in every version of NumPy.
"""

import dataclasses
from typing import Optional, Sequence, Tuple, Union

import numpy as np

from dnnlib.random_streams import (
    SYNTHESIS_CLASSES,
    SYNTHESIS_DIRECTIONS,
    SYNTHESIS_FINE,
    SYNTHESIS_LATENTS,
    SYNTHESIS_NEAR,
    SYNTHESIS_SPREAD,
)

LARGEST_SEED = 2**32 - 1  # numpy takes no larger seed
MOST_IDENTITIES = 2**31
MOST_IMAGES = 2**16  # of an identity
MOST_DRAWS = 2**10  # of an image; with MOST_IMAGES, what the second seed of the noise has room for

BALANCED, LIKE_REALS = 'balanced', 'like-reals'  # classes by turns; classes as often as in the training set


@dataclasses.dataclass(frozen=True, order=True)
class ImageDraw:
    """One draw of an image: the numbers that it follows from, beside the seed and the options of the dataset."""

    identity: int  # from 0
    variation: int = 0  # number of the image within its identity; 0 is the first image
    draw: int = 0  # of this image
    first_draw: Optional[int] = None  # draw of the identity's first image; for the first image, `draw` itself

    def __post_init__(self):
        if self.first_draw is None and self.variation == 0:
            object.__setattr__(self, 'first_draw', self.draw)
        is_first = self.variation == 0
        if self.first_draw is None or (is_first and self.first_draw != self.draw):
            raise ValueError(f'{self}: the draw of the first image must be known, and be `draw` for the first image.')
        for name, most in (
            ('identity', MOST_IDENTITIES),
            ('variation', MOST_IMAGES),
            ('draw', MOST_DRAWS),
            ('first_draw', MOST_DRAWS),
        ):
            if not 0 <= getattr(self, name) < most:
                raise ValueError(f'{self}: {name} must be from 0 to {most - 1}.')

    @property
    def first(self) -> 'ImageDraw':
        """The draw of the identity's first image."""
        return ImageDraw(self.identity, draw=self.first_draw)


def latents_of(seed: int, identity: int, draw: int, size: int) -> np.ndarray:
    """The latent vector of an identity, N(0, 1), float32 [size].

    `np.random.RandomState([seed, 30, identity, draw]).randn(size).astype(np.float32)`

    Args:
        seed: Of the dataset, 0 to 2^32 - 1.
        identity: Number of the identity, from 0.
        draw: Draw of its first image, from 0.
        size: Length of a latent vector.
    """
    return _normal([seed, SYNTHESIS_LATENTS, identity, draw], size)


def noise_seeds(seed: int, identity: int, variation: int, draw: int) -> Tuple[int, int]:
    """The two seeds of an image's noise, for `Network.run(..., random_seed=[[a, b], ...])`.

    `a, b = (identity + 2654435761 * seed) % 2**31, 1024 * variation + draw`

    No two images of a dataset have the same pair: a tells 2^31 identities apart, b the 2^16 images of an identity with
    2^10 draws each. The noise of the first image has variation 0 and the draw of the first image.

    Returns:
        (a, b): 0 <= a < 2^31 and 0 <= b < 2^26. Layer l of the network adds l to 32 b, which fits an int32 too.
    """
    return (identity + 2654435761 * seed) % MOST_IDENTITIES, MOST_DRAWS * variation + draw


def fine_latents_of(seed: int, image: ImageDraw, size: int) -> np.ndarray:
    """The latent vector whose fine styles a variation takes, N(0, 1), float32 [size].

    `np.random.RandomState([seed, 31, identity, variation, draw]).randn(size).astype(np.float32)`
    """
    return _normal([seed, SYNTHESIS_FINE, image.identity, image.variation, image.draw], size)


def near_weights_of(seed: int, image: ImageDraw, size: int) -> np.ndarray:
    """The weights of the step from w to a w near it, N(0, 1), float64 [size]; see `variations.step_of`.

    `np.random.RandomState([seed, 32, identity, variation, draw]).randn(size)`
    """
    return _random([seed, SYNTHESIS_NEAR, image.identity, image.variation, image.draw]).randn(size)


def distances_of(seed: int, image: ImageDraw, count: int) -> np.ndarray:
    """How far a variation goes along each direction, as a share of the largest distance: float64 [count] in [-1, 1).

    `2 * np.random.RandomState([seed, 33, identity, variation, draw]).rand(count) - 1`
    """
    stream = [seed, SYNTHESIS_DIRECTIONS, image.identity, image.variation, image.draw]
    return 2 * _random(stream).rand(count) - 1


def spread_latents_of(number: int, size: int) -> np.ndarray:
    """Latent vector `number` of those that measure how a network's w spread, N(0, 1), float32 [size].

    `np.random.RandomState([35, number]).randn(size).astype(np.float32)`

    There is no seed in it, so that the spread is a property of the network.
    """
    return _normal([SYNTHESIS_SPREAD, number], size)


@dataclasses.dataclass(frozen=True)
class Classes:
    """Which class each identity of a conditional network has. All images of an identity have its class.

    Args:
        choice: Class numbers that take turns; `BALANCED`, all classes in turns; or `LIKE_REALS`, each class as often as
            in the training set.
        count: Number of classes of the network: its label size.
        frequencies: With LIKE_REALS, how many images of the training set each class has, [count] whole numbers.
    """

    choice: Union[str, Tuple[int, ...]]
    count: int
    frequencies: Optional[Sequence[int]] = None

    def of(self, seed: int, identity: int) -> int:
        """The class of an identity. It depends on the seed with LIKE_REALS alone."""
        if self.choice == BALANCED:
            return identity % self.count
        if self.choice != LIKE_REALS:
            return self.choice[identity % len(self.choice)]
        bounds = np.cumsum(self.frequencies)  # class c has the numbers from bounds[c - 1] to before bounds[c]
        number = int(_random([seed, SYNTHESIS_CLASSES, identity]).rand() * int(bounds[-1]))
        return int(np.searchsorted(bounds, number, side='right'))


def _random(stream):
    return np.random.RandomState(stream)


def _normal(stream, size):
    return _random(stream).randn(size).astype(np.float32)
