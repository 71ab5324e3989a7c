"""Labels of a dataset: a row of numbers for each image, from what the source knows about it."""

import numpy as np

from dnnlib.errors import UserError

LABELS = ('identity', 'attributes')
LARGEST_LABELS = 1 << 30  # bytes of rows: training holds them in memory


def check_labels(source, kind):
    """Refuses labels that a source does not have, or that would not fit in memory.

    Args:
        source: A `prefilter.sources.source.Source`.
        kind: One of `LABELS`, or None.

    Returns:
        List of sentences for a person about what the labels are.

    Raises:
        UserError: Says what to do instead.
    """
    if kind is None:
        return []
    count = len(source.paths)
    if kind == 'identity':
        if not source.has_identities:
            raise UserError(f'--labels identity: {source.layout} does not say who is in an image; leave the flag out.')
        names = {source.identity(place) for place in range(count)}
        width, remarks = len(names), []
        if width == 1:
            remarks = [
                f'--labels identity: all {count:,} images are of one identity, {names.pop()!r}, so the labels say '
                f'nothing. SOURCE is read as --format {source.layout}: is another --format, or the folder above, meant?'
            ]
        what = f'{count} images of {width} identities'
    else:
        if source.attribute_names is None:
            raise UserError(
                f'--labels attributes: this SOURCE, read as {source.layout}, has no attributes: leave it out. '
                'Formats that have some: celeba (with list_attr_celeba.txt or .csv), vggface2 (with '
                'identity_meta.csv), csv (with columns of 0 and 1), dataset-json (with vectors as labels).'
            )
        names = ', '.join(source.attribute_names)
        remarks = [f'--labels attributes takes {names}.', *source.attribute_remarks]
        width = len(source.attribute_names)
        what = f'{count} images with {width} attributes'
    if count * width * 4 > LARGEST_LABELS:
        raise UserError(
            f'--labels {kind} would take {count * width * 4 / (1 << 30):.1f} GiB for {what}: '
            'leave the flag out, or take fewer images.'
        )
    return remarks


def label_rows(source, kind, places):
    """The labels of some images of a source.

    Args:
        source: A `prefilter.sources.source.Source` that `check_labels` has not refused.
        kind: One of `LABELS`, or None.
        places: Of the images.

    Returns:
        float32 [number of places, label size], or None if `kind` is None. For 'identity' the rows are one-hot, with a
        column for each identity among these images, sorted. For 'attributes' they have a 0 or 1 for each of
        `source.attribute_names`.
    """
    if kind is None:
        return None
    if kind == 'identity':
        return one_hot([source.identity(place) for place in places])
    return np.array([source.attributes(place) for place in places], np.float32)


def one_hot(names):
    """One row a name, one column a distinct name in sorted order: float32 [len(names), number of distinct names]."""
    columns, column = np.unique(names, return_inverse=True)
    labels = np.zeros([len(names), len(columns)], np.float32)
    labels[np.arange(len(names)), column] = 1
    return labels
