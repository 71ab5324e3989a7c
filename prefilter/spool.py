"""Lets several processes examine a source that can only be read forward.

The leading process decompresses the archive once and writes the bytes of the next shards into files. Each file is
removed when its shard is examined.
"""

import contextlib
import os
import shutil

from dnnlib.jobs.job import Supply
from prefilter.reasons import Refusal
from prefilter.shards import ALL_VIEWS, NO_VIEWS, VIEWS_OF_REFUSED, Item, shard_items
from prefilter.sources.faults import Watched
from prefilter.sources.readers import RandomAccess

SPOOL = 'spool'


class SpoolReader:
    """Images in a file of a shard; entries are (offset, size), or the `Refusal` of what could not be read."""

    def __init__(self, path):
        self.path = path
        self._file = RandomAccess(path)

    def read(self, entry):
        """The encoded image."""
        if isinstance(entry, Refusal):
            raise entry.plain()
        return self._file.read(entry)


def is_forward_only(source):
    """Whether a source can only be read forward, so that only one process should read it."""
    return getattr(source.reader, 'forward_only', False)


def views_to_keep(source, refuses_later):
    """Which views the shard files of a source keep, for `prefilter.shards.examine_shard`.

    In a compressed archive, reading an image again means decompressing everything before it, so the views of refused
    images are kept. With `refuses_later` all are kept: some images, such as duplicates, are refused only when all
    have been examined.
    """
    if not is_forward_only(source):
        return NO_VIEWS
    return ALL_VIEWS if refuses_later else VIEWS_OF_REFUSED


def spooled_bytes(source, shard):
    """Bytes on disk of a spooled shard; the entries of the source are (offset, size)."""
    return sum(source.entry(place)[1] for place in range(shard.start, shard.stop))


@contextlib.contextmanager
def open_spool(source, folder, always=False):
    """Yields a `Spool` for a source that can only be read forward, else a `Direct`; removes its files at the end.

    Args:
        source: As from `prefilter.sources.open_source`.
        folder: Existing folder that takes the files meanwhile.
        always: Whether to yield a `Spool` for any source.
    """
    if not (always or is_forward_only(source)):
        yield Direct(source)
        return
    path = os.path.join(folder, SPOOL)
    shutil.rmtree(path, ignore_errors=True)  # left by a run that was killed
    os.mkdir(path)
    try:
        yield Spool(source, path)
    finally:
        shutil.rmtree(path)


class Direct(Supply):
    """Gives shards of a source that every process can read itself."""

    def __init__(self, source):
        self._source = source

    def take(self, shard):
        """(reader, items) of a shard, for `prefilter.shards.examine_shard`."""
        return self._source.reader, shard_items(self._source, shard)


class Spool(Supply):
    """Gives shards of a source that only this process reads; take them in their order."""

    def __init__(self, source, folder):
        self._source = source
        self._reader = Watched(source.reader)
        self._folder = folder

    def take(self, shard):
        """(reader, items) of a shard, for `prefilter.shards.examine_shard`."""
        items = []
        path = os.path.join(self._folder, str(shard.number))
        with open(path, 'wb') as file:
            for place in range(shard.start, shard.stop):
                try:
                    data = self._reader.read(self._source.entry(place))
                except Refusal as refusal:
                    entry = refusal.plain()
                except OSError as error:
                    entry = Refusal.of_disk(error)
                else:
                    entry = (file.tell(), len(data))
                    file.write(data)
                items.append(Item(self._source.paths[place], entry))
        return SpoolReader(path), items

    def free(self, reader):
        """To call when a shard is done."""
        os.remove(reader.path)
