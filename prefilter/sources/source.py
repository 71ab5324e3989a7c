"""A source of images: their paths, their bytes, their labels."""

import functools
import os
import unicodedata
from typing import List, NamedTuple, Tuple

import numpy as np

from dnnlib.errors import UserError


class Attributes(NamedTuple):
    """What `--labels attributes` writes."""

    names: List[str]
    values: np.ndarray  # uint8 [number of images, number of names], each 0 or 1
    remarks: List[str] = []  # sentences about columns that are no attributes


class Figures(NamedTuple):
    """What `--labels numbers` writes."""

    names: List[str]
    values: np.ndarray  # float32 [number of images, number of names], each from -1 to 1
    ranges: List[Tuple[float, float]]  # what -1 and 1 stand for
    remarks: List[str]  # sentences about columns that are no numbers


class Source:
    """Images in a fixed order, an index of where each one is, and a reader that fetches bytes.

    The index stays in the process that made it. Workers need only `reader`. A pickled reader holds the names of its
    files; each process opens them at its first read. It reads what `entry` returns:

        bytes = source.reader.read(source.entry(place))  # the same as `source.read(place)`

    Reading in the order of the places is efficient for every source.

    Lists of labels are read when somebody asks for labels, so that a damaged list stops nobody else.

    Args:
        layout: Name of the layout, as for --format.
        index: An `Index`; its order is the order of the images.
        reader: Has `read(entry)`: the bytes of one image; raises OSError or `Refusal`.
        ignored: Number of other files.
        identity_of: Function from a path to the identity in the picture, a str or int; None if the set has none. May
            raise `UserError`.
        identities: Instead of `identity_of`, the identities by place: anything with `[place]`, which may raise
            `UserError`.
        attributes: Function without arguments that returns `Attributes`, or raises `UserError`; None if the set has
            none.
        figures: Function without arguments that returns `Figures`, or raises `UserError`; None if the set has none.
        aligned: Whether the images are crops already, so that `--no-detect` fits them.

    Attributes:
        paths: Names of the images, relative, with '/': a sequence.
        layout, reader, ignored, aligned: As given.
        remarks: Sentences for a person about files that are no part of the source.
    """

    def __init__(
        self,
        layout,
        index,
        reader,
        ignored=0,
        identity_of=os.path.dirname,
        identities=None,
        attributes=None,
        figures=None,
        aligned=False,
    ):
        self.layout = layout
        self.paths = index
        self.reader = reader
        self.ignored = ignored
        self.aligned = aligned
        self.remarks = []
        self._read_attributes = attributes and once(attributes)
        self._read_figures = figures and once(figures)
        self._identity_of, self._identities = identity_of, identities

    def entry(self, place):
        """The argument of `reader.read` for the image at a place; small, and can be pickled."""
        return self.paths.entry(place)

    def read(self, place):
        """The encoded bytes of the image at a place. Raises OSError or `Refusal`."""
        return self.reader.read(self.entry(place))

    @property
    def has_identities(self):
        """Whether `identity` can be called."""
        return self._identity_of is not None or self._identities is not None

    def identity(self, place):
        """Who is in the image: a str or an int, the same for all images of one person.

        Raises:
            UserError: The list of the set does not say it, or is damaged.
        """
        name = self._identity_of(self.paths[place]) if self._identities is None else self._identities[place]
        if isinstance(name, str) and not name.isascii():
            return unicodedata.normalize('NFC', name)  # file systems spell one name in two ways
        return name

    def known_identity(self, place):
        """As `identity`, but None if nobody knows."""
        try:
            return self.identity(place) if self.has_identities else None
        except UserError:
            return None

    @property
    def attribute_names(self):
        """List, or None if there are no attributes. Raises `UserError` if the list of the set is damaged."""
        return self._read_attributes and self._read_attributes().names

    @property
    def attribute_remarks(self):
        """Sentences about columns that are no attributes."""
        return list(self._read_attributes().remarks) if self._read_attributes else []

    def attributes(self, place):
        """uint8 [number of attributes]: 1 where the image has the attribute of `attribute_names`, else 0."""
        return self._read_attributes().values[place]

    @property
    def figures(self):
        """`Figures`, or None if the set has none. Raises `UserError` as `attribute_names` does."""
        return self._read_figures and self._read_figures()


def once(function):
    """`function`, which takes no arguments, but called only once: later calls return or raise the same."""

    @functools.lru_cache(maxsize=None)
    def outcome():
        try:
            return function(), None
        except UserError as error:
            return None, error

    def call():
        value, error = outcome()
        if error is not None:
            raise UserError(error.message) from error  # a new one: a raised error grows by its traceback
        return value

    return call


def unexpected(layout, location, expected, found):
    """The `UserError` for files that are not in the layout that a user named."""
    return UserError(
        f'{location} is not in the layout of --format {layout}: expected {expected}, found {found}. '
        'Name another folder or file, or another --format.'
    )
