"""Distances on paths between latents: the distance of the images at both ends of a step epsilon, over epsilon^2.

Karras et al. (reference [3] of the paper), section 4.1; the paper's Table I.
"""

import contextlib

import numpy as np

from dnnlib import tflib
from dnnlib.random_streams import PATH_LATENTS, PATH_NOISE, PATH_POSITIONS
from metrics.arithmetic.path_length import lerp, slerp
from metrics.batches import Stream, latents_of
from metrics.styles import check_has_w


def path_distances(Gs, path, pair_distance, latents, positions, num_gpus=1, labels=None):
    """Distances between the two ends of a step on each of several paths, over epsilon^2. Noise is fixed.

    Args:
        Gs: Generator `Network`.
        path: `metrics.readings.Path`.
        pair_distance: `metrics.features.distances.PairDistance`.
        latents: float [2 N, L]: a path begins at an even row and ends at the next, odd row.
        positions: float [N]: place on the path where the step begins, from 0 to 1.
        num_gpus: How many GPUs share the work; divides N.
        labels: float [2 N, label size], equal for both ends of a path; None for networks without labels.

    Returns:
        float32 [N].
    """
    how = {'num_gpus': num_gpus, 'randomize_noise': False, 'output_transform': {'func': pair_distance.in_graph}}
    if path.space == 'z':
        ends = _interleaved(latents, positions, path.epsilon, slerp)
        if 'mapping' not in Gs.components:  # ProGAN
            return Gs.run(ends, labels, **how) / np.float32(path.epsilon) ** 2
        dlatents = Gs.components.mapping.run(ends, labels)
    else:
        check_has_w(Gs, 'Path lengths in w')
        dlatents = Gs.components.mapping.run(latents, labels)
        dlatents = _interleaved(dlatents, positions, path.epsilon, lerp)
    return Gs.components.synthesis.run(dlatents, **how) / np.float32(path.epsilon) ** 2


def _interleaved(points, positions, epsilon, interpolate):
    """Begin and end of each step, alternating: [2 N, ...]. `points` alternate between begin and end of a path."""
    starts, goals = points[0::2], points[1::2]
    t = positions.reshape(-1, *[1] * (points.ndim - 1)).astype(points.dtype)
    ends = np.empty_like(points)
    ends[0::2], ends[1::2] = (interpolate(starts, goals, step) for step in (t, t + points.dtype.type(epsilon)))
    return ends


class Paths:
    """Distances of `path_distances`, in minibatches. A seed always gives the same ones; reading can begin anywhere.

    Each minibatch has new noise, shared by its images. Afterwards the noise variables have their old values again.

    Args:
        Gs, path, pair_distance, num_gpus: See `path_distances`.
        minibatch_size: Paths at a time, rounded up to a multiple of `num_gpus`.
        seed: Seed of latents, positions and noise.
        labels: `metrics.batches.Labels`.

    Attributes:
        minibatch_size: Rounded up.
    """

    def __init__(self, Gs, path, pair_distance, minibatch_size, num_gpus, seed, labels):
        self.minibatch_size = -(-minibatch_size // num_gpus) * num_gpus
        self._Gs, self._path, self._pair_distance, self._num_gpus = Gs, path, pair_distance, num_gpus
        self._seed, self._labels = seed, labels
        self._latents = latents_of(Gs, [seed, PATH_LATENTS])
        self._positions = Stream(
            [seed, PATH_POSITIONS],
            (lambda random, count: random.rand(count))
            if path.sampling == 'full'
            else (lambda random, count: np.zeros(count)),
        )

    def batches(self, begin, end):
        """Yields float32 [N] for each whole minibatch from path `begin` on. The last may go beyond `end`."""
        size = self.minibatch_size
        with _restored_noise(self._Gs) as noise:
            for start in range(begin, end, size):
                random = np.random.RandomState([self._seed, PATH_NOISE, start // size])
                tflib.set_vars({variable: random.randn(*variable.shape.as_list()) for variable in noise})
                labels = self._labels.take(start, start + size)
                yield path_distances(
                    self._Gs,
                    self._path,
                    self._pair_distance,
                    self._latents.take(2 * start, 2 * (start + size)),
                    self._positions.take(start, start + size),
                    self._num_gpus,
                    None if labels is None else np.repeat(labels, 2, axis=0),
                )


@contextlib.contextmanager
def _restored_noise(Gs):
    """A block with the noise variables of a generator, if it has any. Afterwards they have their old values again."""
    variables = Gs.components.synthesis.vars if 'synthesis' in Gs.components else {}
    noise = [variable for name, variable in variables.items() if name.startswith('noise')]
    before = tflib.run(noise) if noise else []
    try:
        yield noise
    finally:
        tflib.set_vars(dict(zip(noise, before)))
