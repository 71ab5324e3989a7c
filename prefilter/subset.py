"""Which accepted images a dataset takes, once all have been examined: by score, by who is in them, and by lot."""

import numpy as np

from dnnlib.random_streams import PREFILTER_SUBSET
from prefilter.labels import chooser_of_images
from prefilter.reasons import LOW_SCORE, NOT_CHOSEN, NOT_DRAWN


def choices_of(source, options):
    """The choices, in the order in which they are made.

    Args:
        source: A `prefilter.sources.source.Source`.
        options: `prefilter.options.DatasetOptions`.

    Returns:
        List of (reason to refuse the others, function). A function takes the places of the images that are left, and
        float32 scores of all images of the source; it returns bool, whether each of these places is taken.
    """
    choices = []
    if options.min_score is not None:
        choices.append((LOW_SCORE, lambda places, scores: scores[places] >= np.float32(options.min_score)))
    by_identity = chooser_of_images(source, options.max_identities, options.min_images)
    if by_identity is not None:
        choices.append((NOT_CHOSEN, lambda places, scores: by_identity(places)))
    if options.max_images is not None:
        choices.append((NOT_DRAWN, lambda places, scores: draw(places, len(scores), options.max_images, options.seed)))
    return choices


def draw(places, total, most, seed):
    """Draws some images by lot. A larger number takes the same images and more.

    Each image of the source has a lot that depends on the seed and its place alone. The smallest lots are taken.

    Args:
        places: int64, images to draw from.
        total: Number of images of the source.
        most: How many are drawn at most.
        seed: Of the lots.

    Returns:
        bool [number of places]: whether each is drawn.
    """
    lots = np.random.RandomState([seed, PREFILTER_SUBSET]).permutation(total)[places]
    drawn = np.zeros(len(places), bool)
    drawn[np.argsort(lots)[:most]] = True
    return drawn
