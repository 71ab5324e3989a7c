"""The Frechet distance beside scipy's matrix square root, which the original uses: `python -m benchmarks.frechet`.

The feature vectors are like Inception's: rectified, of decaying variance, and more in number than they are long.
"""

import time

import click
import numpy as np
import scipy.linalg

from metrics.arithmetic.frechet import frechet_distance, statistics

EPILOG = """\b
Example:
  python -m benchmarks.frechet --features 512
"""


@click.command(epilog=EPILOG)
@click.option('--features', default=2048, show_default=True, help='Length of a feature vector.')
@click.option('--images', default=5000, show_default=True, help='Feature vectors of each of the two sets.')
def main(features, images):
    """Measure both ways to compute the distance, in one run on the same statistics."""
    random = np.random.RandomState(1)
    a, b = (make_statistics(random, images, features) for _ in range(2))
    ours, seconds = timed(frechet_distance, a, b)
    theirs, their_seconds = timed(root_distance, a, b)
    print(
        f'{features} features of {images} images: distance {ours:.10g} in {seconds:.2f} s; by the matrix square root '
        f'{theirs:.10g} in {their_seconds:.2f} s'
    )
    print(f'  {their_seconds / seconds:.1f} times as fast, relative difference {abs(ours / theirs - 1):.1e}')


def make_statistics(random, images, features):
    """Statistics of random features. Standard deviations fall by a factor e over each seventh of the features."""
    mixing = random.randn(features, features) * np.exp(-np.arange(features) * 7 / features) / features**0.5
    return statistics(np.maximum(random.randn(images, features) @ mixing, 0).astype(np.float32))


def root_distance(a, b):
    """The distance by scipy's square root of the product of the covariances."""
    root, _ = scipy.linalg.sqrtm(a.covariance @ b.covariance, disp=False)
    return float(np.real(np.square(a.mean - b.mean).sum() + np.trace(a.covariance + b.covariance - 2 * root)))


def timed(distance, a, b):
    """(distance, seconds)."""
    begin = time.perf_counter()
    value = distance(a, b)
    return value, time.perf_counter() - begin


if __name__ == '__main__':
    main()
