"""What a worker of Apache Beam does with a shard: it examines it and leaves its file in the exchange folder.

`dnnlib.jobs.beam_runner` is the other side: it lays out what is to do, and fetches the results.
"""

import json
import os
import shutil
import tempfile

import apache_beam as beam

from dnnlib.jobs.workers import Workers

REFUSAL_FIELDS = 'reason', 'detail'
RESULT, ITEMS = '.result', '.images'  # endings of the names of a shard's files
FILE = '{}.file'  # name of a file that all processes read, by its number


def file_name(number, ending):
    """Name of a file of a shard in the exchange folder; `ending` is RESULT or ITEMS."""
    return f'{number:07d}{ending}'


def as_line(value):
    """A line of JSON; objects in it are `Refusal`s."""
    return json.dumps(value, default=lambda refusal: dict(zip(REFUSAL_FIELDS, refusal.args))).encode('ascii') + b'\n'


def from_line(text, refusal):
    """The value of a line; `refusal` is the class of the `Refusal`s in it."""
    return json.loads(text, object_hook=lambda words: refusal(*(words[name] for name in REFUSAL_FIELDS)))


class Examiner(beam.DoFn):
    """Examines shards: takes a line for each, [number, items], and writes their files into the exchange folder.

    The work is done in a process of its own: an image that kills this process is found and refused, as without Beam.

    Args:
        exchange: `Exchange`.
        work: `dnnlib.jobs.job.Work`.
        reader: As the job's.
        is_sent: Whether the exchange folder has the items.
        files_are_sent: Whether it has the files that the work needs.
    """

    def __init__(self, exchange, work, reader=None, is_sent=False, files_are_sent=False):
        self._exchange, self._work, self._reader, self._is_sent = exchange, work, reader, is_sent
        self._files_are_sent = files_are_sent
        self._copies = self._workers = None

    def process(self, line):
        """Examines one shard, unless its result is there already."""
        number, items = from_line(line, self._work.refusal)
        if self._exchange.has(file_name(number, RESULT)):
            return
        self._fetch_files()
        with tempfile.TemporaryDirectory(prefix='shard-') as folder:
            path, reader = os.path.join(folder, 'shard'), self._reader
            if self._is_sent:
                sent = os.path.join(folder, 'items')
                self._exchange.fetch(file_name(number, ITEMS), sent)
                reader = self._work.open_items(sent)
            named = self._examine(self._work.task(number, path, reader, items))
            with self._exchange.writing(file_name(number, RESULT)) as file, open(path, 'rb') as shard:
                file.write(as_line(named))
                shutil.copyfileobj(shard, file)

    def teardown(self):
        """Ends the process, and removes what it fetched."""
        self._end_process()
        if self._copies is not None:
            self._copies.cleanup()
            self._copies = None

    def _end_process(self):
        if self._workers is not None:
            self._workers.__exit__(None, None, None)
            self._workers = None

    def _fetch_files(self):
        if not self._files_are_sent or self._copies is not None:
            return
        copies = tempfile.TemporaryDirectory(prefix='files-')
        names = [os.path.basename(path) for path in self._work.files]
        paths = [os.path.join(copies.name, f'{number}-{name}') for number, name in enumerate(names)]
        for number, path in enumerate(paths):
            self._exchange.fetch(FILE.format(number), path)
        self._work = self._work.with_files(paths)
        self._copies = copies  # the last: after an error, all are fetched again

    def _examine(self, task):
        if self._workers is None:
            self._workers = Workers(1, self._work.prepare, [self._work.environment])
        try:
            [(_, named)] = self._workers.run([task])
        except BaseException:
            self._end_process()  # the process that raised it takes no other task
            raise
        return named
