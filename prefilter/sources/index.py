"""Millions of paths in little memory."""

import array
import collections.abc
import hashlib
import itertools


class Index(collections.abc.Sequence):
    """A sequence of paths, each with a few numbers that say where its bytes are.

    An entry costs the bytes of its path, 8 more, 8 for each number, and a little for growing. Ten million paths like
    `n000002/0001_01.jpg` take 290 MB for a folder and 450 MB for an archive; as Python's strings and tuples in a list
    they would take 770 MB and 2.2 GB. Sorting an archive takes 1.1 GB more for a while.

    Args:
        numbers: How many unsigned 64-bit integers an entry has; 0 where its path is enough to find it.
    """

    def __init__(self, numbers=0):
        self._text = bytearray()
        self._ends = array.array('Q')
        self._columns = [array.array('Q') for _ in range(numbers)]

    def add(self, path, *numbers):
        """Appends an entry."""
        self._add_bytes(path.encode('utf-8', 'surrogateescape'), numbers)

    def _add_bytes(self, path, numbers):
        self._text += path
        self._ends.append(len(self._text))
        for column, number in zip(self._columns, numbers):
            column.append(number)

    def __len__(self):
        return len(self._ends)

    def __getitem__(self, place):
        if isinstance(place, slice):
            return [self[each] for each in range(*place.indices(len(self)))]
        return self._bytes(range(len(self))[place]).decode('utf-8', 'surrogateescape')

    def __iter__(self):
        return (self[place] for place in range(len(self)))

    def __eq__(self, other):
        return list(self) == list(other)

    def entry(self, place):
        """What a reader needs to find the image: the tuple of its numbers, or its path if it has no numbers."""
        if not self._columns:
            return self[place]
        return tuple(column[place] for column in self._columns)

    def select(self, is_wanted):
        """The entries whose path satisfies a function, in their order, as a new index."""
        return self._pick(place for place in range(len(self)) if is_wanted(self[place]))

    def without_repeats(self, is_sorted):
        """Keeps only the last entry of each path, as when an archive is unpacked.

        Args:
            is_sorted: Whether the result is sorted by path; otherwise it keeps the order.

        Returns:
            A new index.
        """
        paths = [self._bytes(place) for place in range(len(self))]
        order = sorted(range(len(self)), key=paths.__getitem__)  # stable: of equal paths, the last one is the latest
        last = [
            place
            for place, following in itertools.zip_longest(order, order[1:])
            if following is None or paths[place] != paths[following]
        ]
        return self._pick(last if is_sorted else sorted(last))

    def sorted_by_first_number(self):
        """The entries in the order of their first number, as a new index."""
        return self._pick(sorted(range(len(self)), key=self._columns[0].__getitem__))

    def digest(self):
        """Identifies the paths and numbers, and their order: SHA-256, 64 hexadecimal digits."""
        digest = hashlib.sha256(repr([len(self), len(self._text)]).encode('ascii'))
        for values in (self._text, self._ends, *self._columns):
            digest.update(values)
        return digest.hexdigest()

    def _bytes(self, place):
        return bytes(self._text[self._ends[place - 1] if place else 0 : self._ends[place]])

    def _pick(self, places):
        picked = Index(len(self._columns))
        for place in places:
            picked._add_bytes(self._bytes(place), [column[place] for column in self._columns])
        return picked
