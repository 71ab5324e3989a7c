"""Any images with a file of labels.

--format csv
    SOURCE is the .csv: a column `path` (below the folder of the .csv, or absolute), perhaps `label` with the identity.
    Every other column of only 0 and 1 is an attribute. The images stand in the order of the lines.
--format dataset-json
    The form of the later StyleGANs: a folder or .zip with `dataset.json` at its top, {"labels": [[path, label], ...]}
    or null. A label is a class (an int) or a vector of 0 and 1. The images are crops already.
"""

import array
import json

import numpy as np

from dnnlib.errors import UserError
from prefilter.sources import tables
from prefilter.sources.index import Index
from prefilter.sources.source import Source, unexpected

DATASET_JSON = 'dataset.json'


def is_csv(files):
    """Whether SOURCE is a .csv."""
    return not len(files.images) and len(files.others) == 1 and files.location.lower().endswith('.csv')


def open_csv(files, partition=None):
    """Paths and labels in a .csv."""
    if not is_csv(files):
        raise unexpected('csv', files.location, 'a .csv file as SOURCE', files.describe())
    header, rows = tables.open_csv(files, files.others[0])
    if 'path' not in header:
        raise unexpected('csv', files.location, 'a column path in its first line', ', '.join(header) or 'nothing')
    others = [place for place, name in enumerate(header) if name not in ('path', 'label')]
    index, names, codes, values = Index(), {}, array.array('I'), [bytearray() for _ in others]
    for row in rows:
        index.add(row[header.index('path')])
        if 'label' in header:
            codes.append(names.setdefault(row[header.index('label')], len(names)))
        for column, place in zip(values, others):
            column.append({'0': 0, '1': 1}.get(row[place], 2))
    if len(index.without_repeats(is_sorted=True)) != len(index):
        raise UserError(f'{files.location} names an image twice: keep one line for each.')
    binary = [place for place in range(len(others)) if 2 not in values[place]]
    attributes = None
    if binary:
        columns = np.stack([np.frombuffer(values[place], np.uint8) for place in binary], axis=-1)
        attributes = [header[others[place]] for place in binary], columns
    identities = _Coded(list(names), codes) if 'label' in header else None
    return Source('csv', index, files.reader, identity_of=None, identities=identities, attributes=attributes)


class _Coded:
    """Names by place; a name that repeats is in memory once."""

    def __init__(self, names, codes):
        self._names, self._codes = names, codes

    def __getitem__(self, place):
        return self._names[self._codes[place]]


def is_dataset_json(files):
    """Whether there is a dataset.json at the top."""
    return len(files.images) > 0 and DATASET_JSON in files.find(DATASET_JSON)


def open_dataset_json(files, partition=None):
    """The later StyleGANs' form."""
    if not is_dataset_json(files):
        raise unexpected('dataset-json', files.location, f'images and {DATASET_JSON} at the top', files.describe())
    try:
        labels = json.loads(tables.decoded(files, DATASET_JSON))['labels']
        labels = labels and {name.replace('\\', '/'): label for name, label in labels}
        labels = labels and [labels[path] for path in files.images]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UserError(
            f'{DATASET_JSON} in {files.location} is not as expected ({type(error).__name__}: {error}): give '
            '{"labels": [["00000/img00000000.png", 6], ...]} with a line for every image, or {"labels": null}.'
        ) from error
    identities = attributes = None
    if labels and all(isinstance(label, int) for label in labels):
        identities = labels
    elif labels:
        try:
            rows = np.array(labels, np.float64)
        except (ValueError, TypeError):
            rows = np.empty(0)
        if rows.ndim != 2 or not np.isin(rows, (0, 1)).all():
            raise UserError(
                f'{DATASET_JSON} in {files.location} has labels that are neither all ints nor all vectors of 0 and 1: '
                'correct them.'
            )
        attributes = [str(column) for column in range(rows.shape[1])], rows.astype(np.uint8)
    return Source(
        'dataset-json', files.images, files.reader, files.ignored - 1, None, identities, attributes, aligned=True
    )
