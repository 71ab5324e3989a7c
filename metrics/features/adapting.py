"""Adapts images of generators, inside a graph, to the networks that look at them."""

import tensorflow.compat.v1 as tf

LARGEST_SIDE = 256  # px; larger images are shrunk


def shrink_factor(side):
    """How many pixels of a side are averaged into one: 1 up to 256 px, 2 at 512 px, 4 at 1024 px."""
    return max(side // LARGEST_SIDE, 1)


def shrink(images):
    """Shrinks images [N, C, S, S] by averaging squares of pixels, see `shrink_factor`."""
    factor = shrink_factor(images.shape[2].value)
    if factor == 1:
        return images
    window = [1, factor, factor, 1]
    pooled = tf.nn.avg_pool(tf.transpose(images, [0, 2, 3, 1]), window, window, 'VALID')
    return tf.transpose(pooled, [0, 3, 1, 2])  # pooling exists on every device only with channels last


def crop_window(height):
    """The part of an image with the face: horizontally centred, from 3/8 to 7/8 of the height.

    Args:
        height: Height of a square image, px; at least 8.

    Returns:
        (top, left, side of the square), px.
    """
    unit = height // 8
    return 3 * unit, 2 * unit, 4 * unit


def as_rgb(images):
    """Repeats the channel of gray images [N, 1, H, W]. RGB images stay as they are."""
    return tf.tile(images, [1, 3, 1, 1]) if images.shape[1] == 1 else images
