"""Who is in the images of a source: labels of a dataset, and the choice of its identities."""

import numpy as np

from dnnlib.errors import UserError
from dnnlib.records import label_file
from dnnlib.records.classes import largest_classes

LABELS = ('identity', 'attributes', 'numbers')
LABELS_FLAG = '--labels identity'


def check_labels(source, kind, by_identity=()):
    """Refuses labels that a source does not have, or that would not fit in memory.

    Args:
        source: A `prefilter.sources.source.Source`.
        kind: One of `LABELS`, or None.
        by_identity: Flags that choose images by who is in them, such as '--min-images'.

    Returns:
        List of sentences for a person about what the labels are.

    Raises:
        UserError: Says what to do instead.
    """
    flags = [LABELS_FLAG] * (kind == 'identity') + list(by_identity)
    remarks = _check_identities(source, flags) if flags else []
    if kind == 'numbers':
        return remarks + _check_figures(source)
    return remarks + (_check_attributes(source) if kind == 'attributes' else [])


def _check_identities(source, flags):
    if not source.has_identities:
        raise UserError(f'{flags[0]}: {source.layout} does not say who is in an image; leave the flag out.')
    count = len(source.paths)
    names = {source.identity(place) for place in range(count)}
    if len(names) == 1:
        says = 'the labels say' if flags[0] == LABELS_FLAG else 'it chooses'
        return [
            f'{flags[0]}: all {count:,} images are of one identity, {names.pop()!r}, so {says} '
            f'nothing. SOURCE is read as --format {source.layout}: is another --format, or the folder above, meant?'
        ]
    size = label_file.rows_bytes(count, len(names))
    if flags[0] != LABELS_FLAG or size <= label_file.LARGEST_LABELS:
        return []
    return [
        f'One-hot labels of all {count:,} images and {len(names):,} identities would take {size / (1 << 30):.1f} GiB. '
        f'Above {label_file.LARGEST_LABELS >> 30} GiB class numbers are written, which train.py reads and the original '
        'StyleGAN does not; --max-identities and --min-images take fewer identities.'
    ]


def _check_attributes(source):
    if source.attribute_names is None:
        raise UserError(
            f'--labels attributes: this SOURCE, read as {source.layout}, has no attributes: leave it out. '
            'Formats that have some: celeba (with list_attr_celeba.txt or .csv), vggface2 (with '
            'identity_meta.csv), csv (with columns of 0 and 1), dataset-json (with vectors as labels).'
        )
    _check_size('attributes', len(source.paths), len(source.attribute_names))
    return [f'--labels attributes takes {", ".join(source.attribute_names)}.', *source.attribute_remarks]


def _check_figures(source):
    figures = source.figures
    if figures is None:
        raise UserError(
            f'--labels numbers: this SOURCE, read as {source.layout}, has no columns of numbers: leave it out, or give '
            'a .csv with a column path and columns of numbers.'
        )
    _check_size('numbers', len(source.paths), len(figures.names))
    taken = (f'{name} ({low:g} to {high:g})' for name, (low, high) in zip(figures.names, figures.ranges))
    return [f'--labels numbers takes {", ".join(taken)}, and scales each to [-1, 1].', *figures.remarks]


def _check_size(kind, count, width):
    size = label_file.rows_bytes(count, width)
    if size > label_file.LARGEST_LABELS:
        raise UserError(
            f'--labels {kind} would take {size / (1 << 30):.1f} GiB for {count} images with {width} {kind}: '
            'leave the flag out, or take fewer images.'
        )


def labels_of(source, kind, places):
    """The labels of some images of a source, in the form of the label file.

    Args:
        source: A `prefilter.sources.source.Source` that `check_labels` has not refused.
        kind: One of `LABELS`, or None.
        places: Of the images.

    Returns:
        None if `kind` is None. For 'attributes' float32 [number of places, number of attributes] with a 0 or 1 for each
        of `source.attribute_names`. For 'numbers' float32 [number of places, number of columns], each from -1 to 1. For
        'identity' one-hot rows, float32 [number of places, K], with a column for each
        identity among these images, sorted; or class numbers, int32 [number of places], if the rows would take more
        than `dnnlib.records.label_file.LARGEST_LABELS` bytes.
    """
    if kind is None:
        return None
    if kind == 'attributes':
        return np.array([source.attributes(place) for place in places], np.float32)
    if kind == 'numbers':
        return source.figures.values[list(places)]
    numbers, count = number_identities(source, places)
    return label_file.one_hot_if_it_fits(numbers, count)


def number_identities(source, places):
    """Numbers the identities of some images, sorted by name.

    Returns:
        (int32 [number of places], the number of each image's identity from 0 on; the number of identities).
    """
    order = {name: number for number, name in enumerate(sorted({source.identity(place) for place in places}))}
    return np.fromiter((order[source.identity(place)] for place in places), np.int32, len(places)), len(order)


def chooser_of_images(source, max_identities=None, min_images=1):
    """Which images are taken when only the largest identities are.

    Args:
        source: As for `labels_of`.
        max_identities: The number of identities to take, those with the most images; None takes all.
        min_images: The number of images that an identity needs.

    Returns:
        None if all images are taken; else a function from the places of images to bool [number of places].
        Of identities with equally many images the one whose name is sorted first is taken first.
    """
    if max_identities is None and min_images <= 1:
        return None

    def choose(places):
        numbers, _ = number_identities(source, places)
        return np.isin(numbers, largest_classes(numbers, max_identities, min_images))

    return choose
