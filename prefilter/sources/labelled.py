"""Any images with a file of labels.

--format csv
    SOURCE is the .csv: a column `path` (below the folder of the .csv, or absolute), perhaps `label` with the identity.
    Every other column of 0 and 1, or of -1 and 1, is an attribute; every column of numbers can be a label that is a
    number. The images stand in the order of the lines.
--format dataset-json
    The form of the later StyleGANs: a folder or .zip with `dataset.json` at its top, {"labels": [[path, label], ...]}
    or null. A label is a class (an int) or a vector of 0 and 1. The images are crops already. Or a folder of such .zip
    files, `00000.zip`, `00001.zip`, ...
"""

import array
import json
import os

import numpy as np

from dnnlib.errors import UserError
from prefilter.sources import tables, zip_set
from prefilter.sources.index import Index
from prefilter.sources.source import Attributes, Figures, Source, once, unexpected
from prefilter.sources.tables import plain_name

DATASET_JSON = 'dataset.json'
PATH, LABEL = 'path', 'label'  # columns


# ----------------------------------------------------------------------------------------------------------------------
# .csv


def is_csv(files):
    """Whether SOURCE is a .csv."""
    return not len(files.images) and len(files.others) == 1 and files.location.lower().endswith('.csv')


def open_csv(files, partition=None):
    """Paths and labels in a .csv."""
    if not is_csv(files):
        raise unexpected('csv', files.location, 'a .csv file as SOURCE', files.describe())
    name = files.others[0]
    header, rows = tables.open_csv(files, name)
    header = [name.lower() for name in header]
    if PATH not in header:
        raise unexpected('csv', files.location, 'a column path in its first line', ', '.join(header) or 'nothing')
    paths = tables.place_of(name, header, PATH)
    labels = [place for place, column in enumerate(header) if column == LABEL]
    columns = [_Column(header[place], place) for place in range(len(header)) if place not in (paths, *labels)]
    index, identities = Index(), _Identities(name)
    for number, row in rows:
        if not row[paths]:
            raise tables.bad_line(name, number, ', '.join(row), 'a path')
        index.add(tables.spelled_as_on_disk(files.folder, row[paths]))
        if len(labels) == 1:
            identities.add(row[labels[0]], number)
        for column in columns:
            column.add(row[column.place], number)
    if len(index.without_repeats(is_sorted=True)) != len(index):
        raise UserError(f'{files.location} names {_first_repeated(index)} twice: keep one line for each image.')
    if len(index) and not any(os.path.lexists(os.path.join(files.folder, path)) for path in index):
        raise UserError(
            f'{files.location}: none of its images is there, such as {index[0]!r} in {files.folder}: correct the '
            'paths, or put the list into the folder that they begin in.'
        )
    return Source(
        'csv',
        index,
        files.reader,
        identity_of=(lambda path: tables.place_of(name, header, LABEL)) if len(labels) > 1 else None,  # refuses
        identities=identities if len(labels) == 1 else None,
        attributes=(lambda: _attributes_of(name, columns)) if columns else None,
        figures=(lambda: _figures_of(name, columns)) if columns else None,
    )


class _Identities:
    """Names by place; a name that repeats is in memory once."""

    def __init__(self, path):
        self._path, self._places, self._codes, self._names, self._unnamed = path, {}, array.array('I'), [], {}

    def add(self, name, number):
        """Appends the name in a line."""
        name = tables.without_point(name)
        if not name:
            self._unnamed[len(self._codes)] = number
        if name not in self._places:
            self._places[name] = len(self._names)
            self._names.append(name)
        self._codes.append(self._places[name])

    def __getitem__(self, place):
        if place in self._unnamed:
            raise UserError(f'{self._path}, line {self._unnamed[place]}: {LABEL} is empty: say who is in the image.')
        return self._names[self._codes[place]]


class _Column:
    """A column that may be an attribute, or else numbers: its values, until one of them is neither."""

    def __init__(self, name, place):
        self.name, self.place = name, place
        self._flags, self._first = array.array('b'), {}  # line of the first value of each kind
        self._numbers, self._no_number = None, None  # from the first value on that is no attribute's

    def add(self, value, number):
        """Appends the value in a line."""
        if self._flags is not None:
            flag = tables.flag(value)
            self._first.setdefault(flag, (number, value))
            if flag is not None:
                self._flags.append(flag)
                return
            self._numbers, self._flags = array.array('d', self._flags), None
        if self._no_number is None:
            figure = tables.finite_number(value)
            if figure is None:
                self._no_number, self._numbers = (number, value), None  # such a column may be long
            else:
                self._numbers.append(figure)

    @property
    def values(self):
        """uint8, a 0 or 1 for each line."""
        return (np.frombuffer(self._flags, np.int8) == 1).astype(np.uint8)

    def objection(self):
        """Why this is no attribute; None if it is one."""
        if tables.is_unnamed(self.name):
            return 'a column has no name'
        if None in self._first:
            number, value = self._first[None]
            return f'{self.name} (line {number} has {value[: tables.SHOWN]!r}, expected 0 or 1, or -1 or 1)'
        if {0, -1} <= set(self._first):
            return f'{self.name} (line {self._first[0][0]} has 0, line {self._first[-1][0]} has -1: which is no?)'
        return None

    @property
    def numbers(self):
        """float64, a number for each line."""
        return np.array(self._flags if self._numbers is None else self._numbers, np.float64)

    def objection_to_numbers(self):
        """Why these are no numbers that can be scaled; None if they are."""
        if tables.is_unnamed(self.name):
            return 'a column has no name'
        if self._no_number is not None:
            number, value = self._no_number
            return f'{self.name} (line {number} has {value[: tables.SHOWN]!r}, expected a number)'
        numbers = self.numbers
        if len(numbers) and numbers.min() == numbers.max():
            return f'{self.name} (all lines have {numbers[0]:g})'
        return None


def _figures_of(path, columns):
    objections = [column.objection_to_numbers() for column in columns]
    remarks = [f'{path}: no number: {objection}.' for objection in objections if objection]
    taken = [column for column, objection in zip(columns, objections) if objection is None]
    if not taken:
        raise UserError(f'--labels numbers: no column of {path} has numbers that differ. ' + ' '.join(remarks))
    numbers = np.stack([column.numbers for column in taken], axis=-1)
    low, high = numbers.min(axis=0), numbers.max(axis=0)
    scaled = ((numbers - low) / (high - low) * 2 - 1).astype(np.float32)
    return Figures([column.name for column in taken], scaled, [*zip(low.tolist(), high.tolist())], remarks)


def _attributes_of(path, columns):
    objections = [column.objection() for column in columns]
    remarks = [f'{path}: no attribute: {objection}.' for objection in objections if objection]
    taken = [column for column, objection in zip(columns, objections) if objection is None]
    if not taken:
        raise UserError(
            f'--labels attributes: no column of {path} has only 0 and 1, or only -1 and 1. ' + ' '.join(remarks)
        )
    return Attributes([column.name for column in taken], np.stack([each.values for each in taken], axis=-1), remarks)


def _first_repeated(index):
    seen = set()
    return next(path for path in index if path in seen or seen.add(path))


# ----------------------------------------------------------------------------------------------------------------------
# dataset.json


def is_dataset_json(files):
    """Whether there is a dataset.json at the top, which speaks of labels or is damaged."""
    if zip_set.is_zip_set(files):
        return True
    if not len(files.images) or DATASET_JSON not in files.find(DATASET_JSON):
        return False
    try:
        text = tables.decoded(files, DATASET_JSON)
        return '"labels"' in text or not isinstance(json.loads(text), (dict, list))
    except (ValueError, RecursionError, UserError):
        return True


def open_dataset_json(files, partition=None):
    """The later StyleGANs' form."""
    if zip_set.is_zip_set(files):
        return zip_set.open_zip_set(files, 'dataset-json')
    if not len(files.images) or DATASET_JSON not in files.find(DATASET_JSON):
        raise unexpected('dataset-json', files.location, f'images and {DATASET_JSON} at the top', files.describe())
    labels = _JsonLabels(files)
    return Source(
        'dataset-json',
        files.images,
        files.reader,
        files.ignored - 1,
        identity_of=labels.identity_of if labels.may_be(int) else None,
        attributes=labels.attributes if labels.may_be(list) else None,
        aligned=True,
    )


class _JsonLabels:
    """The labels of a dataset.json. What is wrong with it is said when labels are asked for."""

    def __init__(self, files):
        self._files = files
        self._read = once(self._labels)

    def may_be(self, kind):
        """Whether labels are of a kind, int for classes or list for vectors; true for a file that cannot be read."""
        try:
            labels = self._read()
        except UserError:
            return True
        other = {int: list, list: int}[kind]
        return any(not isinstance(label, other) for label in labels.values())

    def identity_of(self, path):
        """The class of an image. Raises `UserError`."""
        return self._of(path, int)

    def attributes(self):
        """`Attributes`. Raises `UserError`."""
        vectors = [self._of(path, list) for path in self._files.images]
        try:
            rows = np.array(vectors, np.float64)
        except (ValueError, TypeError):
            rows = np.empty(0)
        if rows.ndim != 2 or not _are_flags(rows):
            raise self._neither(next((vector for vector in vectors if not _is_binary(vector)), vectors[0]))
        return Attributes([str(column) for column in range(rows.shape[1])], (rows == 1).astype(np.uint8))

    def _of(self, path, kind):
        try:
            label = self._read()[plain_name(path)]
        except KeyError as error:
            raise self._unexpected(error) from None
        if kind is int and isinstance(label, float) and label.is_integer():
            return int(label)
        if not isinstance(label, kind) or isinstance(label, bool):
            raise self._neither(label)
        return label

    def _labels(self):
        """{path: label}; empty for null."""
        text = tables.decoded(self._files, DATASET_JSON)
        try:
            pairs = json.loads(text)['labels'] or ()
            labels = {}
            for name, label in pairs:
                name = tables.without_dots(plain_name(name))
                if labels.setdefault(name, label) != label:
                    raise UserError(
                        f'{DATASET_JSON} in {self._files.location} gives {name} the labels {labels[name]} and {label}: '
                        'remove one of them.'
                    )
            return labels
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise self._unexpected(error) from error

    def _unexpected(self, error):
        return UserError(
            f'{DATASET_JSON} in {self._files.location} is not as expected ({type(error).__name__}: {error}): give '
            '{"labels": [["00000/img00000000.png", 6], ...]} with a line for every image, or {"labels": null}.'
        )

    def _neither(self, label):
        return UserError(
            f'{DATASET_JSON} in {self._files.location} has labels that are neither all ints nor all vectors of 0 and '
            f'1, as {str(label)[: tables.SHOWN]}: correct them, or leave --labels out.'
        )


def _is_binary(vector):
    return all(value in (-1, 0, 1) for value in vector)


def _are_flags(rows):
    """Whether each column has only 0 and 1, or only -1 and 1."""
    signed = np.isin(rows, (-1, 1)).all(axis=0)
    return bool((signed | np.isin(rows, (0, 1)).all(axis=0)).all())
