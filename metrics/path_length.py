"""Path lengths: how far images move for a step of length epsilon on a path between two latents, over epsilon squared.

Karras et al. (reference [3] of the paper), section 4.1; the paper's Table I. Arithmetic first, then the sampling.
"""

import contextlib
import math

import numpy as np

from dnnlib import tflib
from dnnlib.errors import UserError
from dnnlib.random_streams import PATH_LATENTS, PATH_NOISE, PATH_POSITIONS
from metrics.batches import Stream, latents_of
from metrics.features.adapting import shrink

PERCENTILES = 1, 99  # distances outside of these are left out


# ----------------------------------------------------------------------------------------------------------------------
# Arithmetic


def slerp(a, b, t):
    """Spherical interpolation.

    Args:
        a, b: float [N, L], of any length but 0; only their directions count.
        t: float [N, 1]; 0 gives the direction of a, 1 that of b.

    Returns:
        float [N, L] of unit length.
    """
    a, b = _normalised(a), _normalised(b)
    cosine = np.sum(a * b, axis=1, keepdims=True)
    angle = t * np.arccos(np.clip(cosine, -1, 1))
    orthogonal = _normalised(b - cosine * a)
    return _normalised(a * np.cos(angle) + orthogonal * np.sin(angle))


def lerp(a, b, t):
    """Linear interpolation: a at t = 0, b at t = 1."""
    return a + (b - a) * t


def _normalised(vectors):
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.finfo(vectors.dtype).tiny)


def crop_window(height):
    """The part of an image where a face is: horizontally centred, from 3/8 of the height to 7/8.

    Args:
        height: Of a square image, px; at least 8.

    Returns:
        (top, left, side of the square), px.
    """
    unit = height // 8
    return 3 * unit, 2 * unit, 4 * unit


def mean_of_inner(distances):
    """The mean without what lies outside the 1st and the 99th percentile; these are distances that occur.

    Args:
        distances: float [N].

    Returns:
        The mean as a float.
    """
    low, high = np.array(PERCENTILES) / 100 * (len(distances) - 1)
    low, high = np.sort(distances)[[math.floor(low), math.ceil(high)]]
    return float(np.mean(distances[(low <= distances) & (distances <= high)]))


# ----------------------------------------------------------------------------------------------------------------------
# Inside the graph


class PairDistance:
    """Distances of neighbours among images, as an output transform of the synthesis network.

    Args:
        distance: See `metrics.features.distances`.
    """

    def __init__(self, distance):
        self._distance = distance

    @property
    def identity(self):
        """That of the distance."""
        return self._distance.identity

    def open(self):
        """Opens the distance in the default graph."""
        self._distance.open()

    def errors_as_sentences(self):
        """That of the distance."""
        return self._distance.errors_as_sentences()

    def __call__(self, images):
        """From a tensor [2 N, C, H, W] in [-1, 1] to one [N]: the 1st with the 2nd image, the 3rd with the 4th, ..."""
        top, left, side = crop_window(images.shape[2].value)
        crops = shrink((images[:, :, top : top + side, left : left + side] + 1) * 127.5)
        return self._distance(crops[0::2], crops[1::2])


# ----------------------------------------------------------------------------------------------------------------------
# Sampling


def path_distances(Gs, metric, pair_distance, latents, positions, num_gpus=1, labels=None):
    """Distances of the two ends of a step on each of several paths, over epsilon squared, with the noise as it is.

    Args:
        Gs: Generator `Network`.
        metric: `metrics.registry.PathLength`.
        pair_distance: `PairDistance`.
        latents: float [2 N, L]: even rows are where a path begins, odd ones where it ends.
        positions: float [N]: where on the path the step begins, from 0 to 1.
        num_gpus: How many GPUs share the work; divides N.
        labels: float [2 N, label size], the same for both ends of a path; None for networks without labels.

    Returns:
        float32 [N].
    """
    mapping, synthesis = Gs.components.mapping, Gs.components.synthesis
    if metric.space == 'z':
        ends = _interleaved(latents, positions, metric.epsilon, slerp)
        dlatents = mapping.run(ends, labels)
    else:
        dlatents = mapping.run(latents, labels)
        dlatents = _interleaved(dlatents, positions, metric.epsilon, lerp)
    distances = synthesis.run(
        dlatents, num_gpus=num_gpus, randomize_noise=False, output_transform={'func': pair_distance}
    )
    return distances / np.float32(metric.epsilon) ** 2


def _interleaved(points, positions, epsilon, interpolate):
    """The two ends of each step, one after the other, [2 N, ...], of points that alternate likewise."""
    starts, goals = points[0::2], points[1::2]
    t = positions.reshape(-1, *[1] * (points.ndim - 1)).astype(points.dtype)
    ends = np.empty_like(points)
    ends[0::2], ends[1::2] = (interpolate(starts, goals, step) for step in (t, t + points.dtype.type(epsilon)))
    return ends


class Paths:
    """Distances as of `path_distances` in minibatches, from any minibatch on, the same for the same seed.

    The noise is drawn anew for each minibatch, whose images share it. The noise variables are as before afterwards.

    Args:
        minibatch_size: Paths at a time, rounded up to a multiple of `num_gpus`.
        seed: Of latents, positions and noise.
        labels: `metrics.batches.Labels`.

    Attributes:
        minibatch_size: Rounded up.

    Raises:
        UserError: The generator's images are too small to crop.
    """

    def __init__(self, Gs, metric, pair_distance, minibatch_size, num_gpus, seed, labels):
        height = Gs.output_shape[2]
        if height < 8:
            raise UserError(
                f'{metric.name} looks at the middle of images of 8x8 px and more; this network makes '
                f'{height}x{height}: choose other --metrics.'
            )
        self.minibatch_size = -(-minibatch_size // num_gpus) * num_gpus
        self._Gs, self._metric, self._pair_distance, self._num_gpus = Gs, metric, pair_distance, num_gpus
        self._seed, self._labels = seed, labels
        self._latents = latents_of(Gs, [seed, PATH_LATENTS])
        self._positions = Stream(
            [seed, PATH_POSITIONS],
            (lambda random, count: random.rand(count))
            if metric.sampling == 'full'
            else (lambda random, count: np.zeros(count)),
        )

    def batches(self, begin, end):
        """Yields float32 [N] from path `begin` on, a whole minibatch, until path `end` is among them."""
        size = self.minibatch_size
        with _restored_noise(self._Gs.components.synthesis) as noise:
            for start in range(begin, end, size):
                random = np.random.RandomState([self._seed, PATH_NOISE, start // size])
                tflib.set_vars({variable: random.randn(*variable.shape.as_list()) for variable in noise})
                labels = self._labels.take(start, start + size)
                yield path_distances(
                    self._Gs,
                    self._metric,
                    self._pair_distance,
                    self._latents.take(2 * start, 2 * (start + size)),
                    self._positions.take(start, start + size),
                    self._num_gpus,
                    None if labels is None else np.repeat(labels, 2, axis=0),
                )


@contextlib.contextmanager
def _restored_noise(synthesis):
    """The noise variables of a synthesis network, which take back their values after the block."""
    noise = [variable for name, variable in synthesis.vars.items() if name.startswith('noise')]
    before = tflib.run(noise) if noise else []
    try:
        yield noise
    finally:
        tflib.set_vars(dict(zip(noise, before)))
